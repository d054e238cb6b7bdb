"""What will be there later: supply by date, for goods that a channel may sell ahead of its stock (INV-12, INV-20)."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.domain.atp import AtpStep
from batuta.inventory.domain.waiting import LimitUse
from batuta.inventory.queries import limit_uses, limits, supply_of
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Known, Shelf, SourcingLine
from batuta.sourcing.domain.promises.asking import Case

Stock = tuple[UUID, UUID]
"""A SKU and a location."""


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised from each date on.

    rooms: how many units the channel may still sell ahead. launches: the first date on which a SKU is sent at all.
    """

    steps: Mapping[Stock, Sequence[AtpStep]]
    rooms: Mapping[UUID, int]
    launches: Mapping[UUID, datetime] = {}

    @property
    def dates(self) -> list[datetime]:
        """The moments at which there is more of something, in order."""
        return sorted({step.at for steps in self.steps.values() for step in steps})

    def allows(self, lines: Sequence[SourcingLine], known: Known) -> bool:
        """Whether what is short may be sold ahead, as placing the order would find it."""
        return all(units <= self.rooms.get(sku_id, 0) for sku_id, units in _short(lines, known).items())

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


async def supply_for(db: Connection, cases: Collection[Case], *, now: datetime) -> dict[UUID, Supply]:
    """By ask, what its goods may be promised from, where its channel may sell any of them ahead."""
    allowed = await limits(db)
    mine = {case.ask.id: {sku_id for line in case.lines for sku_id, _ in line.components} for case in cases}
    sold = [case for case in cases if any((sku_id, case.channel.id) in allowed for sku_id in mine[case.ask.id])]
    if not sold:
        return {}
    skus = {sku_id for case in sold for sku_id in mine[case.ask.id]}
    uses = [one for one in await limit_uses(db, skus) if one.is_open(now)]
    steps = await supply_of(db, sku_ids=skus, now=now)
    return {case.ask.id: _supply(case.channel.id, mine[case.ask.id], steps, uses, now) for case in sold}


def _supply(
    channel_id: UUID,
    sku_ids: Collection[UUID],
    steps: Mapping[Stock, Sequence[AtpStep]],
    uses: Sequence[LimitUse],
    now: datetime,
) -> Supply:
    limits_ = [one for one in uses if one.channel_id == channel_id and one.sku_id in sku_ids]
    return Supply(
        steps={place: several for place, several in steps.items() if place[0] in sku_ids},
        rooms={one.sku_id: one.units - one.used for one in limits_},
        launches={one.sku_id: one.launch_at for one in limits_ if one.launch_at and now < one.launch_at},
    )


def _short(lines: Sequence[SourcingLine], known: Known) -> dict[UUID, int]:
    """Units that would be sold ahead: all parts of each unit of a line that stock does not make whole."""
    left = {
        sku_id: sum(known.shelves[sku_id, at].room for at in known.holders.get(sku_id, ()))
        for line in lines
        for sku_id, _ in line.components
        if sku_id in known.goods and known.goods[sku_id].is_tracked
    }
    short: dict[UUID, int] = {}
    for line in lines:
        parts = [(sku_id, per_unit) for sku_id, per_unit in line.components if sku_id in left]
        whole = min((left[sku_id] // per_unit for sku_id, per_unit in parts), default=line.quantity)
        missing = max(0, line.quantity - whole)
        for sku_id, per_unit in parts:
            left[sku_id] -= (line.quantity - missing) * per_unit
            short[sku_id] = short.get(sku_id, 0) + missing * per_unit
    return {sku_id: units for sku_id, units in short.items() if units}
