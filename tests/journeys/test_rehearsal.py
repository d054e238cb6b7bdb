"""Drafts of strategies, tried on orders that were (SRC-13)."""

import random
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.ordering.commands import place
from batuta.ordering.domain import Means
from batuta.plumbing.database import Engine
from batuta.plumbing.stepping import settle
from batuta.rehearsal.commands import rehearse
from batuta.rehearsal.domain import BadPeriod, Rehearsal, draft_of
from batuta.sourcing.domain.strategies import BadStrategy
from batuta.sourcing.queries import assignments_of, places_of_work
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.making import fresh_code, fresh_id
from tests.ordering.test_commands import an_order

_chance = random.SystemRandom()


def draft(**changes: Any) -> dict[str, Any]:
    return {"code": fresh_code("draft"), "name": "Tried", "owner": "eva", "priority": 900_000, **changes}


def only(journey: Journey, name: str) -> dict[str, Any]:
    """A draft by which all ships from one location."""
    return draft(network=[journey.shop.locations[name].code])


async def begin(journey: Journey) -> datetime:
    """A moment in whose minute no other story ordered."""
    placed = text("SELECT count(*) FROM ordering.order WHERE placed_at BETWEEN :at AND :at + interval '1 minute'")
    ahead = 1
    while ahead:
        journey.now += timedelta(hours=3, microseconds=_chance.randrange(12 * 3_600 * 10**6))
        async with journey.engine.connect() as db:
            ahead = await db.scalar(placed, {"at": journey.now})
    return journey.now


async def tried(engine: Engine, journey: Journey, said: dict[str, Any], since: datetime) -> Rehearsal:
    async with engine.snapshot() as db:
        strategy = draft_of(msgspec.json.encode(said), await places_of_work(db))
        until_at = journey.now + timedelta(seconds=1)
        return await rehearse(db, draft=strategy, from_at=since, until_at=until_at, now=until_at)


async def placed(journey: Journey, order_id: UUID) -> set[str]:
    names = {one.id: name for name, one in journey.shop.locations.items()}
    async with journey.engine.connect() as db:
        return {names[one.location_id] for one in (await assignments_of(db, [order_id]))[order_id]}


async def test_a_draft_that_changes_nothing_plans_what_was_planned(engine: Engine, journey: Journey) -> None:
    since = await begin(journey)
    for _ in range(3):
        await journey.buy(("chair", 2), gross_minor=5_490)

    found = await tried(engine, journey, draft(), since)

    assert (found.orders, found.reproduced, found.left_out, found.changed) == (3, 3, 0, [])
    [comparison] = found.comparisons
    assert comparison.live == comparison.draft
    assert comparison.live.planned == 3


async def test_orders_that_would_ship_from_elsewhere_are_told_with_what_it_costs(
    engine: Engine, journey: Journey
) -> None:
    since = await begin(journey)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    [was] = await placed(journey, order_id)
    other = "south" if was == "north" else "north"

    found = await tried(engine, journey, only(journey, other), since)

    [changed] = found.changed
    codes = {name: one.code for name, one in journey.shop.locations.items()}
    assert (changed.order_id, changed.live, changed.draft) == (order_id, [codes[was]], [codes[other]])
    loads = {one.location_code: (one.live_units, one.draft_units) for one in found.loads}
    assert loads == {codes[was]: (2, 0), codes[other]: (0, 2)}


async def test_what_a_draft_took_is_missing_to_its_later_orders(engine: Engine, journey: Journey) -> None:
    """Five chairs lie there: two orders for two fit, the third does not."""
    since = await begin(journey)
    for _ in range(3):
        await journey.buy(("chair", 2), gross_minor=5_490)

    found = await tried(engine, journey, only(journey, "north"), since)

    [comparison] = found.comparisons
    assert (comparison.live.planned, comparison.draft.planned) == (3, 2)
    assert comparison.draft.margin_minor < comparison.live.margin_minor


async def test_stock_is_as_it_was_and_not_as_it_is(engine: Engine, open_shop: OpenShop) -> None:
    """The other location had a chair then; it was bought and sent since."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}})
    since = await begin(journey)
    first = await journey.buy(("chair", 1), gross_minor=2_990)
    [was] = await placed(journey, first)
    other = "south" if was == "north" else "north"
    until_at = journey.now + timedelta(microseconds=1)
    second = await journey.buy(("chair", 1), gross_minor=2_990)
    for order_id in (first, second):
        await journey.send(order_id)
    assert await journey.available("chair") == 0

    async with engine.snapshot() as db:
        strategy = draft_of(msgspec.json.encode(only(journey, other)), await places_of_work(db))
        found = await rehearse(db, draft=strategy, from_at=since, until_at=until_at, now=journey.now)

    [changed] = found.changed
    assert changed.draft == [journey.shop.locations[other].code]
    assert found.reproduced == found.orders == 1


async def test_a_cancelled_order_held_its_units_until_it_was_cancelled(engine: Engine, open_shop: OpenShop) -> None:
    journey = await open_shop({"chair": {"north": 2}})
    since = await begin(journey)
    await journey.buy(("chair", 1), gross_minor=2_990)
    gone = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.cancel(gone)
    await journey.buy(("chair", 1), gross_minor=2_990)

    found = await tried(engine, journey, draft(), since)

    assert (found.orders, found.reproduced, found.changed) == (3, 3, [])


async def test_nothing_is_written(engine: Engine, journey: Journey) -> None:
    since = await begin(journey)
    await journey.buy(("chair", 2), gross_minor=5_490)

    async with engine.snapshot() as db:
        strategy = draft_of(msgspec.json.encode(only(journey, "south")), ())
        until_at = journey.now + timedelta(seconds=1)
        await rehearse(db, draft=strategy, from_at=since, until_at=until_at, now=until_at)
        assert await db.scalar(text("SHOW transaction_read_only")) == "on"
        assert await db.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None


async def test_a_draft_or_period_that_cannot_be_is_refused(engine: Engine, journey: Journey) -> None:
    with pytest.raises(BadStrategy):
        draft_of(b'{"code": "x", "colour": "red"}', ())
    with pytest.raises(BadStrategy):
        draft_of(b"no json", ())
    strategy = draft_of(msgspec.json.encode(draft()), ())
    async with engine.snapshot() as db:
        with pytest.raises(BadPeriod):
            await rehearse(db, draft=strategy, from_at=journey.now, until_at=journey.now, now=journey.now)


async def test_an_order_that_came_while_a_step_ran_is_known(engine: Engine, journey: Journey) -> None:
    """Under load a step goes on for long: what it plans happens after the orders that it plans were placed."""
    since = await begin(journey)
    placed_at = since + timedelta(seconds=5)
    card = [Means(method="card", amount_minor=2_990, token="tok_visa")]
    asked = an_order(journey.shop, ("chair", 1), placed_at=placed_at, means=card)
    async with engine.begin() as db:
        await place(db, orders=[asked], now=placed_at)
    clock = count()

    # A step leaves what the open transaction of another test hides to the next.
    while not await placed(journey, asked.id):
        await settle(engine, journey.works, clock=lambda: since + timedelta(seconds=2 * next(clock)), worker=fresh_id())

    journey.now = since + timedelta(seconds=2 * next(clock))
    found = await tried(engine, journey, draft(), since)
    assert (found.orders, found.left_out, found.reproduced) == (1, 0, 1)
