"""Money that is promised for a while only: renewed in time, or nothing leaves (PAY-04, I-12)."""

from datetime import datetime, timedelta
from uuid import UUID

from batuta.fulfillment.commands import accept, collect, dispatch, hand_over, pack, ready_for_pickup, reject
from batuta.fulfillment.domain import (
    Accept,
    Collect,
    Dispatch,
    FulfillmentStatus,
    HandOver,
    MakeReady,
    OrderHeld,
    Pack,
    Reject,
    RejectionReason,
)
from batuta.ordering.commands import EndHold, add_holds, end_holds
from batuta.ordering.domain import HoldKind, Means, Method, NewHold, OrderStatus, Stage
from batuta.payments.adapters.test_provider import TestProvider
from batuta.payments.commands import open_payments, request_authorisation, take_webhook
from batuta.payments.domain import CaptureMoment, NewPayment, PaymentView
from batuta.payments.domain import Method as MeansKind
from batuta.payments.queries import payments_of
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.making import fresh_id

MANAGER = "staff:manager"


async def payments(journey: Journey, order_id: UUID) -> list[PaymentView]:
    async with journey.engine.connect() as db:
        found = (await payments_of(db, [order_id]))[order_id]
    return sorted(found, key=lambda one: one.payment.renews_id is not None)


async def bank_says(journey: Journey, payment_id: UUID, *, is_approved: bool) -> None:
    provider = TestProvider(journey.engine)
    await provider.decide(payment_id, is_approved=is_approved, at=journey.now)
    for body, headers in await provider.webhooks([payment_id], sent_at=journey.now):
        await take_webhook(journey.engine, provider="test", body=body, headers=headers, now=journey.now)
    await journey.pass_time(seconds=1)


async def renewal_declined(journey: Journey) -> UUID:
    """An order, packed, whose bank said yes at first and no when it was asked again."""
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, token="tok_pending")
    (first,) = await payments(journey, order_id)
    await bank_says(journey, first.payment.id, is_approved=True)
    await journey.prepare(order_id)
    await journey.pass_time(days=6)
    renewed = (await payments(journey, order_id))[-1]
    assert renewed.payment.renews_id == first.payment.id
    await bank_says(journey, renewed.payment.id, is_approved=False)
    return order_id


def leaving(work_id: UUID, despite_hold: str | None = None) -> HandOver:
    return HandOver(fulfillment_order_id=work_id, actor=MANAGER, despite_hold=despite_hold)


async def test_what_ships_late_is_paid_by_the_renewed_authorisation(journey: Journey) -> None:
    """PAY-04: at 80 % of its seven days the money is asked for again, and the old hold is let go."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    await journey.prepare(order_id)
    await journey.pass_time(days=6)
    old, new = await payments(journey, order_id)
    assert (old.sums.held_minor, new.sums.held_minor) == (0, 5_490)
    await journey.pass_time(days=2)
    assert await journey.holds(order_id) == []

    (work_id,) = await journey.ids(order_id, FulfillmentStatus.PACKED)
    await journey.do(hand_over, handovers=[leaving(work_id)])

    money = await journey.money(order_id)
    assert (money.captured_minor, money.held_minor, money.due_minor) == (5_490, 0, 5_490)


async def test_a_declined_renewal_stops_the_parcel_at_the_door_when_the_old_money_is_gone(journey: Journey) -> None:
    """PAY-04: nothing leaves on money that nobody holds."""
    order_id = await renewal_declined(journey)
    assert await journey.holds(order_id) == []
    await journey.pass_time(days=1)
    assert await journey.holds(order_id) == [HoldKind.PAYMENT]

    (work_id,) = await journey.ids(order_id, FulfillmentStatus.PACKED)
    (refused,) = await journey.ask(hand_over, handovers=[leaving(work_id)])
    (at_once,) = await journey.ask(dispatch, dispatches=[Dispatch(fulfillment_order_id=work_id, actor=MANAGER)])

    assert isinstance(refused, OrderHeld)
    assert refused.code == "order_held"
    assert "payment" in str(refused.facts["holds"])
    assert isinstance(at_once, OrderHeld)
    assert (await journey.money(order_id)).captured_minor == 0
    assert await journey.ids(order_id, FulfillmentStatus.PACKED) == [work_id]


async def test_somebody_may_let_it_leave_and_answers_for_it(journey: Journey) -> None:
    """PAY-04: an explicit override, kept with its reason and its actor; the missing money holds the order on."""
    order_id = await renewal_declined(journey)
    await journey.pass_time(days=1)
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.PACKED)

    await journey.do(hand_over, handovers=[leaving(work_id, "she pays by bank transfer")])

    async with journey.engine.connect() as db:
        (left,) = [
            fact for fact in (await facts_of(db, [order_id]))[order_id] if fact.name == "fulfillment.handed_over"
        ]
    assert (left.actor, left.data["despite_hold"]) == (MANAGER, "she pays by bank transfer")
    assert (await journey.money(order_id)).paid_minor == 0
    assert HoldKind.PAYMENT in await journey.holds(order_id)


async def test_a_customer_who_pays_by_another_card_sets_the_order_free(journey: Journey) -> None:
    """PAY-04, PAY-05: the hold was for want of money, and ends with it; nobody has to remember."""
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, token="tok_declined")
    assert await journey.holds(order_id) == [HoldKind.PAYMENT]
    other = NewPayment(
        id=fresh_id(),
        order_id=order_id,
        position=2,
        method=MeansKind.CARD,
        provider="test",
        currency="EUR",
        amount_minor=2_990,
        token="tok_mastercard",
        capture_moment=CaptureMoment.AT_HANDOVER,
    )
    await journey.do(open_payments, payments=[other])
    await journey.do(request_authorisation, order_ids=[order_id])

    assert await journey.holds(order_id) == []
    await journey.send(order_id)
    assert (await journey.money(order_id)).captured_minor == 2_990


async def test_another_card_does_not_end_what_a_person_has_held(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, token="tok_pending")
    hold = NewHold(id=fresh_id(), order_id=order_id, kind=HoldKind.PAYMENT, reason="looks odd", actor=MANAGER)
    await journey.do(add_holds_of_one, holds=[hold])
    (payment,) = await payments(journey, order_id)

    await bank_says(journey, payment.payment.id, is_approved=True)

    assert await journey.holds(order_id) == [HoldKind.PAYMENT]
    assert (await journey.order(order_id)).status is OrderStatus.PLACED


async def add_holds_of_one(db: Connection, *, holds: list[NewHold], now: datetime) -> list[None]:
    """Place holds; the command itself answers nothing."""
    await add_holds(db, holds=holds, now=now)
    return [None]


async def test_a_held_order_is_not_given_over_the_counter(open_shop: OpenShop) -> None:
    """FUL-11, PAY-04: a review that begins while the goods wait; once it is released the same code opens."""
    journey = await open_shop({"chair": {"north": 1}})
    north = journey.shop.locations["north"].code
    order_id = await journey.buy(("chair", 1), gross_minor=2_500, method=Method.PICKUP, pickup_location_code=north)
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=work_id, actor=SELLER)])
    until_at = journey.now + timedelta(days=3)
    waiting = MakeReady(fulfillment_order_id=work_id, code="K7M4", until_at=until_at, actor=SELLER)
    await journey.do(ready_for_pickup, pickups=[waiting])
    hold = NewHold(
        id=fresh_id(), order_id=order_id, kind=HoldKind.FRAUD, reason="stolen card?", actor=MANAGER, blocks=Stage.SHIP
    )
    await journey.do(add_holds_of_one, holds=[hold])
    wanted = Collect(fulfillment_order_id=work_id, code="K7M4", actor=SELLER)

    (refused,) = await journey.ask(collect, collections=[wanted])
    assert isinstance(refused, OrderHeld)
    await journey.do(end_holds, ends=[EndHold(hold_id=hold.id, actor=MANAGER, reason="her own card")])
    await journey.do(collect, collections=[wanted])

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_what_waits_for_goods_does_not_stop_the_parcel_that_has_its_own(open_shop: OpenShop) -> None:
    """SRC-11: two units have a location, one has none any more; the two leave."""
    journey = await open_shop({"chair": {"north": 2, "south": 1}})
    order_id = await journey.buy(("chair", 3), gross_minor=7_990)
    one, two = sorted(await journey.work(order_id), key=lambda work: sum(line.quantity for line in work.lines))
    no = Reject(fulfillment_order_id=one.id, reason=RejectionReason.OUT_OF_STOCK, actor=SELLER)
    await journey.do(reject, rejections=[no])
    assert await journey.holds(order_id) == [HoldKind.BACKORDER]

    await journey.do(dispatch, dispatches=[Dispatch(fulfillment_order_id=two.id, actor=SELLER, label_format="zpl")])

    assert (await journey.order(order_id)).lines[0].buckets.shipped == 2


async def test_what_is_cancelled_before_it_is_paid_goes_back_once_it_is(journey: Journey) -> None:
    """PAY-02, PAY-06: a boleto is paid in full after one of two chairs was cancelled, when nothing was paid yet."""
    boleto = Means(method="boleto", amount_minor=5_490, token="tok_pending", captures_at_once=True)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490, means=[boleto])
    (line,) = (await journey.order(order_id)).lines
    await journey.cancel(order_id, (line.id, 1))
    before = await journey.money(order_id)
    (paying,) = await payments(journey, order_id)

    await bank_says(journey, paying.payment.id, is_approved=True)
    await journey.cancel(order_id)

    after = await journey.money(order_id)
    assert (before.due_minor, before.captured_minor, before.refunded_minor) == (2_990, 0, 0)
    assert (after.due_minor, after.captured_minor, after.refunded_minor) == (0, 5_490, 5_490)
    assert (await journey.facts(order_id)).count("payments.payment_refunded") == 2
