"""Reads of what units are worth to their locations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, or_, select

from batuta.inventory.domain.worth import NO_WORTHS, StockWorth, StockWorths
from batuta.inventory.queries.withholding import lots_of
from batuta.inventory.tables.worth import counter_sale, stock_worth
from batuta.plumbing.database import Connection, rows_with

_columns = [stock_worth.c[name] for name in StockWorth.__struct_fields__]
_of_skus = any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1)))
WORTHS_OF = select(*_columns).where(or_(stock_worth.c.sku_id.is_(None), stock_worth.c.sku_id == _of_skus))
"""What is said of `sku_ids`, and of all: a part of statements that look at the SKUs anyway."""

_ALL = select(*_columns).order_by(stock_worth.c.location_id, stock_worth.c.sku_id)


async def all_stock_worths(db: Connection) -> list[StockWorth]:
    """Everything that is said, by location and SKU."""
    return [StockWorth(**row) for row in await db.execute(_ALL)]


async def stock_worths_of(
    db: Connection, said: Sequence[StockWorth], sku_ids: Collection[UUID], *, now: datetime
) -> StockWorths:
    """What the SKUs' units are worth at all locations. said: of them, as a statement just read it."""
    if not said:
        return NO_WORTHS
    sold = {
        (row["sku_id"], row["location_id"]): row["units"] for row in await rows_with(db, counter_sale.c.sku_id, sku_ids)
    }
    expiry = {}
    if any(one.expiry_days for one in said):
        lots = await lots_of(db, sku_ids, now=now)
        expiry = {place: min(ends_at for ends_at, _ in several) for place, several in lots.items()}
    return StockWorths(said, sold=sold, expiry=expiry)
