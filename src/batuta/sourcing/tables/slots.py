"""Windows of delivery, and who has a place in one."""

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
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.locations.tables import location
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata


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
