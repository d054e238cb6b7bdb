"""Orders that are parked, and how often locations gave orders back."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text

from batuta.plumbing.database import Connection, Row, rows_with
from batuta.plumbing.listing import Listing
from batuta.sourcing.domain import GivenBack, Parking
from batuta.sourcing.tables import parking, rejection

_NOT_BY_LOCATIONS = ("went_along", "replanned", "better_plan")
"""Reasons of units that a location could have served."""

_COUNTS = text("""
    SELECT r.order_id, count(DISTINCT (r.location_id, r.cause_id)) AS rejections
    FROM sourcing.rejection r LEFT JOIN sourcing.parking p ON p.order_id = r.order_id
    WHERE r.order_id = ANY(:order_ids) AND r.quantity > 0 AND r.reason <> ALL(:others)
      AND (p.forgiven_at IS NULL OR r.created_at > p.forgiven_at)
    GROUP BY r.order_id
""")


async def rejections_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """How often locations gave something of each order back since a person looked; none is left out."""
    rows = await db.execute(_COUNTS, {"order_ids": list(order_ids), "others": list(_NOT_BY_LOCATIONS)})
    return {row.order_id: row.rejections for row in rows}


async def given_back_of(db: Connection, order_id: UUID) -> list[GivenBack]:
    """What locations would not serve of an order, the oldest first."""
    found = msgspec.convert(await rows_with(db, rejection.c.order_id, [order_id]), list[GivenBack])
    return sorted(found, key=lambda one: (one.created_at, one.location_id, one.line_id, one.sku_id))


async def parkings_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, Parking]:
    """How orders are parked, or were the last time; those that never were are left out."""
    return {row["order_id"]: _read(row) for row in await rows_with(db, parking.c.order_id, set(order_ids))}


async def list_parked(
    db: Connection,
    *,
    queue: str | None,
    channel_ids: Collection[UUID] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Parking]:
    """What is parked, who waits longest first."""
    given = {"queue": queue, "channel_ids": None if channel_ids is None else sorted(channel_ids)}
    return [_read(row) for row in await _LIST.read(db, given, behind=after, limit=limit)]


async def due_to_cancel(db: Connection, *, now: datetime, limit: int) -> list[Parking]:
    """Parked orders whose day has come."""
    rows = await db.execute(
        select(parking)
        .where(parking.c.ended_at.is_(None), parking.c.cancel_at <= now)
        .order_by(parking.c.cancel_at, parking.c.order_id)
        .limit(limit)
    )
    return [_read(row) for row in rows]


_LIST = Listing(
    select(parking).where(parking.c.ended_at.is_(None)),
    order=(parking.c.parked_at, parking.c.order_id),
    filters={
        "queue": parking.c.queue == bindparam("queue"),
        "channel_ids": parking.c.channel_id == any_(bindparam("channel_ids", type_=ARRAY(Uuid(), dimensions=1))),
    },
)


def _read(row: Row | Any) -> Parking:
    return msgspec.convert({name: row[name] for name in Parking.__struct_fields__}, Parking)
