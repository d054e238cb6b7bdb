"""Money: asked for when the order is placed, taken when the goods leave, given back when they do not or return."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.events import Collected, HandedOver
from batuta.kernel.ids import child_id
from batuta.ordering.commands import EndHold, accept_ready, add_holds, end_holds
from batuta.ordering.commands.holding import is_covered
from batuta.ordering.domain import HoldKind, NewHold, Order, Share, Stage
from batuta.ordering.events import (
    OrderAdjusted,
    OrderCancelled,
    OrderCompleted,
    OrderExpired,
    OrderPlaced,
    UnitsCancelled,
)
from batuta.ordering.queries import holds_on, orders_by_id
from batuta.payments import commands as payments
from batuta.payments.domain import CaptureRequest, Due, RefundRequest, VoidRequest
from batuta.payments.events import (
    AuthorisationExpired,
    CaptureFailed,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentNotNeeded,
)
from batuta.payments.queries import balances, books_of
from batuta.plumbing.database import Connection
from batuta.returns.events import RefundDue

ACTOR = "system:score"


async def request_authorisation(db: Connection, events: Sequence[OrderPlaced], now: datetime) -> None:
    """Ask for the money of placed orders."""
    await payments.request_authorisation(db, order_ids=[one.stream for one in events], now=now)


async def accept_paid(db: Connection, events: Sequence[PaymentAuthorised | PaymentNotNeeded], now: datetime) -> None:
    """Accept orders whose money is there; what held them for want of it ends."""
    order_ids = {one.stream for one in events}
    held = order_ids.difference(await accept_ready(db, order_ids=list(order_ids), now=now))
    if held and await _end_holds_for_money(db, held, now=now):
        await accept_ready(db, order_ids=list(held), now=now)


async def _end_holds_for_money(db: Connection, order_ids: Collection[UUID], *, now: datetime) -> bool:
    """Whether there were any."""
    waiting = [
        hold
        for found in (await holds_on(db, order_ids, Stage.SOURCE)).values()
        for hold in found
        if hold.kind is HoldKind.PAYMENT and hold.actor == ACTOR
    ]
    if not waiting:
        return False
    money = await balances(db, [hold.order_id for hold in waiting])
    ends = [
        EndHold(hold_id=hold.id, actor=ACTOR, reason="the money is there")
        for hold in waiting
        if is_covered(money.get(hold.order_id))
    ]
    await end_holds(db, ends=ends, now=now)
    return bool(ends)


async def hold_for_payment(
    db: Connection, events: Sequence[PaymentDeclined | AuthorisationExpired], now: datetime
) -> None:
    """Nothing ships on money that is not held (PAY-04); a declined renewal still has its old authorisation."""
    serious = [one for one in events if isinstance(one, AuthorisationExpired) or not one.is_renewal]
    holds = [
        NewHold(
            id=child_id(one.payment_id, "hold", one.happened_at.isoformat()),
            order_id=one.stream,
            kind=HoldKind.PAYMENT,
            reason=one.reason if isinstance(one, PaymentDeclined) else "the authorisation expired",
            actor=ACTOR,
        )
        for one in serious
    ]
    await add_holds(db, holds=holds, now=now)


async def hold_for_capture(db: Connection, events: Sequence[CaptureFailed], now: datetime) -> None:
    """The goods have left and the money did not come: nothing more leaves until a person has looked."""
    holds = [
        NewHold(
            id=child_id(one.stream, "hold", "capture", one.cause_id),
            order_id=one.stream,
            kind=HoldKind.PAYMENT,
            reason=f"capture failed: {one.reason}",
            actor=ACTOR,
            blocks=Stage.SHIP,
        )
        for one in events
    ]
    await add_holds(db, holds=holds, now=now)


async def capture_what_left(db: Connection, events: Sequence[HandedOver | Collected], now: datetime) -> None:
    """Take the worth of what left; shipping goes with the first package, the last takes what remains (PAY-02)."""
    orders = await orders_by_id(db, [one.stream for one in events])
    later: dict[UUID, int] = defaultdict(int)
    captures: list[CaptureRequest] = []
    for one in reversed(events):
        order = orders[one.stream]
        units = {line.line_id: line.quantity for line in one.lines}
        captures.append(
            CaptureRequest(
                order_id=order.id,
                cause_id=_cause(one),
                amount_minor=_worth(order, units, later),
                is_last=_is_whole(order) and not any(later[line.id] for line in order.lines),
            )
        )
        for line_id, quantity in units.items():
            later[line_id] += quantity
    await payments.request_capture(db, captures=captures[::-1], now=now)


def _cause(one: HandedOver | Collected) -> UUID:
    parcels = sorted(one.parcel_ids) if isinstance(one, HandedOver) else []
    return child_id(one.fulfillment_order_id, "left", *parcels)


def _worth(order: Order, units: Mapping[UUID, int], later: Mapping[UUID, int]) -> int:
    """What these units are worth, of lines of which `later` units left after them."""
    worth, before = 0, 0
    for line in order.lines:
        past = line.buckets.shipped + line.buckets.delivered - later[line.id]
        first = past - units.get(line.id, 0)
        worth += line.worth_minor(Share(first, past)) if past > first else 0
        before += first if line.is_shipped else 0
    return worth + (0 if before else order.shipping_minor)


def _is_whole(order: Order) -> bool:
    return all(line.buckets.waiting + line.buckets.in_work == 0 for line in order.lines if line.is_shipped)


async def capture_what_is_owed(db: Connection, events: Sequence[OrderCompleted], now: datetime) -> None:
    """Take what no package took: services bought alone, and what was collected at the counter at this very moment."""
    money = await balances(db, [one.stream for one in events])
    captures = [
        CaptureRequest(order_id=balance.order_id, cause_id=balance.order_id, amount_minor=0, is_last=True)
        for balance in money.values()
        if balance.due_minor > balance.paid_minor
    ]
    await payments.request_capture(db, captures=captures, now=now)


async def give_back_surplus(db: Connection, events: Sequence[UnitsCancelled], now: datetime) -> None:
    """What was paid for units that will not come goes back."""
    wishes = [_refund(one.stream, one.cause_id, one.amount_minor, one.reason) for one in events]
    await _give_back(db, wishes, now=now)


async def give_back_overpaid(db: Connection, events: Sequence[PaymentCaptured], now: datetime) -> None:
    """What was taken for more than is due goes back: units were cancelled, or cost less, before they were paid."""
    wishes = []
    for one in events:
        over = min(one.amount_minor, one.paid_minor - one.due_minor)
        cause_id = child_id(one.payment_id, "overpaid", one.cause_id)
        wishes.append(_refund(one.stream, cause_id, over, "paid more than is due"))
    await _give_back(db, wishes, now=now)


async def give_back_adjusted(db: Connection, events: Sequence[OrderAdjusted], now: datetime) -> None:
    """What was paid for more than is due since goods cost less goes back."""
    wishes = [_refund(one.stream, one.cause_id, -one.amount_minor, one.name) for one in events if one.cause_id]
    await _give_back(db, wishes, now=now)


def _refund(order_id: UUID, cause_id: UUID, amount_minor: int, reason: str) -> RefundRequest:
    return RefundRequest(order_id=order_id, cause_id=cause_id, amount_minor=amount_minor, reason=reason)


async def _give_back(db: Connection, wishes: Sequence[RefundRequest], *, now: datetime) -> None:
    """Refund what is wished, but only what was paid for more than is due and is not on its way back already."""
    wishes = [one for one in wishes if one.amount_minor > 0]
    books = await books_of(db, list({one.order_id for one in wishes}))
    owed = {order_id: book.surplus_minor() for order_id, book in books.items()}
    refunds = []
    for one in wishes:
        amount = min(one.amount_minor, owed.get(one.order_id, 0))
        if amount:
            owed[one.order_id] -= amount
            refunds.append(msgspec.structs.replace(one, amount_minor=amount))
    await payments.request_refund(db, refunds=refunds, now=now)


async def release_held_money(
    db: Connection, events: Sequence[OrderCancelled | OrderExpired | OrderCompleted], now: datetime
) -> None:
    """Nothing more will be taken: what is still held is let go."""
    voids = [VoidRequest(order_id=one.stream, cause_id=one.stream) for one in events]
    await payments.request_void(db, voids=voids, now=now)


async def refund_return(db: Connection, events: Sequence[RefundDue], now: datetime) -> None:
    """A return is credited and its money given back; the goods and the money each point to the return (RET-10)."""
    orders = await orders_by_id(db, [one.stream for one in events])
    known = [one for one in events if one.stream in orders]
    dues = [
        Due(
            order_id=one.stream,
            amount_minor=-one.amount_minor,
            currency=orders[one.stream].currency,
            cause_id=one.cause_id,
        )
        for one in known
    ]
    await payments.record_due(db, dues=dues, now=now)
    refunds = [
        RefundRequest(order_id=one.stream, cause_id=one.cause_id, amount_minor=one.amount_minor, reason="return")
        for one in known
    ]
    await payments.request_refund(db, refunds=refunds, now=now)
