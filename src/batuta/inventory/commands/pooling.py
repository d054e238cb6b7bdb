"""Units into pools, from one to another, and back (INV-07)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import sellable, write_rows
from batuta.inventory.domain import Allocate, PoolRefusal, PoolStock, UnknownPool
from batuta.inventory.domain.pools import allocate_all
from batuta.inventory.queries import pool_stocks_of, withheld
from batuta.inventory.tables import pool_stock
from batuta.plumbing.database import Connection, upsert_rows


async def allocate(
    db: Connection, *, asked: Sequence[Allocate], now: datetime
) -> list[PoolStock | PoolRefusal | UnknownPool]:
    """Ring-fence units for pools, or give them back; each whole, or why not. Locks the places' stock rows.

    Units come out of the pool's parent, or the pool that is named, or else of what is free there and in no pool. What
    was claimed from a pool stays its.
    """
    rows = await lock_rows_now(db, {sellable(one.sku_id, one.location_id) for one in asked}, now=now)
    known = await withheld(db)
    stocks = await pool_stocks_of(db, {one.sku_id for one in asked})
    free = {(sku_id, at): units for sku_id, places in rows.free().items() for at, units in places.items()}
    outcomes, changed = allocate_all(asked, stocks, known.pools, free=free, now=now)
    await upsert_rows(
        db,
        pool_stock,
        [msgspec.structs.asdict(one) for one in changed.values()],
        key=("pool_id", "sku_id", "location_id"),
        keep=("used",),
    )
    await write_rows(db, rows)
    return outcomes
