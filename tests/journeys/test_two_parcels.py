"""One order from two locations: two parcels, two captures, and not a cent too many (PAY-02)."""

from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.fulfillment.commands import hand_over
from batuta.fulfillment.domain import FulfillmentStatus, HandOver
from batuta.ordering.commands import place
from batuta.ordering.domain import FulfillmentStatus as WhereGoodsAre
from batuta.ordering.domain import Means, OrderStatus, PlaceLine
from batuta.shipping.domain import Parcel
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.ordering.test_commands import an_order

STOCK = {"chair": {"north": 2, "south": 1}}


async def captures(journey: Journey, order_id: UUID) -> list[int]:
    told = "SELECT amount_minor FROM payments.entry WHERE order_id = :id AND kind = 'capture' ORDER BY happened_at"
    async with journey.engine.connect() as db:
        return list(await db.scalars(text(told), {"id": order_id}))


async def send_one(journey: Journey, order_id: UUID, units: int) -> None:
    """The location that has packed so many units hands them over."""
    (id_,) = [
        one.id
        for one in await journey.work(order_id)
        if one.status is FulfillmentStatus.PACKED and sum(line.live for line in one.lines) == units
    ]
    await journey.do(hand_over, handovers=[HandOver(fulfillment_order_id=id_, actor=SELLER)])


async def parcel_of(journey: Journey, order_id: UUID, units: int) -> Parcel:
    (found,) = [
        one for one in await journey.parcels(order_id) if sum(content.quantity for content in one.contents) == units
    ]
    return found


@pytest.mark.parametrize("price_minor", [1, 3, 333, 1_999, 2_500, 33_333])
@pytest.mark.parametrize("first", [1, 2])
async def test_each_parcel_is_captured_by_its_worth_and_the_sum_is_what_is_due(
    open_shop: OpenShop, price_minor: int, first: int
) -> None:
    """PAY-02, golden test medusajs/medusa #14987; the first package takes the shipping."""
    journey = await open_shop(STOCK, price_minor=price_minor)
    total = price_minor * 3 + 490
    order_id = await journey.buy(("chair", 3), gross_minor=total)
    assert {one.location_id for one in await journey.work(order_id)} == {
        one.id for one in journey.shop.locations.values()
    }
    await journey.prepare(order_id)

    await send_one(journey, order_id, first)
    assert await captures(journey, order_id) == [price_minor * first + 490]
    assert (await journey.order(order_id)).fulfillment is WhereGoodsAre.PARTLY_SHIPPED
    await journey.pass_time(hours=3)
    await send_one(journey, order_id, 3 - first)

    assert await captures(journey, order_id) == [price_minor * first + 490, price_minor * (3 - first)]
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (total, total, 0)
    await journey.carrier_says(order_id, "delivered", journey.now)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_both_parcels_leaving_in_one_moment_are_captured_apart(open_shop: OpenShop) -> None:
    """PAY-02."""
    journey = await open_shop(STOCK, price_minor=333)
    order_id = await journey.buy(("chair", 3), gross_minor=1_489)
    await journey.send(order_id)

    taken = await captures(journey, order_id)
    assert (len(taken), sum(taken)) == (2, 1_489)


async def test_a_line_whose_discount_does_not_divide_is_captured_to_the_cent(open_shop: OpenShop) -> None:
    """PAY-02, TAX-01: 3 units of 3.33 with one cent off; running totals, so that no cut of the line loses a cent."""
    journey = await open_shop(STOCK, price_minor=333)
    total = 999 - 100 + 490
    line = PlaceLine(sku_code=journey.shop.skus["chair"].code, quantity=3, discount_minor=100)
    means = [Means(method="card", amount_minor=total, token="tok_visa")]
    order = an_order(journey.shop, lines=[line], placed_at=journey.now, means=means)
    await journey.do(place, orders=[order])
    await journey.prepare(order.id)
    await send_one(journey, order.id, 1)
    await send_one(journey, order.id, 2)

    taken = await captures(journey, order.id)
    assert (len(taken), sum(taken)) == (2, total)
    assert taken[0] - 490 in {299, 300}


async def test_cancelling_at_two_locations_at_once_lowers_what_is_due_once(open_shop: OpenShop) -> None:
    """ORD-04, PAY-01: each location's part is worth its own units, and the shipping goes with the last."""
    journey = await open_shop(STOCK, price_minor=333)
    order_id = await journey.buy(("chair", 3), gross_minor=1_489)
    assert len(await journey.work(order_id)) == 2

    await journey.cancel(order_id)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    money = await journey.money(order_id)
    assert (money.due_minor, money.held_minor, money.paid_minor) == (0, 0, 0)


async def test_one_parcel_comes_home_and_the_other_arrives(open_shop: OpenShop) -> None:
    """The units that came home are cancelled and paid back; shipping stays paid, for one parcel did arrive."""
    journey = await open_shop(STOCK, price_minor=333)
    order_id = await journey.buy(("chair", 3), gross_minor=1_489)
    await journey.send(order_id)
    home, arrives = await parcel_of(journey, order_id, 2), await parcel_of(journey, order_id, 1)

    await journey.carrier_says(order_id, "returned", journey.now, of=[home])
    await journey.carrier_says(order_id, "delivered", journey.now, of=[arrives])

    closed = await journey.order(order_id)
    (line,) = closed.lines
    assert (closed.status, line.buckets.delivered, line.buckets.cancelled) == (OrderStatus.COMPLETED, 1, 2)
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.refunded_minor) == (333 + 490, 1_489, 666)


async def test_one_parcel_is_lost_and_the_order_does_not_pretend_that_it_arrived(open_shop: OpenShop) -> None:
    """RET-08: a lost parcel is somebody's claim; until it is decided the units stay under way."""
    journey = await open_shop(STOCK, price_minor=333)
    order_id = await journey.buy(("chair", 3), gross_minor=1_489)
    await journey.send(order_id)
    lost, arrives = await parcel_of(journey, order_id, 2), await parcel_of(journey, order_id, 1)

    await journey.carrier_says(order_id, "lost", journey.now, of=[lost])
    await journey.carrier_says(order_id, "delivered", journey.now, of=[arrives])

    order = await journey.order(order_id)
    assert order.status is OrderStatus.IN_PROGRESS
    assert (order.lines[0].buckets.delivered, order.lines[0].buckets.shipped) == (1, 2)
    assert "shipping.parcel_lost" in await journey.facts(order_id)

    await journey.carrier_says(order_id, "delivered", journey.now, of=[lost])
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
