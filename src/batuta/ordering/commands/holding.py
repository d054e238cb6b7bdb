"""Holds: placed, released, and released by time; and accepting the orders that nothing holds any more."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, select, update

from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.states import move
from batuta.ordering.commands.moving import lock_orders, set_statuses
from batuta.ordering.domain import HOLD_MOVES, Hold, HoldStatus, NewHold, OrderStatus, Stage
from batuta.ordering.events import HoldEnded, HoldPlaced, OrderAccepted
from batuta.ordering.queries import holds_on, read_hold
from batuta.ordering.tables import hold
from batuta.payments.domain import Balance
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection, arrays, insert_new, params, rows_with
from batuta.plumbing.events import publish


class UnknownHold(NotFound):
    """There is no such hold."""


class EndHold(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a hold: released, or rejected when the order must not go on."""

    hold_id: UUID
    actor: str
    reason: str
    status: HoldStatus = HoldStatus.RELEASED


async def insert_holds(db: Connection, holds: Sequence[NewHold], *, now: datetime) -> None:
    """Place holds on orders that the caller has locked or just stored; an id that is there stays as it is."""
    rows = [
        {
            "id": one.id,
            "order_id": one.order_id,
            "kind": str(one.kind),
            "status": str(HoldStatus.ACTIVE),
            "blocks": str(one.blocks),
            "reason": one.reason,
            "actor": one.actor,
            "placed_at": now,
            "due_at": one.due_at,
        }
        for one in sorted(holds, key=lambda one: one.id)
    ]
    new = {id_ for (id_,) in await insert_new(db, hold, rows, returning=["id"])}
    await publish(
        db,
        [
            HoldPlaced(
                stream=one.order_id,
                happened_at=now,
                actor=one.actor,
                hold_id=one.id,
                kind=one.kind,
                reason=one.reason,
                due_at=one.due_at,
            )
            for one in holds
            if one.id in new
        ],
    )


async def add_holds(db: Connection, *, holds: Sequence[NewHold], now: datetime) -> None:
    """Hold orders; unknown orders are left out. Locks the orders in ascending order of id."""
    known = await lock_orders(db, (one.order_id for one in holds))
    await insert_holds(db, [one for one in holds if one.order_id in known], now=now)


async def end_holds(db: Connection, *, ends: Sequence[EndHold], now: datetime) -> list[Hold | BatutaError]:
    """Release or reject holds; ending one twice the same way answers the same."""
    rows = {row["id"]: row for row in await rows_with(db, hold.c.id, [one.hold_id for one in ends])}
    await lock_orders(db, (row["order_id"] for row in rows.values()))
    found = {row["id"]: read_hold(row) for row in await rows_with(db, hold.c.id, list(rows))}
    outcomes: list[Hold | BatutaError] = []
    changed: list[Hold] = []
    for one in ends:
        present = found.get(one.hold_id)
        if present is None:
            outcomes.append(UnknownHold("there is no such hold", hold_id=str(one.hold_id)))
            continue
        try:
            move(HOLD_MOVES, present.status, one.status)
        except BatutaError as refusal:
            outcomes.append(refusal)
            continue
        if present.status is not one.status:
            present = msgspec.structs.replace(
                present, status=one.status, ended_at=now, ended_by=one.actor, ended_because=one.reason
            )
            found[one.hold_id] = present
            changed.append(present)
        outcomes.append(present)
    await _write_ended(db, changed, now=now)
    return outcomes


async def release_due_holds(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: release the holds whose time has come."""
    due = await db.scalars(
        select(hold.c.id)
        .where(hold.c.status == HoldStatus.ACTIVE, hold.c.due_at <= now)
        .order_by(hold.c.order_id, hold.c.id)
        .limit(limit)
    )
    ids = list(due)
    if ids:
        ends = [EndHold(hold_id=id_, actor="system:time", reason="its time has come") for id_ in ids]
        await end_holds(db, ends=ends, now=now)
    return len(ids)


async def accept_ready(db: Connection, *, order_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """Accept those orders that are paid for or covered and that nothing holds; return them.

    Covered: what is authorised and captured comes to what is due. Asking again accepts nothing twice.
    """
    statuses = await lock_orders(db, order_ids)
    placed = [id_ for id_, status in statuses.items() if status is OrderStatus.PLACED]
    if not placed:
        return []
    money = await balances(db, placed)
    held = await holds_on(db, placed, Stage.SOURCE)
    ready = [id_ for id_ in placed if is_covered(money.get(id_)) and id_ not in held]
    await set_statuses(db, dict.fromkeys(ready, OrderStatus.ACCEPTED))
    await publish(db, [OrderAccepted(stream=id_, happened_at=now, actor="system:ordering") for id_ in ready])
    return ready


def is_covered(balance: Balance | None) -> bool:
    """Whether nothing is due that is neither held nor paid; an order without a balance owes nothing."""
    return balance is None or balance.owed_minor <= 0


async def _write_ended(db: Connection, holds: Sequence[Hold], *, now: datetime) -> None:
    if not holds:
        return
    given = arrays("given", id=Uuid(), status=Text(), ended_by=Text(), ended_because=Text())
    await db.execute(
        update(hold)
        .values(status=given.c.status, ended_by=given.c.ended_by, ended_because=given.c.ended_because, ended_at=now)
        .where(hold.c.id == given.c.id),
        params(
            "given",
            id=[one.id for one in holds],
            status=[str(one.status) for one in holds],
            ended_by=[one.ended_by for one in holds],
            ended_because=[one.ended_because for one in holds],
        ),
    )
    await publish(
        db,
        [
            HoldEnded(
                stream=one.order_id,
                happened_at=now,
                actor=one.ended_by or one.actor,
                hold_id=one.id,
                kind=one.kind,
                status=str(one.status),
                reason=one.ended_because or "",
            )
            for one in holds
        ],
    )
