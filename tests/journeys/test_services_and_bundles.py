"""Bundles, services, and both in one order."""

from batuta.fulfillment.commands import dispatch
from batuta.fulfillment.domain import Dispatch
from batuta.ordering.domain import FulfillmentStatus as WhereGoodsAre
from batuta.ordering.domain import OrderStatus
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER


async def test_services_bought_alone_are_paid_though_nothing_leaves(open_shop: OpenShop) -> None:
    """PAY-02: no hand-over ever comes that could take the money."""
    journey = await open_shop({"chair": {"north": 1}})
    order_id = await journey.buy(("service", 2), gross_minor=5_000)

    closed = await journey.order(order_id)
    assert (closed.status, closed.fulfillment) == (OrderStatus.COMPLETED, WhereGoodsAre.DELIVERED)
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (5_000, 5_000, 0)


async def test_a_bundle_and_a_service_leave_together_and_are_paid_together(open_shop: OpenShop) -> None:
    """INV-13, PAY-02: a set is two chairs from one location; the service goes with the last of the goods."""
    journey = await open_shop({"chair": {"north": 3, "south": 3}})
    order_id = await journey.buy(("set", 1), ("service", 1), ("chair", 1), gross_minor=7_990)
    assert await journey.available("chair") == 3

    await journey.send(order_id)
    money = await journey.money(order_id)
    assert (money.captured_minor, money.held_minor) == (7_990, 0)

    await journey.carrier_says(order_id, "delivered", journey.now)
    closed = await journey.order(order_id)
    assert closed.status is OrderStatus.COMPLETED
    assert [line.buckets.delivered for line in closed.lines] == [1, 1, 1]
    assert await journey.available("chair") == 3


async def test_fewer_sets_free_their_chairs_and_their_price(open_shop: OpenShop) -> None:
    """ORD-04: whole bundles only, while they are merely offered."""
    journey = await open_shop({"chair": {"north": 8}})
    order_id = await journey.buy(("set", 3), ("service", 1), gross_minor=10_490)
    sets = (await journey.order(order_id)).lines[0]
    assert await journey.available("chair") == 2

    await journey.cancel(order_id, (sets.id, 2))

    after = await journey.order(order_id)
    assert (after.lines[0].buckets.allocated, after.lines[0].buckets.cancelled) == (1, 2)
    assert await journey.available("chair") == 6
    assert (await journey.money(order_id)).due_minor == 5_490
    await journey.send(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    money = await journey.money(order_id)
    assert (money.captured_minor, money.held_minor) == (5_490, 0)


async def test_a_service_whose_goods_are_all_cancelled_is_cancelled_with_them(open_shop: OpenShop) -> None:
    """It waited for the last of the goods; there is none any more."""
    journey = await open_shop({"chair": {"north": 2}})
    order_id = await journey.buy(("chair", 2), ("service", 1), gross_minor=7_990)
    chairs = (await journey.order(order_id)).lines[0]

    await journey.cancel(order_id, (chairs.id, 2))

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (0, 0, 0)


async def test_a_service_goes_with_what_left_when_the_rest_of_the_goods_is_cancelled(open_shop: OpenShop) -> None:
    """PAY-02: the last hand-over has been, so the service is taken at the order's end."""
    journey = await open_shop({"chair": {"north": 2, "south": 1}})
    order_id = await journey.buy(("chair", 3), ("service", 1), gross_minor=10_490)
    (two,) = [one for one in await journey.work(order_id) if sum(line.quantity for line in one.lines) == 2]
    dispatched = Dispatch(fulfillment_order_id=two.id, actor=SELLER, label_format="zpl")
    await journey.do(dispatch, dispatches=[dispatched])
    chairs = (await journey.order(order_id)).lines[0]

    await journey.cancel(order_id, (chairs.id, 1))
    await journey.carrier_says(order_id, "delivered", journey.now)

    closed = await journey.order(order_id)
    assert closed.status is OrderStatus.COMPLETED
    assert [line.buckets.delivered for line in closed.lines] == [2, 1]
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (7_990, 7_990, 0)
