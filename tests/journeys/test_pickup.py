"""A customer buys in the browser and collects at the counter (FUL-11)."""

from datetime import timedelta
from uuid import UUID

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, collect, extend_pickups, hand_over, pack, ready_for_pickup
from batuta.fulfillment.domain import (
    Accept,
    Collect,
    ExtendPickup,
    FulfillmentStatus,
    HandOver,
    MakeReady,
    NotReady,
    Pack,
    PickupLapsed,
    WrongCode,
    WrongMethod,
    pickup_code,
)
from batuta.ordering.domain import FulfillmentStatus as WhereGoodsAre
from batuta.ordering.domain import Means, Method, OrderStatus
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey

SECRET = b"of this shop alone"


async def reserved_at_the_counter(journey: Journey) -> tuple[UUID, UUID]:
    order_id = await journey.buy(
        ("chair", 2),
        gross_minor=5_000,
        method=Method.PICKUP,
        pickup_location_code=journey.shop.locations["north"].code,
    )
    (work,) = await journey.work(order_id)
    assert work.location_id == journey.shop.locations["north"].id
    return order_id, work.id


async def packed_at_the_counter(journey: Journey) -> tuple[UUID, UUID]:
    order_id, work_id = await reserved_at_the_counter(journey)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=work_id, actor=SELLER)])
    return order_id, work_id


def ready(journey: Journey, work_id: UUID, *, days: int = 7) -> MakeReady:
    return MakeReady(
        fulfillment_order_id=work_id,
        code=pickup_code(work_id, SECRET),
        until_at=journey.now + timedelta(days=days),
        actor=SELLER,
    )


def with_code(work_id: UUID, code: str) -> Collect:
    return Collect(fulfillment_order_id=work_id, code=code, actor=SELLER, collected_by="Ana Ruiz")


async def test_whoever_has_the_code_gets_the_goods_and_only_then_the_money_is_taken(open_shop: OpenShop) -> None:
    """FUL-11, PAY-02, I-24: no shipping is charged, no parcel is labelled, a guessed code opens nothing."""
    journey = await open_shop({"chair": {"north": 5}})
    order_id, work_id = await packed_at_the_counter(journey)
    (too_early,) = await journey.ask(collect, collections=[with_code(work_id, "ABCDEFGH")])
    assert isinstance(too_early, NotReady)

    await journey.do(ready_for_pickup, pickups=[ready(journey, work_id)])
    code = pickup_code(work_id, SECRET)
    guessed, by_carrier = [
        *await journey.ask(collect, collections=[with_code(work_id, code[::-1])]),
        *await journey.ask(hand_over, handovers=[HandOver(fulfillment_order_id=work_id, actor=SELLER)]),
    ]
    assert isinstance(guessed, WrongCode)
    assert isinstance(by_carrier, WrongMethod)
    assert (await journey.money(order_id)).captured_minor == 0

    await journey.do(collect, collections=[with_code(work_id, code.lower())])
    await journey.do(collect, collections=[with_code(work_id, code)])

    closed = await journey.order(order_id)
    assert (closed.status, closed.fulfillment) == (OrderStatus.COMPLETED, WhereGoodsAre.DELIVERED)
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (5_000, 5_000, 0)
    assert await journey.parcels(order_id) == []
    assert await journey.available("chair") == 3
    assert await journey.told(order_id) == ["order_placed", "ready_for_pickup"]


async def test_what_nobody_collects_is_on_the_shelf_again_and_costs_nothing(open_shop: OpenShop) -> None:
    """FUL-11."""
    journey = await open_shop({"chair": {"north": 5}})
    order_id, work_id = await packed_at_the_counter(journey)
    await journey.do(ready_for_pickup, pickups=[ready(journey, work_id, days=3)])

    await journey.pass_time(days=3)

    expired = await journey.order(order_id)
    assert expired.status is OrderStatus.CANCELLED
    assert [one.status for one in await journey.work(order_id)] == [FulfillmentStatus.EXPIRED]
    money = await journey.money(order_id)
    assert (money.due_minor, money.held_minor, money.paid_minor) == (0, 0, 0)
    assert await journey.available("chair") == 5
    (late,) = await journey.ask(collect, collections=[with_code(work_id, pickup_code(work_id, SECRET))])
    assert not isinstance(late, WrongCode)
    assert await journey.available("chair") == 5


async def test_money_that_was_taken_at_once_comes_back_when_nobody_collects(open_shop: OpenShop) -> None:
    """FUL-11: paid by a voucher, which is captured with its authorisation."""
    journey = await open_shop({"chair": {"north": 5}})
    order_id = await journey.buy(
        ("chair", 1),
        gross_minor=2_500,
        means=[Means(method="voucher", amount_minor=2_500, token="tok_gift", captures_at_once=True)],
        method=Method.PICKUP,
        pickup_location_code=journey.shop.locations["north"].code,
    )
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(ready_for_pickup, pickups=[ready(journey, work_id)])
    assert (await journey.money(order_id)).paid_minor == 2_500

    await journey.pass_time(days=7)

    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (2_500, 2_500, 0)
    assert set(await journey.told(order_id)) == {"order_placed", "ready_for_pickup", "cancelled", "refunded"}


async def test_a_customer_who_asks_for_more_time_gets_it(open_shop: OpenShop) -> None:
    """FUL-11: extension by the customer."""
    journey = await open_shop({"chair": {"north": 5}}, policies=Policies(are_messages_muted=True, pickup_days=2))
    order_id, work_id = await packed_at_the_counter(journey)
    await journey.do(ready_for_pickup, pickups=[ready(journey, work_id, days=2)])
    more = ExtendPickup(fulfillment_order_id=work_id, until_at=journey.now + timedelta(days=4), actor=SELLER)
    await journey.do(extend_pickups, extensions=[more])

    await journey.pass_time(days=3)
    await journey.do(collect, collections=[with_code(work_id, pickup_code(work_id, SECRET))])

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_the_moment_the_time_is_over_nobody_collects_even_before_the_shelf_is_filled(open_shop: OpenShop) -> None:
    """RES-04: correctness does not wait for a sweep."""
    journey = await open_shop({"chair": {"north": 5}})
    _, work_id = await packed_at_the_counter(journey)
    await journey.do(ready_for_pickup, pickups=[ready(journey, work_id, days=1)])
    journey.now += timedelta(days=1)

    (late,) = await journey.ask(collect, collections=[with_code(work_id, pickup_code(work_id, SECRET))])

    assert isinstance(late, PickupLapsed)
    await journey.pass_time(minutes=1)
