"""What is kept back from whom: rules, ring-fenced pools, thresholds of labels and safety policies."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.catalog.queries import skus_by_code
from batuta.company.queries import channels_by_code
from batuta.inventory.commands import (
    allocate,
    delete_rules,
    save_pools,
    save_rules,
    save_thresholds,
    set_safety_policies,
)
from batuta.inventory.domain import Allocate, BufferRule, OnEmpty, Pool, PoolStock, RuleKind, UnknownPool
from batuta.inventory.domain.holding import NoSuchChannel, NoSuchPlace
from batuta.inventory.domain.labels import SkuThresholds, Thresholds
from batuta.inventory.domain.safety import SafetyPolicy, SafetyTerms, WindowDays
from batuta.inventory.domain.withholding import RULE_LOCATIONS_MAX, Priority, ShareBp
from batuta.inventory.queries import buffer_rules, pools, pools_by_id, stocks_of_pools
from batuta.kernel.errors import BatutaError, Forbidden, NotFound, Refused
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import QUANTITY_MAX, Code, QuantityOrNone
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment

MANY_MAX = 1_000

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Units = Annotated[int, msgspec.Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]


class NoSuchSku(NotFound):
    """There is no SKU of that code."""


class BoundToPlaces(Forbidden):
    """Who sees only some channels or locations changes nothing that holds for all."""


class SomeRefused(Refused):
    """Nothing was changed, because of `refused`: the position of each that was refused, and why."""


class RuleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A buffer keeps units, or a share of what is on hand in hundredths of a percent; an exclusion keeps all.

    What is not said is any. Of the rules that speak of a place, the highest priority wins; stacked ones are added.
    """

    code: Code
    priority: Priority
    kind: RuleKind = RuleKind.BUFFER
    units: QuantityOrNone | None = None
    share_bp: ShareBp | None = None
    channel_code: Code | None = None
    category: Code | None = None
    sku_code: Code | None = None
    location_codes: Annotated[list[Code], msgspec.Meta(min_length=1, max_length=RULE_LOCATIONS_MAX)] | None = None
    is_stacked: bool = False
    from_at: Moment | None = None
    until_at: Moment | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    rules: list[BufferRule]


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


class ThresholdBody(Thresholds, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From how few units a SKU is low, and from how many no longer; without a place, for all places together."""

    sku_code: Code
    location_code: Code | None = None


class ThresholdsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    thresholds: Annotated[list[ThresholdBody], msgspec.Meta(min_length=1, max_length=MANY_MAX)]


class PolicyBody(SafetyTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the safety stock of a SKU at a location is computed each day, from the demand of so many days."""

    sku_code: Code
    location_code: Code
    window_days: WindowDays = 90


class PoliciesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policies: Annotated[list[PolicyBody], msgspec.Meta(min_length=1, max_length=MANY_MAX)]


class AllThresholds(msgspec.Struct, frozen=True, kw_only=True):
    thresholds: list[SkuThresholds]


class AllPolicies(msgspec.Struct, frozen=True, kw_only=True):
    policies: list[SafetyPolicy]


@get("/api/stock/rules", guards=[requires("inventory.read")])
async def rules(engine: NamedDependency[Engine]) -> Rules:
    """List buffer rules and exclusions, the strongest first."""
    async with engine.connect() as db:
        return Rules(rules=await buffer_rules(db))


@put("/api/stock/rules/{rule_id:uuid}", guards=[requires("inventory.manage")])
async def put_rule(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    rule_id: FromPath[UUID],
    data: JSONBody[RuleBody],
) -> Response[BufferRule]:
    """Make or replace a rule that keeps units back; it holds from the next reservation on."""
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[BufferRule]:
        rule = await _rule(db, rule_id, data)
        return Answer(only(await save_rules(db, rules=[rule], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@delete("/api/stock/rules/{rule_id:uuid}", guards=[requires("inventory.manage")], status_code=200)
async def delete_rule(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], rule_id: FromPath[UUID]
) -> Response[Rules]:
    """Do away with a rule, and answer with those that are left."""
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[Rules]:
        only(await delete_rules(db, ids=[rule_id], now=moment()))
        return Answer(Rules(rules=await buffer_rules(db)))

    return await once(engine, request, act)


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
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[Pool]:
        pool = Pool(
            id=pool_id,
            code=data.code,
            parent_id=data.parent_id,
            channel_id=await _channel_id(db, data.channel_code),
            region=data.region,
            customer_group=data.customer_group,
            on_empty=data.on_empty,
            until_at=data.until_at,
        )
        return Answer(only(await save_pools(db, given=[pool], actor=caller.actor, now=moment())))

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
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[StocksOfPool]:
        sku_ids = await _sku_ids(db, {one.sku_code for one in data.allocations})
        location_ids = await _location_ids(db, {one.location_code for one in data.allocations})
        asked = [
            Allocate(
                pool_id=one.pool_id,
                sku_id=sku_ids[one.sku_code],
                location_id=location_ids[one.location_code],
                units=one.units,
                source_id=one.source_id,
            )
            for one in data.allocations
        ]
        return Answer(StocksOfPool(stocks=_whole(await allocate(db, asked=asked, now=moment()))))

    return await once(engine, request, act)


@put("/api/stock/thresholds", guards=[requires("inventory.manage")])
async def put_thresholds(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ThresholdsBody],
) -> Response[AllThresholds]:
    """Say from how few units shoppers are told that a SKU is low, and from how many no longer."""
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[AllThresholds]:
        sku_ids = await _sku_ids(db, {one.sku_code for one in data.thresholds})
        location_ids = await _location_ids(db, {one.location_code for one in data.thresholds if one.location_code})
        given = [
            SkuThresholds(
                sku_id=sku_ids[one.sku_code],
                location_id=location_ids[one.location_code] if one.location_code else None,
                low_units=one.low_units,
                ample_units=one.ample_units,
            )
            for one in data.thresholds
        ]
        return Answer(AllThresholds(thresholds=_whole(await save_thresholds(db, thresholds=given))))

    return await once(engine, request, act)


@put("/api/stock/safety-policies", guards=[requires("inventory.manage")])
async def put_safety_policies(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[PoliciesBody],
) -> Response[AllPolicies]:
    """Say how safety stock is computed each day from what left."""
    _check_unbound(caller)

    async def act(db: Connection) -> Answer[AllPolicies]:
        sku_ids = await _sku_ids(db, {one.sku_code for one in data.policies})
        location_ids = await _location_ids(db, {one.location_code for one in data.policies})
        given = [
            SafetyPolicy(
                sku_id=sku_ids[one.sku_code],
                location_id=location_ids[one.location_code],
                service_bp=one.service_bp,
                lead_time_days=one.lead_time_days,
                floor_units=one.floor_units,
                ceiling_units=one.ceiling_units,
                seasons=one.seasons,
                window_days=one.window_days,
            )
            for one in data.policies
        ]
        return Answer(AllPolicies(policies=_whole(await set_safety_policies(db, policies=given, now=moment()))))

    return await once(engine, request, act)


async def _rule(db: Connection, rule_id: UUID, data: RuleBody) -> BufferRule:
    places = await _location_ids(db, data.location_codes) if data.location_codes else {}
    return BufferRule(
        id=rule_id,
        code=data.code,
        priority=data.priority,
        kind=data.kind,
        units=data.units,
        share_bp=data.share_bp,
        channel_id=await _channel_id(db, data.channel_code),
        category=data.category,
        sku_id=(await _sku_ids(db, [data.sku_code]))[data.sku_code] if data.sku_code else None,
        location_ids=sorted(places.values()) or None,
        is_stacked=data.is_stacked,
        from_at=data.from_at,
        until_at=data.until_at,
    )


def _whole(outcomes: Collection[Any]) -> list[Any]:
    """All outcomes, when none was refused.

    Raises:
        SomeRefused: with each that was.
    """
    refused = [
        {"position": position, "code": one.code, "detail": one.sentence, **one.facts}
        for position, one in enumerate(outcomes)
        if isinstance(one, BatutaError)
    ]
    if refused:
        raise SomeRefused("nothing was changed, because some of it cannot be", refused=refused)
    return list(outcomes)


def _check_unbound(caller: Caller) -> None:
    if caller.location_ids is not None or caller.channel_ids is not None:
        raise BoundToPlaces("who sees only some channels or locations changes nothing that holds for all")


async def _channel_id(db: Connection, code: str | None) -> UUID | None:
    if code is None:
        return None
    channel = (await channels_by_code(db, [code])).get(code)
    if channel is None:
        raise NoSuchChannel("there is no such channel", channel_code=code)
    return channel.id


async def _sku_ids(db: Connection, codes: Collection[str]) -> dict[str, UUID]:
    found = await skus_by_code(db, set(codes))
    for code in codes:
        if code not in found:
            raise NoSuchSku("there is no such SKU", sku_code=code)
    return {code: one.id for code, one in found.items()}


async def _location_ids(db: Connection, codes: Collection[str]) -> dict[str, UUID]:
    found = await location_ids_by_code(db, codes)
    for code in codes:
        if code not in found:
            raise NoSuchPlace("there is no such location", location_code=code)
    return dict(found)


ROUTES = [
    rules,
    put_rule,
    delete_rule,
    list_pools,
    put_pool,
    pool_stock,
    allocate_to_pools,
    put_thresholds,
    put_safety_policies,
]
