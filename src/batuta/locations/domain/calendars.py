"""Calendars: shifts of wall time, their instants on both days a year when clocks change, and public holidays."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from batuta.kernel.errors import Invalid, Refused

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)

Shifts = Sequence[tuple[str, str]]
"""Opening times of one day as `("09:00", "14:00")`, in order; `24:00` is midnight at the day's end."""


class BadLocation(Invalid):
    """The location cannot be so; `field` says where."""


class ImplausibleLocation(Refused):
    """No location is so, though it is written like one; `field` says where."""


def check_shifts(shifts: Shifts) -> None:
    """Accept shifts that are in order and do not overlap; a night shift is two, parted at midnight.

    Raises:
        BadLocation: a time that is not `HH:MM`.
        ImplausibleLocation: a shift that ends before it begins, two that overlap.
    """
    closed_since = 0
    for opens, closes in shifts:
        if not closed_since <= wall_minutes(opens) < wall_minutes(closes):
            raise ImplausibleLocation(
                "shifts end after they begin, come in order and do not overlap; part a night shift at midnight",
                field="hours",
                got=f"{opens}-{closes}",
            )
        closed_since = wall_minutes(closes)


@lru_cache(maxsize=20_000)
def wall_instant(day: date, minutes: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """The UTC instant of a wall time; the first (fold 0) or second (fold 1) of two; the jump itself for one skipped."""
    wall = datetime.combine(day, time()) + minutes * MINUTE
    at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > MINUTE:
        middle = before + (after - before) // MINUTE // 2 * MINUTE
        is_before = middle.astimezone(zone).utcoffset() == offset
        before, after = (middle, after) if is_before else (before, middle)
    return after


@lru_cache(maxsize=2_000)
def wall_minutes(text: str) -> int:
    """Return the minutes since midnight of `HH:MM`.

    Raises:
        BadLocation: not a time between 00:00 and 24:00.
    """
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text):
        raise BadLocation("a wall time is written HH:MM, from 00:00 to 24:00", field="hours", got=text)
    return int(text[:2]) * 60 + int(text[3:])


@lru_cache(maxsize=2_000)
def holidays_of(calendar: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country (`ES`) or one of its regions (`ES-MD`).

    Raises:
        ImplausibleLocation: no such country or region.
    """
    import holidays

    country, _, region = calendar.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
    except NotImplementedError:
        raise ImplausibleLocation("no such holiday calendar", field="holiday_calendar", got=calendar) from None
