"""Moving units between buckets: the one place where a line's buckets are written."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Text, Uuid, select, update

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.events import Event
from batuta.ordering.domain import (
    Bucket,
    Buckets,
    IllegalUnitMove,
    NotEnoughUnits,
    OrderStatus,
    UnitMove,
    UnitsMoved,
)
from batuta.ordering.events import OrderCancelled, OrderCompleted
from batuta.ordering.queries import read_line
from batuta.ordering.tables import line, order, unit_move, unit_return
from batuta.plumbing.database import Connection, arrays, insert_rows, params, rows_with
from batuta.plumbing.events import publish

Refusal = IllegalUnitMove | NotEnoughUnits | Refused | NotFound


class UnknownLine(NotFound):
    """The order has no such line."""


class UnitReturn(msgspec.Struct, frozen=True, kw_only=True):
    """So many delivered units of a line that came back; cause_id: the return line that brought them."""

    order_id: UUID
    line_id: UUID
    quantity: int
    cause_id: UUID


_wanted = arrays("given", id=Uuid())
_lock = (
    select(order.c.id, order.c.status)
    .join(_wanted, _wanted.c.id == order.c.id)
    .order_by(order.c.id)
    .with_for_update(of=order, key_share=True)
)


async def lock_orders(db: Connection, ids: Iterable[UUID]) -> dict[UUID, OrderStatus]:
    """Lock orders in ascending order of id, so that two batches queue; return their statuses.

    What this transaction has locked already is not asked for again.
    """
    held: dict[UUID, OrderStatus] = db.held if db.session.is_in_transaction() else {}
    asked = sorted(set(ids))
    wanted = [id_ for id_ in asked if id_ not in held]
    if wanted:
        rows = await db.execute(_lock, params("given", id=wanted))
        held.update((row.id, OrderStatus(row.status)) for row in rows)
    return {id_: held[id_] for id_ in asked if id_ in held}


async def move_units(db: Connection, *, moves: Sequence[UnitMove], now: datetime) -> list[UnitsMoved | Refusal]:
    """Move units between buckets; each move alone is done or refused, in the order given.

    The same cause, line and pair of buckets is one move: asked again it answers as before. When the last unit of an
    order is with the customer or cancelled, the order is completed or cancelled, and told so.
    Locks the orders in ascending order of id.
    """
    if not moves:
        return []
    statuses = await lock_orders(db, (move.order_id for move in moves))
    rows = {row["id"]: row for row in await rows_with(db, line.c.order_id, sorted(statuses))}
    known = await _known(db, moves)
    buckets = {id_: read_line(row).buckets for id_, row in rows.items()}

    outcomes: list[UnitsMoved | Refusal] = []
    new: list[UnitMove] = []
    for move in moves:
        key = _key(move)
        if key in known:
            repeated = UnitsMoved(move, is_repeat=True)
            outcomes.append(repeated if known[key] == move.quantity else _other_quantity(move, known[key]))
            continue
        if move.line_id not in rows or rows[move.line_id]["order_id"] != move.order_id:
            outcomes.append(UnknownLine("the order has no such line", line_id=str(move.line_id)))
            continue
        try:
            buckets[move.line_id] = buckets[move.line_id].moved(move)
        except (IllegalUnitMove, NotEnoughUnits) as refusal:
            outcomes.append(refusal)
            continue
        known[key] = move.quantity
        new.append(move)
        outcomes.append(UnitsMoved(move))

    await _write(db, new, buckets, now=now)
    await _close(db, statuses, rows, buckets, new, now=now)
    return outcomes


async def count_returned(db: Connection, *, returns: Sequence[UnitReturn], now: datetime) -> list[int | Refusal]:
    """Book delivered units as returned; a cause counts once, and never more than was delivered (odoo/odoo #178392)."""
    if not returns:
        return []
    await lock_orders(db, (one.order_id for one in returns))
    rows = {row["id"]: row for row in await rows_with(db, line.c.id, [one.line_id for one in returns])}
    booked = {(row["line_id"], row["cause_id"]) for row in await rows_with(db, unit_return.c.line_id, list(rows))}
    left = {id_: row["delivered"] - row["returned"] for id_, row in rows.items()}

    outcomes: list[int | Refusal] = []
    new: list[UnitReturn] = []
    for one in returns:
        if one.line_id not in rows:
            outcomes.append(UnknownLine("the order has no such line", line_id=str(one.line_id)))
        elif (one.line_id, one.cause_id) in booked:
            outcomes.append(one.quantity)
        elif left[one.line_id] < one.quantity:
            outcomes.append(
                NotEnoughUnits(
                    "fewer units were delivered and not yet returned",
                    line_id=str(one.line_id),
                    asked=one.quantity,
                    left=left[one.line_id],
                )
            )
        else:
            left[one.line_id] -= one.quantity
            booked.add((one.line_id, one.cause_id))
            new.append(one)
            outcomes.append(one.quantity)
    await _write_returns(db, new, now=now)
    return outcomes


def _key(move: UnitMove) -> tuple[UUID, UUID, str, str]:
    return move.line_id, move.cause_id, str(move.source), str(move.target)


def _other_quantity(move: UnitMove, before: int) -> Refused:
    return Refused(
        "the same cause moved another number of units before",
        line_id=str(move.line_id),
        asked=move.quantity,
        before=before,
    )


_causes = arrays("given", line_id=Uuid(), cause_id=Uuid())
_moves_of_causes = select(unit_move).join(
    _causes, (_causes.c.line_id == unit_move.c.line_id) & (_causes.c.cause_id == unit_move.c.cause_id)
)


async def _known(db: Connection, moves: Sequence[UnitMove]) -> dict[tuple[UUID, UUID, str, str], int]:
    pairs = sorted({(move.line_id, move.cause_id) for move in moves})
    given = params("given", line_id=[pair[0] for pair in pairs], cause_id=[pair[1] for pair in pairs])
    rows = await db.execute(_moves_of_causes, given)
    return {(row.line_id, row.cause_id, row.source, row.target): row.quantity for row in rows}


_given_buckets = arrays("given", id=Uuid(), **{str(bucket): Integer() for bucket in Bucket})
_set_buckets = (
    update(line)
    .values({line.c[str(bucket)]: _given_buckets.c[str(bucket)] for bucket in Bucket})
    .where(line.c.id == _given_buckets.c.id)
)


async def _write(db: Connection, moves: Sequence[UnitMove], buckets: Mapping[UUID, Buckets], *, now: datetime) -> None:
    if not moves:
        return
    touched = sorted({move.line_id for move in moves})
    counts = {str(bucket): [buckets[id_].of(bucket) for id_ in touched] for bucket in Bucket}
    await db.execute(_set_buckets, params("given", id=touched, **counts))
    await insert_rows(
        db,
        unit_move,
        [
            {
                "line_id": move.line_id,
                "cause_id": move.cause_id,
                "source": str(move.source),
                "target": str(move.target),
                "quantity": move.quantity,
                "actor": move.actor,
                "happened_at": now,
            }
            for move in moves
        ],
    )


async def _write_returns(db: Connection, returns: Sequence[UnitReturn], *, now: datetime) -> None:
    if not returns:
        return
    units: dict[UUID, int] = defaultdict(int)
    for one in returns:
        units[one.line_id] += one.quantity
    given = arrays("given", id=Uuid(), quantity=Integer())
    await db.execute(
        update(line).values(returned=line.c.returned + given.c.quantity).where(line.c.id == given.c.id),
        params("given", id=list(units), quantity=list(units.values())),
    )
    await insert_rows(
        db,
        unit_return,
        [
            {"line_id": one.line_id, "cause_id": one.cause_id, "quantity": one.quantity, "happened_at": now}
            for one in returns
        ],
    )


async def _close(
    db: Connection,
    statuses: Mapping[UUID, OrderStatus],
    rows: Mapping[UUID, Mapping[str, Any]],
    buckets: Mapping[UUID, Buckets],
    moves: Sequence[UnitMove],
    *,
    now: datetime,
) -> None:
    """Derive the header's next status from the buckets, for the orders that moved."""
    lines: dict[UUID, list[Buckets]] = defaultdict(list)
    for id_, row in rows.items():
        lines[row["order_id"]].append(buckets[id_])
    actors = {move.order_id: move.actor for move in moves}
    changed: dict[UUID, OrderStatus] = {}
    told: list[Event] = []
    for order_id, actor in actors.items():
        status = _next_status(statuses[order_id], lines[order_id])
        if status == statuses[order_id]:
            continue
        changed[order_id] = status
        if status is OrderStatus.COMPLETED:
            told.append(OrderCompleted(stream=order_id, happened_at=now, actor=actor))
        elif status is OrderStatus.CANCELLED:
            told.append(OrderCancelled(stream=order_id, happened_at=now, actor=actor, reason="every unit is cancelled"))
    await set_statuses(db, changed)
    await publish(db, told)


def _next_status(present: OrderStatus, lines: Sequence[Buckets]) -> OrderStatus:
    if present not in {OrderStatus.PLACED, OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS}:
        return present
    if all(not one.live for one in lines):
        return OrderStatus.CANCELLED
    if all(one.delivered == one.live for one in lines):
        return OrderStatus.COMPLETED
    if present is OrderStatus.ACCEPTED and any(one.in_work or one.shipped or one.delivered for one in lines):
        return OrderStatus.IN_PROGRESS
    return present


_decided = arrays("given", id=Uuid(), status=Text())
_set_statuses = (
    update(order).values(status=_decided.c.status, version=order.c.version + 1).where(order.c.id == _decided.c.id)
)


async def set_statuses(db: Connection, statuses: Mapping[UUID, OrderStatus]) -> None:
    """Store decided statuses of locked orders; each change is a new version of the order (PLT-02)."""
    if statuses:
        given = params("given", id=list(statuses), status=[str(status) for status in statuses.values()])
        await db.execute(_set_statuses, given)
        db.held.update((id_, status) for id_, status in statuses.items() if id_ in db.held)


__all__ = ["UnitReturn", "UnknownLine", "count_returned", "lock_orders", "move_units", "set_statuses"]
