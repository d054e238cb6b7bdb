"""Capturing: taking held money when goods are handed over."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.payments.domain.books import Book
from batuta.payments.domain.facts import FactKind
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus, Request, RequestKind


class CaptureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Value handed over (PAY-02): lines less discounts plus tax, and the share of shipping.

    cause_id: the hand-over; asked again, it changes nothing. is_last: nothing more of the order will be handed over,
    so whatever is still due is taken, roundings included.
    """

    order_id: UUID
    cause_id: UUID
    amount_minor: int
    is_last: bool = False


class CaptureRequested(msgspec.Struct, frozen=True, kw_only=True):
    """amount_minor: what the instructions capture, less than asked if part was paid at approval.

    missing_minor: needed, and covered by no authorisation.
    """

    order_id: UUID
    cause_id: UUID
    instruction_ids: tuple[UUID, ...]
    amount_minor: int
    missing_minor: int


def capture(book: Book, wanted: CaptureRequest, *, now: datetime) -> CaptureRequested:
    """Plan captures so that what was collected equals what was handed over, and is never more than is due.

    What was paid at approval counts first, so a voucher beside a card is used up before the card is charged.
    Payments are used in their order, none beyond its authorisation, none after its end (PAY-04).
    """
    earlier = book.request_of(RequestKind.CAPTURE, wanted.cause_id)
    if earlier is not None:
        return _answer(book, earlier)
    needed_minor = _needed_minor(book, wanted)
    request_id = child_id(book.order_id, RequestKind.CAPTURE, wanted.cause_id)
    parts = _split(book, needed_minor, request_id, wanted.cause_id, now)
    missing_minor = needed_minor - sum(part.amount_minor for part in parts)
    request = Request(
        id=request_id,
        order_id=book.order_id,
        kind=RequestKind.CAPTURE,
        cause_id=wanted.cause_id,
        amount_minor=wanted.amount_minor,
        missing_minor=missing_minor,
        reason="",
    )
    book.ask(request)
    for part in parts:
        book.instruct(part)
    if missing_minor:
        book.tell(
            FactKind.CAPTURE_FAILED,
            at=now,
            amount_minor=missing_minor,
            cause_id=wanted.cause_id,
            reason="not_covered",
        )
    return _answer(book, request)


def uncovered_minor(book: Book, wanted: CaptureRequest, *, now: datetime) -> tuple[int, int]:
    """What a capture would need, and how much of that nothing would cover."""
    needed_minor = _needed_minor(book, wanted)
    parts = _split(book, needed_minor, wanted.cause_id, wanted.cause_id, now)
    return needed_minor, needed_minor - sum(part.amount_minor for part in parts)


def _needed_minor(book: Book, wanted: CaptureRequest) -> int:
    handed_over = sum(one.amount_minor for one in book.requests.values() if one.kind is RequestKind.CAPTURE)
    # A return lowers what is due and is refunded; what it captured once stays captured.
    due_minor = book.due_minor + book.returned_minor()
    target_minor = due_minor if wanted.is_last else min(due_minor, handed_over + wanted.amount_minor)
    return max(0, target_minor - book.collected_minor())


def _split(book: Book, needed_minor: int, request_id: UUID, cause_id: UUID, now: datetime) -> list[Instruction]:
    parts = []
    left_minor = needed_minor
    for payment in book.payments.values():
        authorising = book.pending_authorisation(payment.id)
        is_over = payment.authorised_until is not None and payment.authorised_until <= now
        amount_minor = 0 if is_over else min(left_minor, book.free_hold_minor(payment.id))
        if amount_minor <= 0:
            continue
        left_minor -= amount_minor
        parts.append(
            Instruction(
                id=child_id(payment.id, InstructionKind.CAPTURE, cause_id),
                order_id=book.order_id,
                payment_id=payment.id,
                request_id=request_id,
                kind=InstructionKind.CAPTURE,
                amount_minor=amount_minor,
                cause_id=cause_id,
                status=InstructionStatus.WAITING if authorising else InstructionStatus.PENDING,
                after_id=authorising.id if authorising else None,
            )
        )
    return parts


def _answer(book: Book, request: Request) -> CaptureRequested:
    parts = book.parts_of(request)
    return CaptureRequested(
        order_id=book.order_id,
        cause_id=request.cause_id,
        instruction_ids=tuple(part.id for part in parts),
        amount_minor=sum(part.amount_minor for part in parts),
        missing_minor=request.missing_minor,
    )
