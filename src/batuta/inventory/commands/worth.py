"""Saying what units are worth to their locations, and learning what these sell themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY

from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain.worth import WINDOW_DAYS, StockWorth, UnknownWorth
from batuta.inventory.tables.worth import stock_worth
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import fitting
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Instant, upsert_rows

EVERY = timedelta(days=1)
_ROOT = UUID(int=0)

_FORGET = delete(stock_worth).where(stock_worth.c.id != bindparam("ids", type_=ARRAY(Uuid())).all_())
_DUE = text("SELECT count(*) FROM inventory.stock_worth WHERE learn_at <= :now").bindparams(
    bindparam("now", type_=Instant)
)
_LEARN = text(
    """
    INSERT INTO inventory.counter_sale (sku_id, location_id, units, learned_at)
    SELECT sku_id, source_location_id, sum(quantity), :now FROM inventory.movement
    WHERE recorded_at > :since AND effective_at > :since AND effective_at <= :now
      AND source_kind = 'location' AND target_kind = 'customer' AND reason = 'sale_pos'
    GROUP BY sku_id, source_location_id
    ON CONFLICT (sku_id, location_id) DO UPDATE SET units = excluded.units, learned_at = excluded.learned_at
    """
).bindparams(bindparam("now", type_=Instant), bindparam("since", type_=Instant))
_FORGET_OLD = text("DELETE FROM inventory.counter_sale WHERE learned_at < :now").bindparams(
    bindparam("now", type_=Instant)
)
_NEXT = text("UPDATE inventory.stock_worth SET learn_at = :next WHERE learn_at <= :now").bindparams(
    bindparam("now", type_=Instant), bindparam("next", type_=Instant)
)


async def set_stock_worths(db: Connection, *, worths: Sequence[StockWorth], now: datetime) -> None:
    """Say anew what all units are worth; what is said of nothing named here is forgotten.

    Raises:
        UnknownWorth: it speaks of a location or SKU that is not there.
    """
    places = await locations_by_id(db, {one.location_id for one in worths if one.location_id})
    skus = await skus_by_id(db, {one.sku_id for one in worths if one.sku_id})
    for one in worths:
        fitting(one)
        if (one.location_id and one.location_id not in places) or (one.sku_id and one.sku_id not in skus):
            raise UnknownWorth("there is no such location or SKU")
    rows = {
        child_id(_ROOT, one.location_id or "", one.sku_id or ""): msgspec.structs.asdict(one) | {"learn_at": now}
        for one in worths
    }
    await db.execute(_FORGET, {"ids": list(rows)})
    await upsert_rows(db, stock_worth, [{"id": id_, **row} for id_, row in rows.items()], key=("id",))


async def learn_counter_sales(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: once a day, count what customers took in the last 28 days, where that is worth something."""
    due = int(await db.scalar(_DUE, {"now": now}) or 0)
    if due and limit:
        await db.execute(_LEARN, {"now": now, "since": now - timedelta(days=WINDOW_DAYS)})
        await db.execute(_FORGET_OLD, {"now": now})
        await db.execute(_NEXT, {"now": now, "next": now + EVERY})
    return due
