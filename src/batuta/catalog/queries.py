"""Products, SKUs and components, many at once."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Product, Sku
from batuta.catalog.tables import component, product, sku
from batuta.plumbing.database import Connection, rows_with


async def products_by_code(db: Connection, codes: Collection[str]) -> dict[str, Product]:
    found = msgspec.convert(await rows_with(db, product.c.code, codes), list[Product])
    return {one.code: one for one in found}


async def products_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Product]:
    found = msgspec.convert(await rows_with(db, product.c.id, ids), list[Product])
    return {one.id: one for one in found}


async def skus_by_code(db: Connection, codes: Collection[str]) -> dict[str, Sku]:
    found = msgspec.convert(await rows_with(db, sku.c.code, codes), list[Sku])
    return {one.code: one for one in found}


async def skus_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Sku]:
    found = msgspec.convert(await rows_with(db, sku.c.id, ids), list[Sku])
    return {one.id: one for one in found}


async def skus_by_gtin(db: Connection, gtins: Collection[str]) -> dict[str, list[Sku]]:
    """SKUs by the code on their pack; two SKUs may carry the same, as old and new packs do."""
    found: dict[str, list[Sku]] = {}
    for one in msgspec.convert(await rows_with(db, sku.c.gtin, gtins), list[Sku]):
        found.setdefault(one.gtin or "", []).append(one)
    return {gtin: sorted(skus, key=lambda one: one.code) for gtin, skus in found.items()}


async def components_of(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, list[Component]]:
    """What each bundle is made of, in SKU order; a SKU that is no bundle is absent."""
    found: dict[UUID, list[Component]] = {}
    for row in sorted(await rows_with(db, component.c.bundle_id, sku_ids), key=lambda row: row["sku_id"]):
        made_of = Component(sku_id=row["sku_id"], quantity=row["quantity"])
        found.setdefault(row["bundle_id"], []).append(made_of)
    return found
