"""When carriers come and on which days they work, kept in memory until one of the timetables changes."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import KnownWhole
from batuta.shipping.domain import CarrierCalendar, Pickups, Timetables
from batuta.shipping.queries.rates import SHIPPING
from batuta.shipping.tables import carrier_calendar, pickup

_PICKUPS = select(pickup)
_CALENDARS = select(carrier_calendar)


async def timetables(db: Connection) -> Timetables:
    """All timetables, from memory."""
    return await _known.of(db)


async def _stored(db: Connection) -> Timetables:
    pickups = [_pickups(dict(row)) for row in await db.execute(_PICKUPS)]
    calendars = [_calendar(dict(row)) for row in await db.execute(_CALENDARS)]
    return Timetables(
        {(one.location_id, one.carrier_id): one for one in pickups}, {one.carrier_id: one for one in calendars}
    )


_known = KnownWhole(SHIPPING, _stored)


async def pickups_of(db: Connection, location_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], Pickups]:
    """When carriers come to these locations, by location and carrier; absent where nobody has said it."""
    wanted = frozenset(location_ids)
    return {key: one for key, one in (await timetables(db)).pickups.items() if key[0] in wanted}


async def calendars_of(db: Connection, carrier_ids: Collection[UUID]) -> dict[UUID, CarrierCalendar]:
    """On which days these carriers work: Monday to Friday where nobody has said it."""
    known = await timetables(db)
    return {carrier_id: known.calendar(carrier_id) for carrier_id in carrier_ids}


async def pickups_with_versions(db: Connection, location_id: UUID) -> dict[UUID, tuple[Pickups, int]]:
    """The pickups of a location as they are stored, by carrier, and how often each was saved."""
    rows = await rows_with(db, pickup.c.location_id, [location_id])
    return {row["carrier_id"]: (_pickups(row), row["version"]) for row in rows}


async def calendar_with_version(db: Connection, carrier_id: UUID) -> tuple[CarrierCalendar, int]:
    """A carrier's calendar as it is stored, and how often it was saved; never, where it has none."""
    for row in await rows_with(db, carrier_calendar.c.carrier_id, [carrier_id]):
        return _calendar(row), row["version"]
    return CarrierCalendar(carrier_id=carrier_id), 0


def _pickups(row: dict[str, Any]) -> Pickups:
    return msgspec.convert(row, Pickups)


def _calendar(row: dict[str, Any]) -> CarrierCalendar:
    return msgspec.convert(row, CarrierCalendar)
