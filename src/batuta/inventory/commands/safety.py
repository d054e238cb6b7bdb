"""Units kept back from sale."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, update

from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.opening import NoRow, open_rows, why_no_row
from batuta.inventory.commands.rows import places_of, write_rows
from batuta.inventory.domain import Condition, StockKey
from batuta.inventory.tables import stock
from batuta.kernel.quantities import QuantityOrNone
from batuta.plumbing.database import Connection, Integer, arrays, params


class SafetyLevel(msgspec.Struct, frozen=True, kw_only=True):
    """How many sellable units of a SKU a location keeps back."""

    sku_id: UUID
    location_id: UUID
    units: QuantityOrNone


_given = arrays("level", sku_id=Uuid(), location_id=Uuid(), safety=Integer())
_write = (
    update(stock)
    .where(
        stock.c.sku_id == _given.c.sku_id,
        stock.c.location_id == _given.c.location_id,
        stock.c.condition == Condition.SELLABLE.value,
        stock.c.lot == "",
    )
    .values(safety=_given.c.safety)
)


async def set_safety_stock(
    db: Connection, *, levels: Sequence[SafetyLevel], now: datetime
) -> list[SafetyLevel | NoRow]:
    """Keep units back from sale; of a SKU and location given twice the last counts. Claims already granted stay."""
    keys = [StockKey(one.sku_id, one.location_id, Condition.SELLABLE.value, "") for one in levels]
    await open_rows(db, set(keys))
    rows = await lock_rows_now(db, places_of(keys), now=now)
    absent = await why_no_row(db, [key for key in keys if key not in rows])
    last = {key: one.units for key, one in zip(keys, levels, strict=True)}
    await db.execute(
        _write,
        params(
            "level",
            sku_id=[key.sku_id for key in last],
            location_id=[key.location_id for key in last],
            safety=list(last.values()),
        ),
    )
    await write_rows(db, rows)
    return [absent.get(key) or one for key, one in zip(keys, levels, strict=True)]
