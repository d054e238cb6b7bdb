"""Locations with their special days, many at once."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.locations.domain import Location, SpecialDay
from batuta.locations.tables import location, special_day
from batuta.plumbing.database import Connection, rows_with


async def locations_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Location]:
    return {one.id: one for one in await _whole(db, await rows_with(db, location.c.id, ids))}


async def locations_by_code(db: Connection, codes: Collection[str]) -> dict[str, Location]:
    return {one.code: one for one in await _whole(db, await rows_with(db, location.c.code, codes))}


async def active_locations(db: Connection) -> list[Location]:
    """Every location that works, in the order of their ids."""
    rows = await db.execute(select(location).where(location.c.is_active).order_by(location.c.id))
    return await _whole(db, [dict(row) for row in rows.mappings()])


async def special_days_of(db: Connection, location_ids: Collection[UUID]) -> dict[UUID, list[SpecialDay]]:
    """Closures and other hours of single dates, by date; a location without any is absent."""
    found: dict[UUID, list[SpecialDay]] = {}
    rows = await rows_with(db, special_day.c.location_id, location_ids)
    for one in sorted(msgspec.convert(rows, list[SpecialDay]), key=lambda one: one.day):
        found.setdefault(one.location_id, []).append(one)
    return found


async def _whole(db: Connection, rows: Sequence[dict[str, Any]]) -> list[Location]:
    special = await special_days_of(db, [row["id"] for row in rows])
    return [
        msgspec.convert(row | {"special_days": {one.day: one.shifts for one in special.get(row["id"], ())}}, Location)
        for row in rows
    ]
