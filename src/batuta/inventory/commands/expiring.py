"""Soft claims that have ended: released by whoever locks their row, or by the sweep (RES-04)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, func, select, update

from batuta.inventory.commands.claiming import PoolKey, use_pools
from batuta.inventory.commands.rows import LockedRows, Place, lock_rows, places_of, write_rows
from batuta.inventory.domain import ClaimStatus, StockKey
from batuta.inventory.events import ReservationExpired
from batuta.inventory.tables import Key, release, reservation
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params
from batuta.plumbing.events import publish

_due = bindparam("now", type_=Instant)
_rows = arrays("row", sku_id=Uuid(), location_id=Uuid(), condition=Key, lot=Key)
_on_row = and_(
    reservation.c.sku_id == _rows.c.sku_id,
    reservation.c.location_id == _rows.c.location_id,
    reservation.c.condition == _rows.c.condition,
    reservation.c.lot == _rows.c.lot,
)
_row = (reservation.c.sku_id, reservation.c.location_id, reservation.c.condition, reservation.c.lot)

# A claim that its holder is converting at this moment is locked, and stays: no waiting with a stock row in hand.
_ended = (
    select(reservation.c.id, reservation.c.held, reservation.c.expires_at)
    .join_from(_rows, reservation, _on_row)
    .where(reservation.c.expires_at <= _due)
    .with_for_update(of=reservation, skip_locked=True)
    .cte("ended")
)
_release_ended = (
    update(reservation)
    .where(reservation.c.id == _ended.c.id)
    .values(held=0, status=ClaimStatus.RELEASED.value, expires_at=None)
    .returning(
        reservation.c.id, reservation.c.holder_id, *_row, reservation.c.pool_id, _ended.c.held, _ended.c.expires_at
    )
)
_next_ends = (
    select(*_row, func.min(reservation.c.expires_at))
    .join_from(_rows, reservation, _on_row)
    .where(reservation.c.expires_at.is_not(None))
    .group_by(*_row)
)
_oldest_ends = (
    select(*_row).where(reservation.c.expires_at <= _due).order_by(reservation.c.expires_at).limit(bindparam("limit"))
)


async def release_expired(db: Connection, *, now: datetime, limit: int) -> int:
    """Release soft claims that have ended, the longest ended first; return how many.

    A sweep: reads never count an ended claim, so nothing depends on when it runs.
    """
    ended = [StockKey(*row) for row in await db.execute(_oldest_ends, {"now": now, "limit": limit})]
    rows = await lock_rows(db, places_of(ended))
    released = await release_ended(db, rows, now=now)
    await write_rows(db, rows)
    return released


async def lock_rows_now(db: Connection, places: Collection[Place], *, now: datetime) -> LockedRows:
    """Lock the rows of the places and release the claims on them that have ended."""
    rows = await lock_rows(db, places, now=now)
    await release_ended(db, rows, now=now)
    return rows


async def release_ended(db: Connection, rows: LockedRows, *, now: datetime) -> int:
    """Release the ended claims on locked rows; return how many. The rows' own change waits for `write_rows`."""
    due = rows.keys_due(now)
    if not due:
        return 0
    given = params(
        "row",
        sku_id=[key.sku_id for key in due],
        location_id=[key.location_id for key in due],
        condition=[key.condition for key in due],
        lot=[key.lot for key in due],
    )
    released = 0
    ends: dict[UUID, tuple[int, datetime]] = defaultdict(lambda: (0, now))
    freed: dict[PoolKey, int] = defaultdict(int)
    noted: list[dict[str, object]] = []
    for id_, holder_id, *row, pool_id, held, expires_at in await db.execute(_release_ended, given | {"now": now}):
        key = StockKey(*row)
        rows.change(key, claimed=-held)
        noted.append(
            {
                "reservation_id": id_,
                "held": 0,
                "units": held,
                "holder_id": holder_id,
                "sku_id": key.sku_id,
                "location_id": key.location_id,
                "lot": key.lot,
                "released_at": expires_at,
            }
        )
        if pool_id is not None:
            freed[pool_id, key.sku_id, key.location_id] -= held
        units, _ = ends[holder_id]
        ends[holder_id] = (units + held, expires_at)
        released += 1

    await use_pools(db, freed)
    await insert_rows(db, release, noted)
    next_ends = {StockKey(*row[:4]): row[4] for row in await db.execute(_next_ends, given)}
    for key in due:
        rows.set_first_expiry(key, next_ends.get(key))
    await publish(
        db,
        [
            ReservationExpired(stream=holder_id, happened_at=at, actor="system:inventory", units=units)
            for holder_id, (units, at) in sorted(ends.items())
        ],
    )
    return released
