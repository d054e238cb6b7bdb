"""When carriers come to locations, and on which days they work."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.errors import Forbidden
from batuta.kernel.outcomes import only
from batuta.locations.domain import UnknownLocation
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, etag, once, requires
from batuta.plumbing.web.moments import moment
from batuta.shipping.commands import (
    forget_pickups,
    lock_calendar,
    lock_pickups,
    save_calendars,
    save_pickups,
)
from batuta.shipping.domain import CarrierCalendar, CarrierDay, PickupDay, Pickups, UnknownCarrier
from batuta.shipping.domain.pickups import SPECIAL_DAYS_MAX, WORKING_DAYS, Times, Weekday
from batuta.shipping.queries import calendar_with_version, carriers_by_id, pickups_with_versions

AT_LOCATION = "/api/locations/{location_id:uuid}/pickups"
OF_CARRIER = "/api/shipping/carriers/{carrier_id:uuid}/calendar"


class CarrierIsShared(Forbidden):
    """A carrier works for every location; who is bound to certain ones does not say when."""


class Weekly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The times of each weekday, of local wall time."""

    mon: Times = []
    tue: Times = []
    wed: Times = []
    thu: Times = []
    fri: Times = []
    sat: Times = []
    sun: Times = []


class PickupsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the carrier comes. special_days: dates on which neither weekday nor holiday counts."""

    weekly: Weekly
    special_days: Annotated[list[PickupDay], msgspec.Meta(max_length=SPECIAL_DAYS_MAX)] = []


class CalendarBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On which days the carrier drives and delivers. holiday_calendar: country or country-region, as `ES-MD`."""

    working_days: Annotated[tuple[Weekday, ...], msgspec.Meta(max_length=7)] = WORKING_DAYS
    holiday_calendar: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    special_days: Annotated[list[CarrierDay], msgspec.Meta(max_length=SPECIAL_DAYS_MAX)] = []


class PickupsOfLocation(msgspec.Struct, frozen=True, kw_only=True):
    """Of each carrier for which it was said."""

    items: list[Pickups]


@get(AT_LOCATION, guards=[requires("locations.read")])
async def pickups_at_location(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], location_id: FromPath[UUID]
) -> PickupsOfLocation:
    """When carriers come to a location."""
    async with engine.connect() as db:
        await _check_location(db, caller, location_id)
        found = await pickups_with_versions(db, location_id)
    return PickupsOfLocation(items=[found[carrier_id][0] for carrier_id in sorted(found)])


@put(AT_LOCATION + "/{carrier_id:uuid}", guards=[requires("locations.write")])
async def put_pickups(  # noqa: PLR0917 - the parts of the request
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    carrier_id: FromPath[UUID],
    data: JSONBody[PickupsBody],
) -> Response[Pickups]:
    """Say when a carrier comes to a location; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Pickups]:
        await _check_location(db, caller, location_id)
        check_version(request, await lock_pickups(db, location_id=location_id, carrier_id=carrier_id))
        given = Pickups(
            location_id=location_id,
            carrier_id=carrier_id,
            weekly={day: times for day, times in msgspec.structs.asdict(data.weekly).items() if times},
            special_days=data.special_days,
        )
        saved = only(await save_pickups(db, pickups=[given], now=moment(), actor=caller.actor))
        version = (await pickups_with_versions(db, location_id))[carrier_id][1]
        return Answer(saved, headers={"etag": etag(version)})

    return await once(engine, request, act)


@delete(AT_LOCATION + "/{carrier_id:uuid}", guards=[requires("locations.write")])
async def delete_pickups(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    carrier_id: FromPath[UUID],
) -> Response[None]:
    """Let the location's cut-off stand for the carrier's times again."""

    async def act(db: Connection) -> Answer[None]:
        await _check_location(db, caller, location_id)
        await forget_pickups(db, location_id=location_id, carrier_id=carrier_id, now=moment(), actor=caller.actor)
        return Answer(None)

    return await once(engine, request, act)


@get(OF_CARRIER, guards=[requires("shipping.read")])
async def carrier_calendar(engine: NamedDependency[Engine], carrier_id: FromPath[UUID]) -> Response[CarrierCalendar]:
    """On which days a carrier works: Monday to Friday unless said otherwise; its version is the ETag."""
    async with engine.connect() as db:
        await _check_carrier(db, carrier_id)
        calendar, version = await calendar_with_version(db, carrier_id)
    return Response(calendar, headers={"etag": etag(version)})


@put(OF_CARRIER, guards=[requires("locations.write")])
async def put_carrier_calendar(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    carrier_id: FromPath[UUID],
    data: JSONBody[CalendarBody],
) -> Response[CarrierCalendar]:
    """Say on which days a carrier works; `If-Match` refuses what is based on an older version."""
    if caller.location_ids is not None:
        raise CarrierIsShared("a carrier works for every location, and you for certain ones")

    async def act(db: Connection) -> Answer[CarrierCalendar]:
        check_version(request, await lock_calendar(db, carrier_id=carrier_id))
        given = CarrierCalendar(
            carrier_id=carrier_id,
            working_days=data.working_days,
            holiday_calendar=data.holiday_calendar,
            special_days=data.special_days,
        )
        saved = only(await save_calendars(db, calendars=[given], now=moment(), actor=caller.actor))
        return Answer(saved, headers={"etag": etag((await calendar_with_version(db, carrier_id))[1])})

    return await once(engine, request, act)


async def _check_location(db: Connection, caller: Caller, location_id: UUID) -> None:
    if not caller.sees_location(location_id) or not await locations_by_id(db, [location_id]):
        raise UnknownLocation("there is no such location", location_id=str(location_id))


async def _check_carrier(db: Connection, carrier_id: UUID) -> None:
    if not await carriers_by_id(db, [carrier_id]):
        raise UnknownCarrier("there is no such carrier", carrier_id=str(carrier_id))


ROUTES = [pickups_at_location, put_pickups, delete_pickups, carrier_calendar, put_carrier_calendar]
