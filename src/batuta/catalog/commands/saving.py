"""Saving the catalog: by code, thousands at once; the same again changes nothing, and what changes is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from batuta.catalog.domain import (
    KindIsFixed,
    Product,
    Sku,
    UnknownBrand,
    UnknownProduct,
    check_product,
    check_sku,
)
from batuta.catalog.events import ProductSaved, SkuSaved
from batuta.catalog.queries import CATALOG, stored_products_by_id, stored_skus_by_id
from batuta.catalog.tables import product, sku
from batuta.company.domain import Brand
from batuta.company.queries import brands_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection
from batuta.plumbing.saving import Saving

Thing = TypeVar("Thing", Product, Sku)

_PRODUCTS = Saving(Product, product, told=ProductSaved, subject=CATALOG)
_SKUS = Saving(Sku, sku, told=SkuSaved, subject=CATALOG)


async def save_products(
    db: Connection, *, products: Sequence[Product], now: datetime, actor: str = SETUP
) -> list[Product | BatutaError]:
    """Save products by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _PRODUCTS.locked(db, products)
    names = Codes(await stored_products_by_id(db, {one.id for one in products}))
    checked = each(products, lambda one: _named(check_product(one), names))
    return await _PRODUCTS.save(db, checked, present, now=now, actor=actor)


async def save_skus(
    db: Connection, *, skus: Sequence[Sku], now: datetime, actor: str = SETUP
) -> list[Sku | BatutaError]:
    """Save SKUs by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _SKUS.locked(db, skus)
    products = await stored_products_by_id(db, {one.product_id for one in skus})
    brands = await brands_by_id(db, {one.brand_id for one in skus if one.brand_id})
    names = Codes(await stored_skus_by_id(db, {one.id for one in skus}))
    checked = each(skus, lambda one: _named(_agrees(_branded(check_sku(one), brands), products, present), names))
    return await _SKUS.save(db, checked, present, now=now, actor=actor)


async def lock_product(db: Connection, *, code: str) -> int:
    """Lock a product that is going to be saved and return its version; 0 when there is none yet."""
    return await _PRODUCTS.lock(db, code=code)


async def lock_sku(db: Connection, *, code: str) -> int:
    """Lock a SKU that is going to be saved and return its version; 0 when there is none yet."""
    return await _SKUS.lock(db, code=code)


def _branded(one: Sku, brands: Mapping[UUID, Brand]) -> Sku:
    if one.brand_id is not None and one.brand_id not in brands:
        raise UnknownBrand("there is no such brand", code=one.code, brand_id=str(one.brand_id))
    return one


def _agrees(one: Sku, products: Mapping[UUID, Product], present: Mapping[str, Sku]) -> Sku:
    if one.product_id not in products:
        raise UnknownProduct("there is no such product", code=one.code, product_id=str(one.product_id))
    before = present.get(one.code)
    if before is not None and before.kind is not one.kind:
        raise KindIsFixed(
            f"{one.code} is a {before.kind} and cannot become a {one.kind}",
            code=one.code,
            present=str(before.kind),
            wanted=str(one.kind),
        )
    return one


def _named(one: Thing, names: Codes) -> Thing:
    names.check(one)
    return one
