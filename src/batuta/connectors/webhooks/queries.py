"""Endpoints, their secrets, what is due, and the log of deliveries."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select, text

from batuta.catalog import events as catalog
from batuta.company import events as company
from batuta.connectors.webhooks.domain import (
    TESTED,
    Attempt,
    Breaker,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointStatus,
    Secret,
    UnknownDelivery,
    UnknownEndpoint,
    UnknownEventType,
)
from batuta.connectors.webhooks.tables import attempt, breaker, delivery, endpoint, lane, secret
from batuta.fulfillment import events as fulfillment
from batuta.inventory import events as inventory
from batuta.kernel.events import Event, type_of
from batuta.kernel.ids import child_id
from batuta.locations import events as locations
from batuta.notifications import events as notifications
from batuta.ordering import events as ordering
from batuta.ordering.tables import order
from batuta.payments import events as payments
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Instant, Integer, Row, Text, rows_with
from batuta.plumbing.events import Fact
from batuta.plumbing.events.log import read
from batuta.plumbing.events.tables import event
from batuta.plumbing.listing import Listing
from batuta.pricing import events as pricing
from batuta.purchasing import events as purchasing
from batuta.returns import events as returns
from batuta.shipping import events as shipping
from batuta.sourcing import events as sourcing

ROOMS = (
    catalog,
    company,
    fulfillment,
    inventory,
    locations,
    notifications,
    ordering,
    payments,
    pricing,
    purchasing,
    returns,
    shipping,
    sourcing,
)
"""Whose facts may be told to the outside; those that tell are listed here."""

AUDIT = (
    Law(
        "a lane of webhooks is due exactly if it has a delivery to send",
        """
        SELECT l.endpoint_id, l.stream FROM webhooks.lane l
        WHERE (l.due_at IS NOT NULL) <> EXISTS (
            SELECT FROM webhooks.delivery d
            WHERE d.endpoint_id = l.endpoint_id AND d.stream = l.stream AND d.status = 'pending')
        UNION
        SELECT d.endpoint_id, d.stream FROM webhooks.delivery d
        WHERE d.status = 'pending' AND NOT EXISTS (
            SELECT FROM webhooks.lane l WHERE l.endpoint_id = d.endpoint_id AND l.stream = d.stream)
        """,
    ),
    Law(
        "every try of a webhook is in its log",
        """
        SELECT d.id, d.attempts FROM webhooks.delivery d
        WHERE d.attempts <> (SELECT count(*) FROM webhooks.attempt a WHERE a.delivery_id = d.id)
        """,
    ),
)

LISTENERS = "SELECT FROM webhooks.endpoint WHERE status IN ('enabled', 'paused')"
"""SQL of whoever hears the log through this room; while there is nobody, nothing is read."""

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_ENDPOINTS = select(endpoint, *(breaker.c[name] for name in Breaker.__struct_fields__)).join(
    breaker, breaker.c.endpoint_id == endpoint.c.id
)
_BY_ID = _ENDPOINTS.where(endpoint.c.id == any_(_ids), endpoint.c.status != EndpointStatus.DELETED)
_LISTENING = _ENDPOINTS.where(endpoint.c.status.in_([EndpointStatus.ENABLED, EndpointStatus.PAUSED]))
_ALL = Listing(
    _ENDPOINTS.where(endpoint.c.status != EndpointStatus.DELETED),
    order=[endpoint.c.id],
    filters={"channels": endpoint.c.channel_id == any_(bindparam("channels", type_=ARRAY(Uuid, dimensions=1)))},
)
_COUNT = select(func.count()).select_from(endpoint).where(endpoint.c.status != EndpointStatus.DELETED)
_SECRETS = (
    select(secret)
    .where(secret.c.endpoint_id == any_(_ids))
    .where(secret.c.expires_at.is_(None) | (secret.c.expires_at > bindparam("now", type_=Instant)))
    .order_by(secret.c.created_at.desc(), secret.c.id.desc())
)
_CHANNELS = select(order.c.id, order.c.channel_id).where(order.c.id == any_(_ids))
_DELIVERIES = select(delivery, lane.c.due_at).outerjoin(
    lane, (lane.c.endpoint_id == delivery.c.endpoint_id) & (lane.c.stream == delivery.c.stream)
)
_DELIVERY = _DELIVERIES.where(delivery.c.id == any_(_ids))
_LOG = Listing(
    _DELIVERIES,
    order=[delivery.c.epoch, delivery.c.xid, delivery.c.fact_id],
    filters={
        "endpoint_id": delivery.c.endpoint_id == bindparam("endpoint_id", type_=Uuid()),
        "status": delivery.c.status == bindparam("status", type_=Text()),
        "stream": delivery.c.stream == bindparam("stream", type_=Uuid()),
        "type": delivery.c.type == bindparam("type", type_=Text()),
    },
    is_newest_first=True,
)
_DUE = text(
    """
    SELECT e.id FROM webhooks.endpoint e JOIN webhooks.breaker b ON b.endpoint_id = e.id
    WHERE e.status = 'enabled' AND (b.open_until_at IS NULL OR b.open_until_at <= :now) AND e.id <> ALL(:busy)
      AND EXISTS (
          SELECT FROM webhooks.lane l WHERE l.endpoint_id = e.id AND l.due_at <= :now
            AND (l.taken_until_at IS NULL OR l.taken_until_at <= :now))
    """
).bindparams(bindparam("now", type_=Instant), bindparam("busy", type_=ARRAY(Uuid, dimensions=1)))

# In no order: with one, the whole log might be read in the order of its key to find a short time of it.
_FACTS = (
    select(event)
    .where(event.c.type == any_(bindparam("types", type_=ARRAY(Text, dimensions=1))))
    .limit(bindparam("limit", type_=Integer()))
)
_BETWEEN = _FACTS.where(
    event.c.recorded_at >= bindparam("from_at", type_=Instant),
    event.c.recorded_at < bindparam("until_at", type_=Instant),
)
_OF_STREAM = _FACTS.where(event.c.stream == bindparam("stream", type_=Uuid()))


async def endpoints_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Endpoint]:
    return {row.id: _endpoint(row) for row in await db.execute(_BY_ID, {"ids": list(ids)})}


async def endpoint_of(db: Connection, id_: UUID) -> Endpoint:
    """One endpoint.

    Raises:
        UnknownEndpoint: there is none of that id.
    """
    found = (await endpoints_by_id(db, [id_])).get(id_)
    if found is None:
        raise UnknownEndpoint("there is no such webhook endpoint", id=str(id_))
    return found


async def listed_endpoints(
    db: Connection, *, channel_ids: Collection[UUID] | None, behind: UUID | None, limit: int
) -> list[Endpoint]:
    """Endpoints in the order in which they were made. channel_ids: only those of these channels; None is all."""
    given = {"channels": None if channel_ids is None else list(channel_ids)}
    rows = await _ALL.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return [_endpoint(row) for row in rows]


async def listening_endpoints(db: Connection) -> list[Endpoint]:
    """The endpoints for which facts become deliveries."""
    return [_endpoint(row) for row in await db.execute(_LISTENING)]


async def count_endpoints(db: Connection) -> int:
    return int(await db.scalar(_COUNT))


async def due_endpoints(db: Connection, *, busy: Collection[UUID], now: datetime) -> list[UUID]:
    """The endpoints that have something to be sent now, but those that are `busy` already."""
    return list(await db.scalars(_DUE, {"now": now, "busy": list(busy)}))


async def secrets_of(db: Connection, endpoint_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[Secret]]:
    """The secrets that sign now, the newest first."""
    found: dict[UUID, list[Secret]] = {id_: [] for id_ in endpoint_ids}
    for row in await db.execute(_SECRETS, {"ids": list(endpoint_ids), "now": now}):
        found[row.endpoint_id].append(msgspec.convert(dict(row), Secret))
    return found


async def channels_of(db: Connection, streams: Collection[UUID]) -> dict[UUID, UUID]:
    """The channels of those streams that are orders."""
    return {row[0]: row[1] for row in await db.execute(_CHANNELS, {"ids": list(streams)})}


async def deliveries_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Delivery]:
    return {row.id: _delivery(row) for row in await db.execute(_DELIVERY, {"ids": list(ids)})}


async def delivery_of(db: Connection, id_: UUID) -> Delivery:
    """One delivery.

    Raises:
        UnknownDelivery: there is none of that id.
    """
    found = (await deliveries_by_id(db, [id_])).get(id_)
    if found is None:
        raise UnknownDelivery("there is no such delivery", id=str(id_))
    return found


async def logged_deliveries(
    db: Connection, filters: Mapping[str, Any], *, behind: tuple[int, int, int] | None, limit: int
) -> list[tuple[Delivery, tuple[int, int, int]]]:
    """Deliveries, newest first, each with its place in the list. filters: endpoint_id, status, stream, type."""
    rows = await _LOG.read(db, filters, behind=behind, limit=limit)
    return [(_delivery(row), (row.epoch, row.xid, row.fact_id)) for row in rows]


async def attempts_of(db: Connection, delivery_ids: Collection[UUID]) -> dict[UUID, list[Attempt]]:
    """All tries of deliveries, the first first."""
    found: dict[UUID, list[Attempt]] = {id_: [] for id_ in delivery_ids}
    rows = await rows_with(db, attempt.c.delivery_id, delivery_ids)
    for row in sorted(rows, key=lambda row: int(row["number"])):
        found[row["delivery_id"]].append(msgspec.convert(row, Attempt))
    return found


@cache
def kinds() -> tuple[type[Event], ...]:
    """All facts that an endpoint may want."""
    found = (kind for room in ROOMS for kind in vars(room).values() if isinstance(kind, type) and _is_of(kind, room))
    return tuple(sorted(found, key=type_of))


@cache
def event_types() -> tuple[str, ...]:
    """The names of all facts that an endpoint may want."""
    return tuple(type_of(kind) for kind in kinds())


def _is_of(kind: type, room: ModuleType) -> bool:
    return issubclass(kind, Event) and kind.__module__ == room.__name__ and not kind.__subclasses__()


async def facts_between(
    db: Connection, for_: Endpoint, *, from_at: datetime, until_at: datetime, limit: int
) -> list[Fact]:
    """What was written into the log in a time and is of the types that the endpoint wants, in no order."""
    given = {"from_at": from_at, "until_at": until_at, "types": _types(for_), "limit": limit}
    return [read(row) for row in await db.execute(_BETWEEN, given)]


async def facts_of(db: Connection, for_: Endpoint, stream: UUID, *, limit: int) -> list[Fact]:
    """What was told about one thing and is of the types that the endpoint wants, in no order."""
    given = {"stream": stream, "types": _types(for_), "limit": limit}
    return [read(row) for row in await db.execute(_OF_STREAM, given)]


def check_event_types(wanted: Sequence[str]) -> None:
    """Refuse names that no fact has: an endpoint that waits for them would wait for ever.

    Raises:
        UnknownEventType: the first of them, with names that look like it.
    """
    rooms = {f"{name.partition('.')[0]}.*" for name in event_types()}
    for name in wanted:
        if name != "*" and name not in rooms and name not in event_types():
            near = difflib.get_close_matches(name, event_types())
            raise UnknownEventType("no fact has this name", event_type=name, near=near)


def event_id(stream: UUID, position: tuple[int, int, int]) -> UUID:
    """The id by which the outside knows a fact of the log."""
    return child_id(stream, "fact", *position)


def is_test_of(one: Endpoint, *, type_: str, stream: UUID) -> bool:
    """Whether a fact is the message that somebody wants to see arrive at this endpoint."""
    return type_ == TESTED and stream == one.id


def _types(for_: Endpoint) -> list[str]:
    return [name for name in event_types() if for_.wants(name)]


def _endpoint(row: Row) -> Endpoint:
    fares = {name: row[name] for name in Breaker.__struct_fields__}
    return msgspec.convert({**dict(row), "breaker": fares}, Endpoint)


def _delivery(row: Row) -> Delivery:
    place = (row.epoch, row.xid, row.fact_id)
    waits = row.status == DeliveryStatus.PENDING
    known = {"event_id": event_id(row.stream, place), "next_try_at": row.due_at if waits else None}
    return msgspec.convert({**dict(row), **known}, Delivery)
