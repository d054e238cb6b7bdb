"""Keeping what drafts in shadow would have changed, and forgetting it after 90 days."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Date, bindparam, delete, select, update

from batuta.plumbing.database import Connection, Instant, Integer, Uuid, arrays, insert_rows, params, upsert_rows
from batuta.rehearsal.domain import Changed, Figures, Load, Recorded, Replayed, report
from batuta.rehearsal.tables import shadow, shadow_day, shadow_difference, shadow_load, shadow_pending

KEPT = timedelta(days=90)

_LOCK = select(shadow.c.id).where(shadow.c.ended_at.is_(None)).order_by(shadow.c.id).with_for_update(key_share=True)
_given = arrays("given", shadow_id=Uuid(), order_id=Uuid())
_TAKE = (
    delete(shadow_pending)
    .where(shadow_pending.c.shadow_id == _given.c.shadow_id, shadow_pending.c.order_id == _given.c.order_id)
    .returning(shadow_pending.c.shadow_id, shadow_pending.c.order_id)
)
_shadow_id = bindparam("shadow_id", type_=Uuid())
_LEAVE_OUT = (
    update(shadow)
    .where(shadow.c.id == _shadow_id)
    .values(left_out=shadow.c.left_out + bindparam("orders", type_=Integer()))
)
_day = bindparam("day", type_=Date())
_DAY = select(shadow_day).where(shadow_day.c.shadow_id == _shadow_id, shadow_day.c.day == _day)
_LOADS = select(shadow_load).where(shadow_load.c.shadow_id == _shadow_id, shadow_load.c.day == _day)
_OLD = (
    select(shadow_difference.c.shadow_id, shadow_difference.c.order_id)
    .where(shadow_difference.c.at <= bindparam("until", type_=Instant))
    .order_by(shadow_difference.c.at)
    .limit(bindparam("limit", type_=Integer()))
    .subquery()
)
_FORGET = (
    delete(shadow_difference)
    .where(shadow_difference.c.shadow_id == _OLD.c.shadow_id, shadow_difference.c.order_id == _OLD.c.order_id)
    .returning(shadow_difference.c.order_id)
)
_FORGET_DAYS = tuple(delete(table).where(table.c.day < _day) for table in (shadow_day, shadow_load))


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that were planned again for one draft in shadow, in parallel; order_ids: all that were to be.

    codes: of locations.
    """

    shadow_id: UUID
    order_ids: Collection[UUID]
    recorded: Sequence[Recorded]
    live: Sequence[Replayed]
    draft: Sequence[Replayed]
    codes: Mapping[UUID, str]

    def days(self, order_ids: Collection[UUID]) -> dict[tuple[date, str], list[int]]:
        """Which of these orders are of a day and a currency."""
        found: dict[tuple[date, str], list[int]] = defaultdict(list)
        for n, one in enumerate(self.recorded):
            if one.request.order_id in order_ids:
                found[one.at.date(), one.request.currency].append(n)
        return found


async def keep_compared(db: Connection, *, compared: Sequence[Compared]) -> int:
    """Add up what drafts would have changed, and keep each order that would ship from elsewhere; return how many.

    What another worker has kept already, or whose draft is no longer in shadow, is left alone. Locks the shadows.
    """
    live = set(await db.scalars(_LOCK))
    keys = sorted((one.shadow_id, order_id) for one in compared for order_id in one.order_ids)
    given = params("given", shadow_id=[key[0] for key in keys], order_id=[key[1] for key in keys])
    taken: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await db.execute(_TAKE, given):
        taken[row.shadow_id].add(row.order_id)
    for one in sorted(compared, key=lambda one: one.shadow_id):
        if one.shadow_id in live:
            await _keep(db, one, taken[one.shadow_id])
    return sum(map(len, taken.values()))


async def forget_differences(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: forget what drafts would have changed 90 days ago."""
    until = now - KEPT
    gone = len((await db.execute(_FORGET, {"until": until, "limit": limit})).all())
    if gone < limit:
        for one in _FORGET_DAYS:
            await db.execute(one, {"day": until.date()})
    return gone


async def _keep(db: Connection, one: Compared, order_ids: Collection[UUID]) -> None:
    days = one.days(order_ids)
    left_out = len(order_ids) - sum(map(len, days.values()))
    if left_out:
        await db.execute(_LEAVE_OUT, {"shadow_id": one.shadow_id, "orders": left_out})
    for (day, currency), rows in sorted(days.items()):
        found = report(
            [one.recorded[n] for n in rows], [one.live[n] for n in rows], [one.draft[n] for n in rows], one.codes
        )
        (figures,) = found.comparisons
        key = {"shadow_id": one.shadow_id, "day": day}
        await _add_figures(db, {**key, "currency": currency}, figures.live, figures.draft, found.reproduced)
        await _add_loads(db, key, found.loads)
        await insert_rows(db, shadow_difference, [_difference(one.shadow_id, changed) for changed in found.changed])


async def _add_figures(db: Connection, key: dict[str, object], live: Figures, draft: Figures, reproduced: int) -> None:
    orders = live.orders
    for row in await db.execute(_DAY, {"shadow_id": key["shadow_id"], "day": key["day"]}):
        if row["currency"] == key["currency"]:
            live = live.plus(msgspec.convert(row["live"], Figures))
            draft = draft.plus(msgspec.convert(row["draft"], Figures))
            orders, reproduced = orders + row["orders"], reproduced + row["reproduced"]
    summed = {**key, "orders": orders, "reproduced": reproduced, "live": live, "draft": draft}
    await upsert_rows(db, shadow_day, [summed], key=("shadow_id", "day", "currency"), keep=())


async def _add_loads(db: Connection, key: dict[str, object], loads: Sequence[Load]) -> None:
    counted = ("live_orders", "live_units", "draft_orders", "draft_units")
    before = {row["location_id"]: row for row in await db.execute(_LOADS, key)}
    rows = [
        {**key, "location_id": one.location_id}
        | {
            name: getattr(one, name) + (before[one.location_id][name] if one.location_id in before else 0)
            for name in counted
        }
        for one in loads
    ]
    await upsert_rows(db, shadow_load, rows, key=("shadow_id", "day", "location_id"), keep=())


def _difference(shadow_id: UUID, changed: Changed) -> dict[str, object]:
    return {"shadow_id": shadow_id, "order_id": changed.order_id, "at": changed.at, "record": changed}
