"""How much a location can do yet: its limits, and what it has been given of them (SRC-10)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.errors import Refused
from batuta.locations.domain import (
    CapacityLimit,
    CapacityPeriod,
    CapacityUnit,
    Location,
    add_open_minutes,
    local_day,
    wall_instant,
)
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.search.candidates import ANY_AMOUNT

MINUTE = timedelta(minutes=1)


class NoCapacity(Refused):
    """What was kept free for the work ran out, and others have taken it."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a location is given to do. units: pieces to pick; packages: parcels, or bags of a pickup."""

    orders: int = 0
    lines: int = 0
    units: int = 0
    packages: int = 0

    def of(self, unit: CapacityUnit) -> int:
        amount: int = getattr(self, unit.value)
        return amount

    def plus(self, other: "Work", sign: int = 1) -> "Work":
        return Work(
            orders=self.orders + sign * other.orders,
            lines=self.lines + sign * other.lines,
            units=self.units + sign * other.units,
            packages=self.packages + sign * other.packages,
        )


NO_WORK = Work()


class Windows(NamedTuple):
    """The day and the hour of a location, by its clock, in which work counts: the instants at which they begin."""

    day_at: datetime
    hour_at: datetime

    def begin(self, per: CapacityPeriod) -> datetime:
        return self.day_at if per is CapacityPeriod.DAY else self.hour_at


def day_begins(location: Location, day: date) -> datetime:
    """The instant at which a local day begins."""
    return wall_instant(day, 0, ZoneInfo(location.time_zone), fold=0)


def windows_at(location: Location, at: datetime) -> Windows:
    """The windows of an instant at which the location works."""
    zone = ZoneInfo(location.time_zone)
    hour = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    return Windows(day_begins(location, local_day(location, at)), hour.astimezone(UTC))


class Full(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limit that leaves too little room. hour: of the local clock, where the limit is of an hour."""

    limit: int
    taken: int
    unit: CapacityUnit
    day: date
    hour: int | None = None
    method: Method | None = None


class Taken(msgspec.Struct, kw_only=True):
    """A limit, and how much of it is taken in the window that begins then."""

    limit: CapacityLimit
    begins_at: datetime
    amount: int

    @property
    def left(self) -> int:
        return max(0, self.limit.limit - self.amount)

    def counts(self, method: Method) -> bool:
        return self.limit.method in {None, method.value}


class Room(NamedTuple):
    """The most that an order may put on a location."""

    orders: int = ANY_AMOUNT
    lines: int = ANY_AMOUNT
    units: int = ANY_AMOUNT
    packages: int = ANY_AMOUNT

    @property
    def is_none(self) -> bool:
        return min(self) < 1


ANY_ROOM = Room()

Given = Mapping[tuple[CapacityPeriod, Method], Work]
"""What a location was given by each method, in its day and in its hour."""


class Capacity:
    """A location's limits in the windows in which it would begin now; what is given to it is counted as it goes."""

    def __init__(self, location: Location, windows: Windows, given: Given) -> None:
        self.location, self.windows = location, windows
        self.taken = [
            Taken(limit=limit, begins_at=windows.begin(limit.per), amount=_amount(limit, given))
            for limit in location.capacity
        ]

    def room(self, method: Method) -> Room:
        left = dict.fromkeys(CapacityUnit, ANY_AMOUNT)
        for one in self.taken:
            if one.counts(method):
                left[one.limit.unit] = min(left[one.limit.unit], one.left)
        return Room(*(left[unit] for unit in CapacityUnit))

    def full_for(self, method: Method, work: Work) -> Full | None:
        """The limit that has least room for the work, of those that have too little."""
        short = [one for one in self.taken if one.counts(method) and one.left < work.of(one.limit.unit)]
        least = min(short, key=lambda one: one.left / one.limit.limit if one.limit.limit else 0.0, default=None)
        return self._told(least) if least else None

    def give(self, method: Method, work: Work) -> None:
        for one in self.taken:
            if one.counts(method):
                one.amount += work.of(one.limit.unit)

    def share_of_day(self, method: Method) -> float:
        """How much of its day's work it was given."""
        of_day = (one for one in self.taken if one.limit.per is CapacityPeriod.DAY and one.counts(method))
        return max((one.amount / one.limit.limit if one.limit.limit else 1.0 for one in of_day), default=0.0)

    def lefts(self) -> Iterator[tuple["Hands", int]]:
        """What is left for orders of a method, or of all; of several periods the least."""
        found: dict[Hands, int] = {}
        for one in self.taken:
            hands = Hands(self.location.id, one.limit.unit, one.limit.method)
            found[hands] = min(found.get(hands, one.left), one.left)
        return iter(found.items())

    def copy(self) -> "Capacity":
        again = Capacity(self.location, self.windows, {})
        again.taken = [msgspec.structs.replace(one) for one in self.taken]
        return again

    def _told(self, one: Taken) -> Full:
        local = one.begins_at.astimezone(ZoneInfo(self.location.time_zone))
        return Full(
            limit=one.limit.limit,
            taken=one.amount,
            unit=one.limit.unit,
            day=local.date(),
            hour=local.hour if one.limit.per is CapacityPeriod.HOUR else None,
            method=Method(one.limit.method) if one.limit.method else None,
        )


class Hands(NamedTuple):
    """Something that all orders of a pool share: what a location can do of one unit. method: None is of all."""

    location_id: UUID
    unit: CapacityUnit = CapacityUnit.ORDERS
    method: str | None = None


def answer_by(location: Location | None, now: datetime, minutes: int) -> datetime:
    """When so many minutes of a location's opening hours are over; of one that never opens, of any hours."""
    by = add_open_minutes(location, now, minutes) if location else None
    return by or now + minutes * MINUTE


def _amount(limit: CapacityLimit, given: Given) -> int:
    methods: Sequence[Method] = list(Method) if limit.method is None else [Method(limit.method)]
    return sum(given.get((limit.per, method), NO_WORK).of(limit.unit) for method in methods)
