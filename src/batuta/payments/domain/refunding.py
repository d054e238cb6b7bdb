"""Refunding: giving captured money back, over as many payments as it takes."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.ids import child_id
from batuta.payments.domain.books import Book
from batuta.payments.domain.facts import FactKind
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus, Request, RequestKind


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An amount to give back; it goes with a credit (a negative due), or the order will be found owing.

    cause_id: the return or cancellation; asked again, it changes nothing.
    """

    order_id: UUID
    cause_id: UUID
    amount_minor: int
    reason: str


class RefundRequested(msgspec.Struct, frozen=True, kw_only=True):
    order_id: UUID
    cause_id: UUID
    instruction_ids: tuple[UUID, ...]
    amount_minor: int


class OverRefund(Refused):
    """More is to be refunded than was captured; nothing is refunded."""


def refund(book: Book, wanted: RefundRequest, *, now: datetime) -> RefundRequested | OverRefund:
    """Plan refunds in reverse order of capture, each payment up to what is left of it, the rest from the next (PAY-06).

    A capture that is still under way can be refunded too: that part waits until it is done.
    """
    earlier = book.request_of(RequestKind.REFUND, wanted.cause_id)
    if earlier is not None:
        return _answer(book, earlier)
    sources = _sources(book)
    refundable_minor = sum(amount_minor for _, amount_minor, _ in sources)
    if not 0 <= wanted.amount_minor <= refundable_minor:
        return _refuse(book, wanted, refundable_minor, now)

    request = Request(
        id=child_id(book.order_id, RequestKind.REFUND, wanted.cause_id),
        order_id=book.order_id,
        kind=RequestKind.REFUND,
        cause_id=wanted.cause_id,
        amount_minor=wanted.amount_minor,
        missing_minor=0,
        reason=wanted.reason,
    )
    book.ask(request)
    left_minor = wanted.amount_minor
    for payment_id, source_minor, collecting in sources:
        amount_minor = min(left_minor, source_minor)
        if amount_minor:
            book.instruct(_part(request, payment_id, amount_minor, collecting))
            left_minor -= amount_minor
    return _answer(book, request)


def _sources(book: Book) -> list[tuple[UUID, int, Instruction | None]]:
    """Where money can come back from: (payment, at most, the open capture to wait for), in the order of use."""
    payments = list(book.payments.values())
    payments.sort(key=lambda one: (book.sums_of(one.id).last_captured_at or _NEVER, one.position), reverse=True)
    captured = [(one.id, book.refundable_minor(one.id), None) for one in payments]
    coming = [
        (payment.id, book.refundable_after(collecting), collecting)
        for payment in payments
        for collecting in book.open_of(payment.id, InstructionKind.CAPTURE, InstructionKind.PAY)
    ]
    return [source for source in [*captured, *coming] if source[1] > 0]


_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _part(request: Request, payment_id: UUID, amount_minor: int, collecting: Instruction | None) -> Instruction:
    names = (collecting.id,) if collecting else ()
    return Instruction(
        id=child_id(payment_id, InstructionKind.REFUND, request.cause_id, *names),
        order_id=request.order_id,
        payment_id=payment_id,
        request_id=request.id,
        kind=InstructionKind.REFUND,
        amount_minor=amount_minor,
        cause_id=request.cause_id,
        status=InstructionStatus.WAITING if collecting else InstructionStatus.PENDING,
        after_id=collecting.id if collecting else None,
    )


def _refuse(book: Book, wanted: RefundRequest, refundable_minor: int, now: datetime) -> OverRefund:
    book.tell(
        FactKind.REFUND_FAILED, at=now, amount_minor=wanted.amount_minor, cause_id=wanted.cause_id, reason="over_refund"
    )
    return OverRefund(
        "more than was captured and is not yet refunded",
        order_id=book.order_id,
        cause_id=wanted.cause_id,
        amount_minor=wanted.amount_minor,
        refundable_minor=refundable_minor,
    )


def _answer(book: Book, request: Request) -> RefundRequested:
    parts = book.parts_of(request)
    return RefundRequested(
        order_id=book.order_id,
        cause_id=request.cause_id,
        instruction_ids=tuple(part.id for part in parts),
        amount_minor=sum(part.amount_minor for part in parts),
    )
