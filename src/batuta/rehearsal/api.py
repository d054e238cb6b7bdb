"""The JSON routes of drafts in shadow: begun, stopped, and what they would change (SRC-13)."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code
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
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.rehearsal.commands import begin_shadows, end_shadows
from batuta.rehearsal.domain import Changed, NewShadow, Shadow, UnknownShadow
from batuta.rehearsal.queries import Differing, ShadowReport, list_differences, list_shadows, report_of, shadows_of


class ShadowBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The draft to put in shadow."""

    strategy_code: Code
    number: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


@get("/api/sourcing/shadows", guards=[requires("sourcing.manage")])
async def shadows(engine: NamedDependency[Engine], limit: Limit = LIMIT_USUAL, cursor: Cursor = None) -> Page[Shadow]:
    """List the drafts that are or were in shadow, the newest first."""
    after = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_shadows(db, after=after, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.begun_at, one.id))


@post("/api/sourcing/shadows", guards=[requires("sourcing.manage")])
async def begin_shadow(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ShadowBody],
) -> Response[Shadow]:
    """Put a draft in shadow: from now on each order that is planned is planned with it too, and nothing follows.

    What counts is what the draft says now; written anew, it has to be put in shadow again.
    """
    wish = NewShadow(id=fresh_id(), strategy_code=data.strategy_code, number=data.number, actor=caller.actor)

    async def act(db: Connection) -> Answer[Shadow]:
        return Answer(only(await begin_shadows(db, wishes=[wish], now=moment())), status=HTTPStatus.CREATED)

    return await once(engine, request, act)


@post("/api/sourcing/shadows/{shadow_id:uuid}/stop", guards=[requires("sourcing.manage")], status_code=HTTPStatus.OK)
async def stop_shadow(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    shadow_id: FromPath[UUID],
) -> Response[Shadow]:
    """Let a draft go out of the shadow; what it would have changed can be read for 90 days."""

    async def act(db: Connection) -> Answer[Shadow]:
        return Answer(only(await end_shadows(db, ids=[shadow_id], actor=caller.actor, now=moment())))

    return await once(engine, request, act)


@get("/api/sourcing/shadows/{shadow_id:uuid}", guards=[requires("sourcing.manage")])
async def shadow(engine: NamedDependency[Engine], shadow_id: FromPath[UUID]) -> ShadowReport:
    """What a draft in shadow would have changed: costs, splits, orders on time, and the load of each location."""
    async with engine.snapshot() as db:
        return await report_of(db, await _found(db, shadow_id))


@get("/api/sourcing/shadows/{shadow_id:uuid}/differences", guards=[requires("sourcing.manage")])
async def differences(
    engine: NamedDependency[Engine],
    shadow_id: FromPath[UUID],
    limit: Limit = LIMIT_USUAL,
    cursor: Cursor = None,
) -> Page[Changed]:
    """The orders that would ship from elsewhere, the newest first, with what either plan costs by component."""
    after = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        await _found(db, shadow_id)
        found = await list_differences(db, Differing(shadow_id=shadow_id, after=after, limit=limit + 1))
    return page_of(found, limit=limit, key=lambda one: (one.at, one.order_id))


async def _found(db: Connection, shadow_id: UUID) -> Shadow:
    found = (await shadows_of(db, [shadow_id])).get(shadow_id)
    if found is None:
        raise UnknownShadow("there is no such shadow", shadow_id=str(shadow_id))
    return found


ROUTES = [shadows, begin_shadow, stop_shadow, shadow, differences]
