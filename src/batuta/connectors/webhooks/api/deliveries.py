"""The log of deliveries, and replays."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.connectors.webhooks.api.seeing import MANAGE, seen
from batuta.connectors.webhooks.commands import replay_deliveries, replay_stream, replay_time
from batuta.connectors.webhooks.domain import Attempt, Delivery, DeliveryStatus, UnknownDelivery, UnknownEndpoint
from batuta.connectors.webhooks.queries import attempts_of, delivery_of, endpoint_of, logged_deliveries
from batuta.kernel.errors import Refused
from batuta.kernel.outcomes import only
from batuta.plumbing.database import COLUMN_INTEGER_MAX, Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    BadCursor,
    Caller,
    Cursor,
    Limit,
    Page,
    cursor_of,
    once,
    read_cursor,
)
from batuta.plumbing.web.moments import moment

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Type = Annotated[str | None, QueryParameter(name="type", max_length=100, description="Only facts of this name")]


class ReplayTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """from_at, until_at: when facts were written into the log; half-open."""

    from_at: Moment
    until_at: Moment


class BadTime(Refused):
    """The time begins or ends where no calendar in UTC does."""


class ReplayStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """stream: what the facts are about, as an order's id."""

    stream: UUID


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """deliveries: how many are sent anew."""

    deliveries: int


class DeliveryShown(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with all its tries, the first first."""

    delivery: Delivery
    attempts: list[Attempt]


@get("/api/webhooks/{endpoint_id:uuid}/deliveries", guards=[MANAGE])
async def list_deliveries(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    status: FromQuery[DeliveryStatus | None] = None,
    stream: FromQuery[UUID | None] = None,
    type_: Type = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Delivery]:
    """List what was and is to be sent to an endpoint, the newest facts first."""
    wanted = {"endpoint_id": endpoint_id, "status": status, "stream": stream, "type": type_}
    async with engine.connect() as db:
        seen(caller, await endpoint_of(db, endpoint_id))
        found = await logged_deliveries(db, wanted, behind=_place(cursor), limit=limit + 1)
    shown = [one for one, _ in found[:limit]]
    return Page(items=shown, next=cursor_of(found[limit - 1][1]) if len(found) > limit else None)


@post("/api/webhooks/{endpoint_id:uuid}/replay/time", guards=[MANAGE], status_code=HTTPStatus.OK)
async def replay_of_time(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    data: JSONBody[ReplayTime],
) -> Response[Replayed]:
    """Send anew what was told in a time and the endpoint wants, whether it was sent before or not."""

    async def act(db: Connection) -> Answer[Replayed]:
        seen(caller, await endpoint_of(db, endpoint_id))
        from_at, until_at = _in_utc(data.from_at), _in_utc(data.until_at)
        sent = await replay_time(db, endpoint_id=endpoint_id, from_at=from_at, until_at=until_at, now=moment())
        return Answer(Replayed(deliveries=sent))

    return await once(engine, request, act)


@post("/api/webhooks/{endpoint_id:uuid}/replay/stream", guards=[MANAGE], status_code=HTTPStatus.OK)
async def replay_of_stream(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    endpoint_id: FromPath[UUID],
    data: JSONBody[ReplayStream],
) -> Response[Replayed]:
    """Send anew all that was told about one thing and the endpoint wants."""

    async def act(db: Connection) -> Answer[Replayed]:
        seen(caller, await endpoint_of(db, endpoint_id))
        sent = await replay_stream(db, endpoint_id=endpoint_id, stream=data.stream, now=moment())
        return Answer(Replayed(deliveries=sent))

    return await once(engine, request, act)


@get("/api/webhooks/deliveries/{delivery_id:uuid}", guards=[MANAGE])
async def get_delivery(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], delivery_id: FromPath[UUID]
) -> DeliveryShown:
    """Answer with a delivery and all its tries."""
    async with engine.connect() as db:
        found = await _delivery(db, caller, delivery_id)
        return DeliveryShown(delivery=found, attempts=(await attempts_of(db, [delivery_id]))[delivery_id])


@post("/api/webhooks/deliveries/{delivery_id:uuid}/replay", guards=[MANAGE], status_code=HTTPStatus.OK)
async def replay_of_delivery(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], delivery_id: FromPath[UUID]
) -> Response[Delivery]:
    """Send a delivery anew, whatever became of it; one that waits is tried now."""

    async def act(db: Connection) -> Answer[Delivery]:
        await _delivery(db, caller, delivery_id)
        return Answer(only(await replay_deliveries(db, ids=[delivery_id], now=moment())))

    return await once(engine, request, act)


async def _delivery(db: Connection, caller: Caller, id_: UUID) -> Delivery:
    found = await delivery_of(db, id_)
    try:
        seen(caller, await endpoint_of(db, found.endpoint_id))
    except UnknownEndpoint:
        raise UnknownDelivery("there is no such delivery", id=str(id_)) from None
    return found


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadTime("in UTC there is no such time", time=time.isoformat()) from None


def _place(cursor: str | None) -> tuple[int, int, int] | None:
    place = read_cursor(cursor, tuple[int, int, int])
    if place and (min(place) < 0 or place[0] > COLUMN_INTEGER_MAX):
        raise BadCursor("the cursor is none that a page of this list gave", cursor=cursor)
    return place
