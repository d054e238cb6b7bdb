"""Parked orders: listed by queue, tried again, moved; cancelled by the order's own route (SRC-11)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.kernel.errors import BatutaError
from batuta.kernel.quantities import Code, Text
from batuta.orchestration.commands.parking import Requeue, Retry, requeue_parked, retry_parked
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
from batuta.plumbing.web.scopes import ScopesOf, check_seen
from batuta.sourcing.domain import Parking, PromiseEffect, UnknownParking
from batuta.sourcing.queries import list_parked, parkings_of

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ParkedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How an order is parked; promise: what its waiting does to what was promised."""

    parking: Parking
    promise: PromiseEffect


class RetryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Text


class MoveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """queue: any name. next_try_at: when it is tried again by itself; without it, a person does."""

    queue: Code
    reason: Text
    next_try_at: Moment | None = None


@get("/api/parked", guards=[requires("orders.read")])
async def parked_orders(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    queue: FromQuery[Code | None] = None,
    limit: Limit = LIMIT_USUAL,
    cursor: Cursor = None,
) -> Page[ParkedOrder]:
    """Orders that nobody can serve now, who waits longest first; those who see single locations or customers see none.

    Queues: `unfillable` is tried again by itself, `exceptions` were given back too often and wait for a person.
    """
    now = moment()
    if caller.location_ids is not None or caller.customer_id is not None:
        return page_of([], limit=limit, key=_place)
    after = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_parked(db, queue=queue, channel_ids=caller.channel_ids, after=after, limit=limit + 1)
    return page_of([_shown(one, now) for one in found], limit=limit, key=_place)


@get("/api/orders/{order_id:uuid}/parking", guards=[requires("orders.read")])
async def parking_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> ParkedOrder:
    """How an order is parked, or was the last time."""
    now = moment()
    async with engine.connect() as db:
        await check_seen(db, caller, order_scopes, order_id, _never(order_id))
        found = (await parkings_of(db, [order_id])).get(order_id)
    if found is None:
        raise _never(order_id)
    return _shown(found, now)


@post("/api/orders/{order_id:uuid}/parking/retry", guards=[requires("orders.hold")], status_code=HTTPStatus.OK)
async def retry_parked_order(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[RetryBody],
) -> Response[ParkedOrder]:
    """Look for its goods again now; it is planned, or parked again, a moment later."""
    wish = Retry(order_id=order_id, reason=data.reason, actor=caller_of(request).actor)
    return await _act(
        request, engine, order_scopes, order_id, lambda db, now: retry_parked(db, retries=[wish], now=now)
    )


@post("/api/orders/{order_id:uuid}/parking/move", guards=[requires("orders.hold")], status_code=HTTPStatus.OK)
async def move_parked_order(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[MoveBody],
) -> Response[ParkedOrder]:
    """Put it into another queue, to be tried again then, or by a person."""
    wish = Requeue(
        id=fresh_id(),
        order_id=order_id,
        queue=data.queue,
        next_try_at=data.next_try_at,
        reason=data.reason,
        actor=caller_of(request).actor,
    )
    return await _act(
        request, engine, order_scopes, order_id, lambda db, now: requeue_parked(db, moves=[wish], now=now)
    )


Verb = Callable[[Connection, datetime], Awaitable[Sequence[Parking | BatutaError]]]


async def _act(
    request: AnyRequest, engine: Engine, order_scopes: ScopesOf, order_id: UUID, verb: Verb
) -> Response[ParkedOrder]:
    now = moment()

    async def act(db: Connection) -> Answer[ParkedOrder]:
        await check_seen(db, caller_of(request), order_scopes, order_id, _never(order_id))
        (outcome,) = await verb(db, now)
        if isinstance(outcome, BatutaError):
            raise outcome
        return Answer(_shown(outcome, now))

    return await once(engine, request, act)


def _shown(one: Parking, now: datetime) -> ParkedOrder:
    return ParkedOrder(parking=one, promise=one.effect(now))


def _place(one: ParkedOrder) -> tuple[datetime, UUID]:
    return one.parking.parked_at, one.parking.order_id


def _never(order_id: UUID) -> UnknownParking:
    return UnknownParking("the order is not parked", order_id=str(order_id))


ROUTES = [parked_orders, parking_of_order, retry_parked_order, move_parked_order]
