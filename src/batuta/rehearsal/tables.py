"""The tables of the room: drafts in shadow, what they still have to plan, and what they would change."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.locations.tables import location
from batuta.ordering.tables import order
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata
from batuta.sourcing.tables import strategy_version


class ShadowColumns(TypedColumns):
    """A draft beside the live strategies. document: as it was written when that began."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    version_id: Named[UUID] = Column(ForeignKey(strategy_version.c.id), nullable=False)
    strategy_code: Named[str] = Column(Text, nullable=False)
    number: Named[int] = Column(Integer, nullable=False)
    document: Named[Any] = Column(Json, nullable=False)
    begun_at: Named[datetime] = Column(Instant, nullable=False)
    begun_by: Named[str] = Column(Text, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_by: Named[str | None] = Column(Text)
    left_out: Named[int] = Column(Integer, nullable=False)


shadow = Table(
    "shadow",
    metadata,
    ShadowColumns,
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
    CheckConstraint("left_out >= 0", name="left_out_not_negative"),
    schema="rehearsal",
)
Index("shadow_live_idx", shadow.c.strategy_code, unique=True, postgresql_where=shadow.c.ended_at.is_(None))
Index("shadow_begun_idx", shadow.c.begun_at, shadow.c.id)


class ShadowPendingColumns(TypedColumns):
    """An order that was planned, and is yet to be planned with the draft. at: when it was."""

    shadow_id: Named[UUID] = Column(ForeignKey(shadow.c.id), primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), primary_key=True)
    at: Named[datetime] = Column(Instant, nullable=False, index=True)


shadow_pending = Table("shadow_pending", metadata, ShadowPendingColumns, schema="rehearsal")


class ShadowDayColumns(TypedColumns):
    """Orders of a day and currency: their `Figures` by the live strategies and with the draft.

    reproduced: those that the live strategies, asked again, send from where they were sent.
    """

    shadow_id: Named[UUID] = Column(ForeignKey(shadow.c.id), primary_key=True)
    day: Named[date] = Column(Date, primary_key=True, index=True)
    currency: Named[str] = Column(Text, primary_key=True)
    orders: Named[int] = Column(Integer, nullable=False)
    reproduced: Named[int] = Column(Integer, nullable=False)
    live: Named[Any] = Column(Json, nullable=False)
    draft: Named[Any] = Column(Json, nullable=False)


shadow_day = Table(
    "shadow_day",
    metadata,
    ShadowDayColumns,
    CheckConstraint("reproduced BETWEEN 0 AND orders", name="reproduced_within_orders"),
    schema="rehearsal",
)


class ShadowLoadColumns(TypedColumns):
    """Orders and units that a location has of a day, and would have."""

    shadow_id: Named[UUID] = Column(ForeignKey(shadow.c.id), primary_key=True)
    day: Named[date] = Column(Date, primary_key=True, index=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    live_orders: Named[int] = Column(Integer, nullable=False)
    live_units: Named[int] = Column(BigInteger, nullable=False)
    draft_orders: Named[int] = Column(Integer, nullable=False)
    draft_units: Named[int] = Column(BigInteger, nullable=False)


shadow_load = Table("shadow_load", metadata, ShadowLoadColumns, schema="rehearsal")


class ShadowDifferenceColumns(TypedColumns):
    """An order that would ship from elsewhere: the `Changed`."""

    shadow_id: Named[UUID] = Column(ForeignKey(shadow.c.id), primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), primary_key=True)
    at: Named[datetime] = Column(Instant, nullable=False, index=True)
    record: Named[Any] = Column(Json, nullable=False)


shadow_difference = Table("shadow_difference", metadata, ShadowDifferenceColumns, schema="rehearsal")
Index("shadow_difference_list_idx", shadow_difference.c.shadow_id, shadow_difference.c.at, shadow_difference.c.order_id)
