"""Locations and their days, within what the caller may see."""

from datetime import date
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.kernel.addresses import Address
from batuta.kernel.codes import check_same_id
from batuta.kernel.errors import Forbidden
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import AmountMinor, Code, Text
from batuta.locations.commands import (
    forget_days,
    forget_transfer_lanes,
    lock_location,
    save_locations,
    save_transfer_lanes,
    set_days,
)
from batuta.locations.domain import (
    PROCESSING_MINUTES,
    PROCESSING_MINUTES_MAX,
    Ability,
    Limits,
    Location,
    LocationFilter,
    LocationKind,
    SpecialDay,
    TransferLane,
    TransitDays,
    UnknownLocation,
)
from batuta.locations.queries import (
    list_locations,
    location_ids_by_code,
    location_versions,
    locations_by_id,
    special_days_of,
    transfer_lanes_into,
)
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_code,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

DAYS_MAX = 400
SHIFTS_MAX = 24

WallTime = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Shifts = Annotated[list[tuple[WallTime, WallTime]], msgspec.Meta(max_length=SHIFTS_MAX)]


class NotYourLocation(Forbidden):
    """Who is bound to certain locations saves none but these."""


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shifts of each weekday, of local wall time; none is closed."""

    mon: Shifts = []
    tue: Shifts = []
    wed: Shifts = []
    thu: Shifts = []
    fri: Shifts = []
    sat: Shifts = []
    sun: Shifts = []


class LocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A location as it shall be.

    holiday_calendar: country or country-region, as `ES-MD`. cut_off: until when an order leaves the same day.
    capacity: how much it takes in a day or an hour of its clock; several limits stand together, none is no limit.
    handling_*_minor: what an order, and each unit, costs to pick and pack here, in `currency`.
    processing_minutes: of open time, from an order to the parcel or bag that waits to be taken.
    """

    code: Code
    name: Text
    kind: LocationKind
    legal_entity_id: UUID
    address: Address
    time_zone: Code
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    gln: Annotated[str, msgspec.Meta(pattern="^[0-9]{13}$")] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    hours: Hours = Hours()
    holiday_calendar: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    cut_off: WallTime | None = None
    capacity: Limits = ()
    abilities: frozenset[Ability] = frozenset()
    handling_order_minor: AmountMinor = 0
    handling_unit_minor: AmountMinor = 0
    packaging_parcel_minor: AmountMinor = 0
    packaging_unit_minor: AmountMinor = 0
    processing_minutes: Annotated[int, msgspec.Meta(ge=0, le=PROCESSING_MINUTES_MAX)] = PROCESSING_MINUTES
    is_active: bool = True


class DayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other hours on one date, on a holiday too; no shifts is closed."""

    reason: Text
    shifts: Shifts = []


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """Dates on which the weekly hours and holidays do not count, the earliest first."""

    days: list[SpecialDay]


class LaneBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How goods come from another location.

    transit_days: from the source's cut-off to the door here. cost_minor: of one transfer, in the source's currency.
    """

    transit_days: TransitDays
    cost_minor: AmountMinor = 0


class Lanes(msgspec.Struct, frozen=True, kw_only=True):
    """The lanes that lead to a location."""

    transfer_lanes: list[TransferLane]


@get("/api/locations", guards=[requires("locations.read")])
async def locations(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    code: Annotated[str | None, QueryParameter(max_length=100)] = None,
    kind: FromQuery[LocationKind | None] = None,
    ability: FromQuery[Ability | None] = None,
    is_active: FromQuery[bool | None] = None,
    legal_entity_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Location]:
    """List the locations that the caller may see, in the order of their codes."""
    wanted = LocationFilter(
        code=code,
        kind=kind,
        ability=ability,
        is_active=is_active,
        legal_entity_id=legal_entity_id,
        ids=None if caller.location_ids is None else sorted(caller.location_ids),
    )
    behind = read_code(cursor)
    async with engine.connect() as db:
        found = await list_locations(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/locations/{location_id:uuid}", guards=[requires("locations.read")])
async def location(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], location_id: FromPath[UUID]
) -> Response[Location]:
    """Answer with a location and its days; its version is the ETag."""
    async with engine.connect() as db:
        tag = await _tag(db, location_id)
        return Response(await _location(db, caller, location_id), headers=tag)


@post("/api/locations", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def save_location(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[LocationBody],
) -> Response[Location]:
    """Save a location by its code; one that is there keeps its id. Its special days are not touched."""

    async def act(db: Connection) -> Answer[Location]:
        return await _save(db, request, caller, _as_location(data, fresh_id()))

    return await once(engine, request, act)


@put("/api/locations/{location_id:uuid}", guards=[requires("locations.write")])
async def put_location(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    data: JSONBody[LocationBody],
) -> Response[Location]:
    """Save a location under an id, its own or a new one; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Location]:
        if not caller.sees_location(location_id):
            raise UnknownLocation("there is no such location", location_id=str(location_id))
        saved = await _save(db, request, caller, _as_location(data, location_id))
        check_same_id(saved.content, location_id)
        return saved

    return await once(engine, request, act)


@get("/api/locations/{location_id:uuid}/days", guards=[requires("locations.read")])
async def special_days(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], location_id: FromPath[UUID]
) -> Days:
    """Answer with the dates on which a location's weekly hours and holidays do not count."""
    async with engine.connect() as db:
        await _location(db, caller, location_id)
        return Days(days=(await special_days_of(db, [location_id])).get(location_id, []))


@put("/api/locations/{location_id:uuid}/days/{day:date}", guards=[requires("locations.write")])
async def put_day(  # noqa: PLR0917 - the parts of the request
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    day: FromPath[date],
    data: JSONBody[DayBody],
) -> Response[SpecialDay]:
    """Close a location on one date, or give it other hours."""

    async def act(db: Connection) -> Answer[SpecialDay]:
        await _location(db, caller, location_id)
        given = SpecialDay(location_id=location_id, day=day, reason=data.reason, shifts=data.shifts)
        return Answer(only(await set_days(db, days=[given], now=moment(), actor=caller.actor)))

    return await once(engine, request, act)


@delete("/api/locations/{location_id:uuid}/days/{day:date}", guards=[requires("locations.write")])
async def delete_day(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    day: FromPath[date],
) -> Response[None]:
    """Let the weekly hours and holidays count again on one date."""

    async def act(db: Connection) -> Answer[None]:
        await _location(db, caller, location_id)
        await forget_days(db, days=[(location_id, day)], now=moment(), actor=caller.actor)
        return Answer(None)

    return await once(engine, request, act)


@get("/api/locations/{location_id:uuid}/transfer-lanes", guards=[requires("locations.read")])
async def transfer_lanes(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], location_id: FromPath[UUID]
) -> Lanes:
    """Answer with the locations that send goods here for orders that are picked up."""
    async with engine.connect() as db:
        await _location(db, caller, location_id)
        return Lanes(transfer_lanes=await transfer_lanes_into(db, location_id))


@put("/api/locations/{location_id:uuid}/transfer-lanes/{source_location_id:uuid}", guards=[requires("locations.write")])
async def put_transfer_lane(  # noqa: PLR0917 - the parts of the request
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    source_location_id: FromPath[UUID],
    data: JSONBody[LaneBody],
) -> Response[TransferLane]:
    """Let another location send goods here, for orders that are picked up and lack them."""

    async def act(db: Connection) -> Answer[TransferLane]:
        await _location(db, caller, location_id)
        lane = TransferLane(
            source_location_id=source_location_id,
            target_location_id=location_id,
            transit_days=data.transit_days,
            cost_minor=data.cost_minor,
        )
        return Answer(only(await save_transfer_lanes(db, lanes=[lane], now=moment(), actor=caller.actor)))

    return await once(engine, request, act)


@delete(
    "/api/locations/{location_id:uuid}/transfer-lanes/{source_location_id:uuid}", guards=[requires("locations.write")]
)
async def delete_transfer_lane(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    source_location_id: FromPath[UUID],
) -> Response[None]:
    """Let nothing come from another location any more; what is under way arrives."""

    async def act(db: Connection) -> Answer[None]:
        await _location(db, caller, location_id)
        await forget_transfer_lanes(db, lanes=[(source_location_id, location_id)], now=moment(), actor=caller.actor)
        return Answer(None)

    return await once(engine, request, act)


async def _location(db: Connection, caller: Caller, location_id: UUID) -> Location:
    found = (await locations_by_id(db, [location_id])).get(location_id)
    if found is None or not caller.sees_location(location_id):
        raise UnknownLocation("there is no such location", location_id=str(location_id))
    return found


async def _save(db: Connection, request: AnyRequest, caller: Caller, given: Location) -> Answer[Location]:
    present = (await location_ids_by_code(db, [given.code])).get(given.code)
    if caller.location_ids is not None and present not in caller.location_ids:
        raise NotYourLocation("you work at certain locations, and this is none of them", code=given.code)
    check_version(request, await lock_location(db, code=given.code))
    saved = only(await save_locations(db, locations=[given], now=moment(), actor=caller.actor))
    return Answer(saved, headers=await _tag(db, saved.id))


async def _tag(db: Connection, location_id: UUID) -> dict[str, str]:
    return {"etag": etag((await location_versions(db, [location_id])).get(location_id, 0))}


def _as_location(body: LocationBody, location_id: UUID) -> Location:
    hours = {day: shifts for day, shifts in msgspec.structs.asdict(body.hours).items() if shifts}
    return Location(id=location_id, **(msgspec.structs.asdict(body) | {"hours": hours}))


ROUTES = [
    locations,
    location,
    save_location,
    put_location,
    special_days,
    put_day,
    delete_day,
    transfer_lanes,
    put_transfer_lane,
    delete_transfer_lane,
]
