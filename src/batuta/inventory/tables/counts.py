"""Cycle counts: tasks, the rows they name, what each person counted, and the places that stand still meanwhile."""

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
    UniqueConstraint,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.inventory.domain.accounts import Condition
from batuta.inventory.domain.counts import CountStatus, LineStatus, VarianceReason
from batuta.inventory.tables.stock import Key, one_of
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Text, metadata


class StockCountColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    is_blind: Named[bool] = Column(Boolean, nullable=False)
    freezes: Named[bool] = Column(Boolean, nullable=False)
    tolerance_units: Named[int] = Column(Integer, nullable=False)
    tolerance_bp: Named[int] = Column(Integer, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_by: Named[str | None] = Column(Text)


stock_count = Table(
    "stock_count",
    metadata,
    StockCountColumns,
    CheckConstraint("tolerance_units >= 0 AND tolerance_bp BETWEEN 0 AND 10000", name="tolerance_is_a_share"),
    CheckConstraint("(ended_at IS NULL) = (status IN ('open', 'counted'))", name="ended_at_its_end"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
    one_of("status", CountStatus),
    schema="inventory",
)
Index("stock_count_created_idx", stock_count.c.created_at, stock_count.c.id)
Index("stock_count_location_idx", stock_count.c.location_id, stock_count.c.created_at, stock_count.c.id)


class CountLineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    count_id: Named[UUID] = Column(ForeignKey(stock_count.c.id), nullable=False)
    position: Named[int] = Column(Integer, nullable=False)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False, index=True)
    condition: Named[str] = Column(Key, nullable=False)
    lot: Named[str] = Column(Key, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    is_found: Named[bool] = Column(Boolean, nullable=False)
    variance: Named[int | None] = Column(Integer)
    reason: Named[str | None] = Column(Text)
    note: Named[str] = Column(Text, nullable=False)


count_line = Table(
    "count_line",
    metadata,
    CountLineColumns,
    UniqueConstraint("count_id", "sku_id", "condition", "lot"),
    CheckConstraint("(variance IS NULL) = (status <> 'posted')", name="variance_is_posted"),
    CheckConstraint("(reason IS NOT NULL) = (coalesce(variance, 0) <> 0)", name="variance_has_reason"),
    one_of("condition", Condition),
    one_of("status", LineStatus),
    one_of("reason", VarianceReason),
    schema="inventory",
)


class CountEntryColumns(TypedColumns):
    """What a person counted, and what the books said of that moment. Rows are only ever added."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(ForeignKey(count_line.c.id), nullable=False)
    round: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    book_units: Named[int] = Column(Integer, nullable=False)
    counted_at: Named[datetime] = Column(Instant, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    recorded_at: Named[datetime] = Column(Instant, nullable=False)


count_entry = Table(
    "count_entry",
    metadata,
    CountEntryColumns,
    UniqueConstraint("line_id", "round"),
    CheckConstraint("units >= 0 AND round > 0", name="units_not_negative"),
    schema="inventory",
)


class StandstillColumns(TypedColumns):
    """A place whose units stand still, and the count that wants it."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    count_id: Named[UUID] = Column(ForeignKey(stock_count.c.id), nullable=False, index=True)


standstill = Table("standstill", metadata, StandstillColumns, schema="inventory")
