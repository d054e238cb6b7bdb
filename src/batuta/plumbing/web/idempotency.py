"""Requests that are sent again are answered as before (PLT-01)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType

from batuta.kernel.errors import BatutaError, Invalid, Unavailable
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, DatabaseError, Engine
from batuta.plumbing.keys import AnsweredMeanwhile, IdempotencyKeyReused, Kept, Key, check_same, keep, kept_under
from batuta.plumbing.outage import DatabaseAway, DatabaseBusy, outage
from batuta.plumbing.web.bodies import header_of
from batuta.plumbing.web.callers import CALLER, AnyRequest
from batuta.plumbing.web.problems import PROBLEM_TYPE, problem_body, problem_headers, status_of

T = TypeVar("T")
Item = TypeVar("Item")

HEADER = b"idempotency-key"
LOST = (*DatabaseError, OSError)
WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")
TOLD_AGAIN = {"idempotency-replayed": "true"}
PROBLEM_MIN = 400
TRIES = 3
PAUSE_AFTER_LOSS_S = 0.1
EXPRESS = "batuta_express"
"""In a request's state: it came by the express lane, which takes answers as they are kept."""


class BadIdempotencyKey(Invalid):
    """An idempotency key is 1 to 255 visible ASCII characters."""


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """What a change answers. status: unless given, the route's own."""

    content: T
    status: int | None = None
    headers: Mapping[str, str] | None = None


async def once(engine: Engine, request: AnyRequest, act: Callable[[Connection], Awaitable[Answer[T]]]) -> Response[T]:
    """Do `act` in one transaction and answer; the same request under the same key does nothing and is answered alike.

    A refusal that `act` raises undoes the transaction and is kept too; what passes by itself (503) is not. Under a key
    it is done again when the connection is lost, be it in COMMIT: the key tells whether it was done.

    Raises:
        IdempotencyKeyReused: the key was used for another request.
    """
    key = await key_of(request)
    if key is None:
        async with engine.begin() as db:
            return as_response(request, _kept(request, await act(db)))
    for tries in range(TRIES):
        try:
            return as_response(request, await _once(engine, request, key, act))
        except AnsweredMeanwhile:
            continue
        except LOST as error:
            if not isinstance(outage(error), DatabaseAway) or tries + 1 == TRIES:
                raise
            await asyncio.sleep(PAUSE_AFTER_LOSS_S)
    raise DatabaseBusy("the same request is answered elsewhere at this moment: try again")


async def _once(
    engine: Engine, request: AnyRequest, key: Key, act: Callable[[Connection], Awaitable[Answer[T]]]
) -> Kept:
    try:
        async with engine.begin() as db:
            if known := (await kept_under(db, [key])).get((key.scope, key.key)):
                check_same(key, known.request_hash)
                return known
            kept = _kept(request, await act(db))
            await keep(db, [(key, kept)], now=datetime.now(UTC))
    except (IdempotencyKeyReused, Unavailable):
        raise
    except BatutaError as refusal:
        kept = kept_refusal(request, refusal)
        async with engine.begin() as db:
            await keep(db, [(key, kept)], now=datetime.now(UTC))
    return kept


async def batched(
    request: AnyRequest, batcher: Callable[[Engine], Batcher[Item, T]], item: Item, *, status: int | None = None
) -> Response[T]:
    """Do one item's work with the next batch and answer; the same request under the same key is answered alike.

    batcher: makes the batcher, once for the application.

    Raises:
        IdempotencyKeyReused: the key was used for another request. QueueFull, OutcomeUnknown.
    """
    done = _usual_status(request) if status is None else status

    def encode(outcome: T | BatutaError) -> Kept:
        if isinstance(outcome, BatutaError):
            return kept_refusal(request, outcome)
        return Kept(done, msgspec.json.encode(outcome))

    kept = await batcher_of(request, batcher).answer(item, key=await key_of(request), encode=encode)
    return as_response(request, kept)


async def key_of(request: AnyRequest) -> Key | None:
    """The request's idempotency key with what it stands for; None without one.

    Raises:
        BadIdempotencyKey: it is too long or holds something else than visible ASCII.
    """
    given = header_of(request, HEADER)
    if given is None:
        return None
    if not WELL_FORMED.fullmatch(given):
        raise BadIdempotencyKey("an idempotency key is 1 to 255 visible ASCII characters", key=given[:300])
    caller = request.scope["state"][CALLER]
    route = f"{request.method} {request.scope['path']}"
    digest = blake2b(route.encode(), digest_size=16)
    digest.update(request.scope["query_string"])
    digest.update((header_of(request, b"if-match") or "").encode())
    digest.update(b"\n")
    digest.update(await request.body())
    return Key(caller.id, given, route[:200], digest.digest())


def kept_refusal(request: AnyRequest, refusal: BatutaError) -> Kept:
    """A refusal as it is told to who asked."""
    status = status_of(refusal)
    body = problem_body(request, status, refusal.code, refusal.sentence, facts=refusal.facts)
    return Kept(status, body, problem_headers(refusal) or None)


def batcher_of(request: AnyRequest, make: Callable[[Engine], Batcher[Item, T]]) -> Batcher[Item, T]:
    """The application's one batcher of this kind."""
    batchers: dict[Any, Batcher[Any, Any]] = request.app.state.batchers
    found = batchers.get(make)
    if found is None:
        found = batchers[make] = make(request.app.state.engine)
    return found


def _usual_status(request: AnyRequest) -> int:
    handler: Any = request.route_handler
    status: int = handler.status_code
    return status


def _kept(request: AnyRequest, answer: Answer[Any]) -> Kept:
    status = _usual_status(request) if answer.status is None else answer.status
    body = b"" if answer.content is None else msgspec.json.encode(answer.content)
    return Kept(status, body, dict(answer.headers) if answer.headers else None)


def as_response(request: AnyRequest, kept: Kept) -> Response[Any]:
    """What is sent of an answer that is kept."""
    if kept.is_told_again:
        kept = msgspec.structs.replace(kept, headers={**(kept.headers or {}), **TOLD_AGAIN})
    if EXPRESS in request.scope["state"]:
        return kept  # type: ignore[return-value]
    return Response(kept.body, status_code=kept.status, media_type=media_type_of(kept), headers=kept.headers)


def media_type_of(kept: Kept) -> str:
    """What an answer's body is."""
    return PROBLEM_TYPE if kept.status >= PROBLEM_MIN else MediaType.JSON


__all__ = [
    "Answer",
    "BadIdempotencyKey",
    "IdempotencyKeyReused",
    "as_response",
    "batched",
    "batcher_of",
    "kept_refusal",
    "key_of",
    "once",
]
