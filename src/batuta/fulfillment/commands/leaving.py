"""Goods that leave: with the carrier, over the counter, to the door; and those that come home."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select

from batuta.fulfillment.commands.cancelling import refuse_open
from batuta.fulfillment.commands.carrying import Task, about, carry, carry_from, lock_fulfillments
from batuta.fulfillment.domain import (
    Change,
    Collect,
    ConfirmDelivery,
    ExtendPickup,
    FulfillmentOrder,
    FulfillmentStatus,
    HandOver,
    MakeReady,
    TakeBack,
    UnknownPackage,
    WriteOff,
    decide_collect,
    decide_delivery,
    decide_expiry,
    decide_extension,
    decide_hand_over,
    decide_ready,
    decide_take_back,
    decide_write_off,
)
from batuta.fulfillment.events import (
    Collected,
    Delivered,
    HandedOver,
    PickupExpired,
    PickupExtended,
    ReadyForPickup,
    TakenBack,
    WrittenOff,
)
from batuta.fulfillment.queries import fulfillment_orders_by_parcel
from batuta.fulfillment.tables import fulfillment_order
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.ordering.domain import Hold, Stage
from batuta.ordering.queries import holds_on
from batuta.plumbing.database import Connection


async def hand_over(
    db: Connection, *, handovers: Sequence[HandOver], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Carriers took the parcels: the units are shipped. A cancellation still unanswered is thereby refused.

    Nothing of a held order leaves, unless a hand-over says why it does (PAY-04).
    """
    found = await lock_fulfillments(db, (one.fulfillment_order_id for one in handovers))
    holds = await holds_to_ship(db, found)
    tasks = [
        Task(one.fulfillment_order_id, partial(decide_hand_over, request=one, now=now, holds=_holds(holds, one)))
        for one in handovers
    ]
    outcomes = await carry_from(db, found=found, tasks=tasks, tell=tell_handed_over, now=now)
    await refuse_open(db, [one for one in outcomes if isinstance(one, FulfillmentOrder)], now=now)
    return outcomes


async def hand_over_parcels(
    db: Connection, *, parcel_ids: Sequence[UUID], actor: str, now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Carriers have these parcels, whichever fulfillment orders they are of, held or not; an answer for each parcel."""
    parcels = await fulfillment_orders_by_parcel(db, parcel_ids)
    decisions = [
        (id_, partial(decide_hand_over, request=_hand_over(parcels, id_, actor), now=now)) for id_ in parcel_ids
    ]
    outcomes = await _carry_parcels(db, parcels, decisions, tell=tell_handed_over, now=now)
    await refuse_open(db, [one for one in outcomes if isinstance(one, FulfillmentOrder)], now=now)
    return outcomes


def _hand_over(parcels: Mapping[UUID, UUID], parcel_id: UUID, actor: str) -> HandOver:
    return HandOver(fulfillment_order_id=parcels.get(parcel_id, parcel_id), actor=actor, parcel_ids=(parcel_id,))


async def ready_for_pickup(
    db: Connection, *, pickups: Sequence[MakeReady], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Packed goods wait at the counter, for whoever has the code, until a moment (FUL-11)."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_ready, request=one, now=now)) for one in pickups]
    return await carry(db, tasks=tasks, tell=_tell_ready, now=now)


async def extend_pickups(
    db: Connection, *, extensions: Sequence[ExtendPickup], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Give customers more time to collect."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_extension, request=one, now=now)) for one in extensions]
    return await carry(db, tasks=tasks, tell=_tell_extended, now=now)


async def collect(
    db: Connection, *, collections: Sequence[Collect], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Hand goods over the counter: the units are delivered. The same code again changes nothing."""
    found = await lock_fulfillments(db, (one.fulfillment_order_id for one in collections))
    holds = await holds_to_ship(db, found)
    tasks = [
        Task(one.fulfillment_order_id, partial(decide_collect, request=one, now=now, holds=_holds(holds, one)))
        for one in collections
    ]
    return await carry_from(db, found=found, tasks=tasks, tell=_tell_collected, now=now)


async def confirm_delivery(
    db: Connection, *, deliveries: Sequence[ConfirmDelivery], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Carriers delivered parcels: the goods are the customers', and the units delivered (odoo/odoo #178392).

    Only here and at the counter do units cross to the customer; whatever ways goods take inside, the delivered
    quantity only ever grows.
    """
    parcels = await fulfillment_orders_by_parcel(db, [one.parcel_id for one in deliveries])
    decisions = [(one.parcel_id, partial(decide_delivery, request=one)) for one in deliveries]
    return await _carry_parcels(db, parcels, decisions, tell=_tell_delivered, now=now)


async def take_back(
    db: Connection, *, returns: Sequence[TakeBack], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Parcels came home undelivered: their goods are in quarantine here, and their units cancelled."""
    parcels = await fulfillment_orders_by_parcel(db, [one.parcel_id for one in returns])
    decisions = [(one.parcel_id, partial(decide_take_back, request=one, now=now)) for one in returns]
    return await _carry_parcels(db, parcels, decisions, tell=_tell_taken_back, now=now)


async def write_off(
    db: Connection, *, losses: Sequence[WriteOff], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Parcels are lost: their goods are booked as a loss, and their units cancelled."""
    parcels = await fulfillment_orders_by_parcel(db, [one.parcel_id for one in losses])
    decisions = [(one.parcel_id, partial(decide_write_off, request=one, now=now)) for one in losses]
    return await _carry_parcels(db, parcels, decisions, tell=_tell_written_off, now=now)


async def expire_pickups(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: put goods that nobody collected in time back on the shelf, and cancel their units (FUL-11)."""
    due = await db.scalars(
        select(fulfillment_order.c.id)
        .where(fulfillment_order.c.status == FulfillmentStatus.READY.value, fulfillment_order.c.collect_until_at <= now)
        .order_by(fulfillment_order.c.collect_until_at, fulfillment_order.c.id)
        .limit(limit)
    )
    tasks = [Task(id_, partial(decide_expiry, now=now)) for id_ in due]
    await carry(db, tasks=tasks, tell=_tell_pickup_expired, now=now)
    return len(tasks)


async def holds_to_ship(db: Connection, found: Mapping[UUID, FulfillmentOrder]) -> dict[UUID, list[Hold]]:
    """What keeps the goods of locked fulfillment orders from leaving; those that nothing keeps are left out."""
    by_order = await holds_on(db, {one.order_id for one in found.values()}, Stage.SHIP)
    return {id_: by_order[one.order_id] for id_, one in found.items() if one.order_id in by_order}


def _holds(holds: Mapping[UUID, Sequence[Hold]], one: HandOver | Collect) -> Sequence[Hold]:
    return holds.get(one.fulfillment_order_id, ())


async def _carry_parcels(
    db: Connection,
    parcels: Mapping[UUID, UUID],
    decisions: Sequence[tuple[UUID, Callable[[FulfillmentOrder], Change]]],
    *,
    tell: Callable[[Change, datetime], Sequence[Event]],
    now: datetime,
) -> list[FulfillmentOrder | BatutaError]:
    """Carry what is said of parcels; one that was not packed here is a refusal of its own."""
    tasks = [Task(parcels[parcel_id], decide) for parcel_id, decide in decisions if parcel_id in parcels]
    answers = iter(await carry(db, tasks=tasks, tell=tell, now=now))
    return [
        next(answers)
        if parcel_id in parcels
        else UnknownPackage("no such parcel was packed here", parcel_id=str(parcel_id))
        for parcel_id, _ in decisions
    ]


def tell_handed_over(change: Change, now: datetime) -> list[Event]:
    return [
        HandedOver(
            **about(change, now),
            lines=change.units,
            parcel_ids=tuple(package.parcel_id for package in change.handed_over),
            is_whole=change.after.status is FulfillmentStatus.HANDED_OVER,
            despite_hold=change.because,
        )
    ]


def _tell_ready(change: Change, now: datetime) -> list[Event]:
    after = change.after
    assert after.pickup_code is not None
    assert after.collect_until_at is not None
    return [
        ReadyForPickup(
            **about(change, now), lines=change.units, code=after.pickup_code, until_at=after.collect_until_at
        )
    ]


def _tell_extended(change: Change, now: datetime) -> list[Event]:
    assert change.after.collect_until_at is not None
    return [PickupExtended(**about(change, now), until_at=change.after.collect_until_at)]


def _tell_collected(change: Change, now: datetime) -> list[Event]:
    return [
        Collected(
            **about(change, now),
            lines=change.units,
            collected_by=change.after.collected_by or "",
            despite_hold=change.because,
        )
    ]


def _tell_delivered(change: Change, now: datetime) -> list[Event]:
    (package,) = change.delivered
    assert package.delivered_at is not None
    return [
        Delivered(
            **about(change, now),
            lines=change.units,
            parcel_id=package.parcel_id,
            delivered_at=package.delivered_at,
            is_whole=change.after.status is FulfillmentStatus.CLOSED,
        )
    ]


def _tell_taken_back(change: Change, now: datetime) -> list[Event]:
    (package,) = change.taken_back
    return [TakenBack(**about(change, now), lines=change.units, parcel_id=package.parcel_id, reason=change.because)]


def _tell_written_off(change: Change, now: datetime) -> list[Event]:
    (package,) = change.written_off
    return [WrittenOff(**about(change, now), lines=change.units, parcel_id=package.parcel_id, reason=change.because)]


def _tell_pickup_expired(change: Change, now: datetime) -> list[Event]:
    return [PickupExpired(**about(change, now), lines=change.units)]
