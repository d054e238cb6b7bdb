"""Money that was taken before batuta knew of it."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.payments.domain.entries import SIDES, Due, Entry, EntryKind, due_entry
from batuta.payments.domain.opening import CaptureMoment, Method, Payment

ELSEWHERE = "elsewhere"


class PaidElsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was paid in full, by means that no provider of ours knows. reference: of that payment."""

    order_id: UUID
    amount_minor: int
    currency: str
    paid_at: datetime
    method: Method = Method.BANK_TRANSFER
    reference: str = ""


def payment_of(paid: PaidElsewhere) -> Payment:
    """The one payment of an order that was paid elsewhere."""
    return Payment(
        id=child_id(paid.order_id, "payment", 0),
        order_id=paid.order_id,
        position=0,
        method=paid.method,
        provider=ELSEWHERE,
        currency=paid.currency,
        amount_minor=paid.amount_minor,
        token=ELSEWHERE,
        capture_moment=CaptureMoment.AT_APPROVAL,
        provider_reference=paid.reference,
    )


def entries_of(paid: PaidElsewhere) -> list[Entry]:
    """Due, held and paid; what follows, such as a refund, stands on these as on any other."""
    due = Due(order_id=paid.order_id, amount_minor=paid.amount_minor, currency=paid.currency, cause_id=paid.order_id)
    return [
        due_entry(due, now=paid.paid_at),
        _entry(paid, EntryKind.AUTHORISE),
        _entry(paid, EntryKind.CAPTURE),
    ]


def _entry(paid: PaidElsewhere, kind: EntryKind) -> Entry:
    debit, credit = SIDES[kind]
    payment_id = child_id(paid.order_id, "payment", 0)
    return Entry(
        id=child_id(payment_id, ELSEWHERE, kind),
        order_id=paid.order_id,
        payment_id=payment_id,
        instruction_id=None,
        kind=kind,
        debit=debit,
        credit=credit,
        amount_minor=paid.amount_minor,
        currency=paid.currency,
        cause_id=paid.order_id,
        name="",
        provider_reference=paid.reference,
        happened_at=paid.paid_at,
    )
