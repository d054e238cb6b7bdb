"""What locations were given to do, and what each plan takes of that."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Text, metadata


class LoadColumns(TypedColumns):
    """What a location was given for a day or an hour of its own; only of locations whose capacity is limited.

    begins_at: of the day or the hour. It is the sum of the capacity held and confirmed, what has lapsed included until
    a sweep, or somebody who wants it, has seen that.
    """

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    begins_at: Named[datetime] = Column(Instant, primary_key=True)
    per: Named[str] = Column(Text, primary_key=True)
    method: Named[str] = Column(Text, primary_key=True)
    orders: Named[int] = Column(Integer, nullable=False)
    lines: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    packages: Named[int] = Column(Integer, nullable=False)


load = Table(
    "load",
    metadata,
    LoadColumns,
    CheckConstraint("per IN ('day', 'hour')", name="period_is_known"),
    CheckConstraint("method IN ('ship', 'pickup')", name="method_is_known"),
    CheckConstraint("orders >= 0 AND lines >= 0 AND units >= 0 AND packages >= 0", name="work_not_negative"),
    schema="sourcing",
)


class CapacityHoldColumns(TypedColumns):
    """What one plan of an order takes of a location's day and hour.

    expires_at: as long as it is only held, for an offer that nobody has answered. is_over: a person wanted it beyond
    the limits.
    """

    order_id: Named[UUID] = Column(Uuid, primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    method: Named[str] = Column(Text, nullable=False)
    day_at: Named[datetime] = Column(Instant, nullable=False)
    hour_at: Named[datetime] = Column(Instant, nullable=False)
    orders: Named[int] = Column(Integer, nullable=False)
    lines: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    packages: Named[int] = Column(Integer, nullable=False)
    is_over: Named[bool] = Column(Boolean, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    held_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)


capacity_hold = Table(
    "capacity_hold",
    metadata,
    CapacityHoldColumns,
    CheckConstraint("method IN ('ship', 'pickup')", name="method_is_known"),
    CheckConstraint("status IN ('held', 'expired', 'confirmed', 'released')", name="status_is_known"),
    CheckConstraint("(status = 'held') = (expires_at IS NOT NULL)", name="what_is_held_ends"),
    CheckConstraint("orders >= 0 AND lines >= 0 AND units >= 0 AND packages >= 0", name="work_not_negative"),
    schema="sourcing",
)
Index("capacity_hold_day_idx", capacity_hold.c.location_id, capacity_hold.c.day_at)
Index("capacity_hold_expires_idx", capacity_hold.c.expires_at, postgresql_where=capacity_hold.c.expires_at.is_not(None))
