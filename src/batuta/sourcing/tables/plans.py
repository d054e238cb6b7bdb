"""Decisions, what stands of their plans, rejections, and orders that wait for somebody who can serve them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Named,
    Table,
    TypedColumns,
    Uuid,
    true,
)

from batuta.catalog.tables import sku
from batuta.locations.tables import location
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata
from batuta.shipping.tables import service
from batuta.sourcing.domain import Outcome


class DecisionColumns(TypedColumns):
    """record: the `Decision`. is_whole: it tells yet what was considered and not chosen."""

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(Instant, nullable=False)
    outcome: Named[str] = Column(Text, nullable=False)
    record: Named[Any] = Column(Json, nullable=False)
    is_whole: Named[bool] = Column(Boolean, nullable=False, server_default=true())


decision = Table(
    "decision",
    metadata,
    DecisionColumns,
    CheckConstraint(f"outcome IN ({', '.join(repr(str(one)) for one in Outcome)})", name="outcome_is_known"),
    CheckConstraint("attempt > 0", name="attempt_counts_from_one"),
    schema="sourcing",
)
Index("decision_whole_idx", decision.c.at, postgresql_where=decision.c.is_whole)
Index(
    "decision_overridden_idx",
    decision.c.at,
    decision.c.order_id,
    decision.c.line_id,
    decision.c.attempt,
    postgresql_where=decision.c.record.has_key("override"),
)


class AssignmentColumns(TypedColumns):
    """planned: units as decided. quantity: those not given back."""

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    planned: Named[int] = Column(Integer, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    service_id: Named[UUID | None] = Column(ForeignKey(service.c.id))
    price_minor: Named[int] = Column(BigInteger, nullable=False)
    planned_at: Named[datetime] = Column(Instant, nullable=False)


assignment = Table(
    "assignment",
    metadata,
    AssignmentColumns,
    CheckConstraint("planned > 0 AND quantity BETWEEN 0 AND planned", name="quantity_within_planned"),
    CheckConstraint("price_minor >= 0", name="price_not_negative"),
    schema="sourcing",
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


class ParkingColumns(TypedColumns):
    """An order of which units wait that nobody can serve now, once for each order: its last time.

    promised_at: what was promised; plan_by_at: until when a plan would keep it. forgiven_at: what was rejected before
    is not counted any more. hold_id: of the order; it ends when it is tried again.
    """

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    channel_id: Named[UUID] = Column(Uuid, nullable=False)
    queue: Named[str] = Column(Text, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    rules: Named[Any] = Column(Json, nullable=False)
    line_ids: Named[Any] = Column(Json, nullable=False)
    tries: Named[int] = Column(Integer, nullable=False)
    hold_id: Named[UUID] = Column(Uuid, nullable=False)
    parked_at: Named[datetime] = Column(Instant, nullable=False)
    tried_at: Named[datetime] = Column(Instant, nullable=False)
    next_try_at: Named[datetime | None] = Column(Instant)
    cancel_at: Named[datetime | None] = Column(Instant)
    promised_at: Named[datetime | None] = Column(Instant)
    plan_by_at: Named[datetime | None] = Column(Instant)
    forgiven_at: Named[datetime | None] = Column(Instant)
    actor: Named[str] = Column(Text, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_because: Named[str | None] = Column(Text)


parking = Table(
    "parking",
    metadata,
    ParkingColumns,
    CheckConstraint("tries > 0", name="tried_once"),
    CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="ended_for_a_reason"),
    schema="sourcing",
)
Index("parking_queue_idx", parking.c.parked_at, parking.c.order_id, postgresql_where=parking.c.ended_at.is_(None))
Index(
    "parking_cancel_idx",
    parking.c.cancel_at,
    postgresql_where=parking.c.ended_at.is_(None) & parking.c.cancel_at.is_not(None),
)


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
