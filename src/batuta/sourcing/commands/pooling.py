"""Pools: orders that wait a while to be planned together, the plan made with no transaction open (SRC-04, SRC-06)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, select, update

from batuta.inventory.commands import rearrange
from batuta.inventory.domain import Relocate
from batuta.plumbing.database import Connection, Instant, Integer, insert_new, insert_rows
from batuta.sourcing.commands.gathering import Refusals, gather
from batuta.sourcing.commands.locating import locate
from batuta.sourcing.domain import Moved, SourcingRequest
from batuta.sourcing.domain.pooling import NOTHING_STANDS, Stands, Waiting, is_same, moves_to, pools_of
from batuta.sourcing.domain.pools.components import PoolPlan
from batuta.sourcing.domain.search.candidates import Placement, placement_of
from batuta.sourcing.queries import history_of
from batuta.sourcing.tables import pool_run, pooled

RETRY_AFTER = timedelta(minutes=5)
"""When a pool is looked at again whose plan was begun and never ended."""

POOL_MAX = 5_000

_order_ids = any_(bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1)))
_FORGET = delete(pooled).where(pooled.c.order_id == _order_ids)
_DUE = (
    select(pooled.c.order_id)
    .where(
        pooled.c.channel_id.in_(select(pooled.c.channel_id).where(pooled.c.due_at <= bindparam("now", type_=Instant))),
        (pooled.c.begun_at.is_(None) & ~pooled.c.is_offered) | (pooled.c.due_at <= bindparam("now", type_=Instant)),
    )
    .order_by(pooled.c.added_at, pooled.c.order_id)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_BEGIN = (
    update(pooled)
    .where(pooled.c.order_id == _order_ids)
    .values(begun_at=bindparam("now", type_=Instant), due_at=bindparam("again_at", type_=Instant))
)


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """An order that waits, with others of its channel, until `due_at` at most.

    is_offered: it is planned, and looked at again then if nobody has accepted it.
    """

    order_id: UUID
    channel_id: UUID
    due_at: datetime
    is_offered: bool = False


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """What was planned for a pool, and how long that took."""

    waiting: Waiting
    plan: PoolPlan
    milliseconds: int

    @property
    def placements(self) -> dict[UUID, Placement]:
        """Where its orders ship from; those that would be parked are planned in turn, and what stands is left out."""
        pairs = zip(self.waiting.order_ids, self.plan.choices, strict=True)
        placed = {order_id: placement_of(choice.shipments) for order_id, choice in pairs if choice is not None}
        standing = self.waiting.standing
        return {id_: one for id_, one in placed.items() if id_ not in standing or not is_same(one, standing[id_])}

    @property
    def moved(self) -> set[UUID]:
        """What was offered already and would ship from elsewhere."""
        return self.waiting.standing.keys() & self.placements.keys()


async def add_to_pools(db: Connection, *, orders: Sequence[Pooled], now: datetime) -> None:
    """Let orders wait for others; one that waits already goes on as it is."""
    rows = [msgspec.structs.asdict(one) | {"added_at": now, "begun_at": None} for one in orders]
    await insert_new(db, pooled, sorted(rows, key=lambda row: row["order_id"]), returning=["order_id"])


async def begin_pools(db: Connection, *, now: datetime) -> list[UUID]:
    """The orders of channels of which one has waited long enough, the oldest first; they are due again if it fails."""
    order_ids = list(await db.scalars(_DUE, {"now": now, "limit": POOL_MAX}))
    if order_ids:
        await db.execute(_BEGIN, {"order_ids": order_ids, "now": now, "again_at": now + RETRY_AFTER})
    return order_ids


async def read_pools(
    db: Connection,
    *,
    requests: Sequence[SourcingRequest],
    now: datetime,
    stands: Mapping[UUID, Stands] = NOTHING_STANDS,
) -> list[Waiting]:
    """What to plan together; units that the orders do not hold yet are reserved first.

    stands: where those are that were offered, and that the caller has withdrawn to see what could be.
    """
    if not requests:
        return []
    order_ids = [one.order_id for one in requests]
    sku_ids = {sku_id for one in requests for line in one.lines for sku_id, _ in line.components}
    history = await history_of(db, order_ids, sku_ids=sku_ids, now=now)
    located = await locate(db, requests)
    known = await gather(db, located, history, Refusals(), now=now)
    return pools_of(located, known, stands)


async def settle_pools(
    db: Connection, *, together: Sequence[Together], requests: Sequence[SourcingRequest], now: datetime
) -> Mapping[UUID, Placement]:
    """Let the claims of pools lie where they were planned; return where each order is to be planned from.

    What others took meanwhile is left out, and such orders are planned in turn. Locks stock. The run is kept.
    """
    wanted = {order_id: placement for one in together for order_id, placement in one.placements.items()}
    there: dict[UUID, Placement] = {}
    if wanted and requests:
        order_ids = [one.order_id for one in requests]
        sku_ids = {sku_id for one in requests for line in one.lines for sku_id, _ in line.components}
        history = await history_of(db, order_ids, sku_ids=sku_ids, now=now)
        located = await locate(db, requests)
        known = await gather(db, located, history, Refusals(), now=now)
        moves = moves_to(wanted, located, known)
        if await rearrange(db, moves=_relocations(moves, requests), now=now):
            there = {order_id: wanted[order_id] for order_id in moves}
    await insert_rows(db, pool_run, [_row(one, there, now) for one in together])
    return there


async def end_pools(db: Connection, *, order_ids: Sequence[UUID]) -> None:
    """They wait no longer."""
    await db.execute(_FORGET, {"order_ids": list(order_ids)})


def _relocations(moves: Mapping[UUID, Sequence[Moved]], requests: Sequence[SourcingRequest]) -> list[Relocate]:
    askers = {one.order_id: one.asker for one in requests}
    return [
        Relocate(holder_id=order_id, asker=askers[order_id], **msgspec.structs.asdict(one))
        for order_id, some in moves.items()
        for one in some
    ]


def _row(one: Together, there: Mapping[UUID, Placement], now: datetime) -> dict[str, object]:
    plan, standing = one.plan, one.waiting.standing
    return {
        "id": one.waiting.order_ids[0],
        "planned_at": now,
        "orders": len(one.waiting.order_ids),
        "orders_stale": sum(id_ not in there and id_ not in standing for id_ in one.waiting.order_ids),
        "replanned": len(standing),
        "moved": sum(id_ in there for id_ in standing),
        "cost_minor": round(plan.cost),
        "one_by_one_minor": round(plan.one_by_one),
        "bound_minor": max(0, round(plan.bound)),
        "milliseconds": one.milliseconds,
    }
