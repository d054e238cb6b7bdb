"""The catalog as saved and read back, on a real PostgreSQL."""

import asyncio
import time

import msgspec

from batuta.catalog.commands import save_products, save_skus, set_components
from batuta.catalog.domain import (
    BadComponent,
    BadProduct,
    BadSku,
    Component,
    ImplausibleProduct,
    KindIsFixed,
    NotABundle,
    Product,
    Sku,
    SkuKind,
    UnknownProduct,
    UnknownSku,
)
from batuta.catalog.queries import (
    components_of,
    products_by_code,
    products_by_id,
    skus_by_code,
    skus_by_gtin,
    skus_by_id,
)
from batuta.kernel.codes import CodeIsFixed
from batuta.kernel.errors import BatutaError
from batuta.kernel.gs1 import check_digit
from batuta.plumbing.database import Connection, Engine
from tests.making import NOW, fresh_code, fresh_id


async def given_product(db: Connection) -> Product:
    product = Product(id=fresh_id(), code=fresh_code("P"), name={"es": "Silla", "en": "Chair"}, category="chairs")
    assert await save_products(db, products=[product], now=NOW) == [product]
    return product


def a_sku(product: Product, kind: SkuKind = SkuKind.GOOD) -> Sku:
    return Sku(id=fresh_id(), code=fresh_code("S"), product_id=product.id, kind=kind, is_tracked=kind is SkuKind.GOOD)


async def test_products_and_skus_are_read_back_as_saved(db: Connection) -> None:
    product = await given_product(db)
    digits = f"84{fresh_id().int % 10**10:010d}"
    gtin = f"{digits}{check_digit(digits)}"
    sku = msgspec.structs.replace(
        a_sku(product), name={"es": "Silla roja"}, gtin=gtin, weight_g=4_200, length_mm=820, width_mm=450, height_mm=440
    )

    assert await save_skus(db, skus=[sku], now=NOW) == [sku]
    assert await skus_by_code(db, [sku.code]) == {sku.code: sku}
    assert await skus_by_id(db, [sku.id, fresh_id()]) == {sku.id: sku}
    assert await skus_by_gtin(db, [gtin]) == {gtin: [sku]}
    assert await products_by_id(db, [product.id]) == {product.id: product}
    assert await products_by_code(db, [product.code]) == {product.code: product}


async def test_a_code_saved_again_keeps_its_id_and_the_last_of_one_call_counts(db: Connection) -> None:
    sku = a_sku(await given_product(db))
    heavier = msgspec.structs.replace(sku, id=fresh_id(), weight_g=10)
    heaviest = msgspec.structs.replace(sku, id=fresh_id(), weight_g=20)

    await save_skus(db, skus=[sku], now=NOW)
    answers = await save_skus(db, skus=[heavier, heaviest], now=NOW)

    expected = msgspec.structs.replace(sku, weight_g=20)
    assert answers == [expected, expected]


async def test_a_bad_sku_is_refused_and_its_neighbours_are_saved(db: Connection) -> None:
    product = await given_product(db)
    good, negative, orphan, turned = (a_sku(product) for _ in range(4))
    await save_skus(db, skus=[turned], now=NOW)

    answers = await save_skus(
        db,
        skus=[
            msgspec.structs.replace(negative, weight_g=-1),
            good,
            msgspec.structs.replace(orphan, product_id=fresh_id()),
            msgspec.structs.replace(turned, kind=SkuKind.BUNDLE),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [BadSku, Sku, UnknownProduct, KindIsFixed]


async def test_an_id_keeps_its_code_and_its_neighbours_are_saved(db: Connection) -> None:
    product = await given_product(db)
    known, new = a_sku(product), a_sku(product)
    await save_skus(db, skus=[known], now=NOW)

    answers = await save_skus(
        db,
        skus=[
            msgspec.structs.replace(known, code=fresh_code("OTHER")),
            new,
            msgspec.structs.replace(new, code=fresh_code("OTHER")),
        ],
        now=NOW,
    )
    [renamed] = await save_products(db, products=[msgspec.structs.replace(product, code=fresh_code("P"))], now=NOW)

    assert [type(answer) for answer in answers] == [CodeIsFixed, Sku, CodeIsFixed]
    assert isinstance(renamed, CodeIsFixed)


async def test_a_bundle_is_made_of_goods_and_services_and_may_be_made_anew(db: Connection) -> None:
    product = await given_product(db)
    chair, table, wrap = a_sku(product), a_sku(product), a_sku(product, SkuKind.SERVICE)
    bundle = a_sku(product, SkuKind.BUNDLE)
    await save_skus(db, skus=[chair, table, wrap, bundle], now=NOW)

    first = [Component(sku_id=chair.id, quantity=4), Component(sku_id=table.id, quantity=1)]
    second = [Component(sku_id=chair.id, quantity=6), Component(sku_id=wrap.id, quantity=1)]
    await set_components(db, bundles={bundle.id: first}, now=NOW)
    [answer] = await set_components(db, bundles={bundle.id: second}, now=NOW)

    expected = sorted(second, key=lambda one: one.sku_id)
    assert answer == expected
    assert await components_of(db, [bundle.id, chair.id]) == {bundle.id: expected}


async def test_a_bundle_of_bundles_is_refused_and_changes_nothing(db: Connection) -> None:
    """INV-13: kits draw on component stock, so a component must have stock of its own."""
    product = await given_product(db)
    good, bundle, other = a_sku(product), a_sku(product, SkuKind.BUNDLE), a_sku(product, SkuKind.BUNDLE)
    await save_skus(db, skus=[good, bundle, other], now=NOW)
    one_good = Component(sku_id=good.id, quantity=1)

    answers = await set_components(
        db,
        bundles={
            bundle.id: [Component(sku_id=other.id, quantity=1)],
            good.id: [one_good],
            fresh_id(): [one_good],
            other.id: [one_good, Component(sku_id=fresh_id(), quantity=1)],
        },
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [BadComponent, NotABundle, UnknownSku, UnknownSku]
    assert await components_of(db, [bundle.id, other.id]) == {}


async def test_text_that_no_database_holds_is_refused_and_its_neighbours_are_saved(db: Connection) -> None:
    product = await given_product(db)
    good = a_sku(product)

    products = await save_products(
        db,
        products=[
            msgspec.structs.replace(product, name={"es": "a\x00"}),
            msgspec.structs.replace(product, name={"es": " "}),
            msgspec.structs.replace(product, id=fresh_id(), code=" P"),
            product,
        ],
        now=NOW,
    )
    skus = await save_skus(
        db,
        skus=[
            msgspec.structs.replace(a_sku(product), code=""),
            msgspec.structs.replace(a_sku(product), name={"es": "\x00"}),
            good,
        ],
        now=NOW,
    )

    assert [type(answer) for answer in products] == [BadProduct, ImplausibleProduct, BadProduct, Product]
    assert [type(answer) for answer in skus] == [BadSku, BadSku, Sku]


async def test_batches_that_meet_in_opposite_order_both_get_through(engine: Engine) -> None:
    async with engine.begin() as db:
        product = await given_product(db)
    skus = [a_sku(product) for _ in range(300)]

    async def save(weight_g: int) -> list[Sku | BatutaError]:
        given = [msgspec.structs.replace(sku, weight_g=weight_g) for sku in skus]
        async with engine.begin() as db:
            return await save_skus(db, skus=given[:: 1 if weight_g % 2 else -1], now=NOW)

    answers = await asyncio.gather(*(save(weight_g) for weight_g in range(6)))

    assert all(isinstance(answer, Sku) for several in answers for answer in several)
    async with engine.connect() as db:
        stored = await skus_by_code(db, [sku.code for sku in skus])
    assert {sku.id for sku in stored.values()} == {sku.id for sku in skus}
    assert len({sku.weight_g for sku in stored.values()}) == 1, "the last batch has the last word on all"


async def test_five_thousand_skus_are_saved_in_one_call_within_seconds(db: Connection) -> None:
    product = await given_product(db)
    skus = [msgspec.structs.replace(a_sku(product), weight_g=i) for i in range(5_000)]

    started = time.perf_counter()
    answers = await save_skus(db, skus=skus, now=NOW)
    seconds = time.perf_counter() - started

    assert answers == skus
    assert seconds < 5, "one statement for all, not one for each"
