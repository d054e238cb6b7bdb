"""Tables of fulfillment."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
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
    UniqueConstraint,
    Uuid,
)

from batuta.fulfillment.domain import OVER, CancellationStatus, FulfillmentStatus, MarkKind, Method, WorkStatus
from batuta.locations.tables import location
from batuta.ordering.tables import order
from batuta.plumbing.database import Instant, Json, metadata

SCHEMA = "fulfillment"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


_over = ", ".join(f"'{status}'" for status in sorted(OVER))


class FulfillmentOrderColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    order_number: Named[str] = Column(Text, nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    method: Named[str] = Column(Text, nullable=False)
    service_id: Named[UUID | None] = Column(Uuid)
    status: Named[str] = Column(Text, nullable=False)
    ship_to: Named[dict[str, Any] | None] = Column(Json)
    locale: Named[str] = Column(Text, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    pickup_code: Named[str | None] = Column(Text)
    collect_until_at: Named[datetime | None] = Column(Instant)
    collected_by: Named[str | None] = Column(Text)
    reason: Named[str | None] = Column(Text)
    version: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    escalate_at: Named[datetime | None] = Column(Instant)
    escalated_at: Named[datetime | None] = Column(Instant)


fulfillment_order = Table(
    "fulfillment_order",
    metadata,
    FulfillmentOrderColumns,
    _one_of("status", FulfillmentStatus),
    _one_of("method", Method),
    Index("fulfillment_order_work_idx", "location_id", "created_at", postgresql_where=f"status NOT IN ({_over})"),
    Index("fulfillment_order_expires_idx", "expires_at", postgresql_where="status = 'offered'"),
    Index(
        "fulfillment_order_escalate_idx",
        "escalate_at",
        postgresql_where="status = 'offered' AND escalated_at IS NULL",
    ),
    Index("fulfillment_order_collect_idx", "collect_until_at", postgresql_where="status = 'ready'"),
    schema=SCHEMA,
)


class FulfillmentLineColumns(TypedColumns):
    fulfillment_order_id: Named[UUID] = Column(ForeignKey(fulfillment_order.c.id), primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(Uuid, primary_key=True)
    position: Named[int] = Column(SmallInteger, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    per_unit: Named[int] = Column(Integer, nullable=False)
    is_tracked: Named[bool] = Column(Boolean, nullable=False)
    picked: Named[int] = Column(Integer, nullable=False)
    packed: Named[int] = Column(Integer, nullable=False)
    handed_over: Named[int] = Column(Integer, nullable=False)
    delivered: Named[int] = Column(Integer, nullable=False)
    taken_back: Named[int] = Column(Integer, nullable=False)
    short: Named[int] = Column(Integer, nullable=False)
    cancelled: Named[int] = Column(Integer, nullable=False)
    makes: Named[UUID | None] = Column(Uuid)


fulfillment_line = Table(
    "fulfillment_line",
    metadata,
    FulfillmentLineColumns,
    CheckConstraint("quantity > 0 AND per_unit > 0 AND quantity % per_unit = 0", name="whole_units"),
    CheckConstraint("short >= 0 AND cancelled >= 0 AND delivered >= 0 AND taken_back >= 0", name="counts_not_negative"),
    CheckConstraint(
        "delivered + taken_back <= handed_over AND handed_over <= packed AND packed <= picked"
        " AND picked <= quantity - short - cancelled",
        name="units_in_order",
    ),
    Index("fulfillment_line_line_id_idx", "line_id"),
    schema=SCHEMA,
)


class PackageColumns(TypedColumns):
    """contents: what was packed, in units of the SKUs. parcel_id: a parcel of shipping, but for a pickup's bags."""

    parcel_id: Named[UUID] = Column(Uuid, primary_key=True)
    fulfillment_order_id: Named[UUID] = Column(ForeignKey(fulfillment_order.c.id), nullable=False, index=True)
    contents: Named[list[Any]] = Column(Json, nullable=False)
    packed_at: Named[datetime] = Column(Instant, nullable=False, index=True)
    handed_over_at: Named[datetime | None] = Column(Instant)
    delivered_at: Named[datetime | None] = Column(Instant)
    taken_back_at: Named[datetime | None] = Column(Instant)
    unpacked_at: Named[datetime | None] = Column(Instant)
    written_off_at: Named[datetime | None] = Column(Instant)


package = Table(
    "package",
    metadata,
    PackageColumns,
    CheckConstraint("num_nonnulls(delivered_at, taken_back_at, unpacked_at, written_off_at) <= 1", name="one_end"),
    CheckConstraint(
        "handed_over_at IS NOT NULL OR num_nonnulls(delivered_at, taken_back_at, written_off_at) = 0",
        name="left_first",
    ),
    CheckConstraint("handed_over_at IS NULL OR unpacked_at IS NULL", name="unpacked_here"),
    schema=SCHEMA,
)


class CancellationColumns(TypedColumns):
    """late: units that could not be cancelled any more."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    late: Named[list[Any]] = Column(Json, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    requested_at: Named[datetime] = Column(Instant, nullable=False)


cancellation = Table("cancellation", metadata, CancellationColumns, schema=SCHEMA)


class CancellationPartColumns(TypedColumns):
    cancellation_id: Named[UUID] = Column(ForeignKey(cancellation.c.id), primary_key=True)
    fulfillment_order_id: Named[UUID] = Column(ForeignKey(fulfillment_order.c.id), primary_key=True)
    units: Named[list[Any]] = Column(Json, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    answered_at: Named[datetime | None] = Column(Instant)
    answered_by: Named[str | None] = Column(Text)


cancellation_part = Table(
    "cancellation_part",
    metadata,
    CancellationPartColumns,
    _one_of("status", CancellationStatus),
    Index("cancellation_part_open_idx", "fulfillment_order_id", postgresql_where="status = 'requested'"),
    schema=SCHEMA,
)


class WorkOrderColumns(TypedColumns):
    """parts, recipe, personalisation: as they were bought."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    fulfillment_order_id: Named[UUID] = Column(ForeignKey(fulfillment_order.c.id), nullable=False)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    order_number: Named[str] = Column(Text, nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    line_id: Named[UUID] = Column(Uuid, nullable=False)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    parts: Named[list[Any]] = Column(Json, nullable=False)
    recipe: Named[Any] = Column(Json, nullable=False)
    personalisation: Named[Any] = Column(Json, nullable=False)
    version: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


work_order = Table(
    "work_order",
    metadata,
    WorkOrderColumns,
    UniqueConstraint("fulfillment_order_id", "line_id"),
    _one_of("status", WorkStatus),
    CheckConstraint("quantity >= 0 AND (quantity = 0) = (status = 'cancelled')", name="cancelled_when_nothing_is_left"),
    Index("work_order_created_idx", "created_at", "id"),
    schema=SCHEMA,
)


class WorkMarkColumns(TypedColumns):
    """number: in which order it happened."""

    work_order_id: Named[UUID] = Column(ForeignKey(work_order.c.id), primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    at: Named[datetime] = Column(Instant, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    step: Named[int | None] = Column(Integer)
    link: Named[str | None] = Column(Text)
    cause_id: Named[UUID | None] = Column(Uuid)


work_mark = Table("work_mark", metadata, WorkMarkColumns, _one_of("kind", MarkKind), schema=SCHEMA)
