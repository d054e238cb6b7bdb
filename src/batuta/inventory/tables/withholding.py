"""What is kept back from whom: buffer rules, ring-fenced pools, silent locations; thresholds and labels of the shop."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
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
from batuta.company.tables import channel
from batuta.inventory.domain import Label, OnEmpty, RuleKind
from batuta.inventory.tables.stock import one_of
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Json, Text, Xid8, metadata


class WithholdingChangeColumns(TypedColumns):
    """The transaction that last changed a rule, a pool or a silence, so that readers know when to read them again."""

    id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    changed_by: Named[int] = Column(Xid8, nullable=False)
    changed_at: Named[datetime] = Column(Instant, nullable=False)


withholding_change = Table(
    "withholding_change",
    metadata,
    WithholdingChangeColumns,
    CheckConstraint("id = 1", name="only_one"),
    schema="inventory",
)


class BufferRuleColumns(TypedColumns):
    """Units, or hundredths of a percent of what is on hand, that are kept back; an exclusion keeps all. None is any."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    priority: Named[int] = Column(Integer, nullable=False, unique=True)
    kind: Named[str] = Column(Text, nullable=False)
    units: Named[int | None] = Column(Integer)
    share_bp: Named[int | None] = Column(Integer)
    channel_id: Named[UUID | None] = Column(ForeignKey(channel.c.id))
    category: Named[str | None] = Column(Text)
    sku_id: Named[UUID | None] = Column(ForeignKey(sku.c.id))
    location_ids: Named[list[UUID] | None] = Column(ARRAY(Uuid, dimensions=1))
    is_stacked: Named[bool] = Column(Boolean, nullable=False)
    from_at: Named[datetime | None] = Column(Instant)
    until_at: Named[datetime | None] = Column(Instant)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


buffer_rule = Table(
    "buffer_rule",
    metadata,
    BufferRuleColumns,
    CheckConstraint(
        "(kind = 'exclusion' AND units IS NULL AND share_bp IS NULL)"
        " OR (kind = 'buffer' AND (units IS NULL) <> (share_bp IS NULL))",
        name="says_how_much",
    ),
    CheckConstraint("units >= 0 AND share_bp BETWEEN 0 AND 10000", name="within_bounds"),
    CheckConstraint("from_at < until_at", name="begins_before_it_ends"),
    one_of("kind", RuleKind),
    schema="inventory",
)


class PoolColumns(TypedColumns):
    """Who may take ring-fenced units; None is anybody. parent_id: whose units it was given; its terms hold too."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    parent_id: Named[UUID | None] = Column(ForeignKey("inventory.pool.id"), index=True)
    channel_id: Named[UUID | None] = Column(ForeignKey(channel.c.id))
    region: Named[str | None] = Column(Text)
    customer_group: Named[str | None] = Column(Text)
    on_empty: Named[str] = Column(Text, nullable=False)
    until_at: Named[datetime | None] = Column(Instant)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


pool = Table("pool", metadata, PoolColumns, one_of("on_empty", OnEmpty), schema="inventory")


class PoolStockColumns(TypedColumns):
    """Units of a SKU at a location that are ring-fenced; used: those claimed from the pool, handed out or not.

    Changed only by who holds the lock of the place's stock row.
    """

    pool_id: Named[UUID] = Column(ForeignKey(pool.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    allocated: Named[int] = Column(Integer, nullable=False)
    used: Named[int] = Column(Integer, nullable=False)


pool_stock = Table(
    "pool_stock",
    metadata,
    PoolStockColumns,
    CheckConstraint("used BETWEEN 0 AND allocated", name="used_within_allocated"),
    schema="inventory",
)
Index("pool_stock_place_idx", pool_stock.c.sku_id, pool_stock.c.location_id)


class SilenceColumns(TypedColumns):
    """The share of its units that a location keeps back because nothing was heard of it; 10,000 leaves sourcing."""

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    share_bp: Named[int] = Column(Integer, nullable=False)
    since_at: Named[datetime] = Column(Instant, nullable=False)


silence = Table(
    "silence",
    metadata,
    SilenceColumns,
    CheckConstraint("share_bp BETWEEN 1 AND 10000", name="within_bounds"),
    schema="inventory",
)


class ThresholdColumns(TypedColumns):
    """From how few units a SKU is low, in all or at one location, and from how many it is so no longer."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    low_units: Named[int] = Column(Integer, nullable=False)
    ample_units: Named[int] = Column(Integer, nullable=False)


threshold = Table(
    "threshold",
    metadata,
    ThresholdColumns,
    UniqueConstraint("sku_id", "location_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("low_units >= 0 AND ample_units >= low_units", name="units_in_order"),
    schema="inventory",
)


class ShownLabelColumns(TypedColumns):
    """What shoppers were last told of a SKU, by channel, in all or at one location."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    channel_id: Named[UUID] = Column(ForeignKey(channel.c.id), nullable=False)
    label: Named[str] = Column(Text, nullable=False)
    since_at: Named[datetime] = Column(Instant, nullable=False)


shown_label = Table(
    "shown_label",
    metadata,
    ShownLabelColumns,
    UniqueConstraint("sku_id", "channel_id", "location_id", postgresql_nulls_not_distinct=True),
    one_of("label", Label),
    schema="inventory",
)


class SafetyPolicyColumns(TypedColumns):
    """How the safety stock of a SKU at a location is computed each day (INV-08).

    service_bp: of lead times that shall not run out. seasons: `[{from, until, units}]`, local dates, over all else.
    """

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    service_bp: Named[int] = Column(Integer, nullable=False)
    lead_time_days: Named[int] = Column(Integer, nullable=False)
    floor_units: Named[int] = Column(Integer, nullable=False)
    ceiling_units: Named[int | None] = Column(Integer)
    window_days: Named[int] = Column(Integer, nullable=False)
    seasons: Named[list[dict[str, object]]] = Column(Json, nullable=False)
    due_at: Named[datetime] = Column(Instant, nullable=False, index=True)


safety_policy = Table(
    "safety_policy",
    metadata,
    SafetyPolicyColumns,
    CheckConstraint("service_bp BETWEEN 5000 AND 9999", name="service_is_a_share"),
    CheckConstraint("lead_time_days BETWEEN 1 AND 365 AND window_days BETWEEN 7 AND 730", name="days_within_bounds"),
    CheckConstraint("floor_units >= 0 AND ceiling_units >= floor_units", name="bounds_in_order"),
    schema="inventory",
)
