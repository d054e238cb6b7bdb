"""Locations and their calendars."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.numbers import is_currency

from batuta.kernel.abilities import Ability
from batuta.kernel.addresses import Address
from batuta.kernel.errors import Invalid, NotFound
from batuta.kernel.gs1 import gln
from batuta.kernel.periods import Period
from batuta.kernel.quantities import AmountMinor, Code, Text, fitting
from batuta.locations.domain.calendars import (
    MINUTE,
    WEEKDAYS,
    BadLocation,
    ImplausibleLocation,
    Shifts,
    check_shifts,
    holidays_of,
    wall_instant,
    wall_minutes,
)
from batuta.locations.domain.capacity import Limits

HORIZON_DAYS = 400
HORIZON = timedelta(days=HORIZON_DAYS + 1)
PROCESSING_MINUTES = 60
PROCESSING_MINUTES_MAX = 60 * 24 * 60


class UnknownLocation(NotFound):
    """There is no such location."""


class LocationKind(StrEnum):
    WAREHOUSE = "warehouse"
    STORE = "store"
    THIRD_PARTY = "third_party"
    SUPPLIER = "supplier"


class SpecialDay(msgspec.Struct, frozen=True, kw_only=True):
    """One date on which the weekly hours and holidays do not count: no shifts is closed."""

    location_id: UUID
    day: date
    reason: Text
    shifts: list[tuple[str, str]] = []


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place that holds stock or does work.

    hours: by weekday (`mon` … `sun`), the shifts of local wall time; a weekday not named is closed.
    holiday_calendar: country or country-region whose public holidays close it, as `ES-MD`.
    cut_off: `HH:MM` of local wall time until which an order leaves the same day.
    capacity: how much it takes in a day or an hour; no limits is as much as comes.
    processing_minutes: of open time, from an order to the parcel or bag that waits to be taken.
    handling_*_minor: what an order, and each unit, costs to pick and pack here, in `currency`. packaging_*_minor: what
    is around each parcel, and around each unit.
    special_days: as read; saving a location does not write them (`close_days`, `open_days`).
    """

    id: UUID
    code: Code
    name: Text
    kind: LocationKind
    legal_entity_id: UUID
    address: Address
    time_zone: str
    currency: str
    gln: str | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    hours: dict[str, list[tuple[str, str]]] = {}
    holiday_calendar: str | None = None
    cut_off: str | None = None
    capacity: Limits = ()
    abilities: frozenset[Ability] = frozenset()
    handling_order_minor: AmountMinor = 0
    handling_unit_minor: AmountMinor = 0
    packaging_parcel_minor: AmountMinor = 0
    packaging_unit_minor: AmountMinor = 0
    processing_minutes: Annotated[int, msgspec.Meta(ge=0, le=PROCESSING_MINUTES_MAX)] = PROCESSING_MINUTES
    is_active: bool = True
    special_days: dict[date, list[tuple[str, str]]] = {}


class LocationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which locations to list; None is any. ids: those that the asker may see."""

    code: str | None = None
    kind: LocationKind | None = None
    ability: Ability | None = None
    is_active: bool | None = None
    legal_entity_id: UUID | None = None
    ids: list[UUID] | None = None


def check_location(location: Location) -> Location:
    """Return the location, with coordinates from its address where it has none of its own.

    Raises:
        BadLocation: text or numbers that do not fit, a weekday or wall time that is none.
        ImplausibleLocation: a zone, currency, calendar or GLN that nobody has given, or hours that overlap,
            or two limits of the same.
    """
    fitting(location, BadLocation)
    fitting(location.address, BadLocation)
    try:
        ZoneInfo(location.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImplausibleLocation("no such IANA time zone", field="time_zone", got=location.time_zone) from None
    if not is_currency(location.currency):
        raise ImplausibleLocation("no such currency (ISO 4217)", field="currency", got=location.currency)
    for weekday, shifts in location.hours.items():
        if weekday not in WEEKDAYS:
            raise BadLocation("weekdays are mon, tue, wed, thu, fri, sat, sun", field="hours", got=weekday)
        check_shifts(shifts)
    if location.cut_off is not None:
        wall_minutes(location.cut_off)
    if len({(one.unit, one.per, one.method) for one in location.capacity}) < len(location.capacity):
        raise ImplausibleLocation("each unit, period and method has one limit", field="capacity", code=location.code)
    if location.holiday_calendar is not None:
        holidays_of(location.holiday_calendar, 2000)
    latitude, longitude = _coordinates(location)
    return msgspec.structs.replace(
        location,
        gln=_checked_gln(location) if location.gln else None,
        latitude=latitude,
        longitude=longitude,
        special_days={},
    )


def _checked_gln(location: Location) -> str:
    try:
        return gln(location.gln or "")
    except Invalid as problem:
        raise ImplausibleLocation(problem.sentence, field="gln", **problem.facts) from problem


def shifts_on(location: Location, day: date) -> Shifts:
    """Return the shifts of one local date: a special day's, none on a holiday, else the weekday's."""
    if day in location.special_days:
        return location.special_days[day]
    if location.holiday_calendar is not None and day in holidays_of(location.holiday_calendar, day.year):
        return ()
    return location.hours.get(WEEKDAYS[day.weekday()], ())


def open_periods(location: Location, day: date) -> list[Period]:
    """Return when the location is open on one local date, in UTC.

    Where clocks jump forward, the wall times that do not exist are cut away; where they fall back, a shift
    across the hour that comes twice is an hour longer (PRM-01).
    """
    zone = ZoneInfo(location.time_zone)
    periods = [
        (
            wall_instant(day, wall_minutes(opens), zone, fold=0),
            wall_instant(day, wall_minutes(closes), zone, fold=int(closes != "24:00")),
        )
        for opens, closes in shifts_on(location, day)
    ]
    return [Period(from_at, until_at) for from_at, until_at in periods if from_at < until_at]


def is_open(location: Location, at: datetime) -> bool:
    return any(period.covers(at) for period in open_periods(location, local_day(location, at)))


def next_open(location: Location, at: datetime) -> datetime | None:
    """Return `at` when open then, else the next opening; None when it does not open within 400 days."""
    return next((from_at for from_at, _ in _periods_from(location, at)), None)


def add_open_minutes(location: Location, at: datetime, minutes: int) -> datetime | None:
    """Return when so many minutes of open time have passed since `at`; None when 400 days are not enough.

    No minutes is the next open instant.
    """
    left = minutes * MINUTE
    if left > HORIZON:
        return None
    for from_at, until_at in _periods_from(location, at):
        if left < until_at - from_at or (minutes and left == until_at - from_at):
            return from_at + left
        left -= until_at - from_at
    return None


def cut_off_at(location: Location, day: date) -> datetime | None:
    """Return the instant of the cut-off on a local date; None without a cut-off or on a closed day."""
    if location.cut_off is None or not shifts_on(location, day):
        return None
    return wall_instant(day, wall_minutes(location.cut_off), ZoneInfo(location.time_zone), fold=0)


def local_day(location: Location, at: datetime) -> date:
    return at.astimezone(ZoneInfo(location.time_zone)).date()


def _periods_from(location: Location, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Open periods that end after `at`, the present one cut to begin at `at`.

    In UTC, because Python adds wall time, not time, to a datetime of a zone.
    """
    at, today = at.astimezone(UTC), local_day(location, at)
    for days in range(HORIZON_DAYS):
        for period in open_periods(location, today + timedelta(days=days)):
            assert period.until_at is not None
            if at < period.until_at:
                yield max(at, period.from_at), period.until_at


def _coordinates(location: Location) -> tuple[float | None, float | None]:
    latitude, longitude = location.latitude, location.longitude
    if latitude is None and longitude is None:
        latitude, longitude = location.address.latitude, location.address.longitude
    if (latitude is None) != (longitude is None):
        raise ImplausibleLocation("latitude and longitude come together", field="latitude", code=location.code)
    return latitude, longitude
