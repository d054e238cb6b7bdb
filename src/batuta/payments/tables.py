"""The tables of money. Entries are only ever inserted; their ids are derived from what they record."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    Table,
    Text,
    TypedColumns,
    Uuid,
)

from batuta.payments.domain import (
    SIDES,
    CaptureMoment,
    EntryKind,
    InstructionKind,
    InstructionStatus,
    Method,
    RequestKind,
)
from batuta.plumbing.database import Instant, metadata


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(one)) for one in values)})", name=f"{column}_known")


def _sides() -> str:
    """An entry's two accounts are those of its kind; dues and adjustments go either way."""
    ways = [(kind, debit, credit) for kind, (debit, credit) in SIDES.items()]
    ways += [(kind, *SIDES[kind][::-1]) for kind in (EntryKind.DUE, EntryKind.ADJUST)]
    allowed = ", ".join(f"('{kind}', '{debit}', '{credit}')" for kind, debit, credit in ways)
    return f"(kind, debit, credit) IN ({allowed})"


class PaymentColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    position: Named[int] = Column(Integer, nullable=False)
    method: Named[str] = Column(Text, nullable=False)
    provider: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    token: Named[str] = Column(Text, nullable=False)
    capture_moment: Named[str] = Column(Text, nullable=False)
    renews_id: Named[UUID | None] = Column(Uuid)
    provider_reference: Named[str] = Column(Text, nullable=False)
    authorised_until: Named[datetime | None] = Column(Instant)
    watch_at: Named[datetime | None] = Column(Instant)
    opened_at: Named[datetime] = Column(Instant, nullable=False)


payment = Table(
    "payment",
    metadata,
    PaymentColumns,
    _one_of("method", Method),
    _one_of("capture_moment", CaptureMoment),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("token !~ '^[0-9]{12,}$'", name="token_no_card_number"),
    schema="payments",
)
Index("payment_watch_at_idx", payment.c.watch_at, postgresql_where=payment.c.watch_at.is_not(None))


class RequestColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    kind: Named[str] = Column(Text, nullable=False)
    cause_id: Named[UUID] = Column(Uuid, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    missing_minor: Named[int] = Column(BigInteger, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    requested_at: Named[datetime] = Column(Instant, nullable=False)


request = Table(
    "request",
    metadata,
    RequestColumns,
    _one_of("kind", RequestKind),
    CheckConstraint("amount_minor >= 0 AND missing_minor >= 0", name="amounts_not_negative"),
    schema="payments",
)


class InstructionColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    payment_id: Named[UUID] = Column(ForeignKey(payment.c.id), nullable=False)
    request_id: Named[UUID | None] = Column(ForeignKey(request.c.id))
    kind: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    cause_id: Named[UUID] = Column(Uuid, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    after_id: Named[UUID | None] = Column(Uuid)
    attempt: Named[int] = Column(Integer, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    settled_at: Named[datetime | None] = Column(Instant)


instruction = Table(
    "instruction",
    metadata,
    InstructionColumns,
    _one_of("kind", InstructionKind),
    _one_of("status", InstructionStatus),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    schema="payments",
)


class EntryColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    payment_id: Named[UUID | None] = Column(ForeignKey(payment.c.id))
    instruction_id: Named[UUID | None] = Column(ForeignKey(instruction.c.id))
    kind: Named[str] = Column(Text, nullable=False)
    debit: Named[str] = Column(Text, nullable=False)
    credit: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    cause_id: Named[UUID] = Column(Uuid, nullable=False)
    name: Named[str] = Column(Text, nullable=False)
    provider_reference: Named[str] = Column(Text, nullable=False)
    happened_at: Named[datetime] = Column(Instant, nullable=False)
    recorded_at: Named[datetime] = Column(Instant, nullable=False)


entry = Table(
    "entry",
    metadata,
    EntryColumns,
    CheckConstraint(_sides(), name="sides_of_kind"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(payment_id IS NULL) = (kind IN ('due', 'adjust'))", name="payment_unless_due"),
    schema="payments",
)
