"""Products, SKUs and what bundles are made of, for those who may read or write the catalog."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.catalog.commands import lock_product, lock_sku, save_products, save_skus, set_components
from batuta.catalog.domain import (
    Category,
    Component,
    Days,
    DaysOrMore,
    LengthMm,
    Product,
    ProductFilter,
    Sku,
    SkuFilter,
    SkuKind,
    Tracking,
    UnknownProduct,
    UnknownSku,
    WeightG,
)
from batuta.catalog.queries import (
    components_of,
    list_products,
    list_skus,
    product_versions,
    products_by_id,
    sku_versions,
    skus_by_id,
)
from batuta.kernel.codes import check_same_id
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Prose, Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_code,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

NAMES_MAX = 50
COMPONENTS_MAX = 200

Named = Annotated[dict[Code, Prose], msgspec.Meta(max_length=NAMES_MAX)]
ShortName = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
Search = Annotated[
    str | None, QueryParameter(max_length=100, description="Words that begin the code or a name, in any language")
]
CodeIs = Annotated[str | None, QueryParameter(max_length=100)]


class ProductBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as it shall be. name, description: by locale."""

    code: Code
    name: Annotated[dict[Code, Text], msgspec.Meta(min_length=1, max_length=NAMES_MAX)]
    description: Named = {}
    category: Category = ""


class SkuBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SKU as it shall be. name: by locale; the product's when empty. Weight and sizes: packed, 0 when not known.

    tracking: whether its stock is told apart by lots or serial numbers. min_remaining_days: how long before its date a
    lot is no longer sold. is_unique: there is one piece of it. is_weighed: charged by the weight that is packed.
    is_made_to_order: an order takes its kit parts, and a location makes it of them.
    """

    code: Code
    product_id: UUID
    name: Annotated[dict[Code, ShortName], msgspec.Meta(max_length=NAMES_MAX)] = {}
    kind: SkuKind = SkuKind.GOOD
    gtin: Annotated[str, msgspec.Meta(pattern="^([0-9]{8}|[0-9]{12,14})$")] | None = None
    weight_g: WeightG = 0
    length_mm: LengthMm = 0
    width_mm: LengthMm = 0
    height_mm: LengthMm = 0
    tax_category: Code = "standard"
    unit: Code = "unit"
    is_tracked: bool = True
    is_active: bool = True
    brand_id: UUID | None = None
    tracking: Tracking = Tracking.NONE
    shelf_life_days: DaysOrMore | None = None
    min_remaining_days: Days = 0
    is_unique: bool = False
    is_weighed: bool = False
    is_made_to_order: bool = False


class ComponentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a SKU in one unit of the bundle."""

    sku_id: UUID
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class ComponentsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a bundle is made of."""

    components: Annotated[list[ComponentBody], msgspec.Meta(max_length=COMPONENTS_MAX)]


class Components(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle is made of, in the order of the SKUs; nothing of what is no bundle."""

    components: list[Component]


@get("/api/products", guards=[requires("catalog.read")])
async def products(
    engine: NamedDependency[Engine],
    category: CodeIs = None,
    search: Search = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Product]:
    """List products in the order of their codes."""
    wanted = ProductFilter(category=category, search=search)
    async with engine.connect() as db:
        found = await list_products(db, wanted=wanted, behind=read_code(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/products/{product_id:uuid}", guards=[requires("catalog.read")])
async def product(engine: NamedDependency[Engine], product_id: FromPath[UUID]) -> Response[Product]:
    """Answer with a product; its version is the ETag."""
    async with engine.connect() as db:
        tag = await _product_tag(db, product_id)
        return Response(await _product(db, product_id), headers=tag)


@post("/api/products", guards=[requires("catalog.write")], status_code=HTTPStatus.OK)
async def save_product(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[ProductBody]
) -> Response[Product]:
    """Save a product by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_product(db, request, caller, _as_product(data, fresh_id())))


@put("/api/products/{product_id:uuid}", guards=[requires("catalog.write")])
async def put_product(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    product_id: FromPath[UUID],
    data: JSONBody[ProductBody],
) -> Response[Product]:
    """Save a product under an id, its own or a new one; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Product]:
        saved = await _save_product(db, request, caller, _as_product(data, product_id))
        check_same_id(saved.content, product_id)
        return saved

    return await once(engine, request, act)


@get("/api/skus", guards=[requires("catalog.read")])
async def skus(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    product_id: FromQuery[UUID | None] = None,
    kind: FromQuery[SkuKind | None] = None,
    gtin: CodeIs = None,
    code: CodeIs = None,
    is_active: FromQuery[bool | None] = None,
    search: Search = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Sku]:
    """List SKUs in the order of their codes."""
    wanted = SkuFilter(product_id=product_id, kind=kind, gtin=gtin, code=code, is_active=is_active, search=search)
    async with engine.connect() as db:
        found = await list_skus(db, wanted=wanted, behind=read_code(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/skus/{sku_id:uuid}", guards=[requires("catalog.read")])
async def sku(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Sku]:
    """Answer with a SKU; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        return Response(await sku_of(db, sku_id), headers=tag)


@post("/api/skus", guards=[requires("catalog.write")], status_code=HTTPStatus.OK)
async def save_sku(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[SkuBody]
) -> Response[Sku]:
    """Save a SKU by its code; one that is there keeps its id and its kind."""
    return await once(engine, request, lambda db: _save_sku(db, request, caller, _as_sku(data, fresh_id())))


@put("/api/skus/{sku_id:uuid}", guards=[requires("catalog.write")])
async def put_sku(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[SkuBody],
) -> Response[Sku]:
    """Save a SKU under an id, its own or a new one; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Sku]:
        saved = await _save_sku(db, request, caller, _as_sku(data, sku_id))
        check_same_id(saved.content, sku_id)
        return saved

    return await once(engine, request, act)


@get("/api/skus/{sku_id:uuid}/components", guards=[requires("catalog.read")])
async def components(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Components]:
    """Answer with what a bundle is made of; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        await sku_of(db, sku_id)
        made_of = (await components_of(db, [sku_id])).get(sku_id, [])
    return Response(Components(components=made_of), headers=tag)


@put("/api/skus/{sku_id:uuid}/components", guards=[requires("catalog.write")])
async def put_components(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[ComponentsBody],
) -> Response[Components]:
    """Say anew what a bundle is made of; orders keep what they were placed with."""

    async def act(db: Connection) -> Answer[Components]:
        bundle = await sku_of(db, sku_id)
        check_version(request, await lock_sku(db, code=bundle.code))
        parts = [Component(sku_id=part.sku_id, quantity=part.quantity) for part in data.components]
        saved = only(await set_components(db, bundles={sku_id: parts}, now=moment(), actor=caller.actor))
        return Answer(Components(components=saved), headers=await sku_tag(db, sku_id))

    return await once(engine, request, act)


async def _save_product(db: Connection, request: AnyRequest, caller: Caller, given: Product) -> Answer[Product]:
    check_version(request, await lock_product(db, code=given.code))
    saved = only(await save_products(db, products=[given], now=moment(), actor=caller.actor))
    return Answer(saved, headers=await _product_tag(db, saved.id))


async def _save_sku(db: Connection, request: AnyRequest, caller: Caller, given: Sku) -> Answer[Sku]:
    check_version(request, await lock_sku(db, code=given.code))
    saved = only(await save_skus(db, skus=[given], now=moment(), actor=caller.actor))
    return Answer(saved, headers=await sku_tag(db, saved.id))


async def _product(db: Connection, product_id: UUID) -> Product:
    found = (await products_by_id(db, [product_id])).get(product_id)
    if found is None:
        raise UnknownProduct("there is no such product", product_id=str(product_id))
    return found


async def sku_of(db: Connection, sku_id: UUID) -> Sku:
    found = (await skus_by_id(db, [sku_id])).get(sku_id)
    if found is None:
        raise UnknownSku("there is no such SKU", sku_id=str(sku_id))
    return found


async def _product_tag(db: Connection, product_id: UUID) -> dict[str, str]:
    return {"etag": etag((await product_versions(db, [product_id])).get(product_id, 0))}


async def sku_tag(db: Connection, sku_id: UUID) -> dict[str, str]:
    return {"etag": etag((await sku_versions(db, [sku_id])).get(sku_id, 0))}


def _as_product(body: ProductBody, product_id: UUID) -> Product:
    return Product(id=product_id, **msgspec.structs.asdict(body))


def _as_sku(body: SkuBody, sku_id: UUID) -> Sku:
    return Sku(id=sku_id, **msgspec.structs.asdict(body))


ROUTES = [
    products,
    product,
    save_product,
    put_product,
    skus,
    sku,
    save_sku,
    put_sku,
    components,
    put_components,
]
