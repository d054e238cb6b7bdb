"""How far a scenario has gone away from what was."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from batuta.inventory.domain.past import Change
from batuta.rehearsal.domain.recorded import Recorded, Replayed, work_of
from batuta.sourcing.domain import Shelf
from batuta.sourcing.domain.capacity import NO_WORK, Work
from batuta.sourcing.domain.holds import Window, counted_in

Place = tuple[UUID, UUID]
"""A SKU and a location."""


class Drift:
    """Units that are free here and were not, below 0 the other way round; and work that a location has more.

    When an order gave units back later, the record decides from then on, and what it drifted is forgotten.
    """

    def __init__(self) -> None:
        self._free: dict[tuple[UUID, UUID], int] = defaultdict(int)
        self._of_order: dict[tuple[UUID, UUID], dict[UUID, int]] = {}
        self._planned_at: dict[UUID, datetime] = {}
        self._work: dict[Window, Work] = {}

    def free(self, sku_id: UUID, location_id: UUID) -> int:
        return self._free.get((sku_id, location_id), 0)

    def work(self, window: Window) -> Work:
        return self._work.get(window, NO_WORK)

    def add(self, was: Recorded, now: Replayed) -> None:
        """An order is planned here."""
        order_id = was.request.order_id
        self._planned_at[order_id] = was.at
        replayed = now.placed if now.plan else was.held
        recorded = was.placed or was.held
        for sku_id, location_id in {*replayed, *recorded}:
            units = recorded.get((sku_id, location_id), 0) - replayed.get((sku_id, location_id), 0)
            if units:
                self._of_order.setdefault((order_id, sku_id), {})[location_id] = units
                self._free[sku_id, location_id] += units
        here, there = work_of(now.placed), work_of(was.placed)
        for location_id, windows in now.windows.items():
            more = here.get(location_id, NO_WORK).plus(there.get(location_id, NO_WORK), -1)
            for window in counted_in(location_id, windows, was.request.method):
                self._work[window] = self.work(window).plus(more)

    def hear(self, changes: Iterable[Change]) -> None:
        """Something happened to claims."""
        for one in changes:
            if one.holder_id is None or one.reserved >= 0:
                continue
            planned_at = self._planned_at.get(one.holder_id)
            if planned_at is not None and one.at > planned_at:
                for location_id, units in self._of_order.pop((one.holder_id, one.sku_id), {}).items():
                    self._free[one.sku_id, location_id] -= units


Claims = dict[tuple[UUID, UUID, UUID], int]
"""Units by line, SKU and location."""


def pushed(claims: Mapping[tuple[UUID, UUID, UUID], int], shelves: Mapping[Place, Shelf], drift: Drift) -> Claims:
    """What an order holds where earlier orders of the scenario took the units that it held: it holds others instead.

    Changes the shelves.
    """
    found: Claims = defaultdict(int)
    for (line_id, sku_id, location_id), units in sorted(claims.items()):
        shelf = shelves.get((sku_id, location_id))
        taken = -max(shelf.room, drift.free(sku_id, location_id)) if shelf else 0
        stays, missing = units, max(0, min(units, taken))
        elsewhere = [key for key in shelves if key[0] == sku_id and shelves[key].room > 0] if missing else []
        for key in sorted(elsewhere, key=lambda key: (-shelves[key].room, key)):
            moved = min(missing, shelves[key].room)
            shelves[key].room -= moved
            shelves[sku_id, location_id].room += moved
            found[line_id, sku_id, key[1]] += moved
            missing -= moved
            stays -= moved
        if stays:
            found[line_id, sku_id, location_id] += stays
    return dict(found)
