"""The work at the location: picking, finding too little, packing."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from batuta.fulfillment.commands.carrying import Task, about, carry, carry_from, lock_fulfillments
from batuta.fulfillment.commands.parcels import cartons_for
from batuta.fulfillment.domain import (
    Cartons,
    Change,
    FulfillmentOrder,
    FulfillmentStatus,
    Pack,
    Pick,
    ReportShort,
    StartPicking,
    decide_pack,
    decide_pick,
    decide_short,
    decide_start,
)
from batuta.fulfillment.events import Packed, Picked, PickingStarted, Short
from batuta.fulfillment.queries import lines_made
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.plumbing.database import Connection


async def start_picking(
    db: Connection, *, starts: Sequence[StartPicking], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Somebody walks to the shelf; a cancellation is asked of the location from then on."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_start, request=one)) for one in starts]
    return await carry(db, tasks=tasks, tell=tell_started, now=now)


async def pick(db: Connection, *, picks: Sequence[Pick], now: datetime) -> list[FulfillmentOrder | BatutaError]:
    """Count what has been picked by now."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_pick, request=one)) for one in picks]
    return await carry(db, tasks=tasks, tell=tell_picked, now=now)


async def report_short(
    db: Connection, *, reports: Sequence[ReportShort], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Units that were looked for are not there: they wait to be sourced elsewhere, and the stock is corrected."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_short, request=one)) for one in reports]
    return await carry(db, tasks=tasks, tell=_tell_short, now=now)


async def pack(db: Connection, *, packs: Sequence[Pack], now: datetime) -> list[FulfillmentOrder | BatutaError]:
    """Pack what was picked: its claims are consumed, its units lie in parcels, and shipments' parcels are labelled.

    Refused while something of it is still to be made.
    """
    found = await lock_fulfillments(db, (one.fulfillment_order_id for one in packs))
    cartons = await cartons_for(db, found)
    done = await lines_made(db, found.values())
    tasks = [
        Task(
            one.fulfillment_order_id,
            partial(
                decide_pack,
                request=one,
                cartons=cartons.get(one.fulfillment_order_id, Cartons(goods={})),
                done=done.get(one.fulfillment_order_id, frozenset()),
            ),
        )
        for one in packs
    ]
    return await carry_from(db, found=found, tasks=tasks, tell=tell_packed, now=now)


def tell_started(change: Change, now: datetime) -> list[Event]:
    return [PickingStarted(**about(change, now))]


def tell_picked(change: Change, now: datetime) -> list[Event]:
    is_whole = change.after.status is FulfillmentStatus.PICKED
    return [Picked(**about(change, now), lines=change.units, is_whole=is_whole)]


def _tell_short(change: Change, now: datetime) -> list[Event]:
    assert change.reason is not None
    is_over = change.after.status is FulfillmentStatus.SHORT
    return [Short(**about(change, now), lines=change.units, reason=change.reason, is_over=is_over)]


def tell_packed(change: Change, now: datetime) -> list[Event]:
    parcel_ids = tuple(parcel.id for parcel in change.packed)
    return [Packed(**about(change, now), lines=change.units, parcel_ids=parcel_ids)]
