"""Promises of locations that have all the work they can take now (PRM-02, SRC-10)."""

from datetime import timedelta
from typing import Any

import pytest

from batuta.locations.domain import CapacityLimit, CapacityPeriod, CapacityUnit
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.sourcing.commands import plan
from batuta.sourcing.domain import Method, Plan
from tests.making import NOW
from tests.sourcing.making import an_order, hold_at
from tests.sourcing.promising import Market, given_market
from tests.world import LONG_AGO, sound

WORKS: dict[str, Any] = {"hours": {day: [("08:00", "17:00")] for day in ("mon", "tue", "wed", "thu", "fri")}}


@pytest.fixture(autouse=True)
async def finnish_tax(db: Connection) -> None:
    sound(
        await save_tax_rates(
            db, tax_rates=[TaxRate(country="FI", tax_category="standard", rate_bp=2_550, valid=LONG_AGO)], now=NOW
        )
    )


async def given_full(db: Connection, per: CapacityPeriod) -> Market:
    """One location, that takes one order, which it was given."""
    limits = (CapacityLimit(limit=1, unit=CapacityUnit.ORDERS, per=per),)
    market = await given_market(db, {"chair": {"north": 9}}, north=WORKS | {"capacity": limits})
    await give_order(db, market)
    return market


async def give_order(db: Connection, market: Market) -> None:
    north = market.shop.locations["north"]
    order = an_order(market.shop, ("chair", 1), method=Method.PICKUP, pickup_location_id=north.id)
    await hold_at(db, order)
    (answer,) = await plan(db, requests=[order], now=NOW)
    assert isinstance(answer, Plan), answer


async def test_who_is_full_today_is_promised_from_the_next_day_on(db: Connection) -> None:
    free = await given_market(db, {"chair": {"north": 9}}, north=WORKS)
    full = await given_full(db, CapacityPeriod.DAY)

    before, after = (await free.promised(db))["standard"], (await full.promised(db))["standard"]

    assert after.p50_at == before.p50_at + timedelta(days=1)
    assert after.shipments[0].ready_at > before.shipments[0].ready_at + timedelta(hours=12)


async def test_who_is_full_this_hour_is_promised_from_the_next_one_on(db: Connection) -> None:
    free = await given_market(db, {"chair": {"north": 9}}, north=WORKS)
    full = await given_full(db, CapacityPeriod.HOUR)

    before, after = (await free.promised(db))["standard"], (await full.promised(db))["standard"]

    wait = after.shipments[0].ready_at - before.shipments[0].ready_at
    assert timedelta() < wait <= timedelta(hours=1)


@pytest.mark.parametrize("limit", [0, 2])
async def test_what_no_day_has_room_for_is_not_offered(db: Connection, limit: int) -> None:
    limits = (CapacityLimit(limit=limit, unit=CapacityUnit.UNITS),)
    market = await given_market(db, {"chair": {"north": 9}}, north=WORKS | {"capacity": limits})

    assert await market.reasons(db, lines=market.lines(chair=3)) == {"standard": "at_capacity"}
