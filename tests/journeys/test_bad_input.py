"""What cannot be: each is told with a code, the facts, and what to do; and nothing is lost."""

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.periods import Period
from batuta.ordering.commands import EndHold, end_holds, place
from batuta.ordering.domain import FulfillmentStatus, HoldKind, Means, OrderStatus, Placed, PlaceLine
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import Scan, UnknownParcel
from batuta.sourcing.domain import explain
from batuta.sourcing.queries import decisions_of
from tests.journeys.journey import Journey
from tests.making import fresh_code
from tests.ordering.test_commands import an_order
from tests.world import LONG_AGO

LISBON = Address(
    name="Inês Sousa", street=["Rua Augusta 20"], city="Lisboa", postal_code="1100-053", country="PT",
    latitude=38.71, longitude=-9.14,
)  # fmt: skip
REYKJAVIK = Address(name="Jón Jónsson", street=["Laugavegur 1"], city="Reykjavík", postal_code="101", country="IS")


def lines(code: str, quantity: int) -> list[PlaceLine]:
    return [PlaceLine(sku_code=code, quantity=quantity)]


@pytest.mark.parametrize(
    ("quantity", "sku", "changes", "code"),
    [
        (1, "ghost", {}, "unknown_sku"),
        (0, None, {}, "bad_order"),
        (-3, None, {}, "bad_order"),
        (10_001, None, {}, "bad_order"),
        (10**18, None, {}, "bad_order"),
        (11, None, {}, "out_of_stock"),
        (1, None, {"currency": "USD"}, "bad_order"),
        (1, None, {"means": [Means(method="card", amount_minor=99_999, token="tok_visa")]}, "pays_too_much"),
        (1, None, {"channel_code": "nowhere"}, "unknown_channel"),
        (1, None, {"ship_to": REYKJAVIK}, "no_tax_rate"),
    ],
)
async def test_what_cannot_be_ordered_is_told_why_and_its_neighbour_is_placed(
    journey: Journey, quantity: int, sku: str | None, changes: dict[str, Any], code: str
) -> None:
    chair = journey.shop.skus["chair"].code
    bad = an_order(journey.shop, lines=lines(sku or chair, quantity), **changes)
    good = an_order(journey.shop, ("chair", 1))

    refused, stands = await journey.ask(place, orders=[bad, good])
    await journey.pass_time(seconds=1)

    assert isinstance(refused, BatutaError)
    assert (refused.code, bool(refused.facts), len(refused.sentence) > 10) == (code, True, True)
    assert isinstance(stands, Placed)
    assert await journey.available("chair") == 9
    assert await journey.facts(bad.id) == []


@pytest.mark.parametrize("quantity", [0, -1, 10**12, 1.5, "many", None])
def test_the_schema_refuses_quantities_that_are_none(quantity: object) -> None:
    with pytest.raises(msgspec.ValidationError, match="quantity"):
        msgspec.convert({"sku_code": "chair", "quantity": quantity}, PlaceLine)


async def test_a_scan_of_a_parcel_that_nobody_knows_is_kept(journey: Journey) -> None:
    """SHP-03: it may be that the label is only being printed."""
    number = fresh_code("ghost")
    scan = Scan(
        carrier_code=journey.shop.carrier_code,
        tracking_number=number,
        raw_code="delivered",
        happened_at=journey.now,
        received_at=journey.now,
    )

    first, again = await journey.ask(record_tracking, scans=[scan, scan])
    await journey.pass_time(seconds=1)

    assert isinstance(first, UnknownParcel)
    assert first.facts["tracking_number"] == number
    assert isinstance(again, UnknownParcel)
    async with journey.engine.connect() as db:
        kept = await db.scalars(
            text("SELECT raw_code FROM shipping.unmatched_scan WHERE tracking_number = :number"), {"number": number}
        )
        assert list(kept) == ["delivered"]


async def test_an_address_that_no_carrier_serves_parks_the_order_with_the_reason(journey: Journey) -> None:
    """SRC-02, SRC-11, SRC-12: no exception; the decision says of each location why not."""
    rate = TaxRate(country="PT", tax_category="books", rate_bp=600, valid=Period(from_at=LONG_AGO.from_at))
    await journey.ask(save_tax_rates, tax_rates=[rate, msgspec.structs.replace(rate, tax_category="standard")])
    total = 2_990
    asked = an_order(
        journey.shop, ("chair", 1), ship_to=LISBON, means=[Means(method="card", amount_minor=total, token="tok_visa")]
    )
    await journey.do(place, orders=[asked])

    parked = await journey.order(asked.id)
    assert await journey.holds(asked.id) == [HoldKind.BACKORDER]
    assert (parked.status, parked.fulfillment) == (OrderStatus.ACCEPTED, FulfillmentStatus.UNFULFILLED)
    assert parked.lines[0].buckets.reserved == 1
    async with journey.engine.connect() as db:
        (decision,) = (await decisions_of(db, [asked.id]))[asked.id]
    assert "no carrier takes it from there" in explain(decision, "en")

    (hold,) = parked.holds
    await journey.do(end_holds, ends=[EndHold(hold_id=hold.id, actor="staff:eva", reason="tried again")])
    assert await journey.holds(asked.id) == [HoldKind.BACKORDER]
    await journey.cancel(asked.id)
    assert (await journey.order(asked.id)).status is OrderStatus.CANCELLED
    assert await journey.available("chair") == 10


async def test_two_buyers_of_the_last_table_at_one_moment_are_served_one(journey: Journey) -> None:
    """RES-08."""

    async def buy() -> object:
        (outcome,) = await journey.ask(place, orders=[an_order(journey.shop, ("table", 1))])
        return outcome

    outcomes = await asyncio.gather(*(buy() for _ in range(8)))

    assert sorted(type(one).__name__ for one in outcomes) == ["OutOfStock"] * 7 + ["Placed"]
    await journey.pass_time(seconds=1)
