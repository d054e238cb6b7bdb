"""What was sent, given up or never heard is sent anew, because a person asks for it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from batuta.connectors.webhooks.commands.endpoints import lock_endpoint
from batuta.connectors.webhooks.commands.hearing import is_wanted, key_of, open_lanes, row_of
from batuta.connectors.webhooks.domain import (
    LISTENING,
    REPLAYED_AT_ONCE_MAX,
    Delivery,
    Endpoint,
    NothingListens,
    TooMuchToReplay,
    UnknownDelivery,
)
from batuta.connectors.webhooks.queries import channels_of, deliveries_by_id, endpoints_by_id, facts_between, facts_of
from batuta.connectors.webhooks.tables import delivery
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Instant, insert_new
from batuta.plumbing.events import Fact

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_now = bindparam("now", type_=Instant)
_HURRY = text(
    """
    UPDATE webhooks.lane l SET due_at = :now FROM unnest(:ids, :streams) AS given (endpoint_id, stream)
    WHERE l.endpoint_id = given.endpoint_id AND l.stream = given.stream AND l.due_at > :now
    """
).bindparams(_ids, bindparam("streams", type_=ARRAY(Uuid, dimensions=1)), _now)
_REOPEN = text(
    """
    UPDATE webhooks.delivery SET status = 'pending', tries = 0, ended_at = NULL
    WHERE id = ANY(:ids) AND status <> 'pending'
    """
).bindparams(_ids)
_LET_TRY = text(
    "UPDATE webhooks.breaker SET open_until_at = :now WHERE endpoint_id = ANY(:ids) AND open_until_at > :now"
).bindparams(_ids, _now)


async def replay_deliveries(db: Connection, *, ids: Sequence[UUID], now: datetime) -> list[Delivery | BatutaError]:
    """Send deliveries anew, whatever became of them, and at once; those that wait are tried now.

    Each answer is the delivery as it stands, or `UnknownDelivery`, `NothingListens`.
    """
    known = await deliveries_by_id(db, ids)
    endpoints = await endpoints_by_id(db, {one.endpoint_id for one in known.values()})
    outcomes = [_replayable(known.get(id_), endpoints, id_) for id_ in ids]
    good = [one for one in outcomes if isinstance(one, Delivery)]
    if good:
        await db.execute(_LET_TRY, {"ids": sorted({one.endpoint_id for one in good}), "now": now})
        lanes = sorted({(one.endpoint_id, one.stream) for one in good})
        await open_lanes(db, lanes, now=now)
        given = {"ids": [endpoint_id for endpoint_id, _ in lanes], "streams": [stream for _, stream in lanes]}
        await db.execute(_HURRY, {**given, "now": now})
        await db.execute(_REOPEN, {"ids": [one.id for one in good]})
    after = await deliveries_by_id(db, [one.id for one in good])
    return [one if isinstance(one, BatutaError) else after[one.id] for one in outcomes]


async def replay_time(
    db: Connection, *, endpoint_id: UUID, from_at: datetime, until_at: datetime, now: datetime
) -> int:
    """Send anew what was written into the log in a time and the endpoint wants, heard or not; return how many.

    from_at, until_at: half-open.

    Raises:
        UnknownEndpoint. NothingListens: it is disabled. TooMuchToReplay: the time holds too many facts.
    """
    one = await _listening(db, endpoint_id)
    facts = await facts_between(db, one, from_at=from_at, until_at=until_at, limit=REPLAYED_AT_ONCE_MAX + 1)
    return await _replay(db, one, facts, now=now)


async def replay_stream(db: Connection, *, endpoint_id: UUID, stream: UUID, now: datetime) -> int:
    """Send anew all that was ever told about one thing and the endpoint wants; return how many.

    Raises:
        UnknownEndpoint. NothingListens: it is disabled. TooMuchToReplay: there are too many facts.
    """
    one = await _listening(db, endpoint_id)
    return await _replay(db, one, await facts_of(db, one, stream, limit=REPLAYED_AT_ONCE_MAX + 1), now=now)


async def _replay(db: Connection, to: Endpoint, facts: Sequence[Fact], *, now: datetime) -> int:
    if len(facts) > REPLAYED_AT_ONCE_MAX:
        raise TooMuchToReplay("there are more facts than are sent anew at once", facts_max=REPLAYED_AT_ONCE_MAX)
    channels = await channels_of(db, {fact.stream for fact in facts}) if to.channel_id else {}
    rows = sorted((row_of(to.id, fact, now) for fact in facts if is_wanted(to, fact, channels)), key=key_of)
    new: Collection[UUID] = {row[0] for row in await insert_new(db, delivery, rows, returning=("id",))}
    await open_lanes(db, {(to.id, row["stream"]) for row in rows}, now=now)
    await db.execute(_REOPEN, {"ids": [row["id"] for row in rows if row["id"] not in new]})
    return len(rows)


async def _listening(db: Connection, id_: UUID) -> Endpoint:
    one = await lock_endpoint(db, id_)
    if one.status not in LISTENING:
        raise NothingListens("the endpoint is disabled; enable it first", status=str(one.status), reason=one.reason)
    return one


def _replayable(known: Delivery | None, endpoints: dict[UUID, Endpoint], id_: UUID) -> Delivery | BatutaError:
    if known is None or known.endpoint_id not in endpoints:
        return UnknownDelivery("there is no such delivery", id=str(id_))
    one = endpoints[known.endpoint_id]
    if one.status not in LISTENING:
        return NothingListens("the endpoint is disabled; enable it first", status=str(one.status), reason=one.reason)
    return known
