"""Orders in a shop of a whole database, which the clockwork takes on."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.ordering.commands import place
from batuta.ordering.domain import Means, OrderStatus, Placed
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Engine
from batuta.plumbing.settings import Settings
from batuta.plumbing.stepping import settle, settle_wholly
from batuta.worker import clockwork
from tests.making import fresh_id
from tests.ordering.test_commands import an_order
from tests.world import Shop, build_carrier, build_shop

PRICE_MINOR = 2_990
STEPS_MAX = 50
WORKER = fresh_id()


async def open_shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 500}})
        await build_carrier(db)
    return shop


async def order_chair(engine: Engine, shop: Shop, order_id: UUID | None = None) -> UUID:
    """Order a chair, paid by a good card. The same id again is the same order."""
    means = [Means(method="card", amount_minor=PRICE_MINOR, token="tok_visa")]
    now = datetime.now(UTC)
    asked = an_order(shop, ("chair", 1), id=order_id or fresh_id(), placed_at=now, means=means)
    async with engine.begin() as db:
        (outcome,) = await place(db, orders=[asked], now=now)
    assert isinstance(outcome, Placed), outcome
    return asked.id


async def status_of(engine: Engine, order_id: UUID) -> OrderStatus:
    async with engine.connect() as db:
        return (await orders_by_id(db, [order_id]))[order_id].status


async def until_in_progress(engine: Engine, order_id: UUID) -> None:
    """Wait until a worker has taken the order to its location."""
    while True:
        if await status_of(engine, order_id) is OrderStatus.IN_PROGRESS:
            return
        await asyncio.sleep(0.1)


async def let_work(engine: Engine) -> None:
    """Let the clockwork do all there is to do, and step past what nobody hears."""
    works = clockwork(Settings())
    await settle_wholly(engine, works, now=datetime.now(UTC), worker=WORKER)
    await settle(engine, works, clock=lambda: datetime.now(UTC), worker=WORKER)


async def let_work_until_parked(engine: Engine, stream: UUID) -> None:
    for _ in range(STEPS_MAX):
        await let_work(engine)
        async with engine.connect() as db:
            parked = await db.scalars(text("SELECT stream FROM plumbing.parked WHERE error IS NOT NULL"))
            if stream in parked.all():
                return
    pytest.fail("the poison was not parked")


async def poison(engine: Engine, order_id: UUID) -> None:
    """Let the reaction to this order fail, as a bug would."""
    guard = f"ALTER TABLE payments.instruction ADD CONSTRAINT poison CHECK (order_id <> '{order_id}')"
    async with engine.begin() as db:
        await db.execute(text(guard))


async def cure(engine: Engine) -> None:
    async with engine.begin() as db:
        await db.execute(text("ALTER TABLE payments.instruction DROP CONSTRAINT poison"))
