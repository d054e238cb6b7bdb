"""Saving the catalog: by code, thousands at once; saving the same again changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Table, Text, Uuid, any_, bindparam, delete, select, update

from batuta.catalog.domain import (
    Component,
    KindIsFixed,
    Product,
    Sku,
    UnknownBrand,
    UnknownProduct,
    UnknownSku,
    check_components,
    check_product,
    check_sku,
)
from batuta.catalog.queries import (
    CATALOG,
    components_of,
    products_by_code,
    stored_products_by_id,
    stored_skus_by_code,
    stored_skus_by_id,
)
from batuta.catalog.tables import component, product, sku
from batuta.company.domain import Brand
from batuta.company.queries import brands_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, insert_rows, upsert_rows
from batuta.plumbing.knowledge import mark_changed

Thing = TypeVar("Thing", Product, Sku)

_code = bindparam("code", type_=Text())
_LOCK_PRODUCT = select(product.c.version).where(product.c.code == _code).with_for_update(key_share=True)
_LOCK_SKU = select(sku.c.version).where(sku.c.code == _code).with_for_update(key_share=True)


async def save_products(db: Connection, *, products: Sequence[Product], now: datetime) -> list[Product | BatutaError]:
    """Save products by code; each answer is the one stored (an old code keeps its id) or why not."""
    names = Codes(await stored_products_by_id(db, {one.id for one in products}))
    checked = each(products, lambda one: _named(check_product(one), names))
    codes = await _save(db, product, good(checked), now)
    stored = await products_by_code(db, codes)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def save_skus(db: Connection, *, skus: Sequence[Sku], now: datetime) -> list[Sku | BatutaError]:
    """Save SKUs by code; each answer is the one stored (an old code keeps its id) or why not."""
    products = await stored_products_by_id(db, {one.product_id for one in skus})
    brands = await brands_by_id(db, {one.brand_id for one in skus if one.brand_id})
    present = await stored_skus_by_code(db, {one.code for one in skus})
    names = Codes(await stored_skus_by_id(db, {one.id for one in skus}))
    checked = each(skus, lambda one: _named(_agrees(_branded(check_sku(one), brands), products, present), names))
    codes = await _save(db, sku, good(checked), now)
    stored = await stored_skus_by_code(db, codes)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def lock_product(db: Connection, *, code: str) -> int:
    """Lock a product that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK_PRODUCT, {"code": code}) or 0)


async def lock_sku(db: Connection, *, code: str) -> int:
    """Lock a SKU that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK_SKU, {"code": code}) or 0)


async def set_components(
    db: Connection, *, bundles: Mapping[UUID, Sequence[Component]], now: datetime
) -> list[list[Component] | BatutaError]:
    """Say anew what each bundle is made of; the answers come in the order of `bundles`.

    Orders keep the components they were placed with.
    """
    known = await stored_skus_by_id(db, {*bundles, *(part.sku_id for parts in bundles.values() for part in parts)})

    def decide(given: tuple[UUID, Sequence[Component]]) -> tuple[UUID, list[Component]]:
        bundle_id, parts = given
        if bundle_id not in known:
            raise UnknownSku("there is no such bundle", sku_id=str(bundle_id))
        return bundle_id, check_components(known[bundle_id], parts, known)

    checked = each(bundles.items(), decide)
    await _write_components(db, dict(good(checked)), now)
    return [one if isinstance(one, BatutaError) else one[1] for one in checked]


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


async def _save(db: Connection, table: Table, things: Sequence[Thing], now: datetime) -> Collection[str]:
    """Write the things, of a code given twice the last, and return their codes."""
    rows = {one.code: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in things}
    await upsert_rows(db, table, rows.values(), key=("code",))
    await mark_changed(db, CATALOG)
    return rows.keys()


async def _write_components(db: Connection, made_of: Mapping[UUID, list[Component]], now: datetime) -> None:
    wanted = {"bundle_ids": sorted(made_of)}
    bundle_ids = bindparam("bundle_ids", type_=ARRAY(Uuid))
    await db.execute(select(sku.c.id).where(sku.c.id == any_(bundle_ids)).order_by(sku.c.id).with_for_update(), wanted)
    before = await components_of(db, made_of)
    news = {bundle_id: parts for bundle_id, parts in made_of.items() if parts != before.get(bundle_id, [])}
    if not news:
        return
    changed = {"bundle_ids": sorted(news)}
    await db.execute(
        update(sku).where(sku.c.id == any_(bundle_ids)).values(updated_at=now, version=sku.c.version + 1), changed
    )
    await db.execute(delete(component).where(component.c.bundle_id == any_(bundle_ids)), changed)
    rows = [
        {"bundle_id": bundle_id, "sku_id": part.sku_id, "quantity": part.quantity}
        for bundle_id, parts in sorted(news.items())
        for part in parts
    ]
    await insert_rows(db, component, rows)
