"""Drafts in shadow, and what they would change."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, func, select

from batuta.locations.queries import all_locations
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Integer, Row, Text, Uuid, rows_with
from batuta.plumbing.listing import Listing
from batuta.rehearsal.domain import Changed, Comparison, Figures, Load, Shadow
from batuta.rehearsal.tables import shadow, shadow_day, shadow_difference, shadow_load, shadow_pending

LISTENERS = "SELECT FROM rehearsal.shadow WHERE ended_at IS NULL"

AUDIT = (
    Law(
        "only a draft in shadow has orders to plan",
        """
        SELECT p.shadow_id, p.order_id FROM rehearsal.shadow_pending p
        JOIN rehearsal.shadow s ON s.id = p.shadow_id WHERE s.ended_at IS NOT NULL
        """,
    ),
    Law(
        "what a draft in shadow would change was planned with it",
        """
        SELECT d.shadow_id, count(*) AS differing FROM rehearsal.shadow_difference d GROUP BY d.shadow_id
        HAVING count(*) > coalesce(
            (SELECT sum(y.orders) FROM rehearsal.shadow_day y WHERE y.shadow_id = d.shadow_id), 0)
        """,
    ),
)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An order to plan again with a draft, as of when it was planned."""

    shadow_id: UUID
    order_id: UUID
    at: datetime


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft in shadow would have changed, of the orders of the last 90 days.

    waiting: orders yet to be planned with it. reproduced: those that the live strategies, asked again, send from where
    they were sent; of others, a pool, a person or a change since had a hand in it. differing: those that would ship
    from elsewhere.
    """

    shadow: Shadow
    waiting: int
    orders: int
    reproduced: int
    differing: int
    comparisons: list[Comparison]
    loads: list[Load]


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """Which differences are wanted, the newest first. after: when the last of the page before was planned, and it."""

    shadow_id: UUID
    after: tuple[datetime, UUID] | None = None
    limit: int


_of_shadow = bindparam("shadow_id", type_=Uuid())
_IN_FORCE = select(shadow).where(shadow.c.ended_at.is_(None)).order_by(shadow.c.id)
_LAST = (
    select(shadow)
    .where(shadow.c.strategy_code == bindparam("strategy_code", type_=Text()))
    .order_by(shadow.c.begun_at.desc())
    .limit(1)
)
_PENDING = (
    select(shadow_pending)
    .order_by(shadow_pending.c.at, shadow_pending.c.order_id)
    .limit(bindparam("limit", type_=Integer()))
)
_WAITING = select(func.count()).select_from(shadow_pending).where(shadow_pending.c.shadow_id == _of_shadow)
_DIFFERING = select(func.count()).select_from(shadow_difference).where(shadow_difference.c.shadow_id == _of_shadow)
_LOADS = (
    select(
        shadow_load.c.location_id,
        *(
            func.sum(shadow_load.c[name]).cast(Integer).label(name)
            for name in ("live_orders", "live_units", "draft_orders", "draft_units")
        ),
    )
    .where(shadow_load.c.shadow_id == _of_shadow)
    .group_by(shadow_load.c.location_id)
)
_SHADOWS = Listing(select(shadow), order=(shadow.c.begun_at, shadow.c.id), filters={}, is_newest_first=True)
_DIFFERENCES = Listing(
    select(shadow_difference.c.record),
    order=(shadow_difference.c.at, shadow_difference.c.order_id),
    filters={"shadow_id": shadow_difference.c.shadow_id == _of_shadow},
    is_newest_first=True,
)


async def shadows_in_force(db: Connection) -> list[Shadow]:
    """The drafts that are in shadow now."""
    return [_read(row) for row in await db.execute(_IN_FORCE)]


async def pending_orders(db: Connection, *, limit: int) -> list[Pending]:
    """Orders that wait to be planned with drafts, the oldest first."""
    return [Pending(**row) for row in await db.execute(_PENDING, {"limit": limit})]


async def shadows_of(db: Connection, ids: Collection[UUID]) -> dict[UUID, Shadow]:
    """The shadows of these ids; those that do not exist are left out."""
    return {row["id"]: _read(row) for row in await rows_with(db, shadow.c.id, ids)}


async def last_shadow_of(db: Connection, strategy_code: str) -> Shadow | None:
    """The strategy's draft that is in shadow, or was last."""
    row = (await db.execute(_LAST, {"strategy_code": strategy_code})).first()
    return _read(row) if row else None


async def list_shadows(db: Connection, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Shadow]:
    """Every draft that is or was in shadow, the newest first."""
    return [_read(row) for row in await _SHADOWS.read(db, {}, behind=after, limit=limit)]


async def list_differences(db: Connection, wanted: Differing) -> list[Changed]:
    """Orders that would ship from elsewhere, the newest first."""
    given = {"shadow_id": wanted.shadow_id}
    rows = await _DIFFERENCES.read(db, given, behind=wanted.after, limit=wanted.limit)
    return [msgspec.convert(row.record, Changed) for row in rows]


async def report_of(db: Connection, one: Shadow) -> ShadowReport:
    """What a draft would have changed so far."""
    days = await rows_with(db, shadow_day.c.shadow_id, [one.id])
    codes = {found.id: found.code for found in (await all_locations(db)).by_id.values()}
    loads = [
        Load(location_code=codes[row["location_id"]], **row) for row in await db.execute(_LOADS, {"shadow_id": one.id})
    ]
    return ShadowReport(
        shadow=one,
        waiting=await db.scalar(_WAITING, {"shadow_id": one.id}) or 0,
        orders=sum(row["orders"] for row in days),
        reproduced=sum(row["reproduced"] for row in days),
        differing=await db.scalar(_DIFFERING, {"shadow_id": one.id}) or 0,
        comparisons=[
            Comparison(
                currency=currency,
                live=_summed([row["live"] for row in days if row["currency"] == currency]),
                draft=_summed([row["draft"] for row in days if row["currency"] == currency]),
            )
            for currency in sorted({row["currency"] for row in days})
        ],
        loads=sorted(loads, key=lambda load: load.location_code),
    )


def _summed(some: Sequence[Any]) -> Figures:
    first, *others = (msgspec.convert(one, Figures) for one in some)
    for one in others:
        first = first.plus(one)
    return first


def _read(row: Row | Any) -> Shadow:
    return msgspec.convert({name: row[name] for name in Shadow.__struct_fields__}, Shadow)
