"""One order, from the click to the door, by the score alone."""

from datetime import timedelta

from batuta.fulfillment.commands import accept, pack, pick, reject, start_picking
from batuta.fulfillment.domain import (
    Accept,
    FulfillmentOrder,
    FulfillmentStatus,
    Pack,
    Pick,
    Reject,
    RejectionReason,
    StartPicking,
)
from batuta.inventory.queries import availability
from batuta.notifications.queries import messages_of
from batuta.ordering.commands import cancel
from batuta.ordering.domain import CancelLine, CancelRequest, HoldKind, OrderStatus
from batuta.ordering.domain import FulfillmentStatus as WhereGoodsAre
from batuta.payments.queries import balances
from batuta.shipping.queries import parcels_of_owner, zpl_labels
from tests.journeys.journey import SELLER, Journey
from tests.making import fresh_id


async def test_an_order_is_paid_when_it_leaves_and_closed_when_it_arrives(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 2), ("service", 1), gross_minor=7_990)
    accepted = await journey.order(order_id)
    assert accepted.status is OrderStatus.IN_PROGRESS
    async with journey.engine.connect() as db:
        money = (await balances(db, [order_id]))[order_id]
    assert (money.held_minor, money.paid_minor) == (7_990, 0)

    await journey.send(order_id)
    shipped = await journey.order(order_id)
    assert shipped.fulfillment is WhereGoodsAre.PARTLY_DELIVERED
    async with journey.engine.connect() as db:
        money = (await balances(db, [order_id]))[order_id]
        (parcel,) = (await parcels_of_owner(db, [order_id]))[order_id]
        label = (await zpl_labels(db, [parcel.id]))[parcel.id]
    assert (money.held_minor, money.paid_minor) == (0, 7_990)
    assert parcel.tracking_number
    assert parcel.tracking_number in label

    delivered_at = journey.now + timedelta(days=1)
    await journey.pass_time(days=2)
    await journey.carrier_says(order_id, "delivered", delivered_at)

    closed = await journey.order(order_id)
    assert (closed.status, closed.fulfillment) == (OrderStatus.COMPLETED, WhereGoodsAre.DELIVERED)
    async with journey.engine.connect() as db:
        told = [(one.template, str(one.status)) for one in (await messages_of(db, [order_id]))[order_id]]
    assert told == [("order_placed", "muted"), ("order_shipped", "muted"), ("delivered", "muted")]


async def test_a_declined_card_holds_the_order_and_keeps_its_stock(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, token="tok_declined")

    held = await journey.order(order_id)
    assert held.status is OrderStatus.PLACED
    assert [hold.kind for hold in held.holds] == [HoldKind.PAYMENT]
    assert held.lines[0].buckets.reserved == 1
    assert await journey.work(order_id) == []


async def test_a_location_that_says_no_is_not_asked_again_and_another_one_is(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    (first,) = await journey.work(order_id)
    async with journey.engine.begin() as db:
        no = Reject(fulfillment_order_id=first.id, reason=RejectionReason.CANNOT_SERVE, actor=SELLER)
        await reject(db, rejections=[no], now=journey.now)
    await journey.pass_time(minutes=1)

    asked = await journey.work(order_id)
    (second,) = [one for one in asked if one.status is FulfillmentStatus.OFFERED]
    assert second.location_id != first.location_id


async def test_when_nobody_can_serve_it_the_order_waits_with_its_reason(journey: Journey) -> None:
    order_id = await journey.buy(("table", 1), gross_minor=2_990)
    (only,) = await journey.work(order_id)
    async with journey.engine.begin() as db:
        no = Reject(fulfillment_order_id=only.id, reason=RejectionReason.CANNOT_SERVE, actor=SELLER)
        await reject(db, rejections=[no], now=journey.now)
    await journey.pass_time(minutes=1)

    parked = await journey.order(order_id)
    assert [hold.kind for hold in parked.holds] == [HoldKind.BACKORDER]


async def test_cancelling_before_anybody_packs_lets_the_money_go_and_the_stock_stay(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    wish = CancelRequest(id=fresh_id(), order_id=order_id, reason="changed my mind", actor="customer:ana")
    async with journey.engine.begin() as db:
        await cancel(db, requests=[wish], now=journey.now)
    await journey.pass_time(minutes=1)

    cancelled = await journey.order(order_id)
    assert cancelled.status is OrderStatus.CANCELLED
    async with journey.engine.connect() as db:
        money = (await balances(db, [order_id]))[order_id]
        left = await availability(db, sku_ids=[journey.shop.skus["chair"].id], now=journey.now)
    assert (money.due_minor, money.held_minor, money.paid_minor) == (0, 0, 0)
    assert sum(one.available for one in left) == 10


async def test_a_parcel_that_comes_back_is_stock_again_and_its_money_goes_back(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    await journey.send(order_id)
    await journey.carrier_says(order_id, "returned", journey.now)

    back = await journey.order(order_id)
    assert back.status is OrderStatus.CANCELLED
    async with journey.engine.connect() as db:
        money = (await balances(db, [order_id]))[order_id]
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (5_490, 5_490, 0)


async def test_cancelling_what_waits_frees_no_stock_of_a_location_that_is_at_work(journey: Journey) -> None:
    """ORD-04, RES-07: three chairs from the north, two from the south, and the south gives its two back."""
    async with journey.engine.begin() as db:
        left = await availability(db, sku_ids=[journey.shop.skus["chair"].id], now=journey.now)
    assert sorted(one.available for one in left) == [5, 5]
    order_id = await journey.buy(("chair", 7), gross_minor=17_990)
    first, second = sorted(await journey.work(order_id), key=lambda one: sum(line.quantity for line in one.lines))
    async with journey.engine.begin() as db:
        await accept(db, acceptances=[Accept(fulfillment_order_id=second.id, actor=SELLER)], now=journey.now)
        await start_picking(db, starts=[StartPicking(fulfillment_order_id=second.id, actor=SELLER)], now=journey.now)
        no = Reject(fulfillment_order_id=first.id, reason=RejectionReason.CANNOT_SERVE, actor=SELLER)
        await reject(db, rejections=[no], now=journey.now)
    await journey.pass_time(minutes=1)
    waiting = (await journey.order(order_id)).lines[0].buckets.reserved
    assert waiting == sum(line.quantity for line in first.lines)

    line_id = (await journey.order(order_id)).lines[0].id
    wish = CancelRequest(
        id=fresh_id(),
        order_id=order_id,
        reason="fewer will do",
        actor="customer:ana",
        lines=[CancelLine(line_id=line_id, quantity=waiting)],
    )
    async with journey.engine.begin() as db:
        await cancel(db, requests=[wish], now=journey.now)
        await pick(db, picks=[Pick(fulfillment_order_id=second.id, actor=SELLER)], now=journey.now)
        packs = [Pack(fulfillment_order_id=second.id, actor=SELLER, label_format="zpl")]
        (packed,) = await pack(db, packs=packs, now=journey.now)

    assert isinstance(packed, FulfillmentOrder)
    assert packed.status is FulfillmentStatus.PACKED
