"""Reads of lots: what is known of them, where their units are, and what keeps units from coming in."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Boolean, Date, Text, Uuid, any_, bindparam, select, text

from batuta.inventory.domain import StockKey
from batuta.inventory.domain.lots import Lot, LotAt, LotFacts, LotFilter
from batuta.inventory.tables.lots import lot
from batuta.inventory.tables.stock import Key, stock
from batuta.plumbing.database import Connection, arrays, params, rows_with
from batuta.plumbing.listing import Listing

Place = tuple[UUID, UUID, str]

_LOTS = Listing(
    select(lot),
    order=(lot.c.sku_id, lot.c.code),
    filters={
        "sku_id": lot.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "code": lot.c.code == bindparam("code", type_=Text()),
        "expires_until": lot.c.expires_on <= bindparam("expires_until", type_=Date()),
        "is_recalled": lot.c.recalled_at.is_not(None) == bindparam("is_recalled", type_=Boolean()),
    },
)


async def list_lots(
    db: Connection, *, wanted: LotFilter, behind: tuple[UUID, str] | None = None, limit: int
) -> list[Lot]:
    """A page of lots in the order of their SKUs and codes."""
    rows = await _LOTS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [lot_from(dict(row)) for row in rows]


async def lots_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Lot]:
    """The lots; unknown ids are left out."""
    return {row["id"]: lot_from(row) for row in await rows_with(db, lot.c.id, ids)}


def lot_from(row: dict[str, Any]) -> Lot:
    """Read a row of the lot table."""
    return Lot(**{name: row[name] for name in Lot.__struct_fields__})


_pairs = arrays("pair", sku_id=Uuid(), lot=Key)
_STOCK_OF = (
    select(
        stock.c.sku_id,
        stock.c.lot,
        stock.c.location_id,
        stock.c.condition,
        stock.c.on_hand,
        stock.c.reserved,
        stock.c.expires_at,
    )
    .join_from(_pairs, stock, (stock.c.sku_id == _pairs.c.sku_id) & (stock.c.lot == _pairs.c.lot))
    .order_by(stock.c.sku_id, stock.c.location_id, stock.c.condition)
)


async def stock_of_lots(db: Connection, lots: Iterable[Lot]) -> dict[UUID, list[LotAt]]:
    """Where units of each lot are, or were; by the lot's id."""
    by_row = {(one.sku_id, one.code): one.id for one in lots}
    found: dict[UUID, list[LotAt]] = {lot_id: [] for lot_id in by_row.values()}
    if not by_row:
        return found
    given = params("pair", sku_id=[sku_id for sku_id, _ in by_row], lot=[code for _, code in by_row])
    for row in await db.execute(_STOCK_OF, given):
        at = {name: row[name] for name in LotAt.__struct_fields__}
        found[by_row[row.sku_id, row.lot]].append(msgspec.convert(at, LotAt))
    return found


# The end of a lot's last day is one of the place where it lies.
_FACTS = text("""
    SELECT g.sku_id, g.location_id, g.lot, k.tracking, k.is_unique, l.id IS NOT NULL AS is_registered, l.recalled_at,
           (l.expires_on + 1)::timestamp AT TIME ZONE p.time_zone AS ends_at
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:location_ids AS uuid[]), CAST(:lots AS text[]))
         AS g (sku_id, location_id, lot)
    JOIN catalog.sku k ON k.id = g.sku_id
    LEFT JOIN inventory.lot l ON g.lot <> '' AND l.sku_id = g.sku_id AND l.code = g.lot
    LEFT JOIN locations.location p ON p.id = g.location_id
    WHERE k.tracking <> 'none' OR k.is_unique
""")


async def lot_facts(db: Connection, places: Collection[Place]) -> dict[Place, LotFacts]:
    """What is known where units of SKUs shall go, by (SKU, location, lot); SKUs whose units are alike are left out."""
    if not places:
        return {}
    given = {
        "sku_ids": [sku_id for sku_id, _, _ in places],
        "location_ids": [location_id for _, location_id, _ in places],
        "lots": [code for _, _, code in places],
    }
    return {
        (row.sku_id, row.location_id, row.lot): msgspec.convert(
            {name: row[name] for name in LotFacts.__struct_fields__}, LotFacts
        )
        for row in await db.execute(_FACTS, given)
    }


_ON_HAND = text("""
    SELECT sku_id, sum(on_hand) AS units FROM inventory.stock WHERE sku_id = ANY(:sku_ids) GROUP BY sku_id
""")


async def units_everywhere(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, int]:
    """Units on hand of each SKU in all places and conditions; a SKU without stock rows is absent."""
    if not sku_ids:
        return {}
    return {row.sku_id: int(row.units) for row in await db.execute(_ON_HAND, {"sku_ids": sorted(sku_ids)})}


_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_SHELVES = (
    select(stock.c.sku_id, stock.c.location_id, stock.c.lot, stock.c.on_hand)
    .where(
        stock.c.sku_id == any_(_ids),
        stock.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
        stock.c.condition == "sellable",
        stock.c.on_hand > 0,
    )
    .order_by(stock.c.sku_id, stock.c.location_id, stock.c.expires_at.asc().nulls_last(), stock.c.lot)
)


async def lots_on_shelves(
    db: Connection, *, sku_ids: Collection[UUID], location_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], list[tuple[str, int]]]:
    """Sellable units by SKU and location: of which lots, the first to end first, and how many."""
    found: dict[tuple[UUID, UUID], list[tuple[str, int]]] = {}
    given = {"sku_ids": list(sku_ids), "location_ids": list(location_ids)}
    for row in await db.execute(_SHELVES, given):
        found.setdefault((row.sku_id, row.location_id), []).append((row.lot, row.on_hand))
    return found


_UNCLAIMED = text("""
    SELECT s.sku_id, s.location_id, s.condition, s.lot, s.on_hand - s.reserved AS units
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:location_ids AS uuid[]), CAST(:conditions AS text[]),
                CAST(:lots AS text[])) AS g (sku_id, location_id, condition, lot)
    JOIN inventory.stock s USING (sku_id, location_id, condition, lot)
""")


async def unclaimed(db: Connection, keys: Collection[StockKey]) -> dict[StockKey, int]:
    """Units of stock rows that nobody has reserved; rows that are not there are left out."""
    given = {
        "sku_ids": [key.sku_id for key in keys],
        "location_ids": [key.location_id for key in keys],
        "conditions": [key.condition for key in keys],
        "lots": [key.lot for key in keys],
    }
    return {StockKey(*row[:4]): row.units for row in await db.execute(_UNCLAIMED, given)}
