"""Orders that nobody can serve now: parked in a queue with a reason, tried again, and at last cancelled (SRC-11)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.company.domain import Channel
from batuta.company.queries import channels_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import Code
from batuta.ordering.commands import EndHold, add_holds, cancel, end_holds, lock_orders
from batuta.ordering.domain import CancelLine, CancelRequest, HoldKind, NewHold, Order, OrderStatus, Stage
from batuta.ordering.events import LineSubstituted, OrderCancelled
from batuta.ordering.queries import orders_by_id, promises_of
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import park, requeue, unpark
from batuta.sourcing.domain import EXCEPTIONS, UNFILLABLE, Park, Parking, Unfillable, UnknownParking
from batuta.sourcing.queries import due_to_cancel, parkings_of, rejections_of

ACTOR = "system:score"
NOBODY_CAN = "no location can serve it"
TOO_OFTEN = "too many locations said no"
WAITED_TOO_LONG = "nobody could serve it in time"
SENT_INSTEAD = "something else is sent"


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Look for a parked order's goods now."""

    order_id: UUID
    reason: str
    actor: str


class Requeue(msgspec.Struct, frozen=True, kw_only=True):
    """Put a parked order into another queue. next_try_at: None waits for a person."""

    id: UUID
    order_id: UUID
    queue: Code
    next_try_at: datetime | None
    reason: str
    actor: str


async def park_unfillable(
    db: Connection,
    *,
    orders: Mapping[UUID, Order],
    channels: Mapping[UUID, Channel],
    unfillable: Mapping[UUID, Unfillable],
    now: datetime,
) -> None:
    """Park orders that no locations can serve, until they are tried again."""
    parks = [
        _park(orders[order_id], channels, queue=UNFILLABLE, now=now, rules=_rules(why))
        for order_id, why in unfillable.items()
    ]
    await _hold_and_park(db, parks, now=now)


async def park_refused(db: Connection, order_ids: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Park orders that locations gave back so often that a person has to look (SRC-08); return which."""
    counts = await rejections_of(db, order_ids)
    orders = await orders_by_id(db, list(counts))
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    parks = [
        _park(one, channels, queue=EXCEPTIONS, now=now)
        for one in orders.values()
        if one.status in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS}
        and _waiting(one)
        and not one.is_held(Stage.SOURCE)
        and counts[one.id] >= channels[one.channel_id].policies.rejections_max
    ]
    await _hold_and_park(db, parks, now=now)
    return {one.order_id for one in parks}


async def retry_parked(db: Connection, *, retries: Sequence[Retry], now: datetime) -> list[Parking | BatutaError]:
    """Let parked orders be looked for again at once: their holds end, and the score does the rest."""
    found = await _locked(db, [one.order_id for one in retries])
    known = [(one, found[one.order_id]) for one in retries if one.order_id in found]
    ends = [EndHold(hold_id=here.hold_id, actor=one.actor, reason=one.reason) for one, here in known]
    await end_holds(db, ends=ends, now=now)
    return [found.get(one.order_id) or _not_parked(one.order_id) for one in retries]


async def retry_substituted(db: Connection, events: Sequence[LineSubstituted], now: datetime) -> None:
    """Orders that nobody could serve are tried at once with what is sent instead; a person's queue stays a person's."""
    parkings = await parkings_of(db, {one.stream for one in events})
    waiting = [one for one in parkings.values() if not one.is_over and one.queue == UNFILLABLE]
    retries = [Retry(order_id=one.order_id, reason=SENT_INSTEAD, actor=ACTOR) for one in waiting]
    if retries:
        await retry_parked(db, retries=retries, now=now)


async def requeue_parked(db: Connection, *, moves: Sequence[Requeue], now: datetime) -> list[Parking | BatutaError]:
    """Put parked orders into other queues, to be tried at other times."""
    found = await _locked(db, [one.order_id for one in moves])
    known = [(one, found[one.order_id]) for one in moves if one.order_id in found]
    made = [
        msgspec.structs.replace(
            here, queue=one.queue, next_try_at=one.next_try_at, reason=one.reason, actor=one.actor, hold_id=one.id
        )
        for one, here in known
    ]
    await requeue(db, parkings=made, now=now)
    await add_holds(db, holds=[_hold(one) for one in made], now=now)
    ends = [EndHold(hold_id=here.hold_id, actor=one.actor, reason=one.reason) for one, here in known]
    await end_holds(db, ends=ends, now=now)
    after = {one.order_id: one for one in made}
    return [after.get(one.order_id) or _not_parked(one.order_id) for one in moves]


async def cancel_parked(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: cancel what has been parked for as long as its channel waits; what a location works on goes on."""
    due = await due_to_cancel(db, now=now, limit=limit)
    await lock_orders(db, (one.order_id for one in due))
    orders = await orders_by_id(db, [one.order_id for one in due])
    wishes = [
        CancelRequest(
            id=child_id(one.hold_id, "waited too long"),
            order_id=one.order_id,
            reason=WAITED_TOO_LONG,
            actor="system:time",
            lines=[CancelLine(line_id=line_id, quantity=units) for line_id, units in waiting.items()],
        )
        for one in due
        if (waiting := _waiting(orders[one.order_id]))
    ]
    await cancel(db, requests=wishes, now=now)
    await _let_go(db, due, because=WAITED_TOO_LONG, actor="system:time", now=now)
    return len(due)


async def leave_queue(db: Connection, events: Sequence[OrderCancelled], now: datetime) -> None:
    """An order that is cancelled waits for nothing."""
    order_ids = {one.stream for one in events}
    await unpark(db, order_ids=order_ids, because="the order is cancelled", actor=ACTOR, now=now)


async def unpark_over(db: Connection, *, order_ids: Collection[UUID], because: str, now: datetime) -> None:
    """Orders that are planned, or over, wait in no queue."""
    await unpark(db, order_ids=order_ids, because=because, actor=ACTOR, now=now)


async def _let_go(db: Connection, those: Sequence[Parking], *, because: str, actor: str, now: datetime) -> None:
    await unpark(db, order_ids=[one.order_id for one in those], because=because, actor=actor, now=now)
    await end_holds(db, ends=[EndHold(hold_id=one.hold_id, actor=actor, reason=because) for one in those], now=now)


def _park(
    order: Order, channels: Mapping[UUID, Channel], *, queue: Code, now: datetime, rules: tuple[str, ...] = ()
) -> Park:
    policies = channels[order.channel_id].policies
    ends = [now + timedelta(days=policies.park_days)] if policies.park_days else []
    ends += [max(now, order.waits_until_at)] if order.waits_until_at else []
    is_unfillable = queue == UNFILLABLE
    return Park(
        order_id=order.id,
        channel_id=order.channel_id,
        queue=queue,
        reason=NOBODY_CAN if is_unfillable else TOO_OFTEN,
        hold_id=child_id(order.id, "hold", queue, now.isoformat()),
        line_ids=tuple(_waiting(order)),
        rules=rules,
        retry_minutes=policies.park_retry_minutes if is_unfillable else None,
        cancel_after=min(ends) - now if ends else None,
        actor=ACTOR,
    )


def _waiting(order: Order) -> dict[UUID, int]:
    """Units of goods by line that no location has."""
    found = {line.id: line.buckets.open + line.buckets.reserved for line in order.lines if line.is_shipped}
    return {line_id: units for line_id, units in found.items() if units}


def _rules(why: Unfillable) -> tuple[str, ...]:
    rules = why.facts.get("rules", ())
    return tuple(str(one) for one in rules) if isinstance(rules, list) else ()


async def _hold_and_park(db: Connection, parks: Sequence[Park], *, now: datetime) -> None:
    """What is parked is held, and the end of its hold is what tries it again."""
    if not parks:
        return
    promises = await promises_of(db, [one.order_id for one in parks])
    promised = []
    for one in parks:
        first = promises[one.order_id][0] if promises[one.order_id] else None
        plan_by_at = first.p90_at - (first.p50_at - first.made_at) if first else None
        promised.append(
            msgspec.structs.replace(one, promised_at=first.p90_at if first else None, plan_by_at=plan_by_at)
        )
    await lock_orders(db, (one.order_id for one in parks))
    made = await park(db, parks=promised, now=now)
    await add_holds(db, holds=[_hold(one) for one in made], now=now)


def _hold(one: Parking) -> NewHold:
    return NewHold(
        id=one.hold_id,
        order_id=one.order_id,
        kind=HoldKind.BACKORDER,
        reason=one.reason,
        actor=one.actor,
        blocks=Stage.SOURCE,
        due_at=one.next_try_at,
    )


async def _locked(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, Parking]:
    await lock_orders(db, order_ids)
    return {order_id: one for order_id, one in (await parkings_of(db, order_ids)).items() if not one.is_over}


def _not_parked(order_id: UUID) -> UnknownParking:
    return UnknownParking("the order is not parked", order_id=str(order_id))
