"""Replenishment: what locations need and shall have, what centers propose to send, and what people make of it."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.catalog.queries import skus_by_code
from batuta.inventory.api.sight import Few, Moment, check_seen, instant, places_of, seen_by
from batuta.inventory.commands.demand import save_schedules, set_demand, set_rules
from batuta.inventory.commands.replenishing import approve_proposals, propose, reject_proposals
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.replenishing import (
    PROPOSAL_LINES_MAX,
    CaseSize,
    Days,
    Decide,
    Demand,
    Minutes,
    PerDay,
    Proposal,
    ProposalStatus,
    Propose,
    Rule,
    Schedule,
    UnknownProposal,
)
from batuta.inventory.domain.slips import SLIPS_MAX, SlipAnswers, answer_of
from batuta.inventory.queries.replenishing import (
    ProposalFilter,
    RuleFilter,
    list_proposals,
    list_rules,
    proposals_by_id,
    schedules_of,
)
from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.outcomes import each, good, only
from batuta.kernel.quantities import Code, QuantityOrNone
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

PATH = "/api/stock/replenishment"
PROPOSAL = f"{PATH}/proposals/{{proposal_id:uuid}}"
MAY_MANAGE = requires("inventory.manage")
MAY_READ = requires("inventory.read")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class DemandBody(Body, frozen=True):
    """How many units of a SKU a location is expected to need a day."""

    sku_code: Code
    location_code: Code
    units_per_day: PerDay


class DemandsBody(Body, frozen=True):
    demands: Annotated[list[DemandBody], msgspec.Meta(min_length=1, max_length=SLIPS_MAX)]


class RuleBody(Body, frozen=True):
    """Least and most of a SKU at a location, in units and in days of what it needs; of both, what is more.

    source_location_code: the center that fills it; without one, what the location keeps for itself.
    """

    sku_code: Code
    location_code: Code
    source_location_code: Code | None = None
    min_units: QuantityOrNone = 0
    max_units: QuantityOrNone = 0
    min_days: Days = 0
    max_days: Days = 0
    case_size: CaseSize = 1
    is_active: bool = True


class RulesBody(Body, frozen=True):
    rules: Annotated[list[RuleBody], msgspec.Meta(min_length=1, max_length=SLIPS_MAX)]


class ScheduleBody(Body, frozen=True):
    """is_automatic: what is proposed is sent without asking anybody. next_at: from when on, now if not said."""

    every_minutes: Minutes
    is_automatic: bool = False
    next_at: Moment | None = None


class ProposeBody(Body, frozen=True):
    source_location_code: Code


class UnitsBody(Body, frozen=True):
    line_id: UUID
    units: QuantityOrNone


class ApproveBody(Body, frozen=True):
    """lines: of which fewer units are sent than proposed."""

    lines: Annotated[list[UnitsBody], msgspec.Meta(max_length=PROPOSAL_LINES_MAX)] = []


class ProposalHead(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal without its lines."""

    id: UUID
    source_location_id: UUID
    status: ProposalStatus
    actor: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class NoSchedule(NotFound):
    """The center proposes nothing by itself."""


@put("/api/stock/demand", guards=[MAY_MANAGE])
async def put_demand(
    request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[DemandsBody]
) -> Response[SlipAnswers]:
    """Say what locations are expected to need a day; each item is recorded or refused by itself."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[SlipAnswers]:
        named = await _names(db, caller, data.demands)
        wanted = each(
            data.demands,
            lambda one: Demand(
                sku_id=named.sku(one.sku_code),
                location_id=named.place(one.location_code),
                units_per_day=one.units_per_day,
            ),
        )
        done = iter(await set_demand(db, demands=good(wanted), now=moment()))
        return Answer(_answers(data.demands, [one if isinstance(one, BatutaError) else next(done) for one in wanted]))

    return await once(engine, request, act)


@put(f"{PATH}/rules", guards=[MAY_MANAGE])
async def put_rules(
    request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[RulesBody]
) -> Response[SlipAnswers]:
    """Say how much of SKUs locations shall have, and from where; each rule is recorded or refused by itself."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[SlipAnswers]:
        named = await _names(db, caller, data.rules)
        wanted = each(data.rules, named.rule)
        done = iter(await set_rules(db, rules=good(wanted), now=moment()))
        return Answer(_answers(data.rules, [one if isinstance(one, BatutaError) else next(done) for one in wanted]))

    return await once(engine, request, act)


@get(f"{PATH}/rules", guards=[MAY_READ])
async def replenishment_rules(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromQuery[UUID | None] = None,
    location_id: Few = None,
    source_location_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Rule]:
    """List rules, by SKU and location."""
    behind = read_cursor(cursor, tuple[UUID, UUID])
    wanted = RuleFilter(sku_id=sku_id, location_ids=seen_by(caller, location_id), source_location_id=source_location_id)
    async with engine.connect() as db:
        found = await list_rules(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.sku_id, one.location_id))


@put(f"{PATH}/schedules/{{location_code:str}}", guards=[MAY_MANAGE])
async def put_schedule(
    request: AnyRequest, engine: NamedDependency[Engine], location_code: FromPath[str], data: JSONBody[ScheduleBody]
) -> Response[Schedule]:
    """Say when a center proposes by itself what to send."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[Schedule]:
        now = moment()
        wish = Schedule(
            source_location_id=await _center(db, caller, location_code),
            every_minutes=data.every_minutes,
            is_automatic=data.is_automatic,
            next_at=instant(data.next_at) or now,
            actor=caller.actor,
        )
        return Answer(only(await save_schedules(db, schedules=[wish], now=now)))

    return await once(engine, request, act)


@get(f"{PATH}/schedules/{{location_code:str}}", guards=[MAY_READ])
async def schedule(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], location_code: FromPath[str]
) -> Schedule:
    """Answer when a center proposes by itself what to send."""
    async with engine.connect() as db:
        center_id = await _center(db, caller, location_code)
        found = (await schedules_of(db, [center_id])).get(center_id)
    if found is None:
        raise NoSchedule("the center proposes nothing by itself", location_code=location_code)
    return found


@post(f"{PATH}/proposals", guards=[MAY_MANAGE])
async def make_proposal(
    request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[ProposeBody]
) -> Response[Proposal]:
    """Propose what a center should send to the stores it fills, from what is there now.

    A proposal that nobody has decided is replaced; nothing is claimed before one is approved.
    """
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[Proposal]:
        center_id = await _center(db, caller, data.source_location_code)
        wish = Propose(id=fresh_id(), source_location_id=center_id, actor=caller.actor)
        return Answer(only(await propose(db, wishes=[wish], now=moment())))

    return await once(engine, request, act)


@get(f"{PATH}/proposals", guards=[MAY_READ])
async def proposals(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    source_location_id: Few = None,
    status: FromQuery[ProposalStatus | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[ProposalHead]:
    """List proposals, the newest first."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    wanted = ProposalFilter(source_location_ids=seen_by(caller, source_location_id), status=status)
    async with engine.connect() as db:
        found = await list_proposals(db, wanted=wanted, behind=behind, limit=limit + 1)
    heads = [msgspec.convert(one, ProposalHead, from_attributes=True) for one in found]
    return page_of(heads, limit=limit, key=lambda one: (one.created_at, one.id))


@get(PROPOSAL, guards=[MAY_READ])
async def proposal(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], proposal_id: FromPath[UUID]
) -> Proposal:
    """Answer with a proposal: what each store has, wants and gets."""
    async with engine.connect() as db:
        return await _seen(db, caller, proposal_id)


@post(f"{PROPOSAL}/approve", guards=[MAY_MANAGE], status_code=HTTPStatus.OK)
async def approve_proposal(
    request: AnyRequest, engine: NamedDependency[Engine], proposal_id: FromPath[UUID], data: JSONBody[ApproveBody]
) -> Response[Proposal]:
    """Make approved transfers of a proposal, one to each store, of no more than the center can still spare."""
    caller = caller_of(request)
    quantities = {one.line_id: one.units for one in data.lines}
    wish = Decide(proposal_id=proposal_id, actor=caller.actor, quantities=quantities)

    async def act(db: Connection) -> Answer[Proposal]:
        await _seen(db, caller, proposal_id)
        return Answer(only(await approve_proposals(db, approvals=[wish], now=moment())))

    return await once(engine, request, act)


@post(f"{PROPOSAL}/reject", guards=[MAY_MANAGE], status_code=HTTPStatus.OK)
async def reject_proposal(
    request: AnyRequest, engine: NamedDependency[Engine], proposal_id: FromPath[UUID]
) -> Response[Proposal]:
    """Send nothing of what was proposed."""
    caller = caller_of(request)
    wish = Decide(proposal_id=proposal_id, actor=caller.actor)

    async def act(db: Connection) -> Answer[Proposal]:
        await _seen(db, caller, proposal_id)
        return Answer(only(await reject_proposals(db, rejections=[wish], now=moment())))

    return await once(engine, request, act)


class _Names(msgspec.Struct, frozen=True):
    """The ids of codes that a request names, and who asks."""

    sku_ids: dict[str, UUID]
    location_ids: dict[str, UUID]
    caller: Caller

    def sku(self, code: str) -> UUID:
        if code not in self.sku_ids:
            raise UnknownStock("there is no such SKU", sku_code=code)
        return self.sku_ids[code]

    def place(self, code: str) -> UUID:
        if code not in self.location_ids or not self.caller.sees_location(self.location_ids[code]):
            raise UnknownStock("there is no such location", location_code=code)
        return self.location_ids[code]

    def rule(self, one: RuleBody) -> Rule:
        source = self.location_ids.get(one.source_location_code) if one.source_location_code else None
        if one.source_location_code and source is None:
            raise UnknownStock("there is no such location", location_code=one.source_location_code)
        return Rule(
            sku_id=self.sku(one.sku_code),
            location_id=self.place(one.location_code),
            source_location_id=source,
            min_units=one.min_units,
            max_units=one.max_units,
            min_days=one.min_days,
            max_days=one.max_days,
            case_size=one.case_size,
            is_active=one.is_active,
        )


async def _names(db: Connection, caller: Caller, items: Sequence[DemandBody | RuleBody]) -> _Names:
    skus = await skus_by_code(db, {one.sku_code for one in items})
    sources = {one.source_location_code for one in items if isinstance(one, RuleBody) and one.source_location_code}
    places = await location_ids_by_code(db, {one.location_code for one in items} | sources)
    return _Names({code: one.id for code, one in skus.items()}, dict(places), caller)


def _answers(items: Sequence[DemandBody | RuleBody], outcomes: Sequence[object]) -> SlipAnswers:
    return SlipAnswers(
        answers=[
            answer_of(f"{one.sku_code}@{one.location_code}", outcome)
            for one, outcome in zip(items, outcomes, strict=True)
        ]
    )


async def _center(db: Connection, caller: Caller, code: str) -> UUID:
    """Raises:
    NoSuchPlace: none has this code, or the caller does not work there.
    """
    location_id = (await places_of(db, [code]))[code]
    check_seen(caller, code, location_id)
    return location_id


async def _seen(db: Connection, caller: Caller, proposal_id: UUID) -> Proposal:
    """Raises:
    UnknownProposal: or of a center that the caller does not see.
    """
    found = (await proposals_by_id(db, [proposal_id])).get(proposal_id)
    if found is None or not caller.sees_location(found.source_location_id):
        raise UnknownProposal("there is no such proposal", proposal_id=str(proposal_id))
    return found


ROUTES: Sequence[Any] = [
    put_demand,
    put_rules,
    replenishment_rules,
    put_schedule,
    schedule,
    make_proposal,
    proposals,
    proposal,
    approve_proposal,
    reject_proposal,
]
