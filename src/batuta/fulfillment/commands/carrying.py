"""Every verb goes the same way: lock the orders, decide purely, carry all of it out set-based, or none of an item."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.fulfillment.commands.following import follow_work
from batuta.fulfillment.commands.goods import confirm_hands, move_goods, reject_goods
from batuta.fulfillment.commands.parcels import hand_to_carriers, open_packed, void_unpacked
from batuta.fulfillment.commands.rows import write_fulfillments
from batuta.fulfillment.commands.units import move_buckets
from batuta.fulfillment.domain import Change, Changes, FulfillmentOrder, UnknownFulfillmentOrder
from batuta.fulfillment.events import Weighed, WeighedUnits
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.fulfillment.tables import fulfillment_order
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.ordering.commands.moving import lock_orders
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.events import publish

Decide = Callable[[FulfillmentOrder], Change]
Tell = Callable[[Change, datetime], Sequence[Event]]
Refusals = dict[int, BatutaError]


class Task(msgspec.Struct, frozen=True):
    """One item of a command: which fulfillment order, the decision about it, and, of several verbs, what to tell."""

    fulfillment_order_id: UUID
    decide: Decide
    tell: Tell | None = None


async def lock_fulfillments(db: Connection, ids: Iterable[UUID]) -> dict[UUID, FulfillmentOrder]:
    """Lock the orders of these fulfillment orders, and read them as they are then.

    The order's lock guards its fulfillment orders too: whoever writes one holds it.
    """
    wanted = set(ids)
    headers = await rows_with(db, fulfillment_order.c.id, wanted)
    await lock_orders(db, (header["order_id"] for header in headers))
    return await fulfillment_orders_by_id(db, wanted)


async def carry(
    db: Connection, *, tasks: Sequence[Task], tell: Tell, now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Decide each task on what those before it left, and carry out what was decided.

    What a room below refuses is taken back together with everything else of its item; the others go on.
    """
    if not tasks:
        return []
    found = await lock_fulfillments(db, (task.fulfillment_order_id for task in tasks))
    return await carry_from(db, found=found, tasks=tasks, tell=tell, now=now)


async def carry_from(
    db: Connection,
    *,
    found: Mapping[UUID, FulfillmentOrder],
    tasks: Sequence[Task],
    tell: Tell,
    now: datetime,
) -> list[FulfillmentOrder | BatutaError]:
    """`carry` from fulfillment orders that are locked already, or that are only being made."""
    refused: Refusals = {}
    while True:
        outcomes, changes = _decide(found, tasks, refused)
        blocked = await carry_out(db, changes, tells=[tasks[i].tell or tell for i, _ in changes], now=now)
        if not blocked:
            return outcomes
        refused |= blocked


def _decide(
    found: Mapping[UUID, FulfillmentOrder], tasks: Sequence[Task], refused: Refusals
) -> tuple[list[FulfillmentOrder | BatutaError], list[tuple[int, Change]]]:
    present = dict(found)
    outcomes: list[FulfillmentOrder | BatutaError] = []
    changes: list[tuple[int, Change]] = []
    for i, task in enumerate(tasks):
        if i in refused:
            outcomes.append(refused[i])
            continue
        fulfillment = present.get(task.fulfillment_order_id)
        if fulfillment is None:
            outcomes.append(unknown(task.fulfillment_order_id))
            continue
        try:
            change = task.decide(fulfillment)
        except BatutaError as refusal:
            outcomes.append(refusal)
            continue
        if not change.is_nothing:
            change = next_version(change)
            changes.append((i, change))
            present[fulfillment.id] = change.after
        outcomes.append(change.after)
    return outcomes, changes


def next_version(change: Change) -> Change:
    """A written change is a new version of its fulfillment order (PLT-02)."""
    after = msgspec.structs.replace(change.after, version=change.before.version + 1)
    return msgspec.structs.replace(change, after=after)


def about(change: Change, now: datetime) -> dict[str, Any]:
    """What every fact about a fulfillment order says."""
    return {
        "stream": change.after.order_id,
        "happened_at": now,
        "actor": change.actor,
        "fulfillment_order_id": change.after.id,
        "location_id": change.after.location_id,
        "method": change.after.method,
    }


def silent(_: Change, __: datetime) -> list[Event]:
    """Tell nothing of a change by itself; the caller tells it in its own way."""
    return []


def unknown(fulfillment_order_id: UUID) -> UnknownFulfillmentOrder:
    return UnknownFulfillmentOrder("no fulfillment order has this id", fulfillment_order_id=str(fulfillment_order_id))


async def carry_out(db: Connection, changes: Changes, *, tells: Sequence[Tell], now: datetime) -> Refusals:
    """Write changes and all that follows from them below; or nothing, and the answer is which items are refused."""
    if not changes:
        return {}
    savepoint = db.savepoint()
    await savepoint.start()
    # Before what is credited for units that are cancelled: they are worth again what they were reckoned at.
    await publish(db, [event for _, change in changes for event in _weighed(change, now)])
    for step in (
        move_buckets,
        write_fulfillments,
        follow_work,
        open_packed,
        move_goods,
        hand_to_carriers,
        void_unpacked,
        confirm_hands,
    ):
        refusals = await step(db, changes, now=now)
        if refusals:
            await savepoint.rollback()
            return refusals
    await reject_goods(db, [change for _, change in changes], now=now)
    told = zip(changes, tells, strict=True)
    await publish(db, [event for (_, change), tell in told for event in tell(change, now)])
    await savepoint.commit()
    return {}


def _weighed(change: Change, now: datetime) -> Iterator[Weighed]:
    """What was weighed goes into parcels, or is in none any more."""
    packed = ((parcel.id, parcel.contents) for parcel in change.packed)
    undone = (*change.unpacked, *change.taken_back, *change.written_off)
    gone = ((one.parcel_id, one.contents) for one in undone)
    for parcels, is_undone in ((packed, False), (gone, True)):
        units = tuple(
            WeighedUnits(parcel_id, part.line_id, part.sku_id, part.quantity, part.weight_g)
            for parcel_id, contents in parcels
            for part in contents
            if part.weight_g is not None
        )
        if units:
            yield Weighed(**about(change, now), units=units, is_undone=is_undone)
