"""API keys: made, listed, revoked. What makes a key is not kept under an idempotency key: its secret is told once."""

import random
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.identity.api.staff import MANAGE, rights_of
from batuta.identity.commands import make_key, revoke_keys
from batuta.identity.domain import ApiKey, MadeApiKey, NewApiKey, NoSuchKey
from batuta.identity.domain.keys import rights_given
from batuta.identity.domain.permissions import check_given
from batuta.identity.queries import key_by_id, keys_after
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
from batuta.plumbing.web.moments import moment

FIRST = UUID(int=0)

_chance = random.SystemRandom()


@get("/api/keys", guards=[MANAGE])
async def list_keys(engine: NamedDependency[Engine], limit: Limit = LIMIT_USUAL, cursor: Cursor = None) -> Page[ApiKey]:
    """All keys, oldest first, those that are revoked or over too. Secrets are not kept."""
    after = read_id(cursor) or FIRST
    async with engine.connect() as db:
        found = await keys_after(db, after, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.id,))


@get("/api/keys/{key_id:uuid}", guards=[MANAGE])
async def get_key(engine: NamedDependency[Engine], key_id: FromPath[UUID]) -> ApiKey:
    """One key, without its secret."""
    async with engine.connect() as db:
        kept = await key_by_id(db, key_id)
    if kept is None:
        raise NoSuchKey("no key has this id", id=key_id)
    return kept.key


@post("/api/keys", guards=[MANAGE])
async def add_key(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[NewApiKey]
) -> Response[MadeApiKey]:
    """Make a key. `secret` is what to send as `Authorization: Bearer …`; it is shown this once.

    The same name again is refused as long as the key is in force.
    """
    check_given(rights_of(caller), rights_given(data))
    async with engine.begin() as db:
        made = await make_key(db, new=data, actor=caller.actor, chance=_chance, now=moment())
    return Response(made, headers={"cache-control": "no-store"})


@delete("/api/keys/{key_id:uuid}", guards=[MANAGE], status_code=200)
async def revoke_key(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], key_id: FromPath[UUID]
) -> Response[ApiKey]:
    """Revoke a key; every process hears of it within five seconds."""

    async def act(db: Connection) -> Answer[ApiKey]:
        [answer] = await revoke_keys(db, ids=[key_id], actor=caller.actor, now=moment())
        if isinstance(answer, NoSuchKey):
            raise answer
        return Answer(answer)

    return await once(engine, request, act)


ROUTES = [list_keys, get_key, add_key, revoke_key]
