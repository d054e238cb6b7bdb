"""How long a lane takes: what the service's table says, and what its own deliveries have taught."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from math import log
from typing import Annotated
from uuid import UUID

import msgspec
import numpy as np

from batuta.kernel.addresses import bare_postal_code
from batuta.shipping.domain.durations import Case, Floats, Habits, Learned, Lesson, Memory
from batuta.shipping.domain.pickups import CarrierCalendar, is_working_day
from batuta.shipping.domain.services import Country

REGION_LETTERS = 2
AREA_LETTERS = 3
TYPICAL_DISTANCE_M = 300_000
LEVELS_TOLD = (0.1, 0.5, 0.9)

_FIRST = date(1970, 1, 1)
_DAY = timedelta(days=1)
_IDLE = 0.02
_NIGHT = 0.05


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """From a postal code to another by a service; zone and days are those of its rate card, as `Rated` tells them.

    distance_m: as the crow flies, where both ends are known.
    """

    service_id: UUID
    zone: str
    days_min: int
    days_max: int
    origin_country: Country
    origin_postal_code: str
    destination_country: Country
    destination_postal_code: str
    distance_m: Annotated[int, msgspec.Meta(ge=0)] | None = None


class TransitDays(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many working days of the carrier lie between hand-over and door, with these chances.

    Of ten parcels, one is there within p10, five within p50, nine within p90. Fractions are parts of a day.
    lessons: the deliveries of the service that were heard of; 0 means that these are the table's days.
    """

    p10_days: float
    p50_days: float
    p90_days: float
    lessons: int = 0


def days_of_table(lane: Lane) -> TransitDays:
    """What the rate card says: nobody before its least days, nine of ten by its most, half by the middle."""
    return TransitDays(
        p10_days=float(lane.days_min),
        p50_days=(lane.days_min + lane.days_max) / 2,
        p90_days=float(lane.days_max),
    )


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel from hand-over to door, in the carrier's local time and without a zone."""

    parcel_id: UUID
    lane: Lane
    handed_over_at: datetime
    delivered_at: datetime


def learn_lanes(
    deliveries: Sequence[Delivery], calendar: CarrierCalendar, *, at: datetime, before: Learned | None
) -> Learned:
    """What the deliveries of one service until a local time teach of its lanes. before: what was learned earlier.

    A delivery counts in days on which the carrier works, as the rate card does.
    """
    first = min([at, *(one.handed_over_at for one in deliveries)]).date()
    clock = WorkClock(partial(is_working_day, calendar), first=first, until=at.date() + 2 * _DAY)
    lessons = [
        Lesson(
            of=str(one.parcel_id),
            case=case_of(one.lane),
            began=days_since(one.handed_over_at),
            ended=days_since(one.delivered_at),
            known=days_since(one.delivered_at),
        )
        for one in deliveries
    ]
    return Memory(Habits(), clock, lessons).learned(days_since(at), before)


def transit_days(learned: Learned | None, lane: Lane) -> TransitDays:
    """What deliveries of the service have taught of this lane; the table's days while they have taught nothing."""
    if learned is None or not learned.lessons:
        return days_of_table(lane)
    p10, p50, p90 = learned.days(case_of(lane), LEVELS_TOLD)
    return TransitDays(p10_days=p10, p50_days=p50, p90_days=p90, lessons=learned.lessons)


def case_of(lane: Lane) -> Case:
    """What tells lanes of a service apart: its zone and both regions, how far it is, and both areas together."""
    origin, destination = bare_postal_code(lane.origin_postal_code), bare_postal_code(lane.destination_postal_code)
    leaves = f"{lane.origin_country}-{origin[:REGION_LETTERS]}"
    arrives = f"{lane.destination_country}-{destination[:REGION_LETTERS]}"
    far = lane.distance_m or TYPICAL_DISTANCE_M
    return Case(
        usual_p10=float(lane.days_min),
        usual_p50=(lane.days_min + lane.days_max) / 2,
        usual_p90=float(lane.days_max),
        traits=(f"zone:{lane.zone}", f"from:{leaves}", f"to:{arrives}"),
        numbers=(log(max(far, 1_000) / TYPICAL_DISTANCE_M), (far - TYPICAL_DISTANCE_M) / 1_000_000),
        fine=f"{lane.origin_country}-{origin[:AREA_LETTERS]}>{lane.destination_country}-{destination[:AREA_LETTERS]}",
    )


def days_since(at: datetime) -> float:
    """A local time as days since 1970, and parts of them."""
    whole = at.toordinal() - _FIRST.toordinal()
    return whole + timedelta(hours=at.hour, minutes=at.minute, seconds=at.second) / _DAY


class WorkClock:
    """Reads local times as days of work: a day that is worked counts as one, another as next to nothing.

    What is worked lies between two hours of the day, but for next to nothing; 0 and 24 are all of it. Next to nothing
    and not nothing, because there are parcels that arrive on a Sunday night.
    """

    def __init__(
        self, is_worked: Callable[[date], bool], *, first: date, until: date, hours: tuple[int, int] = (0, 24)
    ) -> None:
        start = first.toordinal() - _FIRST.toordinal()
        days = until.toordinal() - first.toordinal()
        worked = np.array([is_worked(first + timedelta(days=day)) for day in range(days)], dtype=np.float64)
        counts = _IDLE + (1.0 - _IDLE) * worked
        opens, closes = hours[0] / 24, hours[1] / 24
        night = _NIGHT if closes - opens < 1.0 else 0.0
        shares = np.array([night * opens / (1 - closes + opens) if night else 0.0, 1.0 - night])
        at = (start + np.arange(days))[:, None] + np.array([0.0, opens, closes])[None, :]
        read = np.concatenate([[0.0], np.cumsum(counts)[:-1]])[:, None] + counts[:, None] * np.array(
            [0.0, shares[0], shares[0] + shares[1]]
        )
        self._at = np.concatenate([at.ravel(), [start + days]])
        self._read = np.concatenate([read.ravel(), [counts.sum()]])

    def __call__(self, at: Floats) -> Floats:
        """How many days were worked until each of these times."""
        return np.asarray(np.interp(at, self._at, self._read))

    def when(self, worked: Floats) -> Floats:
        """The times until which so many days were worked."""
        return np.asarray(np.interp(worked, self._read, self._at))
