"""Goods that come back after the door: counted, looked at, and paid back as they were bought."""

from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.inventory.domain import Condition
from batuta.inventory.queries import stock_of
from batuta.ordering.commands import place
from batuta.ordering.domain import FulfillmentStatus as WhereGoodsAre
from batuta.ordering.domain import Means, OrderStatus, PlaceLine
from batuta.returns.commands import (
    UnknownLocation,
    approve,
    grade,
    receive,
    receive_blind,
    request,
    resolve,
    send_labels,
)
from batuta.returns.domain import (
    Approve,
    BlindReceipt,
    BlindUnits,
    Grade,
    GradeUnits,
    NotApproved,
    NothingToRefund,
    NotReturnable,
    Receipt,
    ReceivedUnits,
    RefundUnits,
    RequestReturn,
    Resolve,
    Return,
    ReturnedUnits,
    ReturnStatus,
    SendLabel,
)
from batuta.returns.queries import returns_by_id
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import BUYER, Journey
from tests.making import fresh_id
from tests.ordering.test_commands import an_order

STAFF = "staff:eva"


async def delivered(journey: Journey, chairs: int, **changes: object) -> UUID:
    order_id = await journey.buy(("chair", chairs), **changes)  # type: ignore[arg-type]
    await journey.send(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    return order_id


async def announced(journey: Journey, order_id: UUID, units: int) -> Return:
    line = (await journey.order(order_id)).lines[0]
    wish = RequestReturn(
        id=fresh_id(), order_id=order_id, lines=(ReturnedUnits(order_line_id=line.id, quantity=units),), actor=BUYER
    )
    (made,) = await journey.do(request, requests=[wish])
    await journey.do(approve, approvals=[Approve(return_id=made.id, actor=STAFF)])
    await journey.do(send_labels, labels=[SendLabel(return_id=made.id, tracking_number="R1", actor=STAFF)])
    return await the_return(journey, made.id)


async def the_return(journey: Journey, return_id: UUID) -> Return:
    async with journey.engine.connect() as db:
        return (await returns_by_id(db, [return_id]))[return_id]


async def counted_in(journey: Journey, back: Return, units: int) -> None:
    came = ReceivedUnits(line_id=back.lines[0].id, quantity=units)
    north = journey.shop.locations["north"].id
    receipt = Receipt(id=fresh_id(), return_id=back.id, location_id=north, lines=(came,), actor=STAFF)
    await journey.do(receive, receipts=[receipt, receipt])


async def looked_at(journey: Journey, back: Return, grades: list[Grade]) -> None:
    looks = [
        GradeUnits(id=fresh_id(), return_id=back.id, line_id=back.lines[0].id, grade=one, quantity=1, actor=STAFF)
        for one in grades
    ]
    await journey.do(grade, gradings=looks)


async def on_hand(journey: Journey, name: str) -> dict[Condition, int]:
    async with journey.engine.connect() as db:
        levels = (await stock_of(db, [journey.shop.skus[name].id])).get(journey.shop.skus[name].id, [])
    found: dict[Condition, int] = {}
    for one in levels:
        if one.on_hand:
            found[one.condition] = found.get(one.condition, 0) + one.on_hand
    return found


async def refunds(journey: Journey, order_id: UUID) -> list[tuple[str, int]]:
    """By which means how much was given back, in the order in which it was asked for."""
    told = """
        SELECT p.method, e.amount_minor FROM payments.entry e JOIN payments.payment p ON p.id = e.payment_id
        WHERE e.order_id = :id AND e.kind = 'refund' ORDER BY e.happened_at, p.position DESC
    """
    async with journey.engine.connect() as db:
        return [(row.method, row.amount_minor) for row in await db.execute(text(told), {"id": order_id})]


async def test_two_of_three_come_back_and_their_stored_price_is_paid_back(open_shop: OpenShop) -> None:
    """RET-04, RET-05: three announced, two in the box; one is as new, one is an outlet's."""
    journey = await open_shop({"chair": {"north": 5}}, price_minor=333)
    order_id = await delivered(journey, 3, gross_minor=1_489)
    back = await announced(journey, order_id, 3)
    assert back.status is ReturnStatus.LABEL_SENT

    await counted_in(journey, back, 2)
    assert await on_hand(journey, "chair") == {Condition.SELLABLE: 2, Condition.QUARANTINE: 2}
    assert await journey.available("chair") == 2
    await looked_at(journey, back, [Grade.RESELL, Grade.OUTLET])
    await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=STAFF)])

    assert (await the_return(journey, back.id)).status is ReturnStatus.RESOLVED
    assert await on_hand(journey, "chair") == {Condition.SELLABLE: 3, Condition.DISPLAY: 1}
    order = await journey.order(order_id)
    assert (order.lines[0].buckets.delivered, order.lines[0].buckets.returned) == (3, 2)
    assert order.fulfillment is WhereGoodsAre.PARTLY_RETURNED
    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (1_489, 666, 823)
    told = await journey.told(order_id)
    assert told[:3] == ["order_placed", "order_shipped", "delivered"]
    assert sorted(told[3:]) == ["refunded", "return_received"]


async def test_what_is_scrap_leaves_the_stock(open_shop: OpenShop) -> None:
    """RET-05: grade D."""
    journey = await open_shop({"chair": {"north": 2}})
    order_id = await delivered(journey, 1, gross_minor=2_990)
    back = await announced(journey, order_id, 1)
    await counted_in(journey, back, 1)
    await looked_at(journey, back, [Grade.SCRAP])

    assert await on_hand(journey, "chair") == {Condition.SELLABLE: 1}


async def test_returns_of_one_unit_each_come_to_the_price_of_the_line(open_shop: OpenShop) -> None:
    """RET-04, golden test woocommerce/woocommerce #64668: never a cent more than was paid."""
    journey = await open_shop({"chair": {"north": 3}}, price_minor=2_390)
    line = PlaceLine(sku_code=journey.shop.skus["chair"].code, quantity=3, discount_minor=1_000)
    total = 3 * 2_390 - 1_000 + 490
    means = [Means(method="card", amount_minor=total, token="tok_visa")]
    asked = an_order(journey.shop, lines=[line], placed_at=journey.now, means=means)
    await journey.do(place, orders=[asked])
    await journey.send(asked.id)
    await journey.carrier_says(asked.id, "delivered", journey.now)

    for _ in range(3):
        back = await announced(journey, asked.id, 1)
        await counted_in(journey, back, 1)
        await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=STAFF)])

    assert (await journey.money(asked.id)).refunded_minor == total - 490
    order = await journey.order(asked.id)
    assert order.fulfillment is WhereGoodsAre.RETURNED
    (too_many,) = await journey.ask(request, requests=[_wish(order.id, order.lines[0].id, 1)])
    assert isinstance(too_many, NotReturnable)


def _wish(order_id: UUID, line_id: UUID, units: int) -> RequestReturn:
    lines = (ReturnedUnits(order_line_id=line_id, quantity=units),)
    return RequestReturn(id=fresh_id(), order_id=order_id, lines=lines, actor=BUYER)


async def test_the_money_may_go_back_before_the_goods_arrive(open_shop: OpenShop) -> None:
    """RET-10: neither waits for the other, and neither is done twice."""
    journey = await open_shop({"chair": {"north": 2}})
    order_id = await delivered(journey, 2, gross_minor=5_490)
    line = (await journey.order(order_id)).lines[0]
    wish = _wish(order_id, line.id, 2)
    (back,) = await journey.do(request, requests=[wish])
    at_once = Resolve(id=fresh_id(), return_id=back.id, actor=STAFF, shipping_minor=490)
    (too_soon,) = await journey.ask(resolve, resolutions=[at_once])
    assert isinstance(too_soon, NotApproved)
    await journey.do(approve, approvals=[Approve(return_id=back.id, actor=STAFF)])

    await journey.do(resolve, resolutions=[at_once, at_once])
    assert (await journey.money(order_id)).refunded_minor == 5_490
    assert (await journey.order(order_id)).lines[0].buckets.returned == 0
    await counted_in(journey, back, 2)
    await looked_at(journey, back, [Grade.RESELL, Grade.QUARANTINE])

    assert (await the_return(journey, back.id)).status is ReturnStatus.RESOLVED
    assert (await journey.money(order_id)).refunded_minor == 5_490
    again = Resolve(id=fresh_id(), return_id=back.id, actor=STAFF)
    refused = await journey.ask(resolve, resolutions=[again, again])
    assert [type(one) for one in refused] == [NothingToRefund, NothingToRefund]


async def test_a_receipt_that_is_refused_is_refused_as_often_as_it_is_sent(open_shop: OpenShop) -> None:
    """RET-05: in one batch too."""
    journey = await open_shop({"chair": {"north": 1}})
    order_id = await delivered(journey, 1, gross_minor=2_990)
    back = await announced(journey, order_id, 1)
    came = (ReceivedUnits(line_id=back.lines[0].id, quantity=1),)
    nowhere = Receipt(id=fresh_id(), return_id=back.id, location_id=fresh_id(), lines=came, actor=STAFF)

    refused = await journey.ask(receive, receipts=[nowhere, nowhere])

    assert [type(one) for one in refused] == [UnknownLocation, UnknownLocation]
    assert (await the_return(journey, back.id)).lines[0].received == 0


@pytest.mark.parametrize(("units", "given_back"), [(1, [("card", 2_000), ("voucher", 500)]), (2, None)])
async def test_what_was_captured_last_is_given_back_first(
    open_shop: OpenShop, units: int, given_back: list[tuple[str, int]] | None
) -> None:
    """PAY-06, I-10, golden test vendurehq/vendure #1753: the voucher was taken at once, the card at hand-over."""
    journey = await open_shop({"chair": {"north": 2}})
    means = [
        Means(method="voucher", amount_minor=3_490, token="tok_gift", captures_at_once=True),
        Means(method="card", amount_minor=2_000, token="tok_visa"),
    ]
    order_id = await delivered(journey, 2, gross_minor=5_490, means=means)
    back = await announced(journey, order_id, units)
    await counted_in(journey, back, units)
    await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=STAFF)])

    assert sorted(await refunds(journey, order_id)) == (given_back or [("card", 2_000), ("voucher", 3_000)])


async def test_a_box_that_nobody_announced_is_taken_and_paid_back(open_shop: OpenShop) -> None:
    """RET-06: found by its order; more came than was sent, and the delivered quantity is not made negative."""
    journey = await open_shop({"chair": {"north": 2}})
    order_id = await delivered(journey, 1, gross_minor=2_990)
    line = (await journey.order(order_id)).lines[0]
    blind = BlindReceipt(
        id=fresh_id(),
        location_id=journey.shop.locations["north"].id,
        lines=(BlindUnits(quantity=2, order_line_id=line.id, sku_id=journey.shop.skus["chair"].id),),
        actor=STAFF,
        order_id=order_id,
    )
    await journey.do(receive_blind, receipts=[blind, blind])
    await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=blind.id, actor=STAFF)])

    buckets = (await journey.order(order_id)).lines[0].buckets
    assert (buckets.delivered, buckets.returned) == (1, 1)
    assert (await journey.money(order_id)).refunded_minor == 2_500
    assert await on_hand(journey, "chair") == {Condition.SELLABLE: 1, Condition.QUARANTINE: 2}


async def test_a_box_that_belongs_to_nobody_is_taken_all_the_same(open_shop: OpenShop) -> None:
    """RET-06: never refused at the dock."""
    journey = await open_shop({"chair": {"north": 1}})
    sku_id = journey.shop.skus["chair"].id
    blind = BlindReceipt(
        id=fresh_id(),
        location_id=journey.shop.locations["north"].id,
        lines=(
            BlindUnits(quantity=1, sku_id=sku_id, worth_minor=2_500),
            BlindUnits(quantity=1, note="a red lamp of another shop"),
        ),
        actor=STAFF,
        order_id=fresh_id(),
        currency="EUR",
        customer_id=journey.shop.customer_id,
    )
    await journey.do(receive_blind, receipts=[blind])

    assert (await the_return(journey, blind.id)).order_id is None
    assert await on_hand(journey, "chair") == {Condition.SELLABLE: 1, Condition.QUARANTINE: 1}
    named = RefundUnits(line_id=(await the_return(journey, blind.id)).lines[0].id, quantity=1)
    await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=blind.id, actor=STAFF, lines=(named,))])
    assert "returns.refund_due" in await journey.facts(blind.id)
