"""Suppliers' terms."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.queries import skus_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, differences
from batuta.kernel.outcomes import each
from batuta.kernel.quantities import fitting
from batuta.locations.domain import LocationKind, UnknownLocation
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, locked_rows, upsert_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.plumbing.saving import tell
from batuta.pricing.commands import set_unit_costs
from batuta.pricing.domain.costs import UnitCost
from batuta.purchasing.domain import NotASupplier, Supplier, SupplierCost, UnknownGoods
from batuta.purchasing.events import SupplierSaved
from batuta.purchasing.queries import SUPPLIERS, suppliers_by_id
from batuta.purchasing.tables import supplier


async def save_suppliers(
    db: Connection, *, suppliers: Sequence[Supplier], now: datetime, actor: str = SETUP
) -> list[Supplier | BatutaError]:
    """Make or replace the terms of suppliers; what was ordered before stays as it was agreed."""
    places = await locations_by_id(db, {one.location_id for one in suppliers})
    accepted: dict[UUID, Supplier] = {}

    def save(one: Supplier) -> Supplier:
        place = places.get(one.location_id)
        if place is None:
            raise UnknownLocation("there is no such location", location_id=str(one.location_id))
        if place.kind is not LocationKind.SUPPLIER:
            raise NotASupplier("this location is no supplier", location_code=place.code, kind=place.kind.value)
        accepted[one.location_id] = fitting(one)
        return one

    outcomes = each(suppliers, save)
    rows = [msgspec.structs.asdict(one) | {"updated_at": now} for one in accepted.values()]
    present = await locked_rows(db, supplier.c.location_id, sorted(accepted))
    before = {row["location_id"]: msgspec.convert(row, Supplier) for row in present}
    await upsert_rows(db, supplier, rows, key=["location_id"])
    await mark_changed(db, SUPPLIERS)
    changes = {id_: differences(before.get(id_), one) for id_, one in accepted.items()}
    await tell(db, SupplierSaved, places, changes, now=now, actor=actor)
    return outcomes


async def set_costs(
    db: Connection, *, costs: Sequence[SupplierCost], now: datetime, actor: str = SETUP
) -> list[SupplierCost | BatutaError]:
    """Say what units cost at suppliers; what was ordered before stays as it was agreed."""
    known = await suppliers_by_id(db, {one.location_id for one in costs})
    places = await locations_by_id(db, known)
    skus = await skus_by_id(db, {one.sku_id for one in costs})
    accepted: list[UnitCost] = []

    def agree(one: SupplierCost) -> SupplierCost:
        if one.location_id not in known:
            raise NotASupplier("this location has no terms of a supplier", location_id=str(one.location_id))
        if one.sku_id not in skus:
            raise UnknownGoods("there is no such SKU", sku_id=str(one.sku_id))
        fitting(one)
        currency = places[one.location_id].currency
        accepted.append(
            UnitCost(sku_id=one.sku_id, location_id=one.location_id, currency=currency, cost_minor=one.cost_minor)
        )
        return one

    outcomes = each(costs, agree)
    await set_unit_costs(db, costs=accepted, now=now, actor=actor)
    return outcomes
