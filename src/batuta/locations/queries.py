"""Locations with their special days, many at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Boolean, Text, Uuid, any_, bindparam, func, lateral, select, true, union_all

from batuta.kernel.addresses import bare_postal_code
from batuta.locations.domain import (
    PREFIX_LEAST,
    Coordinates,
    Location,
    LocationFilter,
    SpecialDay,
    TransferLane,
    shared_beginning,
)
from batuta.locations.tables import location, postal_place, special_day, transfer_lane
from batuta.plumbing.database import Connection, Row, arrays, params, rows_with
from batuta.plumbing.knowledge import KnownWhole
from batuta.plumbing.listing import Listing

_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_LOCATIONS = Listing(
    select(location),
    order=(location.c.code,),
    filters={
        "code": location.c.code == bindparam("code", type_=Text()),
        "kind": location.c.kind == bindparam("kind", type_=Text()),
        "ability": location.c.abilities.op("?", is_comparison=True)(bindparam("ability", type_=Text())),
        "is_active": location.c.is_active == bindparam("is_active", type_=Boolean()),
        "legal_entity_id": location.c.legal_entity_id == bindparam("legal_entity_id", type_=Uuid()),
        "ids": location.c.id == any_(_ids),
    },
)
_VERSIONS = select(location.c.id, location.c.version).where(location.c.id == any_(_ids))
_IDS = select(location.c.code, location.c.id).where(
    location.c.code == any_(bindparam("codes", type_=ARRAY(Text(), dimensions=1)))
)


_CODE_MAX = 12
_given = arrays("given", country=Text(), postal_code=Text())
_same = postal_place.c.country == _given.c.country
_code = postal_place.c.postal_code
_asked_code = _given.c.postal_code.collate("C")
_before = select(postal_place).where(_same, _code <= _asked_code).order_by(_code.desc()).limit(1)
_behind = select(postal_place).where(_same, _code > _asked_code).order_by(_code).limit(1)
_near = lateral(union_all(_before.correlate(_given).subquery().select(), _behind.correlate(_given).subquery().select()))
_PLACES = select(_near, _given.c.postal_code.label("asked")).select_from(_given.join(_near, true()))
_countries = (
    func.unnest(bindparam("countries", type_=ARRAY(Text(), dimensions=1)))
    .table_valued("country")
    .render_derived(name="asked")
)
_WITH_PLACES = select(_countries.c.country).where(
    select(postal_place.c.postal_code).where(postal_place.c.country == _countries.c.country).exists()
)
_PLACES_KNOWN = select(postal_place.c.country, func.count().label("count")).group_by(postal_place.c.country)


_ALL = select(location)
_LANES = select(transfer_lane).order_by(transfer_lane.c.target_location_id, transfer_lane.c.source_location_id)


async def list_locations(
    db: Connection, *, wanted: LocationFilter, behind: str | None = None, limit: int
) -> list[Location]:
    """A page of locations in the order of their codes, behind the code with which the page before it ended."""
    given = msgspec.structs.asdict(wanted)
    rows = await _LOCATIONS.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return await _whole(db, [dict(row) for row in rows])


async def location_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each location was saved (PLT-02); to be asked before the location itself."""
    return {row.id: row.version for row in await db.execute(_VERSIONS, {"ids": list(ids)})}


async def locations_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Location]:
    return {one.id: one for one in await _whole(db, await rows_with(db, location.c.id, ids))}


async def locations_by_code(db: Connection, codes: Collection[str]) -> dict[str, Location]:
    return {one.code: one for one in await _whole(db, await rows_with(db, location.c.code, codes))}


async def location_ids_by_code(db: Connection, codes: Collection[str]) -> dict[str, UUID]:
    """The ids alone, for those who need no more."""
    if not codes:
        return {}
    return {row.code: row.id for row in await db.execute(_IDS, {"codes": list(codes)})}


class AllLocations(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """Every location, the inactive too, as one look found them; never changed once made. lanes: by their target."""

    by_id: Mapping[UUID, Location]
    lanes: Mapping[UUID, tuple[TransferLane, ...]] = {}

    def shelves_for(self, store_id: UUID, *, ships_to_store: bool) -> tuple[UUID, ...]:
        """Where goods may lie that are picked up at a store: there, or where a lane leads to it from."""
        lanes = self.lanes.get(store_id, ()) if ships_to_store else ()
        return (store_id, *(one.source_location_id for one in lanes if self.by_id[one.source_location_id].is_active))

    def lane(self, source_location_id: UUID, target_location_id: UUID | None) -> TransferLane | None:
        """How goods go from one location to another, if they do."""
        into = self.lanes.get(target_location_id, ()) if target_location_id else ()
        return next((one for one in into if one.source_location_id == source_location_id), None)


async def all_locations(db: Connection) -> AllLocations:
    """Every location, from memory."""
    return await _known.of(db)


async def _all_stored(db: Connection) -> AllLocations:
    every = await _whole(db, [dict(each) for each in await db.execute(_ALL)])
    return AllLocations({one.id: one for one in every}, await _lanes(db))


LOCATIONS = "locations"
"""Whoever changes a location, its days or its lanes marks this subject."""

_known = KnownWhole(LOCATIONS, _all_stored)


async def _lanes(db: Connection) -> dict[UUID, tuple[TransferLane, ...]]:
    lanes: dict[UUID, tuple[TransferLane, ...]] = {}
    for row in await db.execute(_LANES):
        lane = _lane(dict(row))
        lanes[lane.target_location_id] = (*lanes.get(lane.target_location_id, ()), lane)
    return lanes


async def transfer_lanes_into(db: Connection, location_id: UUID) -> list[TransferLane]:
    """The lanes that lead to a location, in the order of their sources' ids."""
    rows = await rows_with(db, transfer_lane.c.target_location_id, [location_id])
    return sorted(map(_lane, rows), key=lambda one: one.source_location_id)


def _lane(row: Mapping[str, Any]) -> TransferLane:
    return TransferLane(**{name: row[name] for name in TransferLane.__struct_fields__})


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


async def places_of(db: Connection, codes: Collection[tuple[str, str]]) -> dict[tuple[str, str], Coordinates]:
    """Where postal codes are, by (country, postal code) as asked; one of which nothing is known is absent.

    A code that the table does not have is answered with the one before or behind it in the order of codes that begins
    most alike, if that shares at least two characters: codes that begin alike lie together.
    """
    asked = {key: (key[0].upper(), bare) for key in codes if (bare := bare_postal_code(key[1])[:_CODE_MAX])}
    if not asked:
        return {}
    wanted = sorted(set(asked.values()))
    rows = await db.execute(
        _PLACES,
        params("given", country=[country for country, _ in wanted], postal_code=[code for _, code in wanted]),
    )
    near: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        near.setdefault((row.country, row.asked), []).append(row)
    best = {key: min(several, key=lambda row: _likeness(key[1], row.postal_code)) for key, several in near.items()}
    return {
        key: msgspec.convert(dict(best[bare]) | {"is_exact": best[bare].postal_code == bare[1]}, Coordinates)
        for key, bare in asked.items()
        if bare in best and _is_alike(bare[1], best[bare].postal_code)
    }


async def countries_with_places(db: Connection, countries: Collection[str]) -> set[str]:
    """Those of the countries of which any postal code is known."""
    rows = await db.execute(_WITH_PLACES, {"countries": list(countries)})
    return {row.country for row in rows}


async def places_known(db: Connection) -> dict[str, int]:
    """How many postal codes of each country are known."""
    return {row.country: row.count for row in await db.execute(_PLACES_KNOWN)}


def _likeness(asked: str, found: str) -> tuple[int, str]:
    """Codes that share more of their beginning come first; of two alike the lower one, which begins the range."""
    return -shared_beginning(asked, found), found


def _is_alike(asked: str, found: str) -> bool:
    return shared_beginning(asked, found) >= PREFIX_LEAST
