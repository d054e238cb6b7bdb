"""The terms of suppliers."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.catalog.queries import skus_by_code
from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    once,
    page_of,
    read_id,
    requires,
)
from batuta.plumbing.web.moments import moment
from batuta.purchasing.api.bodies import Costs, CostsBody, SupplierBody, Suppliers
from batuta.purchasing.api.sight import place_of
from batuta.purchasing.commands import save_suppliers, set_costs
from batuta.purchasing.domain import Supplier, SupplierCost, UnknownGoods
from batuta.purchasing.queries import all_suppliers, list_costs

MAY_READ = requires("purchasing.read")
MAY_MANAGE = requires("purchasing.manage")


@get("/api/suppliers", guards=[MAY_READ])
async def suppliers(engine: NamedDependency[Engine], caller: NamedDependency[Caller]) -> Suppliers:
    """List the suppliers whose terms are known."""
    async with engine.connect() as db:
        found = await all_suppliers(db)
    return Suppliers(suppliers=[one for one in found if caller.sees_location(one.location_id)])


@put("/api/suppliers/{location_code:str}", guards=[MAY_MANAGE])
async def put_supplier(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_code: FromPath[str],
    data: JSONBody[SupplierBody],
) -> Response[Supplier]:
    """Say on what terms a location of the kind `supplier` sends goods to customers by itself."""

    async def act(db: Connection) -> Answer[Supplier]:
        place = await place_of(db, caller, location_code)
        terms = Supplier(
            location_id=place.id,
            commission_bp=data.commission_bp,
            price_tolerance_bp=data.price_tolerance_bp,
            quantity_tolerance=data.quantity_tolerance,
            needs_approval=data.needs_approval,
        )
        return Answer(only(await save_suppliers(db, suppliers=[terms], now=moment(), actor=caller.actor)))

    return await once(engine, request, act)


@put("/api/suppliers/{location_code:str}/costs", guards=[MAY_MANAGE])
async def put_costs(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_code: FromPath[str],
    data: JSONBody[CostsBody],
) -> Response[Costs]:
    """Say what units of SKUs cost at a supplier, all of them or none."""

    async def act(db: Connection) -> Answer[Costs]:
        place = await place_of(db, caller, location_code)
        skus = await skus_by_code(db, {one.sku_code for one in data.costs})
        for one in data.costs:
            if one.sku_code not in skus:
                raise UnknownGoods("there is no such SKU", sku_code=one.sku_code)
        costs = [
            SupplierCost(location_id=place.id, sku_id=skus[one.sku_code].id, cost_minor=one.cost_minor)
            for one in data.costs
        ]
        done = await set_costs(db, costs=costs, now=moment(), actor=caller.actor)
        return Answer(Costs(costs=[only([one]) for one in done]))

    return await once(engine, request, act)


@get("/api/suppliers/{location_code:str}/costs", guards=[MAY_READ])
async def supplier_costs(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_code: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[SupplierCost]:
    """List what units cost at a supplier."""
    behind = read_id(cursor)
    async with engine.connect() as db:
        place = await place_of(db, caller, location_code)
        found = await list_costs(db, location_id=place.id, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.sku_id,))


ROUTES: Sequence[Any] = [suppliers, put_supplier, put_costs, supplier_costs]
