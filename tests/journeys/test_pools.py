"""Orders that wait for each other, from the score to their locations; and what no plan may ever do."""

from sqlalchemy import text

from batuta.company.domain import Policies
from batuta.fulfillment.domain import FulfillmentStatus
from batuta.ordering.domain import OrderStatus
from tests.journeys.conftest import OpenShop

POOLING = Policies(are_messages_muted=True, label_format="zpl", pool_minutes=5)


async def test_orders_wait_in_a_pool_and_are_planned_together(open_shop: OpenShop) -> None:
    """SRC-04: planned at once, one of the two would be split or sent from where it is scarce."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}, "lamp": {"north": 1}}, policies=POOLING)
    alone = await journey.buy(("chair", 1), gross_minor=2_990)
    both = await journey.buy(("chair", 1), ("lamp", 1), gross_minor=5_490)
    assert (await journey.order(alone)).status is OrderStatus.ACCEPTED
    assert await journey.work(alone) == []

    await journey.pass_time(minutes=5)

    (of_alone,), (of_both,) = await journey.work(alone), await journey.work(both)
    assert of_alone.location_id == journey.shop.locations["south"].id
    assert of_both.location_id == journey.shop.locations["north"].id
    async with journey.engine.connect() as db:
        waiting = text("SELECT count(*) FROM sourcing.pooled WHERE order_id = ANY(:ids)")
        assert await db.scalar(waiting, {"ids": [alone, both]}) == 0
    await journey.send(alone)
    await journey.send(both)
    await journey.carrier_says(both, "delivered", journey.now)
    assert (await journey.order(both)).status is OrderStatus.COMPLETED


async def test_an_order_cancelled_while_it_waits_is_not_planned(open_shop: OpenShop) -> None:
    journey = await open_shop({"chair": {"north": 2}}, policies=POOLING)
    gone, stays = [await journey.buy(("chair", 1), gross_minor=2_990) for _ in range(2)]
    await journey.cancel(gone)

    await journey.pass_time(minutes=6)

    assert await journey.work(gone) == []
    assert [one.status for one in await journey.work(stays)] == [FulfillmentStatus.OFFERED]


async def test_an_order_for_two_with_one_unit_at_each_of_two_locations_is_accepted_and_split(
    open_shop: OpenShop,
) -> None:
    """Golden: medusajs/medusa #14987."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}})
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)

    assert (await journey.order(order_id)).status is OrderStatus.IN_PROGRESS
    assert {one.location_id for one in await journey.work(order_id)} == {
        one.id for one in journey.shop.locations.values()
    }
    async with journey.engine.connect() as db:
        held = text("SELECT held FROM inventory.reservation WHERE holder_id = :id AND status = 'held'")
        assert list(await db.scalars(held, {"id": order_id})) == [1, 1]
