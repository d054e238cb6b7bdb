"""What a plan takes of a location's capacity: held until the location answers, then confirmed, or given back."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from batuta.kernel.states import move
from batuta.locations.domain import CapacityPeriod
from batuta.sourcing.domain.capacity import NO_WORK, Windows, Work
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.slots.windows import HoldStatus

CAPACITY_MOVES: Mapping[HoldStatus, AbstractSet[HoldStatus]] = {
    HoldStatus.HELD: {HoldStatus.EXPIRED, HoldStatus.CONFIRMED, HoldStatus.RELEASED},
    HoldStatus.EXPIRED: {HoldStatus.CONFIRMED, HoldStatus.RELEASED},
    HoldStatus.CONFIRMED: {HoldStatus.RELEASED},
    HoldStatus.RELEASED: set(),
}

COUNTING = frozenset({HoldStatus.HELD, HoldStatus.CONFIRMED})


class Window(NamedTuple):
    """A day or an hour of a location, and a method: what is counted apart."""

    location_id: UUID
    begins_at: datetime
    per: CapacityPeriod
    method: Method


class CapacityHold(msgspec.Struct, frozen=True, kw_only=True):
    """What one plan of an order takes of a location. is_over: a person wanted it beyond the limits."""

    order_id: UUID
    location_id: UUID
    attempt: int
    method: Method
    day_at: datetime
    hour_at: datetime
    orders: int
    lines: int
    units: int
    packages: int
    is_over: bool
    status: HoldStatus
    held_at: datetime
    expires_at: datetime | None

    @property
    def key(self) -> tuple[UUID, UUID, int]:
        return self.order_id, self.location_id, self.attempt

    @property
    def work(self) -> Work:
        return Work(orders=self.orders, lines=self.lines, units=self.units, packages=self.packages)

    @property
    def counted(self) -> Work:
        """What of it is in the load of its windows."""
        return self.work if self.status in COUNTING else NO_WORK

    @property
    def windows(self) -> Windows:
        return Windows(self.day_at, self.hour_at)

    def has_lapsed(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def as_(self, status: HoldStatus) -> "CapacityHold":
        if status is self.status:
            return self
        return msgspec.structs.replace(self, status=move(CAPACITY_MOVES, self.status, status), expires_at=None)

    def standing(self, lines: int, units: int) -> "CapacityHold":
        """The hold of a plan of which so much was not given back; of none it is released, and tells what it was."""
        if not units:
            return self.as_(HoldStatus.RELEASED)
        return msgspec.structs.replace(self, lines=lines, units=units)


def counted_in(location_id: UUID, windows: Windows, method: Method) -> list[Window]:
    """The day and the hour in which work of a method counts."""
    return [Window(location_id, windows.begin(per), per, method) for per in CapacityPeriod]
