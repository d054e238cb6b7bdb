"""Endpoints and their secrets."""

import random
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.connectors.webhooks.api.seeing import MANAGE, check_terms, is_seen, lock, seen, tag
from batuta.connectors.webhooks.commands import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    move_endpoint,
    rotate_secret,
    try_out,
)
from batuta.connectors.webhooks.domain import OVERLAP_HOURS_MAX, Endpoint, EndpointStatus, EndpointTerms, new_secret
from batuta.connectors.webhooks.queries import endpoint_of, event_types, listed_endpoints, secrets_of
from batuta.kernel.quantities import Text
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
)
from batuta.plumbing.web.moments import fresh_id, moment

ALLOW_PRIVATE = "webhooks_allow_private"
"""Under this name the application's state says whether private addresses are good."""

_chance = random.SystemRandom()


class MadeEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and the secret that signs what is sent to it, shown this once."""

    endpoint: Endpoint
    secret: str


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """overlap_hours: how long the older secrets sign as well."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=OVERLAP_HOURS_MAX)] = 24


class MadeSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The new secret, shown this once. signing: how many secrets sign now."""

    secret: str
    signing: int


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Text


class EventTypes(msgspec.Struct, frozen=True, kw_only=True):
    items: Sequence[str]


@get("/api/webhooks/event-types", guards=[MANAGE])
async def list_event_types() -> EventTypes:
    """List the names of all facts that an endpoint may want; `room.*` and `*` are good as well."""
    return EventTypes(items=event_types())


@get("/api/webhooks", guards=[MANAGE])
async def list_endpoints(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Endpoint]:
    """List endpoints, oldest first, with how they fare."""
    behind = read_id(cursor)
    async with engine.connect() as db:
        found = await listed_endpoints(db, channel_ids=caller.channel_ids, behind=behind, limit=limit + 1)
    seen = page_of(found, limit=limit, key=lambda one: (one.id,))
    return Page(items=[one for one in seen.items if is_seen(caller, one)], next=seen.next)


@post("/api/webhooks", guards=[MANAGE])
async def add_endpoint(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[EndpointTerms],
) -> Response[MadeEndpoint]:
    """Make an endpoint. It hears what is told from now on; `secret` is shown this once."""

    async def act(db: Connection) -> Answer[MadeEndpoint]:
        check_terms(caller, data)
        secret = new_secret(_chance)
        made = await create_endpoint(
            db,
            id_=fresh_id(),
            terms=data,
            secret_id=fresh_id(),
            text=secret,
            is_private_allowed=_is_private_allowed(request),
            actor=caller.actor,
            now=moment(),
        )
        return Answer(MadeEndpoint(endpoint=made, secret=secret), headers=tag(made) | {"cache-control": "no-store"})

    return await once(engine, request, act)


@get("/api/webhooks/{endpoint_id:uuid}", guards=[MANAGE])
async def get_endpoint(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], endpoint_id: FromPath[UUID]
) -> Response[Endpoint]:
    """Answer with an endpoint and how it fares; its version is the ETag."""
    async with engine.connect() as db:
        found = seen(caller, await endpoint_of(db, endpoint_id))
    return Response(found, headers=tag(found))


@put("/api/webhooks/{endpoint_id:uuid}", guards=[MANAGE])
async def put_endpoint(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    data: JSONBody[EndpointTerms],
) -> Response[Endpoint]:
    """Give an endpoint other terms; what is pending goes by the new ones."""

    async def act(db: Connection) -> Answer[Endpoint]:
        await lock(db, request, caller, endpoint_id)
        check_terms(caller, data)
        is_allowed = _is_private_allowed(request)
        changed = await change_endpoint(
            db, id_=endpoint_id, terms=data, is_private_allowed=is_allowed, actor=caller.actor, now=moment()
        )
        return Answer(changed, headers=tag(changed))

    return await once(engine, request, act)


@delete("/api/webhooks/{endpoint_id:uuid}", guards=[MANAGE], status_code=HTTPStatus.NO_CONTENT)
async def remove_endpoint(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], endpoint_id: FromPath[UUID]
) -> Response[None]:
    """Remove an endpoint; nothing more is sent to it."""

    async def act(db: Connection) -> Answer[None]:
        await lock(db, request, caller, endpoint_id)
        await delete_endpoint(db, id_=endpoint_id, actor=caller.actor, now=moment())
        return Answer(None)

    return await once(engine, request, act)


@post("/api/webhooks/{endpoint_id:uuid}/enable", guards=[MANAGE], status_code=HTTPStatus.OK)
async def enable_endpoint(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], endpoint_id: FromPath[UUID]
) -> Response[Endpoint]:
    """Enable an endpoint: what is pending is sent at once. What it missed while disabled is sent by a replay."""
    return await _move(request, (engine, caller, endpoint_id), EndpointStatus.ENABLED)


@post("/api/webhooks/{endpoint_id:uuid}/pause", guards=[MANAGE], status_code=HTTPStatus.OK)
async def pause_endpoint(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    data: JSONBody[Reason],
) -> Response[Endpoint]:
    """Pause an endpoint: nothing is sent, and nothing is lost."""
    return await _move(request, (engine, caller, endpoint_id), EndpointStatus.PAUSED, data.reason)


@post("/api/webhooks/{endpoint_id:uuid}/secrets", guards=[MANAGE])
async def add_secret(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    data: JSONBody[Rotation],
) -> Response[MadeSecret]:
    """Give an endpoint a new secret. Until the overlap is over, messages are signed with the older ones too."""

    async def act(db: Connection) -> Answer[MadeSecret]:
        await lock(db, request, caller, endpoint_id)
        secret, overlap, now = new_secret(_chance), timedelta(hours=data.overlap_hours), moment()
        await rotate_secret(
            db, id_=endpoint_id, secret_id=fresh_id(), text=secret, overlap=overlap, actor=caller.actor, now=now
        )
        signing = len((await secrets_of(db, [endpoint_id], now=now))[endpoint_id])
        return Answer(MadeSecret(secret=secret, signing=signing), headers={"cache-control": "no-store"})

    return await once(engine, request, act)


@post("/api/webhooks/{endpoint_id:uuid}/test", guards=[MANAGE], status_code=HTTPStatus.ACCEPTED)
async def test_endpoint(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], endpoint_id: FromPath[UUID]
) -> Response[Endpoint]:
    """Send an endpoint a message of type `webhooks.endpoint_tested`; its log shows what came of it."""

    async def act(db: Connection) -> Answer[Endpoint]:
        found = seen(caller, await endpoint_of(db, endpoint_id))
        await try_out(db, id_=endpoint_id, actor=caller.actor, now=moment())
        return Answer(found)

    return await once(engine, request, act)


async def _move(
    request: AnyRequest, endpoint: tuple[Engine, Caller, UUID], to: EndpointStatus, reason: str = ""
) -> Response[Endpoint]:
    engine, caller, id_ = endpoint

    async def act(db: Connection) -> Answer[Endpoint]:
        await lock(db, request, caller, id_)
        moved = await move_endpoint(db, id_=id_, to=to, reason=reason, actor=caller.actor, now=moment())
        return Answer(moved, headers=tag(moved))

    return await once(engine, request, act)


def _is_private_allowed(request: AnyRequest) -> bool:
    return bool(request.app.state.get(ALLOW_PRIVATE))
