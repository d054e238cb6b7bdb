"""Reads of suppliers' terms."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.listing import Listing
from batuta.purchasing.domain import Supplier, SupplierCost
from batuta.purchasing.tables import supplier, supplier_cost

_ALL = select(supplier).order_by(supplier.c.location_id)
_AT = select(supplier_cost).where(
    supplier_cost.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
    supplier_cost.c.sku_id == any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))),
)
_COSTS = Listing(
    select(supplier_cost),
    order=(supplier_cost.c.sku_id,),
    filters={"location_id": supplier_cost.c.location_id == bindparam("location_id", type_=Uuid())},
)


async def all_suppliers(db: Connection) -> list[Supplier]:
    """Every location whose terms are known."""
    return [msgspec.convert(dict(row), Supplier) for row in await db.execute(_ALL)]


async def suppliers_by_id(db: Connection, location_ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """The terms of locations; those without are left out."""
    rows = await rows_with(db, supplier.c.location_id, set(location_ids))
    return {row["location_id"]: msgspec.convert(row, Supplier) for row in rows}


async def costs_at(
    db: Connection, *, location_ids: Collection[UUID], sku_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], int]:
    """What a unit costs, by supplier and SKU, where that is agreed."""
    rows = await db.execute(_AT, {"location_ids": list(location_ids), "sku_ids": list(sku_ids)})
    return {(row.location_id, row.sku_id): row.cost_minor for row in rows}


async def list_costs(
    db: Connection, *, location_id: UUID, behind: UUID | None = None, limit: int
) -> list[SupplierCost]:
    """A page of a supplier's costs, in the order of the SKUs' ids."""
    rows = await _COSTS.read(
        db, {"location_id": location_id}, behind=None if behind is None else (behind,), limit=limit
    )
    return [msgspec.convert(dict(row), SupplierCost) for row in rows]
