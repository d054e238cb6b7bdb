"""Deliveries that are due are taken, and what came of sending them is booked."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, SmallInteger, Text, Uuid, any_, bindparam, select, text, update

from batuta.connectors.webhooks.domain import (
    ENDPOINT_MOVES,
    Answer,
    Breaker,
    Content,
    DeliveryStatus,
    EndpointStatus,
    Format,
    Result,
    Taken,
    Told,
    after_tries,
    next_try_at,
)
from batuta.connectors.webhooks.events import DeliveryFailed, EndpointDisabled
from batuta.connectors.webhooks.queries import event_id, secrets_of
from batuta.connectors.webhooks.tables import attempt, breaker, delivery, endpoint
from batuta.kernel.events import Event
from batuta.plumbing.database import Connection, Instant, Integer, Row, arrays, insert_new, params
from batuta.plumbing.events import publish

ACTOR = "system:webhooks"
LEASE = timedelta(seconds=30)
"""How long a delivery is left to who sends it; past that, who sent it is believed to have died."""

AT_ONCE_MAX = 16
"""Deliveries that a process sends to one endpoint at the same time, each of another lane."""

KEPT = timedelta(days=90)
"""How long deliveries are kept; what is older and never arrived can be sent anew from the log by a replay."""

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_BREAKERS = select(breaker).where(breaker.c.endpoint_id == any_(_ids)).order_by(breaker.c.endpoint_id)
_FREE_BREAKERS = (
    _BREAKERS.add_columns(endpoint.c.url, endpoint.c.format, endpoint.c.content)
    .join(endpoint, endpoint.c.id == breaker.c.endpoint_id)
    .where(endpoint.c.status == EndpointStatus.ENABLED)
    .with_for_update(of=breaker, skip_locked=True)
)
_LOCK_BREAKERS = _BREAKERS.with_for_update()
_TAKE = text(
    """
    WITH free AS (
        SELECT l.endpoint_id, l.stream FROM unnest(:ids, :most) AS asked (endpoint_id, most)
        CROSS JOIN LATERAL (
            SELECT * FROM webhooks.lane l
            WHERE l.endpoint_id = asked.endpoint_id AND l.due_at <= :now
              AND (l.taken_until_at IS NULL OR l.taken_until_at <= :now)
            ORDER BY l.due_at LIMIT asked.most FOR UPDATE SKIP LOCKED) l),
    taken AS (
        UPDATE webhooks.lane l SET taken_until_at = :until_at FROM free
        WHERE l.endpoint_id = free.endpoint_id AND l.stream = free.stream
        RETURNING l.endpoint_id, l.stream)
    SELECT d.*, e.data, e.happened_at FROM taken
    CROSS JOIN LATERAL (
        SELECT * FROM webhooks.delivery d
        WHERE d.endpoint_id = taken.endpoint_id AND d.stream = taken.stream AND d.status = 'pending'
        ORDER BY d.epoch, d.xid, d.fact_id LIMIT 1) d
    JOIN plumbing.event e ON e.epoch = d.epoch AND e.xid = d.xid AND e.id = d.fact_id
    """
).bindparams(
    _ids,
    bindparam("most", type_=ARRAY(Integer, dimensions=1)),
    bindparam("now", type_=Instant),
    bindparam("until_at", type_=Instant),
)
_PROBE = update(breaker).where(breaker.c.endpoint_id == any_(_ids)).values(open_until_at=bindparam("until_at"))
_LOCK_LANES = text(
    """
    SELECT l.endpoint_id, l.stream, l.taken_until_at FROM webhooks.lane l
    WHERE (l.endpoint_id, l.stream) IN (SELECT * FROM unnest(:ids, :streams))
    ORDER BY l.endpoint_id, l.stream FOR UPDATE
    """
).bindparams(_ids, bindparam("streams", type_=ARRAY(Uuid, dimensions=1)))

_told = arrays(
    "told", id=Uuid(), status=Text(), tries=SmallInteger(), attempts=Integer(), ended_at=Instant, code=SmallInteger(),
    problem=Text(),
)  # fmt: skip
_BOOK = (
    update(delivery)
    .where(delivery.c.id == _told.c.id, delivery.c.status == DeliveryStatus.PENDING)
    .values(
        status=_told.c.status,
        tries=_told.c.tries,
        attempts=_told.c.attempts,
        ended_at=_told.c.ended_at,
        last_status=_told.c.code,
        last_problem=_told.c.problem,
    )
)
_FREE_LANES = text(
    """
    UPDATE webhooks.lane l SET taken_until_at = NULL, due_at = CASE WHEN EXISTS (
        SELECT FROM webhooks.delivery d
        WHERE d.endpoint_id = l.endpoint_id AND d.stream = l.stream AND d.status = 'pending') THEN given.due_at END
    FROM unnest(:ids, :streams, :dues) AS given (endpoint_id, stream, due_at)
    WHERE l.endpoint_id = given.endpoint_id AND l.stream = given.stream
    """
).bindparams(
    _ids,
    bindparam("streams", type_=ARRAY(Uuid, dimensions=1)),
    bindparam("dues", type_=ARRAY(Instant, dimensions=1)),
)
_fares = arrays(
    "fares", endpoint_id=Uuid(), failures=Integer(), openings=Integer(), open_until_at=Instant,
    failing_since_at=Instant, answered_at=Instant,
)  # fmt: skip
_FARES = (
    update(breaker)
    .where(breaker.c.endpoint_id == _fares.c.endpoint_id)
    .values({name: _fares.c[name] for name in Breaker.__struct_fields__})
)
_DISABLE = (
    update(endpoint)
    .where(endpoint.c.id == bindparam("disabled", type_=Uuid()), endpoint.c.status == EndpointStatus.ENABLED)
    .values(
        status=bindparam("to", type_=Text()),
        reason=bindparam("why", type_=Text()),
        version=endpoint.c.version + 1,
        updated_at=bindparam("at", type_=Instant),
    )
    .returning(endpoint.c.id)
)
_FORGET = text(
    """
    WITH old AS (
        DELETE FROM webhooks.delivery d WHERE d.id IN (
            SELECT id FROM webhooks.delivery WHERE created_at <= :before ORDER BY created_at LIMIT :limit
            FOR UPDATE SKIP LOCKED)
        RETURNING d.id, d.endpoint_id, d.stream),
    tried AS (DELETE FROM webhooks.attempt a USING old WHERE a.delivery_id = old.id)
    SELECT DISTINCT endpoint_id, stream FROM old
    """
).bindparams(bindparam("before", type_=Instant))
_FORGET_LANES = text(
    """
    DELETE FROM webhooks.lane l USING unnest(:ids, :streams) AS given (endpoint_id, stream)
    WHERE l.endpoint_id = given.endpoint_id AND l.stream = given.stream AND NOT EXISTS (
        SELECT FROM webhooks.delivery d WHERE d.endpoint_id = l.endpoint_id AND d.stream = l.stream
          AND d.status = 'pending')
    """
).bindparams(_ids, bindparam("streams", type_=ARRAY(Uuid, dimensions=1)))


class Sent(NamedTuple):
    """A delivery that was taken, and what its endpoint answered."""

    taken: Taken
    answer: Answer


async def take(db: Connection, *, endpoint_ids: Collection[UUID], now: datetime) -> list[Taken]:
    """Take what is due to be sent to enabled endpoints: the first pending delivery of each of some free lanes.

    An endpoint whose breaker has just ended its wait is given one delivery, to see whether it answers again.
    """
    free = list(await db.execute(_FREE_BREAKERS, {"ids": list(endpoint_ids)}))
    fares = {row.endpoint_id: _breaker(row) for row in free}
    most = {id_: 1 if one.open_until_at else AT_ONCE_MAX for id_, one in fares.items() if not one.is_shut_at(now)}
    if not most:
        return []
    until_at = now + LEASE
    given = {"ids": list(most), "most": list(most.values()), "now": now, "until_at": until_at}
    rows = (await db.execute(_TAKE, given)).all()
    if probes := sorted({row.endpoint_id for row in rows if fares[row.endpoint_id].open_until_at}):
        await db.execute(_PROBE, {"ids": probes, "until_at": until_at})
    keys = await secrets_of(db, most, now=now)
    signing = {id_: tuple(one.secret for one in found) for id_, found in keys.items()}
    terms = {row.endpoint_id: row for row in free}
    return [_taken(row, terms[row.endpoint_id], signing, fares, until_at) for row in rows]


async def book(db: Connection, *, sent: Sequence[Sent], now: datetime) -> None:
    """Book what endpoints answered: deliveries end or wait for their next try, their lanes go on, breakers follow.

    A delivery that was taken by somebody else meanwhile, since this took too long, is left to them.
    Locks: breakers, then lanes, each in the order of their keys.
    """
    ids = sorted({one.taken.endpoint_id for one in sent})
    fares = {row.endpoint_id: _breaker(row) for row in await db.execute(_LOCK_BREAKERS, {"ids": ids})}
    ours = await _lock_lanes(db, sent)
    if not ours:
        return
    results = {id_: [one for one in ours if one.taken.endpoint_id == id_] for id_ in ids}
    told = await _book_breakers(db, fares, results, now=now)
    booked = [_booked(one, now) for one in ours]
    await db.execute(_BOOK, params("told", **_columns([row for row, _ in booked])))
    await insert_new(db, attempt, [_attempt(one) for one in ours], returning=("number",))
    lanes = {"ids": [one.taken.endpoint_id for one in ours], "streams": [one.taken.told.stream for one in ours]}
    await db.execute(_FREE_LANES, {**lanes, "dues": [due_at for _, due_at in booked]})
    failed = [one for one, (row, _) in zip(ours, booked, strict=True) if row["status"] is DeliveryStatus.FAILED]
    await publish(db, [*told, *(_failed(one, now) for one in failed)])


async def forget_deliveries(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget deliveries of long ago with their tries; a sweep."""
    lanes = (await db.execute(_FORGET, {"before": now - KEPT, "limit": limit})).all()
    if lanes:
        given = {"ids": [row.endpoint_id for row in lanes], "streams": [row.stream for row in lanes]}
        await db.execute(_FORGET_LANES, given)
    return len(lanes)


async def _lock_lanes(db: Connection, sent: Sequence[Sent]) -> list[Sent]:
    """Lock the lanes of what was sent; return what is still left to us."""
    given = {"ids": [one.taken.endpoint_id for one in sent], "streams": [one.taken.told.stream for one in sent]}
    rows = await db.execute(_LOCK_LANES, given)
    until = {(row.endpoint_id, row.stream): row.taken_until_at for row in rows}
    return [
        one for one in sent if until.get((one.taken.endpoint_id, one.taken.told.stream)) == one.taken.taken_until_at
    ]


async def _book_breakers(
    db: Connection, fares: Mapping[UUID, Breaker], results: Mapping[UUID, Sequence[Sent]], *, now: datetime
) -> list[Event]:
    """Book how endpoints fare, and disable those that are gone or were out for days; return what is to be told."""
    after: dict[UUID, Breaker] = {}
    disabled: list[tuple[UUID, EndpointStatus, str]] = []
    for id_, tries in results.items():
        counts = Counter(one.answer.result for one in tries)
        refused = counts[Result.REFUSED] + counts[Result.GONE]
        taken, ailing = counts[Result.TAKEN], counts[Result.AILING]
        after[id_] = after_tries(fares[id_], taken=taken, refused=refused, ailing=ailing, now=now)
        if counts[Result.GONE]:
            disabled.append((id_, EndpointStatus.GONE, "the endpoint answered 410 Gone"))
        elif after[id_].is_out(now):
            disabled.append((id_, EndpointStatus.UNREACHABLE, "every delivery failed for five days"))
    changed = {id_: one for id_, one in after.items() if one != fares[id_]}
    if changed:
        rows = [{"endpoint_id": id_, **msgspec.structs.asdict(one)} for id_, one in sorted(changed.items())]
        await db.execute(_FARES, params("fares", **_columns(rows)))
    told: list[Event] = []
    for id_, status, reason in disabled:
        assert status in ENDPOINT_MOVES[EndpointStatus.ENABLED]
        if await db.scalar(_DISABLE, {"disabled": id_, "to": status, "why": reason, "at": now}):
            told.append(EndpointDisabled(stream=id_, happened_at=now, actor=ACTOR, status=status, reason=reason))
    return told


def _booked(one: Sent, now: datetime) -> tuple[dict[str, Any], datetime]:
    """A delivery's row after its try, and when its lane is due again."""
    taken, answer = one.taken, one.answer
    tries, status, due_at = taken.tries + 1, DeliveryStatus.PENDING, now
    match answer.result:
        case Result.TAKEN:
            status = DeliveryStatus.DELIVERED
        case Result.GONE:
            # Its endpoint is disabled; should somebody enable it again, this one comes first.
            tries = taken.tries
        case _:
            again_at = next_try_at(taken.id, tries, now=now, asked=answer.retry_after)
            status, due_at = (DeliveryStatus.PENDING, again_at) if again_at else (DeliveryStatus.FAILED, now)
    row = {
        "id": taken.id,
        "status": status,
        "tries": tries,
        "attempts": taken.attempts + 1,
        "ended_at": None if status is DeliveryStatus.PENDING else now,
        "code": answer.status,
        "problem": answer.problem,
    }
    return row, due_at


def _attempt(one: Sent) -> dict[str, Any]:
    return {
        "delivery_id": one.taken.id,
        "number": one.taken.attempts + 1,
        "tried_at": one.taken.taken_until_at - LEASE,
        "duration_ms": one.answer.duration_ms,
        "status": one.answer.status,
        "problem": one.answer.problem,
        "excerpt": one.answer.excerpt,
    }


def _failed(one: Sent, now: datetime) -> DeliveryFailed:
    answer = one.answer
    return DeliveryFailed(
        stream=one.taken.endpoint_id,
        happened_at=now,
        actor=ACTOR,
        delivery_id=one.taken.id,
        event_type=one.taken.told.type,
        about=one.taken.told.stream,
        tries=one.taken.tries + 1,
        reason=answer.problem or f"it answered {answer.status}",
    )


def _taken(
    row: Row, terms: Row, signing: Mapping[UUID, tuple[str, ...]], fares: Mapping[UUID, Breaker], until_at: datetime
) -> Taken:
    told = Told(
        id=event_id(row.stream, (row.epoch, row.xid, row.fact_id)),
        type=row.type,
        stream=row.stream,
        happened_at=row.happened_at,
        data=row.data,
    )
    return Taken(
        id=row.id,
        endpoint_id=row.endpoint_id,
        url=terms.url,
        format=Format(terms.format),
        content=Content(terms.content),
        secrets=signing[row.endpoint_id],
        told=told,
        tries=row.tries,
        attempts=row.attempts,
        taken_until_at=until_at,
        breaker=fares[row.endpoint_id],
    )


def _breaker(row: Row) -> Breaker:
    return Breaker(**{name: row[name] for name in Breaker.__struct_fields__})


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
