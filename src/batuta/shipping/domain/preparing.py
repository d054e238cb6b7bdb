"""How long a location takes to get a parcel ready, learned from those it got ready."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

import msgspec
import numpy as np

from batuta.locations.domain import Location, local_day, open_periods
from batuta.shipping.domain.durations import Case, Floats, Habits, Learned, Lesson, Memory

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_HABITS = Habits(floor_days=0.2)
"""Days are hours of open time here: a few minutes more or less make no difference."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that a location was asked for and had ready."""

    parcel_id: UUID
    location_id: UUID
    asked_at: datetime
    ready_at: datetime


class Preparing(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of open time within which half and nine of ten parcels of a location are ready."""

    location_id: UUID
    p50_minutes: int
    p90_minutes: int
    lessons: int


def learn_preparing(location: Location, prepared: Sequence[Prepared], *, at: datetime) -> Preparing:
    """What the parcels that were ready by `at` tell of a location; without any, what it says of itself."""
    first = min([at, *(one.asked_at for one in prepared)])
    clock = _OpenClock(location, first, at)
    lessons = [
        Lesson(
            of=str(one.parcel_id),
            case=_case(location),
            began=_days(one.asked_at),
            ended=_days(one.ready_at),
            known=_days(one.ready_at),
        )
        for one in prepared
    ]
    learned = Memory(_HABITS, clock, lessons if clock.is_ever_open else []).learned(_days(at))
    return _told(location, learned)


def _told(location: Location, learned: Learned) -> Preparing:
    p50, p90 = (ceil(round(hours * 60, 3)) for hours in learned.days(_case(location), (0.5, 0.9)))
    return Preparing(location_id=location.id, p50_minutes=p50, p90_minutes=p90, lessons=learned.lessons)


def _case(location: Location) -> Case:
    hours = location.processing_minutes / 60
    return Case(usual_p10=hours, usual_p50=hours, usual_p90=hours)


class _OpenClock:
    """Reads instants as the hours that a location was open until then."""

    def __init__(self, location: Location, first: datetime, until: datetime) -> None:
        at, read = [_days(first) - 1.0], [0.0]
        day, last = local_day(location, first), local_day(location, until)
        while day <= last:
            for period in open_periods(location, day):
                assert period.until_at is not None
                at += [_days(period.from_at), _days(period.until_at)]
                read += [read[-1], read[-1] + (period.until_at - period.from_at) / _HOUR]
            day += _DAY
        self.is_ever_open = read[-1] > 0.0
        self._at, self._read = np.array(at), np.array(read)

    def __call__(self, at: Floats) -> Floats:
        return np.asarray(np.interp(at, self._at, self._read))


def _days(at: datetime) -> float:
    return (at - _FIRST) / _DAY
