"""Safety stock that is computed anew each day from what left the location (INV-08)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select

from batuta.inventory.commands.opening import NoRow
from batuta.inventory.commands.safety import SafetyLevel, set_safety_stock
from batuta.inventory.domain.safety import SafetyPolicy, safety_units
from batuta.inventory.queries import outflow_of
from batuta.inventory.tables import safety_policy
from batuta.locations.domain import local_day
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Instant, upsert_rows

EVERY = timedelta(days=1)


async def set_safety_policies(
    db: Connection, *, policies: Sequence[SafetyPolicy], now: datetime
) -> list[SafetyPolicy | NoRow]:
    """Say how safety stock is computed; it is so at once, and each day from then on."""
    levels = [SafetyLevel(sku_id=one.sku_id, location_id=one.location_id, units=one.floor_units) for one in policies]
    kept = await set_safety_stock(db, levels=levels, now=now)
    good = [one for one, outcome in zip(policies, kept, strict=True) if isinstance(outcome, SafetyLevel)]
    rows = {(one.sku_id, one.location_id): {**msgspec.to_builtins(one), **_ids(one), "due_at": now} for one in good}
    await upsert_rows(db, safety_policy, rows.values(), key=("sku_id", "location_id"), keep=())
    return [
        outcome if not isinstance(outcome, SafetyLevel) else one for one, outcome in zip(policies, kept, strict=True)
    ]


async def recompute_safety(db: Connection, *, now: datetime, limit: int) -> int:
    """Compute the safety stock of those whose day has come; return how many. A sweep."""
    rows = (await db.execute(_DUE, {"now": now, "limit": limit})).all()
    policies = [msgspec.convert(dict(row), SafetyPolicy) for row in rows]
    if not policies:
        return 0
    places = await locations_by_id(db, {one.location_id for one in policies})
    flows = await outflow_of(
        db,
        sku_ids={one.sku_id for one in policies},
        since_at=now - timedelta(days=max(one.window_days for one in policies)),
        now=now,
    )
    levels = [
        SafetyLevel(
            sku_id=one.sku_id,
            location_id=one.location_id,
            units=safety_units(
                one,
                _days(flows.get((one.sku_id, one.location_id), {}), one.window_days),
                today=local_day(places[one.location_id], now),
            ),
        )
        for one in policies
    ]
    await set_safety_stock(db, levels=levels, now=now)
    later = [{**dict(row), "due_at": now + EVERY} for row in rows]
    await upsert_rows(db, safety_policy, later, key=("sku_id", "location_id"), keep=())
    return len(policies)


def _days(flow: dict[int, int], window_days: int) -> list[int]:
    """Units a day over the window, those days too on which nothing left. flow: units by how many days ago."""
    days = defaultdict(int, flow)
    return [days[ago] for ago in range(window_days)]


def _ids(one: SafetyPolicy) -> dict[str, UUID]:
    return {"sku_id": one.sku_id, "location_id": one.location_id}


_DUE = (
    select(safety_policy)
    .where(safety_policy.c.due_at <= bindparam("now", type_=Instant))
    .order_by(safety_policy.c.due_at, safety_policy.c.sku_id, safety_policy.c.location_id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
