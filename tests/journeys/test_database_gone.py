"""A database that goes away in the middle of a step and comes back: nothing twice, nothing lost."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.ordering.commands import place
from batuta.ordering.domain import Means, OrderStatus
from batuta.plumbing.database import create_engine
from batuta.plumbing.outage import outage
from batuta.plumbing.stepping import settle
from tests.composition.databases import migrated_database
from tests.journeys.journey import WORKER, Journey, broken_laws
from tests.ordering.test_commands import an_order
from tests.plumbing.places import reachable_place
from tests.plumbing.servers import ask_until_answered, postmaster_pid, server_in
from tests.world import build_carrier, build_shop

ORDERS = 40
TAKEN_OVER = "UPDATE jobs.pgqueuer SET heartbeat = heartbeat - interval '61 seconds' WHERE status = 'picked'"
"""A dead worker's jobs are another one's after a minute without a heartbeat; here the minute passes at once."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_place() as place:
        yield place


@pytest.mark.parametrize("after_s", [0.05, 0.25, 0.6])
async def test_a_postmaster_killed_in_the_middle_of_a_step_costs_time_only(folder: Path, after_s: float) -> None:
    async with server_in(folder, fsync="off", max_connections="60") as server:
        engine = create_engine(await migrated_database(server.url, "gone"), pool_size=10)
        try:
            async with engine.begin() as db:
                shop = await build_shop(db, stock={"chair": {"north": ORDERS, "south": ORDERS}})
                await build_carrier(db)
            journey = Journey(engine, shop)
            means = [Means(method="card", amount_minor=2_990, token="tok_visa")]
            orders = [an_order(shop, ("chair", 1), means=means, placed_at=journey.now) for _ in range(ORDERS)]
            await journey.ask(place, orders=orders)

            step = asyncio.create_task(settle(engine, journey.works, clock=lambda: journey.now, worker=WORKER))
            await asyncio.sleep(after_s)
            os.kill(postmaster_pid(folder), signal.SIGKILL)
            await _told_as_an_outage(step)
            await ask_until_answered(server, "SELECT 1", within_s=20)

            await _settled_again(journey)
            await _all_are_delivered(journey, [one.id for one in orders])
            assert await broken_laws(engine) == []
        finally:
            await engine.dispose()


async def _told_as_an_outage(step: Awaitable[object]) -> bool:
    """Whatever breaks is a database that is away, and says so; return whether anything broke."""
    (outcome,) = await asyncio.gather(step, return_exceptions=True)
    if not isinstance(outcome, Exception):
        return False
    told = outage(outcome)
    assert told is not None, repr(outcome)
    assert told.code == "database_away"
    assert "database" in told.sentence
    return True


async def _settled_again(journey: Journey) -> None:
    async def step() -> None:
        async with journey.engine.begin() as db:
            await db.execute(text(TAKEN_OVER))
        await journey.pass_time(seconds=1)

    for _ in range(30):
        if not await _told_as_an_outage(step()):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the database did not come back")


async def _all_are_delivered(journey: Journey, order_ids: list[UUID]) -> None:
    for order_id in order_ids[:5]:
        await journey.send(order_id)
        await journey.carrier_says(order_id, "delivered", journey.now)
        assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    for order_id in order_ids:
        money = await journey.money(order_id)
        assert money.authorised_minor == 2_990
        assert len(await journey.work(order_id)) == 1
