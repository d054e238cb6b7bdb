"""An order that was promised nothing is measured by the first plan that is made for it (PRM-05)."""

from batuta.ordering.domain import PromiseBasis, PromiseKind
from batuta.ordering.queries import promises_of
from batuta.plumbing.database import Engine
from tests.journeys.journey import Journey


async def test_the_first_plan_is_what_an_order_is_measured_by(engine: Engine, journey: Journey) -> None:
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)

    async with engine.connect() as db:
        (kept,) = (await promises_of(db, [order_id]))[order_id]
    assert (kept.kind, kept.basis) == (PromiseKind.ORIGINAL, PromiseBasis.PLANNED)
    assert [line.quantity for shipment in kept.plan for line in shipment.lines] == [2]
    assert kept.p50_at > kept.made_at
