"""What orders wait for: taken over when it has come, and given up when it has not for too long (INV-24, INV-25)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.company.domain import Channel
from batuta.company.queries import channels_by_id
from batuta.inventory.commands import harden
from batuta.inventory.commands.ahead import ask_no_more
from batuta.inventory.domain import Claim, Harden
from batuta.inventory.domain.waiting import Waiting
from batuta.inventory.queries import all_claims_of, out_of_patience, waiting_of
from batuta.inventory.queries.earmarks import earmarks_of_orders
from batuta.kernel.ids import child_id
from batuta.ordering.commands.cancelling import give_up
from batuta.ordering.commands.freeing import GivenUp
from batuta.ordering.commands.holding import EndHold, end_holds
from batuta.ordering.commands.moving import lock_orders, move_units
from batuta.ordering.domain import Bucket, HoldKind, HoldStatus, Line, Order, UnitMove
from batuta.ordering.events import WaitAsked
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection
from batuta.plumbing.events import publish

ACTOR = "system:time"
AHEAD = (Bucket.BACKORDERED, Bucket.PREORDERED)


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """Units that lines of an order waited for are there; run_id: the document that says so."""

    order_id: UUID
    run_id: UUID
    line_ids: tuple[UUID, ...]


async def take_over(db: Connection, *, came: Sequence[Came], now: datetime) -> list[UUID]:
    """Let orders take over what was claimed for their lines; return those that have something more to send.

    The claims change hands and the units their bucket in one transaction; asked again, nothing is left to take. A line
    made of several SKUs takes over when all of them are there. What was to come together is released with the last.
    """
    order_ids = sorted({one.order_id for one in came})
    await lock_orders(db, order_ids)
    orders = await orders_by_id(db, order_ids)
    waits = await _open_lines(db, order_ids)
    line_ids = {line_id for one in came for line_id in one.line_ids}
    claims: dict[UUID, list[Claim]] = defaultdict(list)
    for claim in await all_claims_of(db, line_ids):
        if claim.held:
            claims[claim.holder_id].append(claim)

    moves: list[UnitMove] = []
    for one in came:
        for line in orders[one.order_id].lines if one.order_id in orders else ():
            units = _taken(line, claims.get(line.id, ()), waits) if line.id in one.line_ids else 0
            if units:
                moves.append(_move(one, line, units))
    taken = {move.line_id for move in moves}
    await harden(db, holders=[_harden(line_id, orders, claims[line_id]) for line_id in sorted(taken)], now=now)
    await move_units(db, moves=moves, now=now)
    await _end_togetherness(db, {move.order_id for move in moves}, now=now)
    return sorted({move.order_id for move in moves})


async def end_patience(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: what is past its promise for longer than the channel allows is cancelled, or the customer is asked."""
    lines = await out_of_patience(db, now=now, limit=limit)
    channels = await channels_by_id(db, {one.channel_id for one in lines})
    orders = await orders_by_id(db, {one.order_id for one in lines})
    late = {one.line_id: one for one in lines if one.order_id in orders}
    await ask_no_more(db, line_ids=sorted({one.line_id for one in lines}))
    await give_up(db, units=[_given_up(one, orders) for one in late.values() if _cancels(one, channels)], now=now)
    asked = [one for one in late.values() if not _cancels(one, channels)]
    await publish(db, [_wait_asked(one, orders, now) for one in asked])
    return len(lines)


async def _open_lines(db: Connection, order_ids: Sequence[UUID]) -> set[UUID]:
    """The lines for which something is still to come, by supply or by a transfer."""
    waits, marks = await waiting_of(db, order_ids), await earmarks_of_orders(db, order_ids)
    waiting = {one.line_id for several in waits.values() for one in several if one.units}
    return waiting | {one.line_id for several in marks.values() for one in several if one.units}


def _taken(line: Line, claims: Sequence[Claim], waits: Collection[UUID]) -> int:
    """How many units of the line are there whole."""
    per_unit = Counter[UUID]()
    for part in line.components:
        per_unit[part.sku_id] += part.quantity
    held = Counter[UUID]()
    for claim in claims:
        held[claim.sku_id] += claim.held
    if len(per_unit) > 1 and line.id in waits:
        return 0
    ahead = sum(line.buckets.of(bucket) for bucket in AHEAD)
    return min(ahead, *(held[sku_id] // units for sku_id, units in per_unit.items()))


def _move(one: Came, line: Line, units: int) -> UnitMove:
    return UnitMove(
        order_id=one.order_id,
        line_id=line.id,
        source=_ahead_bucket(line),
        target=Bucket.RESERVED,
        quantity=units,
        cause_id=one.run_id,
        actor=ACTOR,
    )


def _ahead_bucket(line: Line) -> Bucket:
    return next((bucket for bucket in AHEAD if line.buckets.of(bucket)), Bucket.BACKORDERED)


def _harden(line_id: UUID, orders: Mapping[UUID, Order], claims: Sequence[Claim]) -> Harden:
    order_id = next(one.id for one in orders.values() if any(line.id == line_id for line in one.lines))
    return Harden(holder_id=line_id, new_holder_id=order_id, line_ids={claim.line_id: line_id for claim in claims})


async def _end_togetherness(db: Connection, order_ids: set[UUID], *, now: datetime) -> None:
    """Nothing is still to come: what waited for it goes on."""
    orders = await orders_by_id(db, order_ids)
    ends = [
        EndHold(hold_id=hold.id, actor=ACTOR, reason="all of it is there")
        for one in orders.values()
        if not any(line.buckets.of(bucket) for line in one.lines for bucket in AHEAD)
        for hold in one.holds
        if hold.id == child_id(one.id, "hold", HoldKind.BACKORDER) and hold.status is HoldStatus.ACTIVE
    ]
    if ends:
        await end_holds(db, ends=ends, now=now)


def _cancels(one: Waiting, channels: Mapping[UUID, Channel]) -> bool:
    return channels[one.channel_id].policies.out_of_patience == "cancel"


def _given_up(one: Waiting, orders: Mapping[UUID, Order]) -> GivenUp:
    line = next(line for line in orders[one.order_id].lines if line.id == one.line_id)
    return GivenUp(
        order_id=one.order_id,
        line_id=one.line_id,
        source=_ahead_bucket(line),
        quantity=_still_waiting(one),
        cause_id=child_id(one.line_id, "out of patience"),
        reason="it did not come in time",
        actor=ACTOR,
    )


def _still_waiting(one: Waiting) -> int:
    return -(-one.units // one.per_unit)


def _wait_asked(one: Waiting, orders: Mapping[UUID, Order], now: datetime) -> WaitAsked:
    return WaitAsked(
        stream=one.order_id,
        happened_at=now,
        actor=ACTOR,
        line_id=one.line_id,
        units=_still_waiting(one),
        name=next(line.name for line in orders[one.order_id].lines if line.id == one.line_id),
        promised_at=one.promised_at,
    )
