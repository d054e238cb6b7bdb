"""When a shipment arrives: from the order to the door, step by step, in the calendars of all who touch it (PRM-02).

An order counts once the customer can no longer change their mind and the money is clear. The location begins when it
is next open, its goods are there and it has worked off what it was given before; it is ready after so many minutes of
open time. The first carrier that comes then takes it, travels for so many days on which the carrier works, and
delivers on no holiday of the destination. Instants are UTC; days are local, of the location or of the destination.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from batuta.locations.domain import Location, add_open_minutes, local_day, next_open, open_periods, wall_instant

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60
LOOK_AHEAD_DAYS = 60
"""Who neither comes nor delivers for so long, never does."""

Pickups = Callable[[datetime], datetime | None]
"""The first time that a carrier comes at an instant or after it; None when it never does."""

IsDay = Callable[[date], bool]


class LimitingStep(StrEnum):
    """What takes longest, and would have to be quicker for an earlier promise."""

    STOCK = "stock"
    SUPPLY = "supply"
    PROCESSING = "processing"
    CUT_OFF = "cut_off"
    CARRIER_PICKUP = "carrier_pickup"
    TRANSIT = "transit"
    DESTINATION = "destination"
    SLOT = "slot"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """When the order is placed, and how long it may be taken back (remorse) or its money takes (clearance)."""

    at: datetime
    remorse_minutes: int = 0
    clearance_minutes: int = 0

    @property
    def lead(self) -> timedelta:
        return (self.remorse_minutes + self.clearance_minutes) * MINUTE

    @property
    def cleared_at(self) -> datetime:
        return self.at + self.lead


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """How a location gets a shipment ready.

    goods_at: when the goods are there, None when they are. queue_until_at: until when it works on what it was given
    before. processing_p90_minutes: what nine in ten shipments are ready after; None is what all take.
    """

    location: Location
    processing_minutes: int
    processing_p90_minutes: int | None = None
    goods_at: datetime | None = None
    queue_until_at: datetime | None = None


class Transit(msgspec.Struct, frozen=True, kw_only=True):
    """Days on the road on which the carrier works, and parts of them."""

    earliest_days: float
    p50_days: float
    p90_days: float


class Ride(msgspec.Struct, frozen=True, kw_only=True):
    """A courier who comes when he is called and goes straight to the door."""

    p50_minutes: int
    p90_minutes: int


class Road(msgspec.Struct, frozen=True, kw_only=True):
    """How a carrier takes it from there. is_cut_off: nobody said when the carrier comes, so the cut-off stands for it.

    works_on: days on which the carrier drives; delivers_on: those on which this service rings at doors.
    """

    transit: Transit | Ride
    pickups: Pickups
    works_on: IsDay
    delivers_on: IsDay
    is_cut_off: bool = False


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where it goes: the zone, its holidays, and the local minutes of day between which carriers deliver."""

    zone: ZoneInfo
    is_holiday: IsDay
    from_minutes: int = 9 * 60
    until_minutes: int = 20 * 60


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """One shipment's way.

    leaves_at: when the carrier takes it, or it waits on the shelf for its buyer. earliest_at, p50_at, p90_at: when it
    is there at the earliest, in one of two and in nine of ten cases; of a delivery they are the end of the window on
    that day, which begins at window_from_at on the P50 day. order_by_at: who orders until then has the same dates.
    """

    start_at: datetime
    ready_at: datetime
    leaves_at: datetime
    earliest_at: datetime
    p50_at: datetime
    p90_at: datetime
    window_from_at: datetime
    order_by_at: datetime
    limiting_step: LimitingStep


def dates_of(asked: Asked, desk: Desk, road: Road, door: Door) -> Dates | None:
    """When a shipment is at the door; None when the location never opens, or no carrier ever comes or delivers."""
    made = _ready(asked, desk)
    if made is None:
        return None
    start_at, ready_at, late_at = made
    if isinstance(road.transit, Ride):
        return _ridden(asked, desk, road.transit, made)
    leaves_at, leaves_late_at = road.pickups(ready_at), road.pickups(late_at)
    if leaves_at is None or leaves_late_at is None:
        return None
    zone = ZoneInfo(desk.location.time_zone)
    earliest = _arrival(leaves_at, zone, road, door, road.transit.earliest_days)
    middle = _arrival(leaves_at, zone, road, door, road.transit.p50_days)
    late = _arrival(leaves_late_at, zone, road, door, road.transit.p90_days)
    if earliest is None or middle is None or late is None:
        return None
    p50_at = _at(middle[1], door.until_minutes, door.zone)
    steps = _steps(asked, desk, ready_at, leaves_at, is_cut_off=road.is_cut_off)
    steps[LimitingStep.TRANSIT] = max(timedelta(), _at(middle[0], door.until_minutes, door.zone) - leaves_at)
    steps[LimitingStep.DESTINATION] = (middle[1] - middle[0]).days * DAY
    return Dates(
        start_at=start_at,
        ready_at=ready_at,
        leaves_at=leaves_at,
        earliest_at=min(_at(earliest[1], door.until_minutes, door.zone), p50_at),
        p50_at=p50_at,
        p90_at=max(_at(late[1], door.until_minutes, door.zone), p50_at),
        window_from_at=_at(middle[1], door.from_minutes, door.zone),
        order_by_at=_latest_order(asked, desk, leaves_at),
        limiting_step=_longest(steps),
    )


def dates_of_collection(asked: Asked, desk: Desk) -> Dates | None:
    """When the buyer can come for it; None when the location never opens."""
    made = _ready(asked, desk)
    if made is None:
        return None
    start_at, ready_at, late_at = made
    there_at, there_late_at = next_open(desk.location, ready_at), next_open(desk.location, late_at)
    if there_at is None or there_late_at is None:
        return None
    return Dates(
        start_at=start_at,
        ready_at=ready_at,
        leaves_at=there_at,
        earliest_at=there_at,
        p50_at=there_at,
        p90_at=there_late_at,
        window_from_at=there_at,
        order_by_at=_latest_order(asked, desk, _closing(desk.location, there_at)),
        limiting_step=_longest(_steps(asked, desk, ready_at, there_at, is_cut_off=True)),
    )


def dates_by_transfer(asked: Asked, source: Desk, store: Desk, transit: timedelta) -> Dates | None:
    """When the buyer can come for what another location sends to the store first; None when one of them never opens.

    It leaves the source at the cut-off, is that long on its way, and is made ready in the store's opening hours.
    """
    made = _ready(asked, source)
    if made is None:
        return None
    drives = cut_off_pickups(source.location)
    leaves_at, leaves_late_at = drives(made[1]), drives(made[2])
    if leaves_at is None or leaves_late_at is None:
        return None
    found = dates_of_collection(asked, msgspec.structs.replace(store, goods_at=leaves_at + transit))
    late = dates_of_collection(asked, msgspec.structs.replace(store, goods_at=leaves_late_at + transit))
    if found is None or late is None:
        return None
    is_way = found.limiting_step is LimitingStep.SUPPLY
    return msgspec.structs.replace(
        found,
        p90_at=max(found.p50_at, late.p90_at),
        order_by_at=_latest_order(asked, source, leaves_at),
        limiting_step=LimitingStep.TRANSIT if is_way else found.limiting_step,
    )


def cut_off_pickups(location: Location) -> Pickups:
    """The carrier comes at the cut-off of each open day, or at its closing where there is no cut-off."""

    def first(at: datetime) -> datetime | None:
        today = local_day(location, at)
        for days in range(LOOK_AHEAD_DAYS):
            periods = open_periods(location, today + days * DAY)
            if not periods:
                continue
            comes_at = _cut_off(location, today + days * DAY) or periods[-1].until_at
            if comes_at is not None and comes_at >= at:
                return comes_at
        return None

    return first


def queue_until(location: Location, share: float, at: datetime) -> datetime | None:
    """Until when a location works on what it was given of a day, if it says how much it takes a day.

    It takes it evenly over its open hours: half of its work is half of its day.
    """
    if share <= 0:
        return None
    periods = open_periods(location, local_day(location, at))
    length = sum((_end(one.until_at) - one.from_at for one in periods), timedelta())
    if not periods or not length:
        return None
    return add_open_minutes(location, periods[0].from_at, int(length / MINUTE * min(share, 1.0)))


def working_days(weekdays: frozenset[int], holidays: IsDay) -> IsDay:
    """The days of these weekdays (Monday is 0) that are no holidays."""
    return lambda day: day.weekday() in weekdays and not holidays(day)


def _ready(asked: Asked, desk: Desk) -> tuple[datetime, datetime, datetime] | None:
    """When work begins, when it ends, and when it has ended in nine of ten cases."""
    begins_at = max(asked.cleared_at, desk.goods_at or asked.cleared_at, desk.queue_until_at or asked.cleared_at)
    start_at = next_open(desk.location, begins_at)
    if start_at is None:
        return None
    ready_at = add_open_minutes(desk.location, start_at, desk.processing_minutes)
    late_minutes = max(desk.processing_minutes, desk.processing_p90_minutes or 0)
    late_at = ready_at
    if late_minutes > desk.processing_minutes:
        late_at = add_open_minutes(desk.location, start_at, late_minutes)
    return None if ready_at is None or late_at is None else (start_at, ready_at, late_at)


def _ridden(asked: Asked, desk: Desk, ride: Ride, made: tuple[datetime, datetime, datetime]) -> Dates:
    """The courier is called when it is ready."""
    start_at, ready_at, late_at = made
    p50_at = ready_at + ride.p50_minutes * MINUTE
    steps = _steps(asked, desk, ready_at, ready_at, is_cut_off=True)
    steps[LimitingStep.TRANSIT] = ride.p50_minutes * MINUTE
    return Dates(
        start_at=start_at,
        ready_at=ready_at,
        leaves_at=ready_at,
        earliest_at=p50_at,
        p50_at=p50_at,
        p90_at=late_at + max(ride.p50_minutes, ride.p90_minutes) * MINUTE,
        window_from_at=p50_at,
        order_by_at=_latest_order(asked, desk, _closing(desk.location, ready_at)),
        limiting_step=_longest(steps),
    )


def _arrival(leaves_at: datetime, zone: ZoneInfo, road: Road, door: Door, days: float) -> tuple[date, date] | None:
    """The day of arrival if every day were one of delivery, and the day on which it is delivered.

    Whole days are days of the calendar. A part of a day counts from the time of day at which it left: what would then
    come after the carrier's last round comes on the next day.
    """
    leaves = leaves_at.astimezone(zone)
    minutes = min(leaves.hour * 60 + leaves.minute, door.until_minutes)
    whole, part = int(days), days - int(days)
    is_behind = part > 0 and minutes + part * MINUTES_A_DAY > door.until_minutes
    reached = _working_day_after(leaves.date(), whole + is_behind, road.works_on)
    if reached is None:
        return None
    reached = max(reached, _first_day(leaves_at, door))
    for more in range(LOOK_AHEAD_DAYS):
        day = reached + more * DAY
        if road.delivers_on(day) and not door.is_holiday(day):
            return reached, day
    return None


def _first_day(leaves_at: datetime, door: Door) -> date:
    """The first day on which somebody could ring: not when the last round is over before it leaves."""
    local = leaves_at.astimezone(door.zone)
    return local.date() + (DAY if local.hour * 60 + local.minute > door.until_minutes else timedelta())


def _working_day_after(day: date, days: int, works_on: IsDay) -> date | None:
    """The day so many working days after; the day itself for none."""
    for _ in range(days):
        day = next((later for more in range(1, LOOK_AHEAD_DAYS) if works_on(later := day + more * DAY)), date.max)
        if day == date.max:
            return None
    return day


def _steps(
    asked: Asked, desk: Desk, ready_at: datetime, leaves_at: datetime, *, is_cut_off: bool
) -> dict[LimitingStep, timedelta]:
    """How long each step took, in the order in which they follow."""
    goods_at = max(asked.cleared_at, desk.goods_at or asked.cleared_at)
    return {
        LimitingStep.SUPPLY: goods_at - asked.cleared_at,
        LimitingStep.PROCESSING: ready_at - goods_at,
        LimitingStep.CUT_OFF if is_cut_off else LimitingStep.CARRIER_PICKUP: leaves_at - ready_at,
    }


def _longest(steps: dict[LimitingStep, timedelta]) -> LimitingStep:
    """The step that took longest; of two alike the earlier."""
    return max(steps, key=lambda step: steps[step])


def _latest_order(asked: Asked, desk: Desk, leaves_at: datetime) -> datetime:
    """Until when one could have ordered for it to be ready then; at least when it was ordered.

    The minute in which a location closes is no time to begin.
    """
    location, left = desk.location, max(1, desk.processing_minutes) * MINUTE
    latest_at, day = leaves_at, local_day(location, leaves_at)
    first = local_day(location, asked.cleared_at)
    while left and day >= first:
        for period in reversed(open_periods(location, day)):
            until_at = min(_end(period.until_at), leaves_at)
            if period.from_at < until_at and left:
                used = min(left, until_at - period.from_at)
                left, latest_at = left - used, until_at - used
        day -= DAY
    return max(asked.at, latest_at - asked.lead)


def _closing(location: Location, at: datetime) -> datetime:
    """When the location closes on the local day of an instant; the instant itself where it is closed all day."""
    periods = open_periods(location, local_day(location, at))
    return max(at, _end(periods[-1].until_at)) if periods else at


def _cut_off(location: Location, day: date) -> datetime | None:
    if location.cut_off is None:
        return None
    hours, minutes = location.cut_off.split(":")
    return _at(day, int(hours) * 60 + int(minutes), ZoneInfo(location.time_zone))


def _end(until_at: datetime | None) -> datetime:
    assert until_at is not None, "open periods end"
    return until_at


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    return wall_instant(day, minutes, zone, fold=0).astimezone(UTC)
