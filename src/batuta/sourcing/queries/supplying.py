"""What will be there later: supply by date, for goods that a channel may sell ahead of its stock (INV-12, INV-20)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.domain.atp import AtpStep
from batuta.inventory.domain.waiting import BackorderLimit
from batuta.inventory.queries import limits, supply_of
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Known, Shelf
from batuta.sourcing.domain.asking import Case

Stock = tuple[UUID, UUID]
"""A SKU and a location."""


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised from each date on. launches: the first date on which a SKU is sent at all."""

    steps: Mapping[Stock, Sequence[AtpStep]]
    launches: Mapping[UUID, datetime] = {}

    @property
    def dates(self) -> list[datetime]:
        """The moments at which there is more of something, in order."""
        return sorted({step.at for steps in self.steps.values() for step in steps})

    def shelves_at(self, moment: datetime, known: Known) -> dict[Stock, Shelf]:
        """The shelves as they will be; never less than what is free now."""
        shelves = dict(known.shelves)
        for place, steps in self.steps.items():
            behind = bisect_right(steps, moment, key=lambda step: step.at)
            units = steps[behind - 1].units if behind else 0
            if place not in shelves or shelves[place].room < units:
                shelves[place] = Shelf(on_hand=units, room=units)
        return shelves

    def ready_at(self, location_id: UUID, wanted: Mapping[UUID, int], known: Known) -> datetime | None:
        """When a location has all it is to give; None when it has it now."""
        moments = [self.launches[sku_id] for sku_id in wanted if sku_id in self.launches]
        for sku_id, units in wanted.items():
            shelf = known.shelves.get((sku_id, location_id))
            if shelf is None or shelf.room < units:
                steps = self.steps.get((sku_id, location_id), ())
                moments += [step.at for step in steps if step.units >= units][:1]
        return max(moments, default=None)


async def supply_for(db: Connection, cases: Sequence[tuple[Case, Known]], *, now: datetime) -> dict[UUID, Supply]:
    """By ask, what its goods may be promised from, where its channel may sell all that is short of them ahead."""
    allowed = await limits(db)
    if not allowed:
        return {}
    open_ = {}
    for case, known in cases:
        short = _short(case, known)
        found = {sku_id: allowed.get((sku_id, case.channel.id)) for sku_id in short}
        if all(limit is not None and limit.is_open(now) for limit in found.values()):
            open_[case.ask.id] = case, {sku_id: limit for sku_id, limit in found.items() if limit}
    skus = {sku_id for case, _ in open_.values() for line in case.lines for sku_id, _ in line.components}
    steps = await supply_of(db, sku_ids=skus, now=now)
    return {ask_id: _supply(case, steps, found, now) for ask_id, (case, found) in open_.items()}


def _short(case: Case, known: Known) -> set[UUID]:
    """Tracked SKUs of which all locations together have too little."""
    wanted: dict[UUID, int] = {}
    for line in case.lines:
        for sku_id, per_unit in line.components:
            wanted[sku_id] = wanted.get(sku_id, 0) + per_unit * line.quantity
    return {
        sku_id
        for sku_id, units in wanted.items()
        if sku_id in known.goods
        and known.goods[sku_id].is_tracked
        and sum(known.shelves[sku_id, at].room for at in known.holders.get(sku_id, ())) < units
    }


def _supply(
    case: Case, steps: Mapping[Stock, Sequence[AtpStep]], found: Mapping[UUID, BackorderLimit], now: datetime
) -> Supply:
    mine = {sku_id for line in case.lines for sku_id, _ in line.components}
    return Supply(
        steps={place: several for place, several in steps.items() if place[0] in mine},
        launches={sku_id: one.launch_at for sku_id, one in found.items() if one.launch_at and now < one.launch_at},
    )
