"""Parking orders that nobody can serve now, and letting them go."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, update

from batuta.plumbing.database import Connection, Instant, Text, upsert_rows
from batuta.plumbing.events import publish
from batuta.sourcing.domain import Park, Parking
from batuta.sourcing.domain.parking import parked
from batuta.sourcing.events import OrderParked, OrderUnparked
from batuta.sourcing.queries import parkings_of
from batuta.sourcing.tables import parking

_end = (
    update(parking)
    .where(
        parking.c.order_id == any_(bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1))),
        parking.c.ended_at.is_(None),
    )
    .values(
        ended_at=bindparam("now", type_=Instant), ended_because=bindparam("because", type_=Text()), next_try_at=None
    )
    .returning(parking.c.order_id, parking.c.queue)
)


async def park(db: Connection, *, parks: Sequence[Park], now: datetime) -> list[Parking]:
    """Park orders that the caller has locked, or park them again; each answer is how it is parked then."""
    before = await parkings_of(db, [one.order_id for one in parks])
    made = [parked(one, before.get(one.order_id), now=now) for one in parks]
    await upsert_rows(db, parking, [_row(one) for one in made], key=("order_id",))
    await publish(db, [_told(one, now) for one in made])
    return made


async def requeue(db: Connection, *, parkings: Sequence[Parking], now: datetime) -> None:
    """Keep parked orders as a person wants them: in another queue, tried at another time, ended on another day."""
    await upsert_rows(db, parking, [_row(one) for one in parkings], key=("order_id",))
    await publish(db, [_told(one, now) for one in parkings])


async def unpark(db: Connection, *, order_ids: Collection[UUID], because: str, actor: str, now: datetime) -> list[UUID]:
    """Let orders go that are parked; return which were."""
    if not order_ids:
        return []
    rows = (await db.execute(_end, {"order_ids": sorted(order_ids), "now": now, "because": because})).all()
    await publish(
        db,
        [
            OrderUnparked(stream=row.order_id, happened_at=now, actor=actor, queue=row.queue, reason=because)
            for row in rows
        ],
    )
    return [row.order_id for row in rows]


def _told(one: Parking, now: datetime) -> OrderParked:
    return OrderParked(
        stream=one.order_id,
        happened_at=now,
        actor=one.actor,
        queue=one.queue,
        reason=one.reason,
        line_ids=one.line_ids,
        next_try_at=one.next_try_at,
        cancel_at=one.cancel_at,
        promise=one.effect(now),
    )


def _row(one: Parking) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"rules": list(one.rules), "line_ids": [str(id_) for id_ in one.line_ids]}
