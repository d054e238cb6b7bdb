"""A transaction locks an order once, and knows its status from then on."""

from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from batuta.ordering.commands import place
from batuta.ordering.commands.moving import lock_orders, set_statuses
from batuta.ordering.domain import OrderStatus
from batuta.plumbing.database import Engine
from tests.counting import statements_of
from tests.making import NOW, fresh_id
from tests.ordering.test_commands import an_order
from tests.world import Shop, build_shop, sound

_GRAB = text('SELECT FROM ordering."order" WHERE id = :id FOR NO KEY UPDATE NOWAIT')


@pytest.fixture
async def order_id(engine: Engine) -> UUID:
    async with engine.begin() as db:
        shop: Shop = await build_shop(db, stock={"chair": {"north": 5}})
        asked = an_order(shop, ("chair", 1), placed_at=NOW)
        sound(await place(db, orders=[asked], now=NOW))
    return asked.id


async def is_free(engine: Engine, order_id: UUID) -> bool:
    async with engine.begin() as db:
        try:
            await db.execute(_GRAB, {"id": order_id})
        except asyncpg.LockNotAvailableError:
            return False
        return True


async def test_an_order_is_locked_by_one_statement_however_often_it_is_asked_for(
    engine: Engine, order_id: UUID
) -> None:
    async with engine.begin() as db:
        with statements_of(engine) as statements:
            first = await lock_orders(db, [order_id])
            await set_statuses(db, {order_id: OrderStatus.ACCEPTED})
            again = await lock_orders(db, [order_id, fresh_id()])

    assert (first, again) == ({order_id: OrderStatus.PLACED}, {order_id: OrderStatus.ACCEPTED})
    assert len(statements) == 3


async def test_a_lock_that_was_undone_with_its_part_is_taken_again(engine: Engine, order_id: UUID) -> None:
    async with engine.begin() as db:
        part = db.savepoint()
        await part.start()
        await lock_orders(db, [order_id])
        await set_statuses(db, {order_id: OrderStatus.ACCEPTED})
        await part.rollback()
        assert await is_free(engine, order_id)

        statuses = await lock_orders(db, [order_id])

        assert statuses == {order_id: OrderStatus.PLACED}
        assert not await is_free(engine, order_id)


async def test_outside_a_transaction_nothing_is_remembered(engine: Engine, order_id: UUID) -> None:
    async with engine.connect() as db:
        before = await lock_orders(db, [order_id])
        async with engine.begin() as other:
            await set_statuses(other, {order_id: OrderStatus.ACCEPTED})

        assert (before, await lock_orders(db, [order_id])) == (
            {order_id: OrderStatus.PLACED},
            {order_id: OrderStatus.ACCEPTED},
        )
