"""What may come in where: no unit of a lot-tracked SKU without its lot, and of a unique piece never two (INV-14)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.catalog.tables import sku
from batuta.inventory.domain import AccountKind, Movement, StockRefusal
from batuta.inventory.domain.lots import OneOfItsKind, refuse_entry
from batuta.inventory.queries.lots import lot_facts, units_everywhere
from batuta.plumbing.database import Connection

# Whoever brings in a unique piece holds its SKU, so that two who bring it to two places see each other.
_LOCK_SKUS = (
    select(sku.c.id)
    .where(sku.c.id == any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(sku.c.id)
    .with_for_update(key_share=True)
)


async def refuse_entries(db: Connection, movements: Sequence[Movement], *, now: datetime) -> dict[str, StockRefusal]:
    """Which movements may not come in, by their keys. Before any stock row is locked."""
    entering = [one for one in movements if one.target.location_id is not None]
    places = {(one.sku_id, one.target.location_id, one.lot) for one in entering if one.target.location_id}
    facts = await lot_facts(db, places)
    if not facts:
        return {}
    refused: dict[str, StockRefusal] = {}
    for one in entering:
        if refusal := refuse_entry(one, facts, now=now):
            refused[one.key] = refusal
    unique = {sku_id for (sku_id, _, _), known in facts.items() if known.is_unique}
    if unique:
        refused |= await _refuse_seconds(db, [one for one in entering if one.key not in refused], unique)
    return refused


async def _refuse_seconds(
    db: Connection, entering: Sequence[Movement], unique: Collection[UUID]
) -> dict[str, StockRefusal]:
    """Refuse what would make a second piece of a SKU of which there is one."""
    fresh = [one for one in entering if one.sku_id in unique and one.source.kind is not AccountKind.LOCATION]
    if not fresh:
        return {}
    await db.execute(_LOCK_SKUS, {"sku_ids": sorted({one.sku_id for one in fresh})})
    there = await units_everywhere(db, {one.sku_id for one in fresh})
    refused: dict[str, StockRefusal] = {}
    for key, one in {one.key: one for one in fresh}.items():
        units = there.get(one.sku_id, 0) + one.quantity
        if units > 1:
            refused[key] = OneOfItsKind(
                "there is one piece of this SKU and no more", key=key, sku_id=str(one.sku_id), units=units
            )
        else:
            there[one.sku_id] = units
    return refused
