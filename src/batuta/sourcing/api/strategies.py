"""The JSON routes of strategies: what conditions may speak of, drafts, publishing, differences (SRC-07)."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code
from batuta.kernel.rules import Problem
from batuta.kernel.rules.fields import OPERATORS
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.sourcing.commands.strategies import Draft, publish_strategies, save_drafts, withdraw_strategies
from batuta.sourcing.domain.strategies import (
    ALL_FIELDS,
    Difference,
    StrategyVersion,
    UnknownStrategy,
    WrittenStrategy,
    differences,
    read_strategy,
)
from batuta.sourcing.queries.strategies import places_of_work, strategy_versions, versions_of

Number = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class KnownField(msgspec.Struct, frozen=True, kw_only=True):
    """What conditions may speak of. operators: how it is compared; words: its only values, if they are few."""

    name: str
    type: str
    label: dict[str, str]
    operators: list[str]
    words: list[str] | None
    is_of_line: bool


class KnownFields(msgspec.Struct, frozen=True, kw_only=True):
    fields: list[KnownField]


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    versions: list[StrategyVersion]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """problems: each with the path of its clause and the reason; none when it could be published."""

    problems: list[Problem]


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    differences: list[Difference]


@get("/api/sourcing/fields", guards=[requires("orders.read")])
async def fields() -> KnownFields:
    """List what conditions of strategies may speak of, and how each is compared."""
    return KnownFields(
        fields=[
            KnownField(
                name=one.name,
                type=one.type.value,
                label=dict(one.label),
                operators=sorted(operator.value for operator in OPERATORS[one.type]),
                words=sorted(one.words) if one.words is not None else None,
                is_of_line=one.is_of_line,
            )
            for one in ALL_FIELDS
        ]
    )


@get("/api/sourcing/strategies", guards=[requires("orders.read")])
async def strategies(engine: NamedDependency[Engine]) -> Versions:
    """List every version of every strategy."""
    async with engine.connect() as db:
        return Versions(versions=await strategy_versions(db))


@get("/api/sourcing/strategies/{code:str}/versions/{number:int}", guards=[requires("orders.read")])
async def version(engine: NamedDependency[Engine], code: FromPath[Code], number: FromPath[Number]) -> StrategyVersion:
    """One version of a strategy, as it is written."""
    async with engine.connect() as db:
        return await _version(db, code, number)


@get("/api/sourcing/strategies/{code:str}/diff", guards=[requires("orders.read")])
async def diff(
    engine: NamedDependency[Engine], code: FromPath[Code], before: FromQuery[Number], after: FromQuery[Number]
) -> Differences:
    """What one version of a strategy says otherwise than another."""
    async with engine.connect() as db:
        one, other = await _version(db, code, before), await _version(db, code, after)
    return Differences(differences=differences(one.document, other.document))


@post(
    "/api/sourcing/strategies/check",
    guards=[requires("orders.read")],
    status_code=HTTPStatus.OK,
    opt={"takes_no_key": True},
)
async def check(engine: NamedDependency[Engine], data: JSONBody[WrittenStrategy]) -> Checked:
    """Say all that is wrong with a strategy; nothing is kept."""
    async with engine.connect() as db:
        places = await places_of_work(db)
    found = read_strategy(_raw(data), places)
    return Checked(problems=found if isinstance(found, list) else [])


@post("/api/sourcing/strategies", guards=[requires("sourcing.manage")])
async def post_draft(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[WrittenStrategy],
) -> Response[StrategyVersion]:
    """Keep a draft as the next version of its strategy; it decides nothing until it is published."""
    draft = Draft(id=fresh_id(), document=_raw(data))

    async def act(db: Connection) -> Answer[StrategyVersion]:
        found = only(await save_drafts(db, drafts=[draft], actor=caller.actor, now=moment()))
        return Answer(found, status=HTTPStatus.CREATED)

    return await once(engine, request, act)


@put("/api/sourcing/strategies/{code:str}/versions/{number:int}", guards=[requires("sourcing.manage")])
async def put_draft(
    *,
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    code: FromPath[Code],
    number: FromPath[Number],
    data: JSONBody[WrittenStrategy],
) -> Response[StrategyVersion]:
    """Write a draft anew. What is published is never changed."""
    draft = Draft(id=fresh_id(), document={**_raw(data), "code": code}, number=number)

    async def act(db: Connection) -> Answer[StrategyVersion]:
        return Answer(only(await save_drafts(db, drafts=[draft], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@post(
    "/api/sourcing/strategies/{code:str}/versions/{number:int}/publish",
    guards=[requires("sourcing.manage")],
    status_code=HTTPStatus.OK,
)
async def publish(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    code: FromPath[Code],
    number: FromPath[Number],
) -> Response[StrategyVersion]:
    """Let a draft decide from its beginning on, in the place of the versions before it."""

    async def act(db: Connection) -> Answer[StrategyVersion]:
        return Answer(only(await publish_strategies(db, versions=[(code, number)], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@post(
    "/api/sourcing/strategies/{code:str}/versions/{number:int}/withdraw",
    guards=[requires("sourcing.manage")],
    status_code=HTTPStatus.OK,
)
async def withdraw(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    code: FromPath[Code],
    number: FromPath[Number],
) -> Response[StrategyVersion]:
    """Let a published version decide no more; those before it stay over."""

    async def act(db: Connection) -> Answer[StrategyVersion]:
        return Answer(only(await withdraw_strategies(db, versions=[(code, number)], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


async def _version(db: Connection, code: str, number: int) -> StrategyVersion:
    for one in (await versions_of(db, [code]))[code]:
        if one.number == number:
            return one
    raise UnknownStrategy("there is no such version of this strategy", strategy_code=code, number=number)


def _raw(data: WrittenStrategy) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(data)
    return found


ROUTES = [fields, strategies, version, diff, check, post_draft, put_draft, publish, withdraw]
