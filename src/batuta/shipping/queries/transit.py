"""How long lanes take, by what deliveries have taught; kept in memory until more is learned."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from batuta.plumbing.database import Connection, Engine, Instant
from batuta.shipping.domain import Lane, Learned, Preparing, TransitDays, transit_days
from batuta.shipping.tables import preparing, transit_model

_kept: WeakKeyDictionary[Engine, dict[UUID, tuple[int, Learned]]] = WeakKeyDictionary()

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_is_ours = func.pg_current_xact_id_if_assigned() == transit_model.c.changed_by
_CHANGED = select(
    transit_model.c.service_id, transit_model.c.changed_by, func.coalesce(_is_ours, False).label("is_ours")
).where(transit_model.c.service_id == any_(_ids), transit_model.c.learned_at <= bindparam("now", type_=Instant))
_LEARNED = select(transit_model.c.service_id, transit_model.c.learned).where(transit_model.c.service_id == any_(_ids))


_PREPARING = select(
    preparing.c.location_id, preparing.c.p50_minutes, preparing.c.p90_minutes, preparing.c.lessons
).where(preparing.c.location_id == any_(_ids), preparing.c.learned_at <= bindparam("now", type_=Instant))


async def transit_of(db: Connection, *, lanes: Iterable[Lane], now: datetime) -> dict[Lane, TransitDays]:
    """How long each lane takes by what was learned until `now`, P10, P50 and P90; the table's days without deliveries.

    What was learned later, as a replay of the past may find it, is not known yet.
    """
    asked = list(lanes)
    known = await learned_of(db, {lane.service_id for lane in asked}, now=now)
    return {lane: transit_days(known.get(lane.service_id), lane) for lane in asked}


async def preparing_of(db: Connection, location_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Preparing]:
    """How long these locations take to get a parcel ready, as learned until `now`; absent where nothing was."""
    rows = await db.execute(_PREPARING, {"ids": list(location_ids), "now": now})
    return {row.location_id: Preparing(**dict(row)) for row in rows}


async def learned_of(db: Connection, service_ids: Collection[UUID], *, now: datetime) -> Mapping[UUID, Learned]:
    """What was learned of these services until `now`. One small read tells whether what is in memory still holds.

    What this very transaction learned may yet be undone, so it is read but not kept.
    """
    if not service_ids:
        return {}
    kept = _kept.setdefault(db.engine, {})
    rows = (await db.execute(_CHANGED, {"ids": list(service_ids), "now": now})).all()
    stale = {row.service_id for row in rows if row.is_ours or kept.get(row.service_id, (None,))[0] != row.changed_by}
    read = await _read(db, stale)
    for row in rows:
        if row.service_id in stale and not row.is_ours:
            kept[row.service_id] = (row.changed_by, read[row.service_id])
    return {row.service_id: read.get(row.service_id) or kept[row.service_id][1] for row in rows}


async def _read(db: Connection, service_ids: Collection[UUID]) -> dict[UUID, Learned]:
    if not service_ids:
        return {}
    rows: Iterable[Any] = await db.execute(_LEARNED, {"ids": list(service_ids)})
    return {row.service_id: msgspec.convert(row.learned, Learned, str_keys=True) for row in rows}
