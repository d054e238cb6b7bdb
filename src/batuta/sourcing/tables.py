"""The tables of the room: decisions, what stands of their plans, rejections, and how full locations are."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.locations.tables import location
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata
from batuta.shipping.tables import service
from batuta.sourcing.domain import Outcome


class DecisionColumns(TypedColumns):
    """record: the `Decision`."""

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(Instant, nullable=False)
    outcome: Named[str] = Column(Text, nullable=False)
    record: Named[Any] = Column(Json, nullable=False)


decision = Table(
    "decision",
    metadata,
    DecisionColumns,
    CheckConstraint(f"outcome IN ({', '.join(repr(str(one)) for one in Outcome)})", name="outcome_is_known"),
    CheckConstraint("attempt > 0", name="attempt_counts_from_one"),
    schema="sourcing",
)


class AssignmentColumns(TypedColumns):
    """planned: units as decided. quantity: those not given back. day: of the location, when it counts its orders."""

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    planned: Named[int] = Column(Integer, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    service_id: Named[UUID | None] = Column(ForeignKey(service.c.id))
    price_minor: Named[int] = Column(BigInteger, nullable=False)
    day: Named[date | None] = Column(Date)
    planned_at: Named[datetime] = Column(Instant, nullable=False)


assignment = Table(
    "assignment",
    metadata,
    AssignmentColumns,
    CheckConstraint("planned > 0 AND quantity BETWEEN 0 AND planned", name="quantity_within_planned"),
    CheckConstraint("price_minor >= 0", name="price_not_negative"),
    schema="sourcing",
)
Index(None, assignment.c.location_id, assignment.c.day, postgresql_where=assignment.c.day.is_not(None))


class PromiseKeyColumns(TypedColumns):
    """One row: with what promises are signed, so that an order brings its own and nothing is kept of those not taken.

    Whoever reads it can make a promise, and nothing else.
    """

    id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    secret: Named[bytes] = Column(LargeBinary, nullable=False)
    made_at: Named[datetime] = Column(Instant, nullable=False)


promise_key = Table(
    "promise_key", metadata, PromiseKeyColumns, CheckConstraint("id = 1", name="only_one"), schema="sourcing"
)


class RejectionColumns(TypedColumns):
    """quantity: units that were given back by it."""

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    cause_id: Named[UUID] = Column(Uuid, primary_key=True)
    reason: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    until_at: Named[datetime | None] = Column(Instant)
    is_for_all: Named[bool] = Column(Boolean, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


rejection = Table(
    "rejection",
    metadata,
    RejectionColumns,
    CheckConstraint("quantity >= 0", name="quantity_not_negative"),
    schema="sourcing",
)
Index(None, rejection.c.sku_id, postgresql_where=rejection.c.is_for_all)


class LoadColumns(TypedColumns):
    """Orders planned at a location on a day of its own; only for locations whose capacity is limited."""

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    orders: Named[int] = Column(Integer, nullable=False)


load = Table(
    "load",
    metadata,
    LoadColumns,
    CheckConstraint("orders >= 0", name="orders_not_negative"),
    schema="sourcing",
)
