"""Expiring: an authorisation is renewed at 80 % of its life, and released at its end (PAY-04)."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.payments.domain.books import Book
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus, Request, RequestKind
from batuta.payments.domain.opening import Payment, instruct_authorisation
from batuta.payments.domain.settling import release_expired

RENEWED_FOR_MAX = timedelta(days=60)
"""Beyond the end of the first authorisation; what has not left by then waits for the customer to pay anew."""


def expire(book: Book, payment_id: UUID, *, now: datetime) -> None:
    """Release what the payment still holds, if its end has come."""
    payment = book.payments[payment_id]
    if payment.authorised_until is not None and payment.authorised_until <= now:
        release_expired(book, payment, at=payment.authorised_until, reference="")


def renew(book: Book, payment_id: UUID) -> None:
    """Ask for a new authorisation of what is held and not being captured; when it comes through, release the old one.

    The new authorisation is a payment of its own with the same token, in the same place. If it is declined the old
    one holds until its end.
    """
    payment = book.payments[payment_id]
    held_minor = book.sums_of(payment_id).held_minor
    free_minor = book.free_hold_minor(payment_id)
    book.watch(msgspec.structs.replace(payment, watch_at=payment.authorised_until if held_minor else None))
    renewed_id = child_id(payment_id, "renew")
    if free_minor <= 0 or renewed_id in book.payments or _renewed_for(book, payment) >= RENEWED_FOR_MAX:
        return
    renewed = Payment(
        id=renewed_id,
        order_id=payment.order_id,
        position=payment.position,
        method=payment.method,
        provider=payment.provider,
        currency=payment.currency,
        amount_minor=free_minor,
        token=payment.token,
        capture_moment=payment.capture_moment,
        renews_id=payment_id,
    )
    book.open(renewed)
    authorising = instruct_authorisation(book, renewed)
    _release_after(book, payment, authorising)


def _renewed_for(book: Book, payment: Payment) -> timedelta:
    """How much longer than the first authorisation this one holds."""
    first = payment
    while first.renews_id is not None:
        first = book.payments[first.renews_id]
    if payment.authorised_until is None or first.authorised_until is None:
        return timedelta(0)
    return payment.authorised_until - first.authorised_until


def _release_after(book: Book, payment: Payment, authorising: Instruction) -> None:
    request = Request(
        id=child_id(book.order_id, RequestKind.VOID, authorising.id),
        order_id=book.order_id,
        kind=RequestKind.VOID,
        cause_id=authorising.id,
        amount_minor=authorising.amount_minor,
        missing_minor=0,
        reason="renewed",
    )
    book.ask(request)
    book.instruct(
        Instruction(
            id=child_id(payment.id, "release", authorising.id),
            order_id=book.order_id,
            payment_id=payment.id,
            request_id=request.id,
            kind=InstructionKind.VOID,
            amount_minor=authorising.amount_minor,
            cause_id=authorising.id,
            status=InstructionStatus.WAITING,
            after_id=authorising.id,
        )
    )
