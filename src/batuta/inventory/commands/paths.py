"""Saying how more of a SKU can be had at a location (INV-22)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, delete

from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.reaching import BadPath, LeadPath, check_path
from batuta.inventory.tables import lead_path
from batuta.kernel.outcomes import each
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, arrays, params, upsert_rows


async def save_paths(
    db: Connection, *, paths: Sequence[LeadPath], now: datetime
) -> list[LeadPath | BadPath | UnknownStock]:
    """Save ways in which a SKU can be had at a location; one of an id that is there is changed."""
    skus = await skus_by_id(
        db, {id_ for one in paths for id_ in (one.sku_id, *(part.sku_id for part in one.components))}
    )
    wanted = {id_ for one in paths for id_ in (one.location_id, one.source_location_id) if id_}
    places = await locations_by_id(db, wanted)

    def check(one: LeadPath) -> LeadPath:
        parts = {part.sku_id for part in one.components}
        named = {one.location_id, one.source_location_id} - {None}
        if not {one.sku_id, *parts} <= skus.keys() or not named <= places.keys():
            raise UnknownStock("there is no such SKU or location", path_id=str(one.id))
        return check_path(one)

    outcomes: list[Any] = each(paths, check)
    rows = {one.id: _row(one, now) for one in outcomes if isinstance(one, LeadPath)}
    await upsert_rows(db, lead_path, rows.values(), key=["id"])
    return outcomes


async def delete_paths(db: Connection, *, ids: Sequence[UUID]) -> None:
    """Forget ways; those that are not there are no problem."""
    if ids:
        await db.execute(_delete, params("gone", id=sorted(ids)))


_gone = arrays("gone", id=Uuid())
_delete = delete(lead_path).where(lead_path.c.id == _gone.c.id)


def _row(one: LeadPath, now: datetime) -> Mapping[str, Any]:
    return {
        **msgspec.structs.asdict(one),
        "kind": one.kind.value,
        "components": msgspec.to_builtins(one.components),
        "weekdays": sorted(set(one.weekdays)),
        "holidays": [day.isoformat() for day in sorted(set(one.holidays))],
        "updated_at": now,
    }
