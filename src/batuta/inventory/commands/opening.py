"""Stock rows that are not there yet."""

from collections.abc import Collection
from typing import TypeAlias

from sqlalchemy import TIMESTAMP, Uuid, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from batuta.catalog.tables import sku
from batuta.inventory.domain import NotStocked, StockKey, UnknownStock
from batuta.inventory.tables import Key, stock
from batuta.inventory.tables.lots import lot
from batuta.locations.tables import location
from batuta.plumbing.database import Connection, arrays, params, rows_with

NoRow: TypeAlias = NotStocked | UnknownStock

_given = arrays("row", sku_id=Uuid(), location_id=Uuid(), condition=Key, lot=Key)
# From when the lot can no longer be sold there: some days before its last one ends, or since it is called back.
_sold_until = (
    select(
        func.least(
            func.timezone(location.c.time_zone, cast(lot.c.expires_on + 1 - lot.c.min_remaining_days, TIMESTAMP)),
            lot.c.recalled_at,
        )
    )
    .where(
        _given.c.lot != "",
        lot.c.sku_id == _given.c.sku_id,
        lot.c.code == _given.c.lot,
        location.c.id == _given.c.location_id,
    )
    .scalar_subquery()
)
_open_rows = (
    insert(stock)
    .from_select(
        ["sku_id", "location_id", "condition", "lot", "on_hand", "reserved", "safety", "expires_at"],
        select(*_given.c, literal(0), literal(0), literal(0), _sold_until)
        .where(
            ~exists().where(
                stock.c.sku_id == _given.c.sku_id,
                stock.c.location_id == _given.c.location_id,
                stock.c.condition == _given.c.condition,
                stock.c.lot == _given.c.lot,
            ),
            exists().where(sku.c.id == _given.c.sku_id, sku.c.is_tracked),
            exists().where(location.c.id == _given.c.location_id),
        )
        .order_by(*_given.c),
    )
    .on_conflict_do_nothing()
)


async def open_rows(db: Connection, keys: Collection[StockKey]) -> None:
    """Make the stock rows that are not there yet, empty; none for what has no stock or does not exist.

    Before any row is locked, and in the order of locks: who waits here for another's new row holds none that the
    other could want.
    """
    if not keys:
        return
    ordered = sorted(keys)
    await db.execute(
        _open_rows,
        params(
            "row",
            sku_id=[key.sku_id for key in ordered],
            location_id=[key.location_id for key in ordered],
            condition=[key.condition for key in ordered],
            lot=[key.lot for key in ordered],
        ),
    )


async def why_no_row(db: Connection, keys: Collection[StockKey]) -> dict[StockKey, NoRow]:
    """Say for each row that could not be opened what is wrong with it."""
    if not keys:
        return {}
    skus = await rows_with(db, sku.c.id, {key.sku_id for key in keys})
    tracked = {row["id"]: row["is_tracked"] for row in skus}
    return {key: _why(key, is_tracked=tracked.get(key.sku_id)) for key in keys}


def _why(key: StockKey, *, is_tracked: bool | None) -> NoRow:
    facts = {"sku_id": str(key.sku_id), "location_id": str(key.location_id)}
    if is_tracked is False:
        return NotStocked("this SKU has no stock of its own", **facts)
    return UnknownStock("there is no such SKU or location", **facts)
