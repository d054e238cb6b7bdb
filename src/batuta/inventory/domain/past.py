"""Stock as it was: how rows stand now, and what happened to them since, told backwards and then forwards. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

Row = tuple[UUID, UUID, str]
"""A SKU, a location and a lot; all sellable."""


class Level(msgspec.Struct, frozen=True):
    """How a row stands now. expires_at: from when the lot cannot be sold."""

    sku_id: UUID
    location_id: UUID
    lot: str
    on_hand: int
    reserved: int
    safety: int
    expires_at: datetime | None


class Change(msgspec.Struct, frozen=True):
    """What happened to a row. holder_id: whose claim it was, if it was one's."""

    at: datetime
    sku_id: UUID
    location_id: UUID
    lot: str
    on_hand: int
    reserved: int
    holder_id: UUID | None


class PastClaim(msgspec.Struct, frozen=True):
    """A claim with what was given back of it, and when."""

    holder_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: int
    created_at: datetime
    releases: Sequence[tuple[datetime, int]]

    def held_before(self, at: datetime) -> int:
        """Units of it that were held, or had been handed out, just before a moment."""
        if self.created_at >= at:
            return 0
        return self.quantity - sum(units for released_at, units in self.releases if released_at < at)


class Was(msgspec.Struct, frozen=True):
    """Sellable units of a SKU at a location at a moment; free is below 0 when more were claimed than there were."""

    on_hand: int
    free: int


class Past:
    """Rows of stock at a moment that only goes forward."""

    def __init__(self, levels: Iterable[Level], changes: Sequence[Change]) -> None:
        """changes: all that happened since the moment at which it begins, in order of time."""
        self._rows: dict[Row, list[int]] = {}
        self._of_place: dict[tuple[UUID, UUID], list[str]] = defaultdict(list)
        self._places: dict[UUID, list[UUID]] = defaultdict(list)
        self._fixed = {(one.sku_id, one.location_id, one.lot): one for one in levels}
        for row, one in self._fixed.items():
            self._open(row, one.on_hand, one.reserved)
        self._changes = changes
        self._next = 0
        for change in changes:
            self._count(change, -1)

    def go_to(self, at: datetime) -> list[Change]:
        """Go on to just before a moment; return what happened until then."""
        begun = self._next
        while self._next < len(self._changes) and self._changes[self._next].at < at:
            self._count(self._changes[self._next], 1)
            self._next += 1
        return list(self._changes[begun : self._next])

    def places(self, sku_id: UUID) -> Sequence[UUID]:
        """The locations that ever had a row of the SKU."""
        return self._places.get(sku_id, ())

    def at(self, sku_id: UUID, location_id: UUID, at: datetime) -> Was:
        """What was there; lots that could not be sold any more are not counted as free."""
        on_hand = free = 0
        for lot in self._of_place.get((sku_id, location_id), ()):
            here, reserved = self._rows[sku_id, location_id, lot]
            fixed = self._fixed.get((sku_id, location_id, lot))
            if fixed is not None and fixed.expires_at is not None and fixed.expires_at <= at:
                on_hand += min(here, reserved)
                continue
            on_hand += here
            free += here - reserved - (fixed.safety if fixed else 0)
        return Was(on_hand, free)

    def _count(self, change: Change, sign: int) -> None:
        row = (change.sku_id, change.location_id, change.lot)
        if row not in self._rows:
            self._open(row, 0, 0)
        self._rows[row][0] += sign * change.on_hand
        self._rows[row][1] += sign * change.reserved

    def _open(self, row: Row, on_hand: int, reserved: int) -> None:
        sku_id, location_id, lot = row
        self._rows[row] = [on_hand, reserved]
        if not self._of_place[sku_id, location_id]:
            self._places[sku_id].append(location_id)
        self._of_place[sku_id, location_id].append(lot)
