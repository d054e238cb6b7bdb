"""An order that was promised nothing is measured by the first plan that is made for it (PRM-05)."""

from datetime import timedelta

from batuta.ordering.domain import PromiseBasis, PromiseKind
from batuta.ordering.queries import promises_of
from batuta.plumbing.database import Engine
from batuta.sourcing.domain import LimitingStep
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.journeys.test_supply_to_come import given_supply, move


async def test_the_first_plan_is_what_an_order_is_measured_by(engine: Engine, journey: Journey) -> None:
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)

    async with engine.connect() as db:
        (kept,) = (await promises_of(db, [order_id]))[order_id]
    assert (kept.kind, kept.basis) == (PromiseKind.ORIGINAL, PromiseBasis.PLANNED)
    assert [line.quantity for shipment in kept.plan for line in shipment.lines] == [2]
    assert kept.p50_at > kept.made_at


async def test_what_comes_later_is_promised_anew_and_still_measured_by_the_first(open_shop: OpenShop) -> None:
    """PRM-05, INV-23: two chairs are there and promised; the other three come five days later than was known."""
    journey = await open_shop({"chair": {"north": 2}})
    receipt_id = await given_supply(journey, coming=20, days=3)
    order_id = await journey.buy(("chair", 5), gross_minor=5 * 2_500 + 490)
    async with journey.engine.connect() as db:
        (first,) = (await promises_of(db, [order_id]))[order_id]

    await move(journey, receipt_id, days=8)

    async with journey.engine.connect() as db:
        kept, later = (await promises_of(db, [order_id]))[order_id]
    assert kept == first
    assert (later.kind, later.basis, later.limiting_step) == (
        PromiseKind.LATEST,
        PromiseBasis.MOVED,
        LimitingStep.SUPPLY,
    )
    assert later.p90_at == first.p90_at + timedelta(days=5)
