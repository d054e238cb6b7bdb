"""What planning orders together was worth."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from batuta.plumbing.database import Connection, Row
from batuta.plumbing.listing import Listing
from batuta.sourcing.domain.pools.components import PoolRun
from batuta.sourcing.tables import pool_run

_RUNS = Listing(select(pool_run), order=(pool_run.c.planned_at, pool_run.c.id), filters={}, is_newest_first=True)


async def list_pool_runs(db: Connection, *, after: tuple[datetime, UUID] | None, limit: int) -> list[PoolRun]:
    """Pools that were planned, the newest first."""
    return [_read(row) for row in await _RUNS.read(db, {}, behind=after, limit=limit)]


def _read(row: Row) -> PoolRun:
    cost, one_by_one = abs(row.cost_minor), abs(row.one_by_one_minor)
    return PoolRun(
        **row,
        gap=max(0, row.cost_minor - row.bound_minor) / cost if cost else 0.0,
        gain=(row.one_by_one_minor - row.cost_minor) / one_by_one if one_by_one else 0.0,
        stability=1 - row.moved / row.replanned if row.replanned else None,
    )
