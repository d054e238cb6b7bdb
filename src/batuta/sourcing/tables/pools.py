"""Orders that are planned together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.plumbing.database import BigInteger, Instant, Integer, metadata


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
