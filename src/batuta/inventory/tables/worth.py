"""What units are worth to their location, and what was sold there over the counter."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Named, Table, TypedColumns, UniqueConstraint, Uuid

from batuta.catalog.tables import sku
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, metadata


class StockWorthColumns(TypedColumns):
    """Of all locations or SKUs where it names none. learn_at: when it is looked again what was sold."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    sku_id: Named[UUID | None] = Column(ForeignKey(sku.c.id))
    horizon_days: Named[int | None] = Column(Integer)
    target_days: Named[int | None] = Column(Integer)
    markdown_day_bp: Named[int] = Column(Integer, nullable=False)
    expiry_days: Named[int | None] = Column(Integer)
    learn_at: Named[datetime] = Column(Instant, nullable=False, index=True)


stock_worth = Table(
    "stock_worth",
    metadata,
    StockWorthColumns,
    UniqueConstraint("location_id", "sku_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("horizon_days > 0 AND target_days > 0 AND expiry_days > 0", name="days_are_positive"),
    CheckConstraint("markdown_day_bp BETWEEN 0 AND 10000", name="markdown_is_a_share"),
    schema="inventory",
)


class CounterSaleColumns(TypedColumns):
    """Units that customers took from a location in the 28 days before it was learned."""

    sku_id: Named[UUID] = Column(Uuid, primary_key=True)
    location_id: Named[UUID] = Column(Uuid, primary_key=True)
    units: Named[int] = Column(Integer, nullable=False)
    learned_at: Named[datetime] = Column(Instant, nullable=False)


counter_sale = Table(
    "counter_sale",
    metadata,
    CounterSaleColumns,
    CheckConstraint("units > 0", name="units_are_positive"),
    schema="inventory",
)
