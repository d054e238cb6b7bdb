"""How much locations were given of what they take, by day and hour (SRC-10)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from batuta.kernel.errors import Invalid
from batuta.locations.domain import CapacityLimit, CapacityPeriod, Location, UnknownLocation, local_day
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller, requires
from batuta.plumbing.web.moments import moment
from batuta.sourcing.domain import Method
from batuta.sourcing.domain.capacity import NO_WORK, Capacity, Taken, Windows, Work, day_begins
from batuta.sourcing.domain.holds import Window
from batuta.sourcing.queries import loads_between

DAYS_MAX = 31
YEARS = (2000, 2200)

FromDay = Annotated[
    date | None, QueryParameter(description="The first day, by the location's clock; today if not said")
]
Days = Annotated[int, QueryParameter(ge=1, le=DAYS_MAX, description="So many days")]


class NoSuchDay(Invalid):
    """A day that no calendar here knows."""


class GivenWork(msgspec.Struct, frozen=True, kw_only=True):
    """What a location was given for a day or an hour, to be sent in one way. units: pieces to pick."""

    per: CapacityPeriod
    begins_at: datetime
    method: Method
    orders: int
    lines: int
    units: int
    packages: int


class TakenLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a limit is taken in a day or an hour; hours in which nothing is taken are left out."""

    limit: CapacityLimit
    begins_at: datetime
    taken: int
    left: int


class DayLoad(msgspec.Struct, frozen=True, kw_only=True):
    """One day of a location, by its own clock."""

    day: date
    given: list[GivenWork]
    limits: list[TakenLimit]


class LocationLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What a location was given; one that limits nothing keeps no count."""

    location_id: UUID
    location_code: str
    time_zone: str
    days: list[DayLoad]


@get("/api/locations/{location_id:uuid}/load", guards=[requires("locations.read")])
async def load_of_location(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromPath[UUID],
    from_day: FromDay = None,
    days: Days = 1,
) -> LocationLoad:
    """Answer with what a location was given for some days, and what is left of its limits.

    What is held for an offer that nobody has answered counts until the offer ends.
    """
    now = moment()
    async with engine.connect() as db:
        found = (await locations_by_id(db, [location_id])).get(location_id)
        if found is None or not caller.sees_location(location_id):
            raise UnknownLocation("there is no such location", location_id=str(location_id))
        first = _checked(from_day or local_day(found, now))
        wanted = [first + timedelta(days=n) for n in range(days)]
        begins = [day_begins(found, day) for day in (*wanted, wanted[-1] + timedelta(days=1))]
        given = await loads_between(db, [location_id], from_at=begins[0], until_at=begins[-1], now=now)
    return LocationLoad(
        location_id=found.id,
        location_code=found.code,
        time_zone=found.time_zone,
        days=[_day(found, day, given, (begins[n], begins[n + 1])) for n, day in enumerate(wanted)],
    )


def _checked(day: date) -> date:
    if not YEARS[0] <= day.year < YEARS[1]:
        raise NoSuchDay(f"days are of the years from {YEARS[0]} to {YEARS[1]}", from_day=day.isoformat())
    return day


def _day(location: Location, day: date, given: Mapping[Window, Work], between: tuple[datetime, datetime]) -> DayLoad:
    works = {one: work for one, work in sorted(given.items()) if between[0] <= one.begins_at < between[1]}
    hours = sorted({one.begins_at for one in works if one.per is CapacityPeriod.HOUR})
    taken = [
        *_taken(location, works, between[0], None),
        *(t for at in hours for t in _taken(location, works, between[0], at)),
    ]
    return DayLoad(
        day=day,
        given=[
            GivenWork(per=one.per, begins_at=one.begins_at, method=one.method, **msgspec.structs.asdict(work))
            for one, work in works.items()
            if work != NO_WORK
        ],
        limits=[TakenLimit(limit=t.limit, begins_at=t.begins_at, taken=t.amount, left=t.left) for t in taken],
    )


def _taken(location: Location, works: Mapping[Window, Work], day_at: datetime, hour_at: datetime | None) -> list[Taken]:
    """What is taken of each limit of a day, or of one of its hours."""
    windows = Windows(day_at, hour_at or day_at)
    given = {(one.per, one.method): work for one, work in works.items() if one.begins_at == windows.begin(one.per)}
    wanted = CapacityPeriod.DAY if hour_at is None else CapacityPeriod.HOUR
    return [one for one in Capacity(location, windows, given).taken if one.limit.per is wanted]


ROUTES = [load_of_location]
