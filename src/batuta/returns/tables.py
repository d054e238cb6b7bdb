"""Tables of returns."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.locations.tables import location
from batuta.ordering.tables import order
from batuta.plumbing.database import Instant, Json, metadata
from batuta.returns.domain import Grade, ReturnStatus

SCHEMA = "returns"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class ReturnColumns(TypedColumns):
    """customer_id: as it was told at the dock; nobody checks it there."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID | None] = Column(ForeignKey(order.c.id), index=True)
    customer_id: Named[UUID | None] = Column(Uuid, index=True)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    status: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    tracking_number: Named[str | None] = Column(Text)
    expires_at: Named[datetime | None] = Column(Instant)
    is_kept: Named[bool] = Column(Boolean, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


return_ = Table(
    "return",
    metadata,
    ReturnColumns,
    _one_of("status", ReturnStatus),
    Index(
        "return_expires_idx",
        "expires_at",
        postgresql_where="expires_at IS NOT NULL AND status IN ('requested', 'approved', 'label_sent')",
    ),
    schema=SCHEMA,
)


class ReturnLineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    return_id: Named[UUID] = Column(ForeignKey(return_.c.id), nullable=False, index=True)
    position: Named[int] = Column(SmallInteger, nullable=False)
    order_line_id: Named[UUID | None] = Column(Uuid, index=True)
    sku_id: Named[UUID | None] = Column(ForeignKey(sku.c.id))
    quantity: Named[int] = Column(Integer, nullable=False)
    components: Named[list[Any]] = Column(Json, nullable=False)
    is_tracked: Named[bool] = Column(Boolean, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    worth_minor: Named[int] = Column(BigInteger, nullable=False)
    received: Named[int] = Column(Integer, nullable=False)
    counted: Named[int] = Column(Integer, nullable=False)
    refunded: Named[int] = Column(Integer, nullable=False)
    refund_minor: Named[int] = Column(BigInteger, nullable=False)


return_line = Table(
    "return_line",
    metadata,
    ReturnLineColumns,
    CheckConstraint("quantity >= 0 AND refunded >= 0 AND refund_minor >= 0", name="counts_not_negative"),
    CheckConstraint("counted BETWEEN 0 AND received", name="counted_was_received"),
    CheckConstraint("refunded <= greatest(quantity, received)", name="refunded_is_known"),
    schema=SCHEMA,
)


class ReceiptColumns(TypedColumns):
    """Goods that arrived, by the id the dock gave them. lines: units by return line, as counted."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    return_id: Named[UUID] = Column(ForeignKey(return_.c.id), nullable=False, index=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    lines: Named[list[Any]] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False)


receipt = Table("receipt", metadata, ReceiptColumns, schema=SCHEMA)


class GradingColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(ForeignKey(return_line.c.id), nullable=False, index=True)
    grade: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    graded_at: Named[datetime] = Column(Instant, nullable=False)


grading = Table(
    "grading",
    metadata,
    GradingColumns,
    _one_of("grade", Grade),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    schema=SCHEMA,
)


class RefundColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    return_id: Named[UUID] = Column(ForeignKey(return_.c.id), nullable=False, index=True)
    order_id: Named[UUID | None] = Column(ForeignKey(order.c.id), index=True)
    currency: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    shipping_minor: Named[int] = Column(BigInteger, nullable=False)
    fee_minor: Named[int] = Column(BigInteger, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    decided_at: Named[datetime] = Column(Instant, nullable=False)


refund = Table(
    "refund",
    metadata,
    RefundColumns,
    CheckConstraint("amount_minor >= 0 AND shipping_minor >= 0 AND fee_minor >= 0", name="amounts_not_negative"),
    schema=SCHEMA,
)


class RefundLineColumns(TypedColumns):
    refund_id: Named[UUID] = Column(ForeignKey(refund.c.id), primary_key=True)
    return_line_id: Named[UUID] = Column(ForeignKey(return_line.c.id), primary_key=True)
    order_line_id: Named[UUID | None] = Column(Uuid)
    quantity: Named[int] = Column(Integer, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)


refund_line = Table(
    "refund_line",
    metadata,
    RefundLineColumns,
    CheckConstraint("quantity > 0 AND amount_minor >= 0", name="amounts_not_negative"),
    Index("refund_line_return_line_id_idx", "return_line_id"),
    schema=SCHEMA,
)
