"""Every verb goes the same way: lock, decide purely, carry all of it out set-based, or none of an item."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, select

from batuta.inventory.commands import record_movements
from batuta.inventory.commands.serials import bring_back
from batuta.inventory.domain import Movement, Recorded
from batuta.inventory.domain.serials import Comeback
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.ordering.commands import UnitReturn, count_returned
from batuta.ordering.commands.moving import lock_orders
from batuta.plumbing.database import Connection, arrays, insert_rows, params, rows_with, upsert_rows
from batuta.plumbing.events import publish
from batuta.returns.domain import Graded, Refund, Return, SoldOrder, UnknownReturn, followed
from batuta.returns.queries import returns_by_id, sold_orders
from batuta.returns.tables import grading, receipt, refund, refund_line, return_, return_line


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision does to a return, and what follows from it."""

    after: Return
    actor: str
    movements: tuple[Movement, ...] = ()
    comebacks: tuple[Comeback, ...] = ()
    counts: tuple[UnitReturn, ...] = ()
    receipt: dict[str, Any] | None = None
    grading: Graded | None = None
    refund: Refund | None = None
    events: tuple[Event, ...] = ()


Decide = Callable[[Return | None, SoldOrder | None], Step | Return]
"""From the return as it is, and what is known of its order; a return alone is one that stays as it is."""


class Task(msgspec.Struct, frozen=True):
    """One item of a command. order_id: for a return that is only being made."""

    return_id: UUID
    decide: Decide
    order_id: UUID | None = None


class Decided(msgspec.Struct, frozen=True):
    """The answers, the steps by the position of their items, and how every return stands before and after."""

    outcomes: list[Return | BatutaError]
    steps: list[tuple[int, Step]]
    after: dict[UUID, Return]


async def carry(db: Connection, *, tasks: Sequence[Task], now: datetime) -> list[Return | BatutaError]:
    """Decide each task on what those before it left, and carry out what was decided.

    Locks the orders, then the returns. What a room below refuses is taken back with everything else of its item.
    """
    ids = {task.return_id for task in tasks}
    order_ids = await lock(db, ids, (task.order_id for task in tasks))
    found, orders = await returns_by_id(db, ids), await sold_orders(db, order_ids)
    refused: dict[int, BatutaError] = {}
    while True:
        decided = _decide(tasks, found, orders, refused)
        blocked = await _carry_out(db, decided, found, now=now)
        if not blocked:
            return decided.outcomes
        refused |= blocked


async def lock(db: Connection, return_ids: Iterable[UUID], order_ids: Iterable[UUID | None] = ()) -> list[UUID]:
    """Lock the orders of returns, then the returns; answer the ids of the orders there are."""
    ids = set(return_ids)
    headers = await rows_with(db, return_.c.id, ids)
    wanted = {row["order_id"] for row in headers} | set(order_ids)
    statuses = await lock_orders(db, (order_id for order_id in wanted if order_id))
    given = arrays("given", id=Uuid())
    await db.execute(
        select(return_.c.id)
        .join(given, given.c.id == return_.c.id)
        .order_by(return_.c.id)
        .with_for_update(of=return_, key_share=True),
        params("given", id=sorted(ids)),
    )
    return list(statuses)


def _decide(
    tasks: Sequence[Task],
    found: Mapping[UUID, Return],
    known: Mapping[UUID, SoldOrder],
    refused: Mapping[int, BatutaError],
) -> Decided:
    present, orders = dict(found), dict(known)
    outcomes: list[Return | BatutaError] = []
    steps: list[tuple[int, Step]] = []
    for i, task in enumerate(tasks):
        if i in refused:
            outcomes.append(refused[i])
            continue
        before = present.get(task.return_id)
        order_id = (before.order_id if before else task.order_id) or UUID(int=0)
        try:
            made = task.decide(before, orders.get(order_id))
        except BatutaError as refusal:
            outcomes.append(refusal)
            continue
        if isinstance(made, Return):
            outcomes.append(made)
            continue
        steps.append((i, made))
        present[made.after.id] = made.after
        if made.after.order_id in orders:
            shipping_minor = made.refund.shipping_minor if made.refund else 0
            order = orders[made.after.order_id]
            orders[order.id] = followed(order, before, made.after, shipping_minor=shipping_minor)
        outcomes.append(made.after)
    return Decided(outcomes, steps, present)


async def _carry_out(
    db: Connection, decided: Decided, found: Mapping[UUID, Return], *, now: datetime
) -> dict[int, BatutaError]:
    steps = decided.steps
    if not steps:
        return {}
    savepoint = db.savepoint()
    await savepoint.start()
    refusals = await _count(db, steps, now=now)
    if not refusals:
        changed = {step.after.id: decided.after[step.after.id] for _, step in steps}
        await _write_returns(db, changed.values(), found, now=now)
        await _write_facts(db, [step for _, step in steps], now=now)
        refusals = await _move(db, steps, now=now) or await _bring_back(db, steps, now=now)
    if refusals:
        await savepoint.rollback()
        return refusals
    await publish(db, [event for _, step in steps for event in step.events])
    await savepoint.commit()
    return {}


async def _count(db: Connection, steps: Sequence[tuple[int, Step]], *, now: datetime) -> dict[int, BatutaError]:
    counts = [(i, one) for i, step in steps for one in step.counts]
    outcomes = await count_returned(db, returns=[one for _, one in counts], now=now)
    return {i: one for (i, _), one in zip(counts, outcomes, strict=True) if isinstance(one, BatutaError)}


async def _move(db: Connection, steps: Sequence[tuple[int, Step]], *, now: datetime) -> dict[int, BatutaError]:
    movements = [(i, one) for i, step in steps for one in step.movements]
    if not movements:
        return {}
    outcomes = await record_movements(db, movements=[one for _, one in movements], now=now)
    return {i: one for (i, _), one in zip(movements, outcomes, strict=True) if not isinstance(one, Recorded)}


async def _bring_back(db: Connection, steps: Sequence[tuple[int, Step]], *, now: datetime) -> dict[int, BatutaError]:
    pieces = [(i, one) for i, step in steps for one in step.comebacks]
    if not pieces:
        return {}
    outcomes = await bring_back(db, comebacks=[one for _, one in pieces], now=now)
    return {i: one for (i, _), one in zip(pieces, outcomes, strict=True) if isinstance(one, BatutaError)}


async def _write_returns(
    db: Connection, changed: Iterable[Return], found: Mapping[UUID, Return], *, now: datetime
) -> None:
    those = list(changed)
    await upsert_rows(db, return_, (_return_row(one, now) for one in those), key=("id",), keep=("id", "created_at"))
    rows = []
    for one in those:
        known = {line.id: line for line in found[one.id].lines} if one.id in found else {}
        rows += [
            {
                "id": line.id,
                "return_id": one.id,
                "position": position,
                "order_line_id": line.order_line_id,
                "sku_id": line.sku_id,
                "quantity": line.quantity,
                "components": list(line.components),
                "is_tracked": line.is_tracked,
                "reason": line.reason,
                "note": line.note,
                "worth_minor": line.worth_minor,
                "received": line.received,
                "counted": line.counted,
                "refunded": line.refunded,
                "refund_minor": line.refund_minor,
            }
            for position, line in enumerate(one.lines)
            if known.get(line.id) != line
        ]
    await upsert_rows(db, return_line, rows, key=("id",))


def _return_row(one: Return, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "order_id": one.order_id,
        "customer_id": one.customer_id,
        "location_id": one.location_id,
        "status": str(one.status),
        "currency": one.currency,
        "tracking_number": one.tracking_number,
        "expires_at": one.expires_at,
        "is_kept": one.is_kept,
        "created_at": now,
        "updated_at": now,
    }


async def _write_facts(db: Connection, steps: Sequence[Step], *, now: datetime) -> None:
    await insert_rows(db, receipt, (step.receipt for step in steps if step.receipt))
    await insert_rows(
        db,
        grading,
        (
            {
                "id": step.grading.id,
                "line_id": step.grading.line_id,
                "grade": str(step.grading.grade),
                "quantity": step.grading.quantity,
                "note": step.grading.note,
                "actor": step.actor,
                "graded_at": now,
            }
            for step in steps
            if step.grading
        ),
    )
    refunds = [(step.refund, step.actor) for step in steps if step.refund]
    await insert_rows(db, refund, (_refund_row(one, actor, now) for one, actor in refunds))
    await insert_rows(
        db,
        refund_line,
        (
            {
                "refund_id": one.id,
                "return_line_id": line.return_line_id,
                "order_line_id": line.order_line_id,
                "quantity": line.quantity,
                "amount_minor": line.amount_minor,
            }
            for one, _ in refunds
            for line in one.lines
        ),
    )


def _refund_row(one: Refund, actor: str, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "return_id": one.return_id,
        "order_id": one.order_id,
        "currency": one.currency,
        "amount_minor": one.amount_minor,
        "shipping_minor": one.shipping_minor,
        "fee_minor": one.fee_minor,
        "reason": one.reason,
        "actor": actor,
        "decided_at": now,
    }


def known(present: Return | None, return_id: UUID) -> Return:
    """The return.

    Raises:
        UnknownReturn: there is none.
    """
    if present is None:
        raise UnknownReturn("no return has this id", return_id=str(return_id))
    return present
