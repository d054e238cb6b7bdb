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
    UniqueConstraint,
    Uuid,
    true,
)

from batuta.catalog.tables import sku
from batuta.locations.tables import location
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, Xid8, metadata
from batuta.shipping.tables import service
from batuta.sourcing.domain import Outcome
from batuta.sourcing.domain.strategies import VersionStatus


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


class PooledColumns(TypedColumns):
    """An order that waits to be planned together with others. begun_at: since when that is being done.

    is_offered: it is planned, and looked at again as long as no location has accepted it.
    """

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    channel_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    added_at: Named[datetime] = Column(Instant, nullable=False)
    due_at: Named[datetime] = Column(Instant, nullable=False, index=True)
    begun_at: Named[datetime | None] = Column(Instant)
    is_offered: Named[bool] = Column(Boolean, nullable=False)


pooled = Table("pooled", metadata, PooledColumns, schema="sourcing")


class PoolRunColumns(TypedColumns):
    """Orders that were planned together: what that costs, what one by one would have, and what it costs at least.

    id: of its first order. orders_stale: those that were planned in turn after all, since others had been faster.
    replanned: those that were offered already; moved: how many of them were offered elsewhere instead.
    """

    id: Named[UUID] = Column(Uuid, primary_key=True)
    planned_at: Named[datetime] = Column(Instant, primary_key=True)
    orders: Named[int] = Column(Integer, nullable=False)
    orders_stale: Named[int] = Column(Integer, nullable=False)
    cost_minor: Named[int] = Column(BigInteger, nullable=False)
    one_by_one_minor: Named[int] = Column(BigInteger, nullable=False)
    bound_minor: Named[int] = Column(BigInteger, nullable=False)
    milliseconds: Named[int] = Column(Integer, nullable=False)
    replanned: Named[int] = Column(Integer, nullable=False)
    moved: Named[int] = Column(Integer, nullable=False)


pool_run = Table(
    "pool_run",
    metadata,
    PoolRunColumns,
    CheckConstraint("cost_minor <= one_by_one_minor", name="never_worse_than_one_by_one"),
    CheckConstraint("orders_stale BETWEEN 0 AND orders", name="stale_within_orders"),
    CheckConstraint("moved BETWEEN 0 AND replanned AND replanned <= orders", name="moved_within_replanned"),
    schema="sourcing",
)
Index("pool_run_planned_idx", pool_run.c.planned_at, pool_run.c.id)


class SlotTemplateColumns(TypedColumns):
    """generate_at: when its slots have to be made anew; None while it is not in use."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    method: Named[str] = Column(Text, nullable=False)
    country: Named[str | None] = Column(Text)
    postal_prefixes: Named[Any] = Column(Json, nullable=False)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    time_zone: Named[str] = Column(Text, nullable=False)
    weekdays: Named[Any] = Column(Json, nullable=False)
    window_from: Named[str] = Column(Text, nullable=False)
    window_until: Named[str] = Column(Text, nullable=False)
    capacity: Named[int | None] = Column(Integer)
    overbooking_bp: Named[int] = Column(Integer, nullable=False)
    price_minor: Named[int] = Column(BigInteger, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    lead_minutes: Named[int] = Column(Integer, nullable=False)
    cut_off: Named[str | None] = Column(Text)
    cut_off_days_before: Named[int] = Column(Integer, nullable=False)
    holiday_calendar: Named[str | None] = Column(Text)
    from_day: Named[date | None] = Column(Date)
    until_day: Named[date | None] = Column(Date)
    horizon_days: Named[int] = Column(Integer, nullable=False)
    is_active: Named[bool] = Column(Boolean, nullable=False)
    generate_at: Named[datetime | None] = Column(Instant, index=True)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


def _slot_checks() -> list[CheckConstraint]:
    return [
        CheckConstraint("method IN ('ship', 'pickup')", name="method_is_known"),
        CheckConstraint(
            "capacity >= 0 AND overbooking_bp BETWEEN 0 AND 10000 AND price_minor >= 0 AND lead_minutes >= 0",
            name="numbers_not_negative",
        ),
        CheckConstraint(
            "CASE method WHEN 'ship' THEN country IS NOT NULL ELSE location_id IS NOT NULL END", name="resource_named"
        ),
    ]


slot_template = Table("slot_template", metadata, SlotTemplateColumns, *_slot_checks(), schema="sourcing")


class SlotColumns(TypedColumns):
    """postal_prefixes: how the codes of its region begin; all of a country begin with nothing."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    method: Named[str] = Column(Text, nullable=False)
    country: Named[str | None] = Column(Text)
    postal_prefixes: Named[Any] = Column(Json, nullable=False)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    from_at: Named[datetime] = Column(Instant, nullable=False)
    until_at: Named[datetime] = Column(Instant, nullable=False)
    time_zone: Named[str] = Column(Text, nullable=False)
    capacity: Named[int | None] = Column(Integer)
    overbooking_bp: Named[int] = Column(Integer, nullable=False)
    price_minor: Named[int] = Column(BigInteger, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    lead_minutes: Named[int] = Column(Integer, nullable=False)
    cut_off_at: Named[datetime | None] = Column(Instant)
    is_open: Named[bool] = Column(Boolean, nullable=False)
    is_own: Named[bool] = Column(Boolean, nullable=False)
    template_id: Named[UUID | None] = Column(ForeignKey(slot_template.c.id))
    day: Named[date | None] = Column(Date)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


slot = Table(
    "slot",
    metadata,
    SlotColumns,
    *_slot_checks(),
    CheckConstraint("from_at < until_at", name="window_in_order"),
    schema="sourcing",
)
Index("slot_region_idx", slot.c.country, slot.c.from_at, postgresql_where=slot.c.country.is_not(None))
Index("slot_location_idx", slot.c.location_id, slot.c.from_at, postgresql_where=slot.c.location_id.is_not(None))
Index("slot_from_idx", slot.c.from_at, slot.c.id)
Index("slot_template_idx", slot.c.template_id, slot.c.from_at, postgresql_where=slot.c.template_id.is_not(None))


class SlotHoldColumns(TypedColumns):
    """Who has a place in a slot, or had. holder_id: a cart or a basket; an order once it is confirmed."""

    holder_id: Named[UUID] = Column(Uuid, primary_key=True)
    slot_id: Named[UUID] = Column(ForeignKey(slot.c.id), primary_key=True)
    status: Named[str] = Column(Text, nullable=False)
    price_minor: Named[int] = Column(BigInteger, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    held_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    actor: Named[str] = Column(Text, nullable=False)


slot_hold = Table(
    "slot_hold",
    metadata,
    SlotHoldColumns,
    CheckConstraint("status IN ('held', 'expired', 'confirmed', 'released')", name="status_is_known"),
    CheckConstraint("(status = 'held') = (expires_at IS NOT NULL)", name="what_is_held_ends"),
    CheckConstraint("price_minor >= 0", name="price_not_negative"),
    schema="sourcing",
)
Index("slot_hold_live_idx", slot_hold.c.holder_id, unique=True, postgresql_where=slot_hold.c.status != "released")
Index("slot_hold_slot_idx", slot_hold.c.slot_id, postgresql_where=slot_hold.c.status != "released")
Index("slot_hold_expires_idx", slot_hold.c.expires_at, postgresql_where=slot_hold.c.expires_at.is_not(None))


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


class StrategyVersionColumns(TypedColumns):
    """document: the strategy as it is written. digest: of the document, once it was published."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False)
    number: Named[int] = Column(Integer, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    owner: Named[str] = Column(Text, nullable=False)
    priority: Named[int] = Column(Integer, nullable=False)
    valid_from: Named[datetime | None] = Column(Instant)
    valid_until: Named[datetime | None] = Column(Instant)
    document: Named[Any] = Column(Json, nullable=False)
    digest: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    created_by: Named[str] = Column(Text, nullable=False)
    published_at: Named[datetime | None] = Column(Instant)
    published_by: Named[str | None] = Column(Text)
    withdrawn_at: Named[datetime | None] = Column(Instant)
    withdrawn_by: Named[str | None] = Column(Text)


strategy_version = Table(
    "strategy_version",
    metadata,
    StrategyVersionColumns,
    UniqueConstraint("code", "number"),
    CheckConstraint(f"status IN ({', '.join(repr(str(one)) for one in VersionStatus)})", name="status_is_known"),
    CheckConstraint("number > 0", name="number_counts_from_one"),
    CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at_a_moment"),
    CheckConstraint("(published_at IS NULL) = (digest IS NULL)", name="published_with_digest"),
    CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at_a_moment"),
    schema="sourcing",
)


class StrategyChangeColumns(TypedColumns):
    """The transaction that last published or withdrew a strategy, so that readers know when to read them again."""

    id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    changed_by: Named[int] = Column(Xid8, nullable=False)
    changed_at: Named[datetime] = Column(Instant, nullable=False)


strategy_change = Table(
    "strategy_change",
    metadata,
    StrategyChangeColumns,
    CheckConstraint("id = 1", name="only_one"),
    schema="sourcing",
)
