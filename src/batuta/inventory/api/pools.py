"""Ring-fenced pools: whose units they keep, and how many of them (INV-07)."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.inventory.api.naming import channel_id, location_ids, sku_ids
from batuta.inventory.api.sight import Moment, instant
from batuta.inventory.commands import (
    allocate,
    delete_pools,
    save_pools,
)
from batuta.inventory.domain import Allocate, OnEmpty, Pool, PoolStock, UnknownPool
from batuta.inventory.queries import pools, pools_by_id, stocks_of_pools
from batuta.kernel.outcomes import only, whole
from batuta.kernel.quantities import QUANTITY_MAX, Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_unbound

MANY_MAX = 1_000

Units = Annotated[int, msgspec.Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]


class PoolBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose units a pool keeps; all that is said must fit, and what its parent says too.

    on_empty: what they get of a place when the pool there is used up. until_at: from then on they are everybody's.
    """

    code: Code
    parent_id: UUID | None = None
    channel_code: Code | None = None
    region: Code | None = None
    customer_group: Code | None = None
    on_empty: OnEmpty = OnEmpty.COMMON
    until_at: Moment | None = None


class AllPools(msgspec.Struct, frozen=True, kw_only=True):
    pools: list[Pool]


class StocksOfPool(msgspec.Struct, frozen=True, kw_only=True):
    """Units given to a pool by place, and those of them that were claimed."""

    stocks: list[PoolStock]


class AllocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units to ring-fence for a pool, from its parent, another pool, or what is free; fewer than none go back there."""

    pool_id: UUID
    sku_code: Code
    location_code: Code
    units: Units
    source_id: UUID | None = None


class AllocationsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    allocations: Annotated[list[AllocationBody], msgspec.Meta(min_length=1, max_length=MANY_MAX)]


@get("/api/stock/pools", guards=[requires("inventory.read")])
async def list_pools(engine: NamedDependency[Engine]) -> AllPools:
    """List the ring-fenced pools by their codes."""
    async with engine.connect() as db:
        return AllPools(pools=await pools(db))


@put("/api/stock/pools/{pool_id:uuid}", guards=[requires("inventory.manage")])
async def put_pool(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    pool_id: FromPath[UUID],
    data: JSONBody[PoolBody],
) -> Response[Pool]:
    """Make or replace a pool; the units in it stay."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[Pool]:
        pool = Pool(
            id=pool_id,
            code=data.code,
            parent_id=data.parent_id,
            channel_id=await channel_id(db, data.channel_code),
            region=data.region,
            customer_group=data.customer_group,
            on_empty=data.on_empty,
            until_at=instant(data.until_at),
        )
        return Answer(only(await save_pools(db, given=[pool], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@delete("/api/stock/pools/{pool_id:uuid}", guards=[requires("inventory.manage")], status_code=200)
async def delete_pool(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], pool_id: FromPath[UUID]
) -> Response[AllPools]:
    """Do away with a pool that is empty, and answer with those that are left."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[AllPools]:
        only(await delete_pools(db, ids=[pool_id], now=moment()))
        return Answer(AllPools(pools=await pools(db)))

    return await once(engine, request, act)


@get("/api/stock/pools/{pool_id:uuid}/stock", guards=[requires("inventory.read")])
async def pool_stock(engine: NamedDependency[Engine], pool_id: FromPath[UUID]) -> StocksOfPool:
    """Answer with the units of a pool, by place."""
    async with engine.connect() as db:
        if pool_id not in await pools_by_id(db, [pool_id]):
            raise UnknownPool("there is no such pool", id=str(pool_id))
        return StocksOfPool(stocks=await stocks_of_pools(db, [pool_id]))


@post("/api/stock/pools/allocations", guards=[requires("inventory.manage")], status_code=200)
async def allocate_to_pools(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[AllocationsBody],
) -> Response[StocksOfPool]:
    """Ring-fence units for pools or give them back; all of it, or nothing and why not."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[StocksOfPool]:
        skus = await sku_ids(db, {one.sku_code for one in data.allocations})
        places = await location_ids(db, {one.location_code for one in data.allocations})
        asked = [
            Allocate(
                pool_id=one.pool_id,
                sku_id=skus[one.sku_code],
                location_id=places[one.location_code],
                units=one.units,
                source_id=one.source_id,
            )
            for one in data.allocations
        ]
        return Answer(StocksOfPool(stocks=whole(await allocate(db, asked=asked, now=moment()))))

    return await once(engine, request, act)


ROUTES = [list_pools, put_pool, delete_pool, pool_stock, allocate_to_pools]
