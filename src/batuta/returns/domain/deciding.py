"""The decisions about a return."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.kernel.quantities import QUANTITY_MAX
from batuta.kernel.states import move
from batuta.ordering.domain import Share, value_of
from batuta.returns.domain.requests import (
    BlindReceipt,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RequestReturn,
    Resolve,
)
from batuta.returns.domain.returns import (
    RETURN_MOVES,
    BadRefund,
    Component,
    Graded,
    MoreThanPaid,
    MoreThanReceived,
    NotApproved,
    NothingToRefund,
    NotReturnable,
    Refund,
    RefundedLine,
    Return,
    ReturnLine,
    ReturnStatus,
    TooManyUnits,
    UnknownOrder,
    UnknownReturnLine,
)

_IS = ReturnStatus
NOTHING_CAME = {_IS.REQUESTED, _IS.APPROVED, _IS.LABEL_SENT, _IS.IN_TRANSIT}


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an order line.

    returnable: units delivered and not booked as returned. is_final: made for its buyer, and taken back only if
    something is wrong with it. coming: units that open returns wait for.
    paid_minor: for its units that are not cancelled. refunded, refunded_minor: units for which returns gave money back,
    and how much.
    """

    line_id: UUID
    sku_id: UUID
    quantity: int
    components: tuple[Component, ...]
    is_tracked: bool
    paid_minor: int
    returnable: int
    coming: int = 0
    refunded: int = 0
    refunded_minor: int = 0
    cancelled: int = 0
    is_final: bool = False


class SoldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an order. shipping_minor: paid for shipping and not given back by a return."""

    id: UUID
    customer_id: UUID | None
    currency: str
    shipping_minor: int
    lines: Mapping[UUID, Sold]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A return after goods arrived. arrived: units by line. counted: of those, booked as returned on the order."""

    after: Return
    arrived: Mapping[UUID, int]
    counted: Mapping[UUID, int]


def decide_request(request: RequestReturn, order: SoldOrder) -> Return:
    """Announce units that were delivered and are not already coming back.

    Raises:
        UnknownOrder: it has no such line. NotReturnable: with how many are left.
    """
    wanted: dict[UUID, int] = {}
    for line in request.lines:
        wanted[line.order_line_id] = wanted.get(line.order_line_id, 0) + line.quantity
    for line_id, quantity in wanted.items():
        sold = order.lines.get(line_id)
        if sold is None:
            raise UnknownOrder("the order has no such line", order_id=str(order.id), line_id=str(line_id))
        if sold.is_final and not request.is_faulty:
            raise NotReturnable(
                "it was made for its buyer, and is taken back if something is wrong with it",
                line_id=str(line_id),
                asked=quantity,
                left=0,
            )
        left = sold.returnable - sold.coming
        if quantity > left:
            raise NotReturnable(
                f"only {max(0, left)} units can come back", line_id=str(line_id), asked=quantity, left=max(0, left)
            )
    reasons = {line.order_line_id: line.reason for line in request.lines}
    return Return(
        id=request.id,
        status=_IS.REQUESTED,
        currency=order.currency,
        order_id=order.id,
        customer_id=order.customer_id,
        expires_at=request.expires_at,
        lines=tuple(
            _line(order.lines[line_id], child_id(request.id, line_id), quantity, reasons[line_id])
            for line_id, quantity in wanted.items()
        ),
    )


def _line(sold: Sold, id_: UUID, quantity: int, reason: str) -> ReturnLine:
    return ReturnLine(
        id=id_,
        order_line_id=sold.line_id,
        sku_id=sold.sku_id,
        quantity=quantity,
        components=sold.components,
        is_tracked=sold.is_tracked,
        reason=reason,
    )


def decide_status(present: Return, wanted: ReturnStatus) -> Return:
    """Move a return on its way; one that is further than that stays where it is.

    Raises:
        IllegalMove.
    """
    order = [_IS.REQUESTED, _IS.APPROVED, _IS.LABEL_SENT, _IS.IN_TRANSIT, _IS.RECEIVED, _IS.GRADED, _IS.RESOLVED]
    if wanted in order and present.status in order and order.index(present.status) > order.index(wanted):
        return present
    return msgspec.structs.replace(present, status=move(RETURN_MOVES, present.status, wanted))


def decide_receipt(present: Return, receipt: Receipt, order: SoldOrder | None, tracked: Mapping[UUID, bool]) -> Arrival:
    """Count what arrived: announced or not, the right thing or not, more or less than expected (RET-05).

    tracked: the SKUs that are known, and whether stock is kept of them. Of an order's units no more are booked as
    returned than were delivered and not returned; the surplus is received all the same.
    """
    lines = {line.id: line for line in present.lines}
    arrived: dict[UUID, int] = {}
    for position, units in enumerate(receipt.lines):
        line_id = units.line_id if units.line_id in lines else None
        if line_id is None:
            extra = _extra(child_id(receipt.id, position), units, tracked)
            lines[extra.id] = extra
            line_id = extra.id
        arrived[line_id] = arrived.get(line_id, 0) + units.quantity
    located = msgspec.structs.replace(
        present,
        status=move(RETURN_MOVES, present.status, _IS.RECEIVED),
        lines=tuple(lines.values()),
        location_id=present.location_id or receipt.location_id,
    )
    return _arrived(located, arrived, order)


def _extra(id_: UUID, units: ReceivedUnits, tracked: Mapping[UUID, bool]) -> ReturnLine:
    return ReturnLine(
        id=id_,
        sku_id=units.sku_id,
        quantity=0,
        components=(Component(units.sku_id, 1),) if units.sku_id else (),
        is_tracked=bool(units.sku_id and tracked[units.sku_id]),
        note=units.note,
    )


def decide_blind(receipt: BlindReceipt, order: SoldOrder | None, tracked: Mapping[UUID, bool]) -> Arrival:
    """Receive what nobody announced; what is known of its order is linked, the rest is not (RET-06)."""
    lines: list[ReturnLine] = []
    arrived: dict[UUID, int] = {}
    for position, units in enumerate(receipt.lines):
        id_ = child_id(receipt.id, position)
        sold = order.lines.get(units.order_line_id) if order and units.order_line_id else None
        if sold:
            line = _line(sold, id_, 0, units.reason)
        else:
            line = ReturnLine(
                id=id_,
                sku_id=units.sku_id,
                quantity=0,
                components=(Component(units.sku_id, 1),) if units.sku_id else (),
                is_tracked=bool(units.sku_id and tracked[units.sku_id]),
                reason=units.reason,
                note=units.note,
                worth_minor=units.worth_minor,
            )
        lines.append(line)
        arrived[id_] = units.quantity
    blind = Return(
        id=receipt.id,
        status=_IS.RECEIVED,
        currency=order.currency if order else receipt.currency,
        order_id=order.id if order else None,
        customer_id=receipt.customer_id or (order.customer_id if order else None),
        location_id=receipt.location_id,
        lines=tuple(lines),
    )
    return _arrived(blind, arrived, order)


def _arrived(present: Return, arrived: Mapping[UUID, int], order: SoldOrder | None) -> Arrival:
    left = {line_id: sold.returnable for line_id, sold in order.lines.items()} if order else {}
    counted: dict[UUID, int] = {}
    for line in present.lines:
        if line.order_line_id in left and arrived.get(line.id):
            counted[line.id] = min(arrived[line.id], left[line.order_line_id])
            left[line.order_line_id] -= counted[line.id]
    lines = tuple(
        msgspec.structs.replace(
            line,
            received=line.received + arrived.get(line.id, 0),
            counted=line.counted + counted.get(line.id, 0),
        )
        for line in present.lines
    )
    if any(line.received > QUANTITY_MAX for line in lines):
        raise TooManyUnits("nobody counts that many units of a line", most=QUANTITY_MAX)
    return Arrival(
        after=msgspec.structs.replace(present, lines=lines),
        arrived=dict(arrived),
        counted={line_id: units for line_id, units in counted.items() if units},
    )


def decide_grade(present: Return, request: GradeUnits) -> Return:
    """Grade units that were received; with the last one the return is graded.

    Raises:
        UnknownReturnLine. MoreThanReceived: with how many are left to grade.
    """
    line = _line_of(present, request.line_id)
    if any(one.id == request.id for one in line.gradings):
        return present
    left = line.received - line.graded
    if request.quantity > left:
        raise MoreThanReceived(f"{left} units are left to grade", line_id=str(line.id), left=left)
    graded = Graded(id=request.id, line_id=line.id, grade=request.grade, quantity=request.quantity, note=request.note)
    line = msgspec.structs.replace(line, gradings=(*line.gradings, graded))
    after = _with(present, {line.id: line})
    if all(one.graded == one.received for one in after.lines):
        after = msgspec.structs.replace(after, status=move(RETURN_MOVES, after.status, _IS.GRADED))
    return settled(after)


def decide_refund(present: Return, request: Resolve, order: SoldOrder | None) -> tuple[Return, Refund]:
    """Say what is given back, out of what was paid, whether or not the goods have come (RET-04, RET-10).

    Raises:
        NotApproved. NothingToRefund. UnknownReturnLine. MoreThanPaid. BadRefund.
    """
    if present.status in {_IS.REQUESTED, _IS.CANCELLED, _IS.EXPIRED}:
        raise NotApproved("nobody has approved the return", return_id=str(present.id), status=str(present.status))
    units = _units_to_refund(present, request)
    before = {line_id: (sold.refunded, sold.refunded_minor) for line_id, sold in order.lines.items()} if order else {}
    refunded: dict[UUID, ReturnLine] = {}
    lines: list[RefundedLine] = []
    for line_id, quantity in units.items():
        line = _line_of(present, line_id)
        sold = order.lines.get(line.order_line_id) if order and line.order_line_id else None
        amount_minor = _amount(line, quantity, sold, before)
        lines.append(
            RefundedLine(
                return_line_id=line.id, order_line_id=line.order_line_id, quantity=quantity, amount_minor=amount_minor
            )
        )
        refunded[line.id] = msgspec.structs.replace(
            line, refunded=line.refunded + quantity, refund_minor=line.refund_minor + amount_minor
        )
    refund = Refund(
        id=request.id,
        return_id=present.id,
        order_id=present.order_id,
        currency=present.currency,
        amount_minor=_total(request, lines, order),
        lines=tuple(lines),
        shipping_minor=request.shipping_minor,
        fee_minor=request.fee_minor,
        reason=request.reason,
    )
    return settled(_with(present, refunded)), refund


def _units_to_refund(present: Return, request: Resolve) -> dict[UUID, int]:
    if request.lines is None:
        units = {line.id: owed(present, line) - line.refunded for line in present.lines}
        units = {line_id: quantity for line_id, quantity in units.items() if quantity > 0}
    else:
        units = {}
        for one in request.lines:
            units[one.line_id] = units.get(one.line_id, 0) + one.quantity
    if not units and not request.shipping_minor:
        raise NothingToRefund("every unit has been refunded", return_id=str(present.id))
    return units


def _amount(line: ReturnLine, quantity: int, sold: Sold | None, before: dict[UUID, tuple[int, int]]) -> int:
    """What the next units are worth; of an order line, what is not given back yet of what all up to them are worth.

    So the last unit takes the rest, also when what was paid has become another amount between two refunds.
    """
    left = line.expected - line.refunded
    if quantity > left:
        raise MoreThanPaid(f"{left} units of the line are not refunded", line_id=str(line.id), left=left)
    if sold is None:
        return value_of(line.worth_minor, line.expected, Share(line.refunded, line.refunded + quantity))
    (units, minor), paid = before[sold.line_id], sold.quantity - sold.cancelled
    if quantity > paid - units:
        left = max(0, paid - units)
        raise MoreThanPaid(f"{left} units were paid for and not refunded", line_id=str(line.id), left=left)
    amount_minor = max(0, value_of(sold.paid_minor, paid, Share(0, units + quantity)) - minor)
    before[sold.line_id] = (units + quantity, minor + amount_minor)
    return amount_minor


def _total(request: Resolve, lines: list[RefundedLine], order: SoldOrder | None) -> int:
    shipping_left = order.shipping_minor if order else 0
    if request.shipping_minor > shipping_left:
        raise MoreThanPaid("less was paid for shipping, or it was given back", left_minor=shipping_left)
    total = sum(line.amount_minor for line in lines) + request.shipping_minor - request.fee_minor
    if total < 0:
        raise BadRefund("the fee is more than what is given back", fee_minor=request.fee_minor)
    return total


def owed(present: Return, line: ReturnLine) -> int:
    """Units that money is owed for: those announced while nothing has come, and then those that did come."""
    if present.status in NOTHING_CAME:
        return line.quantity
    return line.counted if line.order_line_id else line.received


def still_coming(present: Return, line: ReturnLine) -> int:
    """Units of the order's line that cannot be announced again: on their way, or left with the customer."""
    if present.is_kept:
        return line.quantity
    is_waited_for = present.status in NOTHING_CAME or present.status is _IS.RECEIVED
    return max(0, line.quantity - line.received) if is_waited_for else 0


def followed(order: SoldOrder, before: Return | None, after: Return, *, shipping_minor: int = 0) -> SoldOrder:
    """What is known of the order once a return of it has become another."""
    lines = dict(order.lines)
    for sign, one in ((-1, before), (1, after)):
        for line in one.lines if one else ():
            sold = lines.get(line.order_line_id) if line.order_line_id else None
            if one and sold:
                lines[sold.line_id] = msgspec.structs.replace(
                    sold,
                    returnable=sold.returnable - sign * line.counted,
                    coming=sold.coming + sign * still_coming(one, line),
                    refunded=sold.refunded + sign * line.refunded,
                    refunded_minor=sold.refunded_minor + sign * line.refund_minor,
                )
    return msgspec.structs.replace(order, lines=lines, shipping_minor=order.shipping_minor - shipping_minor)


def settled(present: Return) -> Return:
    """Resolved, once nothing is left to grade and every unit has its money; or kept goods, once they have theirs."""
    is_refunded = all(line.refunded >= owed(present, line) for line in present.lines)
    is_ready = present.status is _IS.GRADED or (present.is_kept and present.status is _IS.APPROVED)
    if not (is_refunded and is_ready):
        return present
    return msgspec.structs.replace(present, status=move(RETURN_MOVES, present.status, _IS.RESOLVED))


def decide_expiry(present: Return, *, now: datetime) -> Return:
    """Stop waiting for goods that were announced and not sent in time."""
    is_waiting = present.status in {_IS.REQUESTED, _IS.APPROVED, _IS.LABEL_SENT}
    if not is_waiting or present.expires_at is None or present.expires_at > now:
        return present
    return msgspec.structs.replace(present, status=_IS.EXPIRED)


def _line_of(present: Return, line_id: UUID) -> ReturnLine:
    for line in present.lines:
        if line.id == line_id:
            return line
    raise UnknownReturnLine("the return has no such line", return_id=str(present.id), line_id=str(line_id))


def _with(present: Return, lines: Mapping[UUID, ReturnLine]) -> Return:
    return msgspec.structs.replace(present, lines=tuple(lines.get(line.id, line) for line in present.lines))
