"""Tables of purchasing."""

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
    Named,
    SmallInteger,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.fulfillment.tables import fulfillment_order
from batuta.locations.tables import location
from batuta.ordering.tables import order
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata
from batuta.purchasing.domain import InvoiceStatus, PurchaseStatus

SCHEMA = "purchasing"


def _one_of(column: str, kinds: type[StrEnum]) -> CheckConstraint:
    known = ", ".join(f"'{kind}'" for kind in kinds)
    return CheckConstraint(f"{column} IN ({known})", name=f"{column}_is_known")


class SupplierColumns(TypedColumns):
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    commission_bp: Named[int | None] = Column(Integer)
    price_tolerance_bp: Named[int] = Column(Integer, nullable=False)
    quantity_tolerance: Named[int] = Column(Integer, nullable=False)
    needs_approval: Named[bool] = Column(Boolean, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


supplier = Table(
    "supplier",
    metadata,
    SupplierColumns,
    CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission_is_a_share"),
    CheckConstraint("price_tolerance_bp BETWEEN 0 AND 10000 AND quantity_tolerance >= 0", name="tolerances_are_shares"),
    schema=SCHEMA,
)


class PurchaseColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    fulfillment_order_id: Named[UUID] = Column(ForeignKey(fulfillment_order.c.id), nullable=False)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    order_number: Named[str] = Column(Text, nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(supplier.c.location_id), nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    due_at: Named[datetime | None] = Column(Instant)
    created_at: Named[datetime] = Column(Instant, nullable=False)


purchase = Table(
    "purchase",
    metadata,
    PurchaseColumns,
    UniqueConstraint("fulfillment_order_id"),
    _one_of("status", PurchaseStatus),
    schema=SCHEMA,
)
Index("purchase_created_idx", purchase.c.created_at, purchase.c.id)
Index("purchase_location_idx", purchase.c.location_id, purchase.c.created_at, purchase.c.id)


class PurchaseLineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    purchase_id: Named[UUID] = Column(ForeignKey(purchase.c.id), nullable=False, index=True)
    position: Named[int] = Column(SmallInteger, nullable=False)
    line_id: Named[UUID] = Column(Uuid, nullable=False)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    ordered: Named[int] = Column(Integer, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    unit_cost_minor: Named[int | None] = Column(BigInteger)
    shipped: Named[int] = Column(Integer, nullable=False)
    invoiced: Named[int] = Column(BigInteger, nullable=False)


purchase_line = Table(
    "purchase_line",
    metadata,
    PurchaseLineColumns,
    CheckConstraint("ordered > 0 AND quantity BETWEEN 0 AND ordered AND shipped BETWEEN 0 AND ordered", name="units"),
    CheckConstraint("invoiced >= 0 AND unit_cost_minor >= 0", name="counts_not_negative"),
    schema=SCHEMA,
)


class PurchaseStepColumns(TypedColumns):
    """Who brought a purchase order to a status. Rows are only ever added."""

    purchase_id: Named[UUID] = Column(ForeignKey(purchase.c.id), primary_key=True)
    status: Named[str] = Column(Text, primary_key=True)
    actor: Named[str] = Column(Text, nullable=False)
    at: Named[datetime] = Column(Instant, nullable=False)
    note: Named[str] = Column(Text, nullable=False)


purchase_step = Table("purchase_step", metadata, PurchaseStepColumns, _one_of("status", PurchaseStatus), schema=SCHEMA)


class InvoiceColumns(TypedColumns):
    """lines, differences: as they came, and how they were judged then."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    purchase_id: Named[UUID] = Column(ForeignKey(purchase.c.id), nullable=False, index=True)
    location_id: Named[UUID] = Column(ForeignKey(supplier.c.location_id), nullable=False)
    number: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    total_minor: Named[int] = Column(BigInteger, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    lines: Named[list[Any]] = Column(Json, nullable=False)
    differences: Named[list[Any]] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    decided_by: Named[str | None] = Column(Text)
    decided_at: Named[datetime | None] = Column(Instant)
    reason: Named[str | None] = Column(Text)


invoice = Table(
    "invoice",
    metadata,
    InvoiceColumns,
    UniqueConstraint("location_id", "number"),
    _one_of("status", InvoiceStatus),
    CheckConstraint("(status = 'accepted') = (decided_at IS NOT NULL)", name="accepted_by_somebody"),
    schema=SCHEMA,
)
