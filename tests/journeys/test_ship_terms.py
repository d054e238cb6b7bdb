"""Orders that are not split, or not for long: parked when nobody can send them so, and cancelled when time is up."""

import msgspec

from batuta.company.domain import Policies, ShipMode, ShipTerms
from batuta.fulfillment.domain import FulfillmentStatus
from batuta.ordering.domain import OrderStatus
from batuta.sourcing.domain import explain
from batuta.sourcing.queries import decisions_of, parkings_of
from tests.journeys.conftest import OpenShop

MUTED = Policies(are_messages_muted=True, label_format="zpl")


async def test_an_order_for_two_that_ships_complete_waits_for_a_location_that_has_both(open_shop: OpenShop) -> None:
    """ORD-09, SRC-11: it is parked, and cancelled when its buyer waits no longer."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}}, policies=MUTED)
    terms = ShipTerms(mode=ShipMode.COMPLETE, max_wait_days=3)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490, ship_terms=terms)

    async with journey.engine.connect() as db:
        parking = (await parkings_of(db, [order_id]))[order_id]
    order = await journey.order(order_id)
    assert parking.rules == ("not_enough",)
    assert parking.cancel_at == order.waits_until_at

    await journey.pass_time(days=3)
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED


async def test_a_split_says_what_it_costs(open_shop: OpenShop) -> None:
    """ORD-09, SRC-12."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}, "lamp": {"north": 1, "south": 0}}, policies=MUTED)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)

    async with journey.engine.connect() as db:
        [decision] = (await decisions_of(db, [order_id]))[order_id]
    assert len(await journey.ids(order_id, FulfillmentStatus.OFFERED)) == 2
    assert decision.split
    assert (decision.split.locations, decision.split.penalty_minor, decision.split.whole_id) == (2, 300, None)
    assert "2 locations share it, for none can send all of it." in explain(decision, "en")
    assert "La comparten 2 ubicaciones, pues ninguna puede enviarlo todo." in explain(decision, "es")


async def test_an_order_is_split_no_more_often_than_its_buyer_allows(open_shop: OpenShop) -> None:
    """ORD-09."""
    journey = await open_shop(
        {"chair": {"a": 1, "b": 1, "c": 1}}, policies=msgspec.structs.replace(MUTED, max_splits=4)
    )

    twice = await journey.buy(("chair", 3), gross_minor=7_990, ship_terms=ShipTerms(max_splits=1))

    async with journey.engine.connect() as db:
        assert not (await parkings_of(db, [twice]))[twice].is_over


async def test_what_comes_after_its_promise_counts_when_it_is_planned_again(open_shop: OpenShop) -> None:
    """SRC-03: the first plan kept the promise; six days later none can."""
    policies = msgspec.structs.replace(MUTED, lateness_bp=200)
    journey = await open_shop({"chair": {"north": 1, "south": 1}}, policies=policies)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)

    await journey.pass_time(days=6)

    async with journey.engine.connect() as db:
        first, second, *_ = (await decisions_of(db, [order_id]))[order_id]
    assert first.costs
    assert second.costs
    assert first.costs.lateness_minor == 0
    assert second.costs.lateness_minor > 0
