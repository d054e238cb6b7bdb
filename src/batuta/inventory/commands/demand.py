"""What locations are expected to need, how much they shall have and from where, and when centers look (INV-03)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from batuta.inventory.commands.counting import untracked
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.replenishing import Demand, MinimumAboveMaximum, OwnSource, Rule, Schedule
from batuta.inventory.tables.replenishing import demand, replenishment_rule, replenishment_schedule
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, upsert_rows

Named = TypeVar("Named", Demand, Rule)


async def set_demand(db: Connection, *, demands: Sequence[Demand], now: datetime) -> list[Demand | BatutaError]:
    """Say what locations are expected to need a day; of a SKU and location given twice the last counts."""
    checked = await _of_stock(db, demands)
    rows = {(one.sku_id, one.location_id): one for one in good(checked)}
    await upsert_rows(
        db,
        demand,
        [{**msgspec.structs.asdict(one), "updated_at": now} for one in rows.values()],
        key=["sku_id", "location_id"],
    )
    return checked


async def set_rules(db: Connection, *, rules: Sequence[Rule], now: datetime) -> list[Rule | BatutaError]:
    """Say how much of SKUs locations shall have, and from where; given twice the last counts."""

    def check(rule: Rule | BatutaError) -> Rule:
        if isinstance(rule, BatutaError):
            raise rule
        if rule.source_location_id == rule.location_id:
            raise OwnSource("a location is filled up from another one", location_id=str(rule.location_id))
        if rule.min_units > rule.max_units or rule.min_days > rule.max_days:
            raise MinimumAboveMaximum(
                "the least is more than the most", sku_id=str(rule.sku_id), location_id=str(rule.location_id)
            )
        return rule

    checked = each(await _of_stock(db, rules), check)
    rows = {(one.sku_id, one.location_id): one for one in good(checked)}
    await upsert_rows(
        db,
        replenishment_rule,
        [{**msgspec.structs.asdict(one), "updated_at": now} for one in rows.values()],
        key=["sku_id", "location_id"],
    )
    return checked


async def _of_stock(db: Connection, items: Sequence[Named]) -> list[Named | BatutaError]:
    """Those that speak of SKUs that have stock, and of locations that are there."""
    strange = await untracked(db, {one.sku_id for one in items})
    named = {one.location_id for one in items}
    sources = {one.source_location_id for one in items if isinstance(one, Rule) and one.source_location_id}
    there = set(await locations_by_id(db, named | sources))

    def check(one: Named) -> Named:
        if one.sku_id in strange:
            raise strange[one.sku_id]
        source = one.source_location_id if isinstance(one, Rule) else None
        if one.location_id not in there or (source and source not in there):
            raise UnknownStock("there is no such location", location_id=str(one.location_id))
        return one

    return each(items, check)


async def save_schedules(
    db: Connection, *, schedules: Sequence[Schedule], now: datetime
) -> list[Schedule | UnknownStock]:
    """Say when centers propose what to send; the next time is not before now."""
    there = set(await locations_by_id(db, {one.source_location_id for one in schedules}))
    known = {
        one.source_location_id: msgspec.structs.replace(one, next_at=max(one.next_at, now))
        for one in schedules
        if one.source_location_id in there
    }
    rows = [msgspec.structs.asdict(one) for one in known.values()]
    await upsert_rows(db, replenishment_schedule, rows, key=["source_location_id"])
    return [
        known.get(one.source_location_id)
        or UnknownStock("there is no such location", location_id=str(one.source_location_id))
        for one in schedules
    ]
