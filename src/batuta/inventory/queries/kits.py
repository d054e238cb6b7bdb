"""Reads of the work by which kits are built and broken up."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.catalog.domain import Component
from batuta.inventory.domain import AccountKind
from batuta.inventory.domain.kits import KitVerb, KitWork, Taken
from batuta.inventory.tables.lots import kit_work
from batuta.inventory.tables.stock import movement
from batuta.plumbing.database import Connection, rows_with

_MOVED = (
    select(movement.c.document_id, movement.c.sku_id, movement.c.lot, movement.c.quantity)
    .where(movement.c.document_id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))
    .where((movement.c.source_kind == AccountKind.KIT.value) | (movement.c.target_kind == AccountKind.KIT.value))
    .order_by(movement.c.key)
)


async def kit_work_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, KitWork]:
    """The work, with all that it moved; unknown ids are left out."""
    rows = await rows_with(db, kit_work.c.id, ids)
    moved: dict[UUID, list[Taken]] = {row["id"]: [] for row in rows}
    if rows:
        for document_id, sku_id, lot, quantity in await db.execute(_MOVED, {"ids": list(moved)}):
            moved[document_id].append(Taken(sku_id=sku_id, lot=lot, quantity=quantity))
    return {row["id"]: _work(row, moved[row["id"]]) for row in rows}


def _work(row: dict[str, Any], moved: list[Taken]) -> KitWork:
    known = {name: row[name] for name in KitWork.__struct_fields__ if name != "moved"}
    known |= {"verb": KitVerb(row["verb"]), "parts": msgspec.convert(row["parts"], list[Component]), "moved": moved}
    return KitWork(**known)
