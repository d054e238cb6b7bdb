"""Saving locations and their days, many at once; saving the same again changes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Date, Text, Uuid, bindparam, delete, exists, func, select

from batuta.company.domain import UnknownLegalEntity
from batuta.company.queries import legal_entities_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, Changed
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
from batuta.locations.events import LocationSaved
from batuta.locations.queries import LOCATIONS, locations_by_code, locations_by_id, transfer_lanes_into
from batuta.locations.tables import location, postal_place, special_day, transfer_lane
from batuta.plumbing.database import Connection, arrays, params, upsert_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.plumbing.saving import Saving, tell

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


def _row(one: Location) -> dict[str, Any]:
    row = msgspec.structs.asdict(one) | {"abilities": sorted(one.abilities)}
    del row["special_days"]
    return row


_LOCATIONS = Saving(Location, location, told=LocationSaved, subject=LOCATIONS, row=_row)


class PlacesSaved(msgspec.Struct, frozen=True, kw_only=True):
    """What an import of a country's postal codes changed; known: how many there are now."""

    country: str
    known: int
    new: int
    gone: int


async def save_locations(
    db: Connection, *, locations: Sequence[Location], now: datetime, actor: str = SETUP
) -> list[Location | BatutaError]:
    """Save locations by code; each answer is the one stored (an old code keeps its id) or why not.

    Special days are not touched.
    """
    present = await _LOCATIONS.locked(db, locations)
    owners = await legal_entities_by_id(db, {one.legal_entity_id for one in locations})
    names = Codes(await locations_by_id(db, {one.id for one in locations}))
    checked = each(locations, lambda one: _owned(check_location(one), owners, names))
    saved = await _LOCATIONS.save(db, checked, present, now=now, actor=actor)
    stored = await locations_by_code(db, {one.code for one in good(saved)})
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in saved]


async def lock_location(db: Connection, *, code: str) -> int:
    """Lock a location that is going to be saved and return its version; 0 when there is none yet."""
    return await _LOCATIONS.lock(db, code=code)


async def close_days(db: Connection, *, days: Sequence[SpecialDay], now: datetime) -> list[SpecialDay | BatutaError]:
    """Close locations on single dates, whatever their weekly hours say."""
    return await set_days(db, days=[msgspec.structs.replace(one, shifts=[]) for one in days], now=now)


async def set_days(
    db: Connection, *, days: Sequence[SpecialDay], now: datetime, actor: str = SETUP
) -> list[SpecialDay | BatutaError]:
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
    await mark_changed(db, LOCATIONS)
    said = {(one.location_id, one.day): one.shifts for one in good(checked)}
    await tell(db, LocationSaved, known, _changes_of_days(known, said), now=now, actor=actor)
    return checked


async def forget_days(db: Connection, *, days: Sequence[tuple[UUID, date]], now: datetime, actor: str = SETUP) -> None:
    """Let weekly hours and holidays count again; a day that says nothing is no problem."""
    known = await locations_by_id(db, {location_id for location_id, _ in days})
    given = params("gone", location_id=[location_id for location_id, _ in days], day=[day for _, day in days])
    await db.execute(_FORGET, given)
    await mark_changed(db, LOCATIONS)
    await tell(db, LocationSaved, known, _changes_of_days(known, dict.fromkeys(days)), now=now, actor=actor)


async def save_transfer_lanes(
    db: Connection, *, lanes: Sequence[TransferLane], now: datetime, actor: str = SETUP
) -> list[TransferLane | BatutaError]:
    """Say how goods go from locations to others; the last word counts."""
    known = await locations_by_id(
        db, {id_ for one in lanes for id_ in (one.source_location_id, one.target_location_id)}
    )
    checked = each(lanes, lambda one: check_lane(fitting(one, BadLocation), known))
    said = {(one.source_location_id, one.target_location_id): one for one in good(checked)}
    changes = await _changes_of_lanes(db, said)
    rows = [msgspec.structs.asdict(one) | {"updated_at": now} for one in said.values()]
    await upsert_rows(db, transfer_lane, rows, key=("source_location_id", "target_location_id"))
    await mark_changed(db, LOCATIONS)
    await tell(db, LocationSaved, known, changes, now=now, actor=actor)
    return checked


async def forget_transfer_lanes(
    db: Connection, *, lanes: Sequence[tuple[UUID, UUID]], now: datetime, actor: str = SETUP
) -> None:
    """Let nothing go from sources to targets any more; what is under way arrives."""
    known = await locations_by_id(db, {target_id for _, target_id in lanes})
    changes = await _changes_of_lanes(db, dict.fromkeys(lanes))
    given = params("ended", source_location_id=[one for one, _ in lanes], target_location_id=[one for _, one in lanes])
    await db.execute(_FORGET_LANES, given)
    await mark_changed(db, LOCATIONS)
    await tell(db, LocationSaved, known, changes, now=now, actor=actor)


async def save_places(db: Connection, *, country: str, places: Sequence[PostalPlace]) -> PlacesSaved:
    """Make a country's postal codes those given, each once: new ones added, others brought up to date, the rest gone.

    The same again changes nothing.
    """
    before = int(await db.scalar(_COUNT_PLACES, {"country": country}))
    rows = {one.postal_code: msgspec.structs.asdict(one) for one in places if one.country == country}
    gone = await db.execute(_FORGET_PLACES, {"country": country, **params("kept", postal_code=list(rows))})
    await upsert_rows(db, postal_place, rows.values(), key=("country", "postal_code"))
    return PlacesSaved(country=country, known=len(rows), new=len(rows) + len(gone.all()) - before, gone=len(gone.all()))


def _changes_of_days(
    known: Mapping[UUID, Location], said: Mapping[tuple[UUID, date], object]
) -> dict[UUID, dict[str, Changed]]:
    """What is otherwise of days, by location. said: the shifts of each; None lets the week count."""
    changes: dict[UUID, dict[str, Changed]] = defaultdict(dict)
    for (location_id, day), shifts in sorted(said.items(), key=itemgetter(0)):
        before = known[location_id].special_days.get(day) if location_id in known else None
        if before != shifts:
            changes[location_id][f"special_days.{day}"] = Changed(before=before, after=shifts)
    return changes


async def _changes_of_lanes(
    db: Connection, said: Mapping[tuple[UUID, UUID], TransferLane | None]
) -> dict[UUID, dict[str, Changed]]:
    """What would be otherwise of lanes, by the location to which they lead. said: None is no lane."""
    changes: dict[UUID, dict[str, Changed]] = defaultdict(dict)
    present = {
        (one.source_location_id, target_id): one
        for target_id in sorted({target_id for _, target_id in said})
        for one in await transfer_lanes_into(db, target_id)
    }
    for lane, wanted in said.items():
        if present.get(lane) != wanted:
            changes[lane[1]][f"transfer_lanes.{lane[0]}"] = Changed(before=present.get(lane), after=wanted)
    return changes


def _owned(one: Location, owners: Mapping[UUID, object], names: Codes) -> Location:
    names.check(one)
    if one.legal_entity_id not in owners:
        raise UnknownLegalEntity(
            "there is no such legal entity", code=one.code, legal_entity_id=str(one.legal_entity_id)
        )
    return one
