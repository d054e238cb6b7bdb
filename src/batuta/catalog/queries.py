"""Products, SKUs and components, many at once; products and SKUs are kept in memory until the catalog changes."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Boolean, Text, Uuid, any_, bindparam, select

from batuta.catalog.domain import Component, Product, ProductFilter, Recipe, Sku, SkuFilter, SkuKind, Substitute, Unit
from batuta.catalog.tables import (
    component,
    kit_part,
    product,
    product_words,
    recipe,
    sku,
    sku_words,
    substitute,
    unit,
)
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import Known
from batuta.plumbing.listing import Listing, has_words, to_words

_PRODUCTS = Listing(
    select(product),
    order=(product.c.code,),
    filters={
        "category": product.c.category == bindparam("category", type_=Text()),
        "search": has_words(product_words, "search"),
    },
)
_SKUS = Listing(
    select(sku),
    order=(sku.c.code,),
    filters={
        "product_id": sku.c.product_id == bindparam("product_id", type_=Uuid()),
        "kind": sku.c.kind == bindparam("kind", type_=Text()),
        "gtin": sku.c.gtin == bindparam("gtin", type_=Text()),
        "code": sku.c.code == bindparam("code", type_=Text()),
        "is_active": sku.c.is_active == bindparam("is_active", type_=Boolean()),
        "search": has_words(sku_words, "search"),
    },
)
_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_PRODUCT_VERSIONS = select(product.c.id, product.c.version).where(product.c.id == any_(_ids))
_SKU_VERSIONS = select(sku.c.id, sku.c.version).where(sku.c.id == any_(_ids))


async def list_products(
    db: Connection, *, wanted: ProductFilter, behind: str | None = None, limit: int
) -> list[Product]:
    """A page of products in the order of their codes, behind the code with which the page before it ended."""
    given = msgspec.structs.asdict(wanted) | {"search": to_words(wanted.search)}
    rows = await _PRODUCTS.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Product])


async def list_skus(db: Connection, *, wanted: SkuFilter, behind: str | None = None, limit: int) -> list[Sku]:
    """A page of SKUs in the order of their codes, behind the code with which the page before it ended."""
    given: dict[str, Any] = msgspec.structs.asdict(wanted) | {"search": to_words(wanted.search)}
    rows = await _SKUS.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Sku])


async def product_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each product was saved (PLT-02). Asked before the product itself, it is never too new for it."""
    return {row.id: row.version for row in await db.execute(_PRODUCT_VERSIONS, {"ids": list(ids)})}


async def sku_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each SKU, or what it is made of, was saved (PLT-02); to be asked before the SKU itself."""
    return {row.id: row.version for row in await db.execute(_SKU_VERSIONS, {"ids": list(ids)})}


async def products_by_code(db: Connection, codes: Collection[str]) -> dict[str, Product]:
    found = msgspec.convert(await rows_with(db, product.c.code, codes), list[Product])
    return {one.code: one for one in found}


async def products_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Product]:
    return await _PRODUCTS_BY_ID.of(db, ids)


async def skus_by_code(db: Connection, codes: Collection[str]) -> dict[str, Sku]:
    found: dict[Any, Sku] = await _KNOWN_SKUS.of(db, codes)
    return found


async def skus_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Sku]:
    found: dict[Any, Sku] = await _KNOWN_SKUS.of(db, ids)
    return found


async def stored_products_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Product]:
    """The products as they are stored at this moment, for who is going to change the catalog."""
    found = msgspec.convert(await rows_with(db, product.c.id, ids), list[Product])
    return {one.id: one for one in found}


async def stored_skus_by_code(db: Connection, codes: Collection[str]) -> dict[str, Sku]:
    """The SKUs as they are stored at this moment, for who is going to change the catalog."""
    found = msgspec.convert(await rows_with(db, sku.c.code, codes), list[Sku])
    return {one.code: one for one in found}


async def stored_skus_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Sku]:
    """The SKUs as they are stored at this moment, for who is going to change the catalog."""
    found = msgspec.convert(await rows_with(db, sku.c.id, ids), list[Sku])
    return {one.id: one for one in found}


CATALOG = "catalog"
"""The subject under which products and SKUs are kept in memory."""

_PRODUCTS_BY_ID = Known(CATALOG, stored_products_by_id)


async def _stored_skus(db: Connection, keys: Collection[str | UUID]) -> dict[str | UUID, Sku]:
    """SKUs by codes and ids; each is found under both, for what is named by its code is soon asked for by its id."""
    by_code = await stored_skus_by_code(db, [key for key in keys if isinstance(key, str)])
    by_id = await stored_skus_by_id(db, [key for key in keys if not isinstance(key, str)])
    found = [*by_code.values(), *by_id.values()]
    return {one.code: one for one in found} | {one.id: one for one in found}


_KNOWN_SKUS = Known(CATALOG, _stored_skus)


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


async def units_of(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, list[Unit]]:
    """In what each SKU is measured besides its base unit, by code; a SKU with no other unit is absent."""
    found: dict[UUID, list[Unit]] = {}
    for row in sorted(await rows_with(db, unit.c.sku_id, sku_ids), key=lambda row: row["code"]):
        found.setdefault(row.pop("sku_id"), []).append(Unit(**row))
    return found


async def kit_parts_of(db: Connection, kit_ids: Collection[UUID]) -> dict[UUID, list[Component]]:
    """Of what one unit of each kit is built, in SKU order; a SKU that is not built is absent."""
    found: dict[UUID, list[Component]] = {}
    for row in sorted(await rows_with(db, kit_part.c.kit_id, kit_ids), key=lambda row: row["sku_id"]):
        part = Component(sku_id=row["sku_id"], quantity=row["quantity"])
        found.setdefault(row["kit_id"], []).append(part)
    return found


async def substitutes_of(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, list[Substitute]]:
    """What may be sent instead of each SKU, by rank; a SKU that nothing replaces is absent."""
    found: dict[UUID, list[Substitute]] = {}
    for row in sorted(await rows_with(db, substitute.c.instead_of_id, sku_ids), key=lambda row: row["rank"]):
        instead_of_id = row.pop("instead_of_id")
        found.setdefault(instead_of_id, []).append(msgspec.convert(row, Substitute))
    return found


async def composed_of(db: Connection, skus: Iterable[Sku]) -> dict[UUID, list[Component]]:
    """What an order takes from stock in place of each SKU: a bundle's components, the parts of what is made to order.

    A SKU that is taken from the shelf as it is sold is absent.
    """
    composed = [one for one in skus if one.is_composed]
    bundles = [one.id for one in composed if one.kind is SkuKind.BUNDLE]
    made = [one.id for one in composed if one.is_made_to_order]
    return {
        **(await components_of(db, bundles) if bundles else {}),
        **(await kit_parts_of(db, made) if made else {}),
    }


async def recipes_of(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, list[Recipe]]:
    """How each SKU is made, one recipe each; one that has none is absent."""
    return {row.pop("sku_id"): [msgspec.convert(row, Recipe)] for row in await rows_with(db, recipe.c.sku_id, sku_ids)}
