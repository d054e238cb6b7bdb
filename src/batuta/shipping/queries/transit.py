"""How long lanes take, by what deliveries have taught; kept in memory until more is learned."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from batuta.plumbing.database import Connection, Engine, Instant
from batuta.shipping.domain import Lane, Learned, Preparing, TransitDays, transit_days
from batuta.shipping.tables import preparing, transit_model

LANES_KEPT_MAX = 50_000
"""Of a service; a promise asks for hundreds, and mostly for the same."""


class _Kept(NamedTuple):
    changed_by: int
    learned: Learned
    days: dict[Lane, TransitDays]


_kept: WeakKeyDictionary[Engine, dict[UUID, _Kept]] = WeakKeyDictionary()

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
    known = await _known(db, {lane.service_id for lane in asked}, now=now)
    return {lane: _days(known.get(lane.service_id), lane) for lane in asked}


def _days(kept: _Kept | None, lane: Lane) -> TransitDays:
    if kept is None:
        return transit_days(None, lane)
    days = kept.days.get(lane)
    if days is None:
        if len(kept.days) >= LANES_KEPT_MAX:
            kept.days.clear()
        days = kept.days[lane] = transit_days(kept.learned, lane)
    return days


async def preparing_of(db: Connection, location_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Preparing]:
    """How long these locations take to get a parcel ready, as learned until `now`; absent where nothing was."""
    rows = await db.execute(_PREPARING, {"ids": list(location_ids), "now": now})
    return {row.location_id: Preparing(**dict(row)) for row in rows}


async def learned_of(db: Connection, service_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Learned]:
    """What was learned of these services until `now`; absent where nothing was."""
    return {service_id: one.learned for service_id, one in (await _known(db, service_ids, now=now)).items()}


async def _known(db: Connection, service_ids: Collection[UUID], *, now: datetime) -> dict[UUID, _Kept]:
    """What was learned of these services until `now`. One small read tells whether what is in memory still holds.

    What this very transaction learned may yet be undone, so it is read but not kept.
    """
    if not service_ids:
        return {}
    kept = _kept.setdefault(db.engine, {})
    rows = (await db.execute(_CHANGED, {"ids": list(service_ids), "now": now})).all()
    held = {row.service_id: kept.get(row.service_id) for row in rows}
    found = {
        row.service_id: one
        for row in rows
        if (one := held[row.service_id]) and one.changed_by == row.changed_by and not row.is_ours
    }
    read = await _read(db, held.keys() - found.keys())
    for row in rows:
        if row.service_id in read:
            found[row.service_id] = _Kept(row.changed_by, read[row.service_id], {})
            if not row.is_ours:
                kept[row.service_id] = found[row.service_id]
    return found


async def _read(db: Connection, service_ids: Collection[UUID]) -> dict[UUID, Learned]:
    if not service_ids:
        return {}
    rows: Iterable[Any] = await db.execute(_LEARNED, {"ids": list(service_ids)})
    return {row.service_id: msgspec.convert(row.learned, Learned, str_keys=True) for row in rows}
