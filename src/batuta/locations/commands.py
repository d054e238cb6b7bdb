"""Saving locations and their days, many at once; saving the same again changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Date, Text, Uuid, bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from batuta.company.domain import UnknownLegalEntity
from batuta.company.queries import legal_entities_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import fitting
from batuta.locations.domain import (
    BadLocation,
    Location,
    PostalPlace,
    SpecialDay,
    TransferLane,
    UnknownLocation,
    check_lane,
    check_location,
    check_shifts,
)
from batuta.locations.queries import locations_by_code, locations_by_id
from batuta.locations.tables import location, location_change, postal_place, special_day, transfer_lane
from batuta.plumbing.database import Connection, arrays, params, upsert_rows

_LOCK = (
    select(location.c.version).where(location.c.code == bindparam("code", type_=Text())).with_for_update(key_share=True)
)
_gone = arrays("gone", location_id=Uuid(), day=Date())
_FORGET = delete(special_day).where(special_day.c.location_id == _gone.c.location_id, special_day.c.day == _gone.c.day)


_ended = arrays("ended", source_location_id=Uuid(), target_location_id=Uuid())
_FORGET_LANES = delete(transfer_lane).where(
    transfer_lane.c.source_location_id == _ended.c.source_location_id,
    transfer_lane.c.target_location_id == _ended.c.target_location_id,
)
_of_country = postal_place.c.country == bindparam("country", type_=Text())
_COUNT_PLACES = select(func.count()).select_from(postal_place).where(_of_country)
_kept = arrays("kept", postal_code=Text())
_FORGET_PLACES = (
    delete(postal_place)
    .where(_of_country, ~exists().where(_kept.c.postal_code == postal_place.c.postal_code))
    .returning(postal_place.c.postal_code)
)


_changed = insert(location_change).values(id=1, changed_by=func.pg_current_xact_id())
_MARK = _changed.on_conflict_do_update(index_elements=["id"], set_={"changed_by": _changed.excluded.changed_by})


class PlacesSaved(msgspec.Struct, frozen=True, kw_only=True):
    """What an import of a country's postal codes changed; known: how many there are now."""

    country: str
    known: int
    new: int
    gone: int


async def save_locations(
    db: Connection, *, locations: Sequence[Location], now: datetime
) -> list[Location | BatutaError]:
    """Save locations by code; each answer is the one stored (an old code keeps its id) or why not.

    Special days are not touched.
    """
    owners = await legal_entities_by_id(db, {one.legal_entity_id for one in locations})
    names = Codes(await locations_by_id(db, {one.id for one in locations}))
    checked = each(locations, lambda one: _owned(check_location(one), owners, names))
    rows = {one.code: _row(one, now) for one in good(checked)}
    await upsert_rows(db, location, rows.values(), key=("code",))
    await _mark_changed(db)
    stored = await locations_by_code(db, rows)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def lock_location(db: Connection, *, code: str) -> int:
    """Lock a location that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK, {"code": code}) or 0)


async def close_days(db: Connection, *, days: Sequence[SpecialDay], now: datetime) -> list[SpecialDay | BatutaError]:
    """Close locations on single dates, whatever their weekly hours say."""
    return await set_days(db, days=[msgspec.structs.replace(one, shifts=[]) for one in days], now=now)


async def set_days(db: Connection, *, days: Sequence[SpecialDay], now: datetime) -> list[SpecialDay | BatutaError]:
    """Give locations other hours on single dates, on holidays too; no shifts is closed. The last word counts."""
    known = await locations_by_id(db, {one.location_id for one in days})

    def decide(one: SpecialDay) -> SpecialDay:
        if one.location_id not in known:
            raise UnknownLocation("there is no such location", location_id=str(one.location_id))
        check_shifts(one.shifts)
        return fitting(one, BadLocation)

    checked = each(days, decide)
    rows = {
        (one.location_id, one.day): msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now}
        for one in good(checked)
    }
    await upsert_rows(db, special_day, rows.values(), key=("location_id", "day"))
    await _mark_changed(db)
    return checked


async def forget_days(db: Connection, *, days: Sequence[tuple[UUID, date]]) -> None:
    """Let weekly hours and holidays count again; a day that says nothing is no problem."""
    given = params("gone", location_id=[location_id for location_id, _ in days], day=[day for _, day in days])
    await db.execute(_FORGET, given)
    await _mark_changed(db)


async def save_transfer_lanes(
    db: Connection, *, lanes: Sequence[TransferLane], now: datetime
) -> list[TransferLane | BatutaError]:
    """Say how goods go from locations to others; the last word counts."""
    known = await locations_by_id(
        db, {id_ for one in lanes for id_ in (one.source_location_id, one.target_location_id)}
    )
    checked = each(lanes, lambda one: check_lane(fitting(one, BadLocation), known))
    rows = {
        (one.source_location_id, one.target_location_id): msgspec.structs.asdict(one) | {"updated_at": now}
        for one in good(checked)
    }
    await upsert_rows(db, transfer_lane, rows.values(), key=("source_location_id", "target_location_id"))
    await _mark_changed(db)
    return checked


async def forget_transfer_lanes(db: Connection, *, lanes: Sequence[tuple[UUID, UUID]]) -> None:
    """Let nothing go from sources to targets any more; what is under way arrives."""
    given = params("ended", source_location_id=[one for one, _ in lanes], target_location_id=[one for _, one in lanes])
    await db.execute(_FORGET_LANES, given)
    await _mark_changed(db)


async def save_places(db: Connection, *, country: str, places: Sequence[PostalPlace]) -> PlacesSaved:
    """Make a country's postal codes those given, each once: new ones added, others brought up to date, the rest gone.

    The same again changes nothing.
    """
    before = int(await db.scalar(_COUNT_PLACES, {"country": country}))
    rows = {one.postal_code: msgspec.structs.asdict(one) for one in places if one.country == country}
    gone = await db.execute(_FORGET_PLACES, {"country": country, **params("kept", postal_code=list(rows))})
    await upsert_rows(db, postal_place, rows.values(), key=("country", "postal_code"))
    return PlacesSaved(country=country, known=len(rows), new=len(rows) + len(gone.all()) - before, gone=len(gone.all()))


async def _mark_changed(db: Connection) -> None:
    """Tell those who keep locations in memory that they are old."""
    await db.execute(_MARK)


def _owned(one: Location, owners: Mapping[UUID, object], names: Codes) -> Location:
    names.check(one)
    if one.legal_entity_id not in owners:
        raise UnknownLegalEntity(
            "there is no such legal entity", code=one.code, legal_entity_id=str(one.legal_entity_id)
        )
    return one


def _row(one: Location, now: datetime) -> dict[str, Any]:
    row = msgspec.structs.asdict(one) | {"abilities": sorted(one.abilities), "created_at": now, "updated_at": now}
    del row["special_days"]
    return row
