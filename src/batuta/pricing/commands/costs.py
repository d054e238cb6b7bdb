"""Saying what units cost us."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import UnknownSku
from batuta.catalog.queries import skus_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, Changed
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import fitting
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, upsert_rows
from batuta.plumbing.saving import tell
from batuta.pricing.domain import BadTariff
from batuta.pricing.domain.costs import NoSuchPlace, OtherCostCurrency, UnitCost
from batuta.pricing.events import UnitCostsSaved
from batuta.pricing.queries import costs_of
from batuta.pricing.tables import location_cost, unit_cost


async def set_unit_costs(
    db: Connection, *, costs: Sequence[UnitCost], now: datetime, actor: str = SETUP
) -> list[UnitCost | BatutaError]:
    """Say what units cost us, from one location or from anywhere; what was planned and ordered before stays."""
    places = await locations_by_id(db, {one.location_id for one in costs if one.location_id})
    skus = await skus_by_id(db, {one.sku_id for one in costs})

    def decide(one: UnitCost) -> UnitCost:
        if one.sku_id not in skus:
            raise UnknownSku("there is no such SKU", sku_id=str(one.sku_id))
        place = places.get(one.location_id) if one.location_id else None
        if one.location_id and place is None:
            raise NoSuchPlace("there is no such location", location_id=str(one.location_id))
        if place and place.currency != one.currency:
            raise OtherCostCurrency(
                "what comes from a location costs in its currency", expected=place.currency, currency=one.currency
            )
        return fitting(one, BadTariff)

    decided = each(costs, decide)
    changes = await _changes(db, good(decided))
    rows = [msgspec.structs.asdict(one) | {"updated_at": now} for one in good(decided)]
    anywhere = {(row["sku_id"], row["currency"]): row for row in rows if row["location_id"] is None}
    for row in anywhere.values():
        del row["location_id"]
    there = {(row["location_id"], row["sku_id"]): row for row in rows if "location_id" in row}
    await upsert_rows(db, unit_cost, anywhere.values(), key=("sku_id", "currency"))
    await upsert_rows(db, location_cost, there.values(), key=("location_id", "sku_id"))
    await tell(db, UnitCostsSaved, skus, changes, now=now, actor=actor)
    return decided


async def _changes(db: Connection, costs: Sequence[UnitCost]) -> dict[UUID, dict[str, Changed]]:
    """What would be otherwise, by SKU; the last word counts."""
    present = {_place(one): one for one in await costs_of(db, {one.sku_id for one in costs})}
    changes: dict[UUID, dict[str, Changed]] = defaultdict(dict)
    for (sku_id, place), one in {_place(one): one for one in costs}.items():
        before = present.get((sku_id, place))
        if before != one:
            changes[sku_id][place] = Changed(before=before, after=one)
    return changes


def _place(cost: UnitCost) -> tuple[UUID, str]:
    """What has one cost, and as what it is told: of a SKU each location, and anywhere in each currency."""
    return cost.sku_id, f"locations.{cost.location_id}" if cost.location_id else f"anywhere.{cost.currency}"
