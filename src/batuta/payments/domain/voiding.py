"""Voiding: letting go of money that is held and no longer needed."""

from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.payments.domain.books import Book
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus, Request, RequestKind


class VoidRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Release what is held; all of it, or up to `amount_minor`, later payments first."""

    order_id: UUID
    cause_id: UUID
    amount_minor: int | None = None


class VoidRequested(msgspec.Struct, frozen=True, kw_only=True):
    order_id: UUID
    cause_id: UUID
    instruction_ids: tuple[UUID, ...]
    amount_minor: int


def void(book: Book, wanted: VoidRequest) -> VoidRequested:
    """Plan the release of what is held and not about to be captured.

    An authorisation that is still under way is released when it comes through. Asked to release everything, money
    that is being paid at this moment is sent back when it arrives.
    """
    request = book.request_of(RequestKind.VOID, wanted.cause_id)
    if request is None:
        request = _ask(book, wanted)
    parts = book.parts_of(request)
    return VoidRequested(
        order_id=book.order_id,
        cause_id=wanted.cause_id,
        instruction_ids=tuple(part.id for part in parts),
        amount_minor=sum(part.amount_minor for part in parts),
    )


def _ask(book: Book, wanted: VoidRequest) -> Request:
    request_id = child_id(book.order_id, RequestKind.VOID, wanted.cause_id)
    parts = []
    left_minor = wanted.amount_minor
    for payment in reversed(book.payments.values()):
        free_minor = max(0, book.free_hold_minor(payment.id))
        amount_minor = free_minor if left_minor is None else min(free_minor, left_minor)
        if amount_minor:
            waits_for = book.pending_authorisation(payment.id)
            parts.append(_part(request_id, wanted, payment.id, amount_minor, waits_for))
            left_minor = None if left_minor is None else left_minor - amount_minor
        if wanted.amount_minor is None:
            for paying in book.open_of(payment.id, InstructionKind.PAY):
                back_minor = book.refundable_after(paying)
                if back_minor:
                    parts.append(_part(request_id, wanted, payment.id, back_minor, paying))

    request = Request(
        id=request_id,
        order_id=book.order_id,
        kind=RequestKind.VOID,
        cause_id=wanted.cause_id,
        amount_minor=sum(part.amount_minor for part in parts),
        missing_minor=0,
        reason="",
    )
    book.ask(request)
    for part in parts:
        book.instruct(part)
    return request


def _part(
    request_id: UUID, wanted: VoidRequest, payment_id: UUID, amount_minor: int, waits_for: Instruction | None
) -> Instruction:
    is_paying = waits_for is not None and waits_for.kind is InstructionKind.PAY
    kind = InstructionKind.REFUND if is_paying else InstructionKind.VOID
    return Instruction(
        id=child_id(payment_id, "release", wanted.cause_id),
        order_id=wanted.order_id,
        payment_id=payment_id,
        request_id=request_id,
        kind=kind,
        amount_minor=amount_minor,
        cause_id=wanted.cause_id,
        status=InstructionStatus.WAITING if waits_for else InstructionStatus.PENDING,
        after_id=waits_for.id if waits_for else None,
    )
