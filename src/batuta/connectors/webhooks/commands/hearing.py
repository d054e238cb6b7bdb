"""Facts of the log become deliveries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from batuta.connectors.webhooks.domain import DeliveryStatus, Endpoint
from batuta.connectors.webhooks.events import EndpointTested
from batuta.connectors.webhooks.queries import LISTENERS, channels_of, is_test_of, kinds, listening_endpoints
from batuta.connectors.webhooks.tables import delivery, lane
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, Instant, Uuid, arrays, insert_new, params
from batuta.plumbing.events import Fact, Reaction

_given = arrays("given", endpoint_id=Uuid(), stream=Uuid(), due_at=Instant)
_lanes = insert(lane).from_select(["endpoint_id", "stream", "due_at"], _given.select(), include_defaults=False)
_OPEN_LANES = _lanes.on_conflict_do_update(
    index_elements=[lane.c.endpoint_id, lane.c.stream],
    set_={"due_at": func.coalesce(lane.c.due_at, _lanes.excluded.due_at)},
)
"""The row of a lane is locked also if nothing changes, so that it does not fall asleep beside a new delivery."""


def following() -> Reaction:
    """The reaction that hears every fact for those who want it."""
    heard: dict[type, tuple[()]] = dict.fromkeys((*kinds(), EndpointTested), ())
    return Reaction("webhooks", heard, follow=hear, listeners=LISTENERS)


async def hear(db: Connection, facts: Sequence[Fact], now: datetime) -> None:
    """Write a delivery for each endpoint that wants a fact."""
    endpoints = await listening_endpoints(db)
    channels: dict[UUID, UUID] = {}
    if any(one.channel_id for one in endpoints):
        channels = await channels_of(db, {fact.stream for fact in facts})
    wanted = [
        (one.id, fact)
        for fact in facts
        for one in endpoints
        if is_test_of(one, type_=fact.name, stream=fact.stream) or is_wanted(one, fact, channels)
    ]
    rows = sorted((row_of(endpoint_id, fact, now) for endpoint_id, fact in wanted), key=key_of)
    new = await insert_new(db, delivery, rows, returning=("endpoint_id", "stream"))
    await open_lanes(db, {(row[0], row[1]) for row in new}, now=now)


def is_wanted(endpoint: Endpoint, fact: Fact, channels: Mapping[UUID, UUID]) -> bool:
    """Whether an endpoint wants a fact. channels: of the orders among the streams."""
    is_about = endpoint.channel_id is None or endpoint.channel_id == channels.get(fact.stream)
    return is_about and endpoint.wants(fact.name)


async def open_lanes(db: Connection, lanes: Collection[tuple[UUID, UUID]], *, now: datetime) -> None:
    """Let lanes (endpoint, stream) that had nothing to send be due now."""
    if not lanes:
        return
    ordered = sorted(lanes)
    due = params(
        "given",
        endpoint_id=[endpoint_id for endpoint_id, _ in ordered],
        stream=[stream for _, stream in ordered],
        due_at=[now] * len(ordered),
    )
    await db.execute(_OPEN_LANES, due)


def row_of(endpoint_id: UUID, fact: Fact, now: datetime) -> dict[str, Any]:
    """The row of a new delivery; the same fact and endpoint make the same id."""
    epoch, xid, id_ = fact.position
    return {
        "id": child_id(fact.stream, "webhook", endpoint_id, *fact.position),
        "endpoint_id": endpoint_id,
        "epoch": epoch,
        "xid": xid,
        "fact_id": id_,
        "stream": fact.stream,
        "type": fact.name,
        "status": DeliveryStatus.PENDING,
        "tries": 0,
        "attempts": 0,
        "created_at": now,
        "ended_at": None,
        "last_status": None,
        "last_problem": "",
    }


def key_of(row: dict[str, Any]) -> tuple[UUID, int, int, int]:
    """The unique key by which rows of deliveries are sorted."""
    return (row["endpoint_id"], row["epoch"], row["xid"], row["fact_id"])
