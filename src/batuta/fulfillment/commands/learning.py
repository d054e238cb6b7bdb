"""Learning how long locations take, from the offer of the work until it is packed; what is made to order is apart."""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from batuta.locations.queries import all_locations
from batuta.plumbing.database import Connection
from batuta.shipping.commands import save_preparing
from batuta.shipping.domain import Prepared, learn_preparing

LESSONS_MAX = 20_000
MEMORY = timedelta(days=90)

_packed = text("""
    WITH news AS (
        SELECT DISTINCT f.location_id
        FROM fulfillment.package p JOIN fulfillment.fulfillment_order f ON f.id = p.fulfillment_order_id
        WHERE p.packed_at > greatest((SELECT max(learned_at) FROM shipping.preparing), :since) AND p.packed_at <= :now
    )
    SELECT p.parcel_id, f.location_id, f.created_at AS asked_at, p.packed_at AS ready_at
    FROM fulfillment.package p
    JOIN fulfillment.fulfillment_order f ON f.id = p.fulfillment_order_id
    JOIN news ON news.location_id = f.location_id
    WHERE p.packed_at > :since AND p.packed_at <= :now
      AND NOT EXISTS (SELECT FROM fulfillment.work_order w WHERE w.fulfillment_order_id = f.id)
    ORDER BY p.packed_at DESC, p.parcel_id LIMIT :most
""")


async def learn_processing(
    db: Connection,
    *,
    now: datetime,
    limit: int,  # noqa: ARG001, what is new of a day
) -> int:
    """Sweep: once a day, learn how long those locations take that have packed something new."""
    rows = await db.execute(_packed, {"since": now - MEMORY, "now": now, "most": LESSONS_MAX})
    prepared: defaultdict[UUID, list[Prepared]] = defaultdict(list)
    for row in rows:
        prepared[row.location_id].append(Prepared(**dict(row)))
    known = (await all_locations(db)).by_id
    learned = [learn_preparing(known[one], parcels, at=now) for one, parcels in prepared.items()]
    await save_preparing(db, learned=learned, now=now)
    return len(learned)
