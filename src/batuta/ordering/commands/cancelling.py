"""Cancelling by line and quantity, and the expiry of what nobody paid for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.ordering.commands.freeing import GivenUp, free_claims
from batuta.ordering.commands.holding import is_covered
from batuta.ordering.commands.moving import lock_orders, move_units, set_statuses
from batuta.ordering.domain import (
    Bucket,
    Cancellation,
    Cancelled,
    CancelLine,
    CancelRequest,
    NothingToCancel,
    Order,
    OrderStatus,
    Share,
    UnitMove,
    UnitsMoved,
)
from batuta.ordering.domain.cancelling import decide
from batuta.ordering.events import CancellationAsked, CancelledTooLate, OrderExpired, UnitsCancelled
from batuta.ordering.queries import orders_by_id
from batuta.ordering.tables import cancellation, order
from batuta.payments.commands import record_due
from batuta.payments.domain import Due
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection, insert_rows, rows_with
from batuta.plumbing.events import publish


class UnknownOrder(NotFound):
    """There is no such order."""


async def cancel(db: Connection, *, requests: Sequence[CancelRequest], now: datetime) -> list[Cancelled | BatutaError]:
    """Cancel units: at once where no location is at work, by asking the location where one is (ORD-04).

    The same request id is answered as before. Units already handed over are too late: whoever hears it may have them
    stopped on their way; else they are a return. When nothing at all can be cancelled the answer is NothingToCancel,
    with what became of the lines.
    Cancelled units lower what is due, and free their claims on stock. Locks the orders, then stock.
    """
    outcomes: dict[int, Cancelled | BatutaError] = {}
    for turn in _turns(requests):
        asked = [requests[i] for i in turn]
        outcomes |= dict(zip(turn, await _cancel_each(db, asked, now=now), strict=True))
    return [outcomes[i] for i in range(len(requests))]


def _turns(requests: Sequence[CancelRequest]) -> list[list[int]]:
    """Wishes about one order see what the earlier ones took: each turn has every order once."""
    turns: list[list[int]] = []
    seen: dict[UUID, int] = defaultdict(int)
    for i, one in enumerate(requests):
        turn = seen[one.order_id]
        seen[one.order_id] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(i)
    return turns


async def _cancel_each(
    db: Connection, requests: Sequence[CancelRequest], *, now: datetime
) -> list[Cancelled | BatutaError]:
    await lock_orders(db, (one.order_id for one in requests))
    orders = await orders_by_id(db, [one.order_id for one in requests])
    before = {row["id"]: row for row in await rows_with(db, cancellation.c.id, [one.id for one in requests])}
    outcomes = [
        _as_before(before[one.id]) if one.id in before else _decided(one, orders.get(one.order_id)) for one in requests
    ]
    new = [
        (one, outcome)
        for one, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, Cancelled) and one.id not in before
    ]
    await _carry_out(db, new, now=now)
    return outcomes


async def give_up(db: Connection, *, units: Sequence[GivenUp], now: datetime) -> None:
    """Book units as cancelled: their claims are freed, what is due is lowered by their worth, and it is told.

    Called for what ordering takes back itself, and by rooms above for what a location or a carrier gives up.
    """
    moves = [
        UnitMove(
            order_id=one.order_id,
            line_id=one.line_id,
            source=one.source,
            target=Bucket.CANCELLED,
            quantity=one.quantity,
            cause_id=one.cause_id,
            actor=one.actor,
        )
        for one in units
    ]
    if not moves:
        return
    before = await orders_by_id(db, [one.order_id for one in units])
    lines = {line.id: line for found in before.values() for line in found.lines}
    moved = await move_units(db, moves=moves, now=now)
    fresh = [
        one
        for one, outcome in zip(units, moved, strict=True)
        if isinstance(outcome, UnitsMoved) and not outcome.is_repeat
    ]
    await free_claims(db, units=fresh, lines=lines, now=now)
    await _lower_dues(db, fresh, before, now=now)


async def expire_unpaid(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: let go of placed orders that nobody paid for in time; the record stays (ORD-06)."""
    due = await db.scalars(
        select(order.c.id)
        .where(order.c.status == OrderStatus.PLACED, order.c.expires_at <= now)
        .order_by(order.c.expires_at, order.c.id)
        .limit(limit)
    )
    ids = list(due)
    statuses = await lock_orders(db, ids)
    money = await balances(db, ids) if ids else {}
    unpaid = [
        id_ for id_, status in statuses.items() if status is OrderStatus.PLACED and not is_covered(money.get(id_))
    ]
    await set_statuses(db, dict.fromkeys(unpaid, OrderStatus.EXPIRED))
    found = await orders_by_id(db, unpaid)
    await give_up(db, units=[unit for one in found.values() for unit in _all_waiting(one)], now=now)
    await publish(db, [OrderExpired(stream=id_, happened_at=now, actor="system:time") for id_ in unpaid])
    covered = [id_ for id_ in ids if id_ not in set(unpaid)]
    await _expire_no_more(db, covered)
    return len(ids)


async def _expire_no_more(db: Connection, ids: Sequence[UUID]) -> None:
    """Paid but held orders wait for a person, not for the clock."""
    if ids:
        await db.execute(order.update().where(order.c.id.in_(ids)).values(expires_at=None))


def _all_waiting(one: Order) -> list[GivenUp]:
    return [
        GivenUp(
            order_id=one.id,
            line_id=line.id,
            source=bucket,
            quantity=units,
            cause_id=child_id(one.id, "expired"),
            reason="nobody paid in time",
            actor="system:time",
        )
        for line in one.lines
        for bucket, units in decide(line, line.buckets.waiting).taken
    ]


def _decided(one: CancelRequest, found: Order | None) -> Cancelled | BatutaError:
    if found is None:
        return UnknownOrder("there is no such order", order_id=str(one.order_id))
    lines = {line.id: line for line in found.lines}
    wanted = _wanted(one, found)
    strangers = [str(line_id) for line_id in wanted if line_id not in lines]
    if strangers:
        return UnknownOrder("the order has no such line", order_id=str(one.order_id), line_ids=strangers)
    decided = tuple(decide(lines[line_id], units) for line_id, units in wanted.items())
    if not any(each.units or each.asked or each.late for each in decided):
        return NothingToCancel(
            "no such unit is left to cancel",
            order_id=str(one.order_id),
            status=found.status,
            lines={str(line.id): msgspec.structs.asdict(line.buckets) for line in found.lines},
        )
    return Cancelled(request_id=one.id, order_id=one.order_id, lines=decided)


def _wanted(one: CancelRequest, found: Order) -> dict[UUID, int]:
    if one.lines is None:
        return {line.id: line.buckets.live for line in found.lines if line.buckets.live}
    wanted: dict[UUID, int] = defaultdict(int)
    for asked in one.lines:
        wanted[asked.line_id] += asked.quantity
    return dict(wanted)


async def _carry_out(db: Connection, decided: Sequence[tuple[CancelRequest, Cancelled]], *, now: datetime) -> None:
    await insert_rows(db, cancellation, [_row(one, outcome, now) for one, outcome in decided])
    await give_up(
        db,
        units=[
            GivenUp(
                order_id=one.order_id,
                line_id=line.line_id,
                source=bucket,
                quantity=units,
                cause_id=one.id,
                reason=one.reason,
                actor=one.actor,
            )
            for one, outcome in decided
            for line in outcome.lines
            for bucket, units in line.taken
        ],
        now=now,
    )
    await publish(db, [told for one, outcome in decided for told in _asked(one, outcome, now)])


def _asked(one: CancelRequest, outcome: Cancelled, now: datetime) -> list[Event]:
    """What is asked of locations, and what is too late."""
    told: list[Event] = []
    for kind, count in ((CancellationAsked, "asked"), (CancelledTooLate, "late")):
        units = tuple(
            CancelLine(line_id=line.line_id, quantity=getattr(line, count))
            for line in outcome.lines
            if getattr(line, count)
        )
        if units:
            told.append(
                kind(
                    stream=one.order_id,
                    happened_at=now,
                    actor=one.actor,
                    request_id=one.id,
                    lines=units,
                    reason=one.reason,
                )
            )
    return told


def _row(one: CancelRequest, outcome: Cancelled, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "order_id": one.order_id,
        "reason": one.reason,
        "actor": one.actor,
        "asked_at": now,
        "outcome": msgspec.to_builtins(outcome.lines),
    }


def _as_before(row: Mapping[str, Any]) -> Cancelled:
    return Cancelled(
        request_id=row["id"],
        order_id=row["order_id"],
        lines=tuple(msgspec.convert(line, Cancellation) for line in row["outcome"]),
    )


async def _lower_dues(
    db: Connection,
    units: Sequence[GivenUp],
    before: Mapping[UUID, Order],
    *,
    now: datetime,
) -> None:
    """Lower what is due by the worth of each cause's units; the last unit of an order takes the shipping with it."""
    causes: dict[tuple[UUID, UUID], list[GivenUp]] = defaultdict(list)
    for one in units:
        causes[one.order_id, one.cause_id].append(one)
    dues: list[Due] = []
    told: list[Event] = []
    cancelled = Counter({line.id: line.buckets.cancelled for found in before.values() for line in found.lines})
    for (order_id, cause_id), given_up in causes.items():
        found = before[order_id]
        worth = _worth(found, cancelled, given_up)
        dues.append(
            Due(
                order_id=order_id,
                cause_id=cause_id,
                amount_minor=-worth,
                currency=found.currency,
            )
        )
        told.append(
            UnitsCancelled(
                stream=order_id,
                happened_at=now,
                actor=given_up[0].actor,
                cause_id=cause_id,
                lines=tuple(CancelLine(line_id=one.line_id, quantity=one.quantity) for one in given_up),
                amount_minor=worth,
                currency=found.currency,
                reason=given_up[0].reason,
            )
        )
    await record_due(db, dues=dues, now=now)
    await publish(db, told)


def _worth(order: Order, cancelled: Counter[UUID], units: Sequence[GivenUp]) -> int:
    """What a cause's units are worth, of which `cancelled` counts those of their lines that went before them.

    Cancelled units are the last of their line, so that shipped ones and they never share a cent.
    """
    was_live = _live(order, cancelled)
    worth = 0
    taken = Counter[UUID]()
    for one in units:
        taken[one.line_id] += one.quantity
    for line in order.lines:
        if taken[line.id]:
            past = line.quantity - cancelled[line.id]
            worth += line.worth_minor(Share(past - taken[line.id], past))
    cancelled.update(taken)
    return worth + (order.shipping_minor if was_live and not _live(order, cancelled) else 0)


def _live(order: Order, cancelled: Counter[UUID]) -> int:
    return sum(line.quantity - cancelled[line.id] for line in order.lines)
