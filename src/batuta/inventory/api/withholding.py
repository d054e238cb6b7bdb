"""What is kept back from whom: rules, thresholds of labels and safety policies."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.inventory.api.naming import channel_id, location_ids, sku_ids
from batuta.inventory.api.sight import Moment, instant
from batuta.inventory.commands import (
    delete_rules,
    save_rules,
    save_thresholds,
    set_safety_policies,
)
from batuta.inventory.domain import BufferRule, RuleKind
from batuta.inventory.domain.labels import SkuThresholds, Thresholds
from batuta.inventory.domain.safety import SafetyPolicy, SafetyTerms, WindowDays
from batuta.inventory.domain.withholding import RULE_LOCATIONS_MAX, Priority, ShareBp
from batuta.inventory.queries import buffer_rules
from batuta.kernel.outcomes import only, whole
from batuta.kernel.quantities import Code, QuantityOrNone
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_unbound

MANY_MAX = 1_000


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
    check_unbound(caller)

    async def act(db: Connection) -> Answer[BufferRule]:
        rule = await _rule(db, rule_id, data)
        return Answer(only(await save_rules(db, rules=[rule], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@delete("/api/stock/rules/{rule_id:uuid}", guards=[requires("inventory.manage")], status_code=200)
async def delete_rule(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], rule_id: FromPath[UUID]
) -> Response[Rules]:
    """Do away with a rule, and answer with those that are left."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[Rules]:
        only(await delete_rules(db, ids=[rule_id], now=moment()))
        return Answer(Rules(rules=await buffer_rules(db)))

    return await once(engine, request, act)


@put("/api/stock/thresholds", guards=[requires("inventory.manage")])
async def put_thresholds(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ThresholdsBody],
) -> Response[AllThresholds]:
    """Say from how few units shoppers are told that a SKU is low, and from how many no longer."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[AllThresholds]:
        skus = await sku_ids(db, {one.sku_code for one in data.thresholds})
        places = await location_ids(db, {one.location_code for one in data.thresholds if one.location_code})
        given = [
            SkuThresholds(
                sku_id=skus[one.sku_code],
                location_id=places[one.location_code] if one.location_code else None,
                low_units=one.low_units,
                ample_units=one.ample_units,
            )
            for one in data.thresholds
        ]
        return Answer(AllThresholds(thresholds=whole(await save_thresholds(db, thresholds=given))))

    return await once(engine, request, act)


@put("/api/stock/safety-policies", guards=[requires("inventory.manage")])
async def put_safety_policies(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[PoliciesBody],
) -> Response[AllPolicies]:
    """Say how safety stock is computed each day from what left."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[AllPolicies]:
        skus = await sku_ids(db, {one.sku_code for one in data.policies})
        places = await location_ids(db, {one.location_code for one in data.policies})
        given = [
            SafetyPolicy(
                sku_id=skus[one.sku_code],
                location_id=places[one.location_code],
                service_bp=one.service_bp,
                lead_time_days=one.lead_time_days,
                floor_units=one.floor_units,
                ceiling_units=one.ceiling_units,
                seasons=one.seasons,
                window_days=one.window_days,
            )
            for one in data.policies
        ]
        return Answer(AllPolicies(policies=whole(await set_safety_policies(db, policies=given, now=moment()))))

    return await once(engine, request, act)


async def _rule(db: Connection, rule_id: UUID, data: RuleBody) -> BufferRule:
    places = await location_ids(db, data.location_codes) if data.location_codes else {}
    return BufferRule(
        id=rule_id,
        code=data.code,
        priority=data.priority,
        kind=data.kind,
        units=data.units,
        share_bp=data.share_bp,
        channel_id=await channel_id(db, data.channel_code),
        category=data.category,
        sku_id=(await sku_ids(db, [data.sku_code]))[data.sku_code] if data.sku_code else None,
        location_ids=sorted(places.values()) or None,
        is_stacked=data.is_stacked,
        from_at=instant(data.from_at),
        until_at=instant(data.until_at),
    )


ROUTES = [
    rules,
    put_rule,
    delete_rule,
    put_thresholds,
    put_safety_policies,
]
