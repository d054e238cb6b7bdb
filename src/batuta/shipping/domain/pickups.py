"""When a carrier comes to a location for its parcels, and on which days the carrier works (PRM-02, PRM-03)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import Text, fitting
from batuta.locations.domain import (
    HORIZON_DAYS,
    WEEKDAYS,
    ImplausibleLocation,
    Location,
    holidays_of,
    local_day,
    shifts_on,
    wall_instant,
    wall_minutes,
)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

TIMES_MAX = 24
SPECIAL_DAYS_MAX = 400
WORKING_DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")

WallTime = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["18:30"])]
Times = Annotated[list[WallTime], msgspec.Meta(max_length=TIMES_MAX)]


class UnknownCarrier(NotFound):
    """There is no such carrier."""


class BadTimetable(Invalid):
    """The times cannot be so; `field` says where."""


class ImplausibleTimetable(Refused):
    """Nobody has such a calendar, though it is written like one; `field` says where."""


class PickupDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The times of one date, whatever weekday or holiday it is; no times: the carrier does not come."""

    day: date
    reason: Text
    times: Times = []


class Pickups(msgspec.Struct, frozen=True, kw_only=True):
    """When a carrier comes to a location, in wall time of the location.

    weekly: by weekday (`mon` … `sun`); on one not named, on holidays of the carrier and on days on which the location
    is shut, it does not come.
    """

    location_id: UUID
    carrier_id: UUID
    weekly: dict[str, Times] = {}
    special_days: Annotated[list[PickupDay], msgspec.Meta(max_length=SPECIAL_DAYS_MAX)] = []


class CarrierDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One date on which a carrier works though it never does, or does not though it always does."""

    day: date
    reason: Text
    is_working: bool


class CarrierCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """On which days a carrier drives and delivers. holiday_calendar: country or country-region, as `ES-MD`."""

    carrier_id: UUID
    working_days: tuple[str, ...] = WORKING_DAYS
    holiday_calendar: str | None = None
    special_days: Annotated[list[CarrierDay], msgspec.Meta(max_length=SPECIAL_DAYS_MAX)] = []


class Timetables(msgspec.Struct, frozen=True):
    """Of all carriers. pickups: by location and carrier."""

    pickups: Mapping[tuple[UUID, UUID], Pickups]
    calendars: Mapping[UUID, CarrierCalendar]

    def calendar(self, carrier_id: UUID) -> CarrierCalendar:
        """The carrier's own; Monday to Friday where it has none."""
        return self.calendars.get(carrier_id) or CarrierCalendar(carrier_id=carrier_id)


def check_pickups(pickups: Pickups) -> Pickups:
    """Return the pickups with the times of each day in order.

    Raises:
        BadTimetable: a weekday or wall time that is none, a date given twice.
    """
    fitting(pickups, BadTimetable)
    _check_weekdays(pickups.weekly)
    _check_days(pickups.special_days)
    return msgspec.structs.replace(
        pickups,
        weekly={day: _in_order(times) for day in WEEKDAYS if (times := pickups.weekly.get(day))},
        special_days=[
            msgspec.structs.replace(one, times=_in_order(one.times))
            for one in sorted(pickups.special_days, key=lambda one: one.day)
        ],
    )


def check_calendar(calendar: CarrierCalendar) -> CarrierCalendar:
    """Return the calendar with its days in order.

    Raises:
        BadTimetable: a weekday that is none, a date given twice.
        ImplausibleTimetable: a holiday calendar that nobody has.
    """
    fitting(calendar, BadTimetable)
    _check_weekdays(calendar.working_days)
    _check_days(calendar.special_days)
    if calendar.holiday_calendar is not None:
        try:
            holidays_of(calendar.holiday_calendar, 2000)
        except ImplausibleLocation as problem:
            raise ImplausibleTimetable(problem.sentence, **problem.facts) from None
    return msgspec.structs.replace(
        calendar,
        working_days=tuple(day for day in WEEKDAYS if day in calendar.working_days),
        special_days=sorted(calendar.special_days, key=lambda one: one.day),
    )


def is_working_day(calendar: CarrierCalendar, day: date) -> bool:
    """Whether the carrier drives and delivers on a local date."""
    for one in calendar.special_days:
        if one.day == day:
            return one.is_working
    return WEEKDAYS[day.weekday()] in calendar.working_days and not is_holiday_of(calendar, day)


def is_holiday_of(calendar: CarrierCalendar, day: date) -> bool:
    return calendar.holiday_calendar is not None and day in holidays_of(calendar.holiday_calendar, day.year)


def times_on(pickups: Pickups, calendar: CarrierCalendar, location: Location, day: date) -> Sequence[str]:
    """The wall times at which the carrier comes on a local date of the location.

    A date named for the pickup itself goes before all else. The carrier's working days are those of the road: who says
    that it comes on Saturdays is believed.
    """
    for special in pickups.special_days:
        if special.day == day:
            return special.times
    for one in calendar.special_days:
        if one.day == day and not one.is_working:
            return ()
    if is_holiday_of(calendar, day) and not any(one.day == day for one in calendar.special_days):
        return ()
    return pickups.weekly.get(WEEKDAYS[day.weekday()], ()) if shifts_on(location, day) else ()


def next_pickup(pickups: Pickups, calendar: CarrierCalendar, location: Location, at: datetime) -> datetime | None:
    """Return when the carrier comes next to the location, `at` at the earliest; None when not within 400 days.

    A time that clocks skip is when they jump; of one that comes twice, the first (PRM-01).
    """
    if not pickups.weekly and not any(one.times for one in pickups.special_days):
        return None
    zone, today = ZoneInfo(location.time_zone), local_day(location, at)
    for days in range(HORIZON_DAYS):
        day = today + timedelta(days=days)
        for time in times_on(pickups, calendar, location, day):
            comes_at = wall_instant(day, wall_minutes(time), zone, fold=0)
            if comes_at >= at.astimezone(UTC):
                return comes_at
    return None


def _check_weekdays(days: Sequence[str] | Mapping[str, object]) -> None:
    for day in days:
        if day not in WEEKDAYS:
            raise BadTimetable("weekdays are mon, tue, wed, thu, fri, sat, sun", field="weekly", got=day)


def _check_days(days: Sequence[PickupDay] | Sequence[CarrierDay]) -> None:
    if len({one.day for one in days}) < len(days):
        raise BadTimetable("a date comes once", field="special_days")


def _in_order(times: Sequence[str]) -> list[str]:
    return sorted(set(times))
