"""Entries: facts about money, each with two sides, and the sums that follow from them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.ids import child_id


class Account(StrEnum):
    """Where an order's money stands. The four balances of an order always add up to nothing."""

    SALE = "sale"
    OWED = "owed"
    HELD = "held"
    PAID = "paid"


class EntryKind(StrEnum):
    DUE = "due"
    ADJUST = "adjust"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    EXPIRE = "expire"
    REFUND = "refund"


# Debit and credit of each kind; a negative due or adjustment swaps them.
SIDES: dict[EntryKind, tuple[Account, Account]] = {
    EntryKind.DUE: (Account.OWED, Account.SALE),
    EntryKind.ADJUST: (Account.OWED, Account.SALE),
    EntryKind.AUTHORISE: (Account.HELD, Account.OWED),
    EntryKind.CAPTURE: (Account.PAID, Account.HELD),
    EntryKind.VOID: (Account.OWED, Account.HELD),
    EntryKind.EXPIRE: (Account.OWED, Account.HELD),
    EntryKind.REFUND: (Account.OWED, Account.PAID),
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable fact; `amount_minor` is positive, the sides give its direction."""

    id: UUID
    order_id: UUID
    payment_id: UUID | None
    instruction_id: UUID | None
    kind: EntryKind
    debit: Account
    credit: Account
    amount_minor: int
    currency: str
    cause_id: UUID
    name: str
    provider_reference: str
    happened_at: datetime


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer owes for a cause; negative is a credit. With a name it is an adjustment, as interest is."""

    order_id: UUID
    amount_minor: int
    currency: str
    cause_id: UUID
    name: str = ""


class DueRecorded(msgspec.Struct, frozen=True, kw_only=True):
    order_id: UUID
    cause_id: UUID
    amount_minor: int


class DueDiffers(Refused):
    """The cause was already booked under this name with another amount or currency."""


def due_entry(due: Due, *, now: datetime) -> Entry:
    """The entry of a due that is not zero; the same order, cause and name give the same id."""
    kind = EntryKind.ADJUST if due.name else EntryKind.DUE
    debit, credit = SIDES[kind] if due.amount_minor > 0 else SIDES[kind][::-1]
    return Entry(
        id=child_id(due.order_id, "due", due.cause_id, due.name),
        order_id=due.order_id,
        payment_id=None,
        instruction_id=None,
        kind=kind,
        debit=debit,
        credit=credit,
        amount_minor=abs(due.amount_minor),
        currency=due.currency,
        cause_id=due.cause_id,
        name=due.name,
        provider_reference="",
        happened_at=now,
    )


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the entries of one payment, or of all payments of an order, add up to."""

    authorised_minor: int = 0
    captured_minor: int = 0
    voided_minor: int = 0
    expired_minor: int = 0
    refunded_minor: int = 0
    last_captured_at: datetime | None = None

    @property
    def held_minor(self) -> int:
        """Authorised and still there to be captured."""
        return self.authorised_minor - self.voided_minor - self.expired_minor - self.captured_minor

    @property
    def paid_minor(self) -> int:
        """Captured and not given back."""
        return self.captured_minor - self.refunded_minor

    def plus(self, entry: Entry) -> "Sums":
        field = _SUM_OF[entry.kind]
        total = getattr(self, field) + entry.amount_minor
        if entry.kind is EntryKind.CAPTURE:
            latest = max(entry.happened_at, self.last_captured_at or entry.happened_at)
            return msgspec.structs.replace(self, captured_minor=total, last_captured_at=latest)
        return msgspec.structs.replace(self, **{field: total})


_SUM_OF = {
    EntryKind.AUTHORISE: "authorised_minor",
    EntryKind.CAPTURE: "captured_minor",
    EntryKind.VOID: "voided_minor",
    EntryKind.EXPIRE: "expired_minor",
    EntryKind.REFUND: "refunded_minor",
}


class Coverage(StrEnum):
    """How much of what is due is covered (ORD-02)."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    OVER = "over"


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one order, summed from its entries (PAY-01)."""

    order_id: UUID
    currency: str
    due_minor: int = 0
    authorised_minor: int = 0
    captured_minor: int = 0
    voided_minor: int = 0
    expired_minor: int = 0
    refunded_minor: int = 0

    @property
    def held_minor(self) -> int:
        return self.authorised_minor - self.voided_minor - self.expired_minor - self.captured_minor

    @property
    def paid_minor(self) -> int:
        return self.captured_minor - self.refunded_minor

    @property
    def owed_minor(self) -> int:
        """Due and covered by nothing; negative when more is held or paid than is due."""
        return self.due_minor - self.held_minor - self.paid_minor

    @property
    def room_minor(self) -> int | None:
        """What is held or paid beyond what is due; None where nothing is either, as with an invoice."""
        return -self.owed_minor if self.held_minor + self.paid_minor else None

    @property
    def refund_owed_minor(self) -> int:
        return max(0, self.paid_minor - self.due_minor)

    @property
    def authorisation(self) -> Coverage:
        """Of what is due, how much is held or already paid."""
        return _coverage(self.held_minor + self.paid_minor, self.due_minor)

    @property
    def capture(self) -> Coverage:
        """Of what is due, how much is paid."""
        return _coverage(self.paid_minor, self.due_minor)


def _coverage(covered_minor: int, due_minor: int) -> Coverage:
    if covered_minor > due_minor:
        return Coverage.OVER
    if covered_minor == due_minor:
        return Coverage.FULL
    return Coverage.PARTIAL if covered_minor else Coverage.NONE


def total(sums: Sequence[Sums]) -> Sums:
    """The sums of several payments together."""
    return Sums(
        authorised_minor=sum(one.authorised_minor for one in sums),
        captured_minor=sum(one.captured_minor for one in sums),
        voided_minor=sum(one.voided_minor for one in sums),
        expired_minor=sum(one.expired_minor for one in sums),
        refunded_minor=sum(one.refunded_minor for one in sums),
    )
