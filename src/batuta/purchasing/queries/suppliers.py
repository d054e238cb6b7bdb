"""Reads of suppliers' terms."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.plumbing.database import Connection
from batuta.plumbing.knowledge import Known
from batuta.pricing.queries import costs_of, location_costs
from batuta.purchasing.domain import Supplier, SupplierCost
from batuta.purchasing.tables import supplier

_ALL = select(supplier).order_by(supplier.c.location_id)


async def all_suppliers(db: Connection) -> list[Supplier]:
    """Every location whose terms are known."""
    return [msgspec.convert(dict(row), Supplier) for row in await db.execute(_ALL)]


async def suppliers_by_id(db: Connection, location_ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """The terms of locations, from memory; those without are left out."""
    every = (await _KNOWN.of(db, [SUPPLIERS]))[SUPPLIERS]
    return {id_: every[id_] for id_ in location_ids if id_ in every}


async def _by_id(db: Connection, _: object) -> dict[str, dict[UUID, Supplier]]:
    return {SUPPLIERS: {one.location_id: one for one in await all_suppliers(db)}}


SUPPLIERS = "suppliers"
"""The subject under which all terms are kept in memory: most locations have none, and that is known too."""

_KNOWN = Known(SUPPLIERS, _by_id)


async def costs_at(
    db: Connection, *, location_ids: Collection[UUID], sku_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], int]:
    """What a unit costs, by supplier and SKU, where that is agreed."""
    wanted = set(location_ids)
    return {
        (one.location_id, one.sku_id): one.cost_minor
        for one in await costs_of(db, sku_ids)
        if one.location_id in wanted
    }


async def list_costs(
    db: Connection, *, location_id: UUID, behind: UUID | None = None, limit: int
) -> list[SupplierCost]:
    """A page of a supplier's costs, in the order of the SKUs' ids."""
    found = await location_costs(db, location_id=location_id, behind=behind, limit=limit)
    return [SupplierCost(location_id=location_id, sku_id=one.sku_id, cost_minor=one.cost_minor) for one in found]
