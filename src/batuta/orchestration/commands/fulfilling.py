"""Where the goods are: locations asked to stop, parcels followed, services rendered."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from batuta.fulfillment import commands as fulfillment
from batuta.fulfillment.commands import PullOffers
from batuta.fulfillment.domain import ConfirmDelivery, CountedUnits, RequestCancellation, TakeBack
from batuta.fulfillment.events import Collected, HandedOver, Rejected
from batuta.kernel.ids import child_id
from batuta.ordering.commands import cancel, move_units
from batuta.ordering.domain import Bucket, CancelLine, CancelRequest, Line, Order, OrderStatus, UnitMove
from batuta.ordering.events import CancellationAsked, OrderAccepted, UnitsCancelled
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection
from batuta.shipping.events import ParcelDelivered, ParcelReturned, ParcelTakenUnannounced

ACTOR = "system:score"


async def ask_locations_to_stop(db: Connection, events: Sequence[CancellationAsked], now: datetime) -> None:
    """A location that has begun answers for itself; one that has not just stops (ORD-04)."""
    requests = [
        RequestCancellation(
            id=one.request_id,
            order_id=one.stream,
            actor=one.actor,
            lines=tuple(CountedUnits(line_id=line.line_id, quantity=line.quantity) for line in one.lines),
            reason=one.reason,
        )
        for one in events
    ]
    await fulfillment.request_cancellations(db, requests=requests, now=now)


async def pull_shared_offers(db: Connection, events: Sequence[Rejected], now: datetime) -> None:
    """What a location lacks for one order it lacks for all: its other offers of the SKU are taken back (SRC-08)."""
    pulls = {(one.location_id, sku_id) for one in events for sku_id in one.shared_sku_ids}
    await fulfillment.pull_offers(
        db,
        pulls=[PullOffers(location_id=place, sku_id=sku_id, actor=ACTOR) for place, sku_id in sorted(pulls)],
        now=now,
    )


async def follow_parcel(db: Connection, events: Sequence[ParcelTakenUnannounced], now: datetime) -> None:
    """The carrier has a parcel that nobody booked as handed over: it was."""
    await fulfillment.hand_over_parcels(db, parcel_ids=[one.parcel_id for one in events], actor=ACTOR, now=now)


async def confirm_delivery(db: Connection, events: Sequence[ParcelDelivered], now: datetime) -> None:
    """The parcel's units are with the customer, since the carrier's time (SHP-05)."""
    deliveries = [
        ConfirmDelivery(parcel_id=one.parcel_id, delivered_at=one.delivered_at, actor=ACTOR) for one in events
    ]
    await fulfillment.confirm_delivery(db, deliveries=deliveries, now=now)


async def take_back_parcel(db: Connection, events: Sequence[ParcelReturned], now: datetime) -> None:
    """The parcel came home undelivered: its units are stock again, and cancelled for the customer."""
    returns = [TakeBack(parcel_id=one.parcel_id, actor=ACTOR, reason="returned by the carrier") for one in events]
    await fulfillment.take_back(db, returns=returns, now=now)


async def render_services_alone(db: Connection, events: Sequence[OrderAccepted], now: datetime) -> None:
    """An order of services only waits for no goods."""
    await _render(db, [one.stream for one in events], now=now)


async def render_services(db: Connection, events: Sequence[HandedOver | Collected], now: datetime) -> None:
    """Services go with the last of the goods."""
    await _render(db, [one.stream for one in events], now=now)


async def settle_services(db: Connection, events: Sequence[UnitsCancelled], now: datetime) -> None:
    """The last of the goods may be cancelled ones: services go with those that left before, or are cancelled too."""
    orders = await orders_by_id(db, [one.stream for one in events])
    alone = [
        order for order in orders.values() if not any(line.buckets.live for line in order.lines if line.is_shipped)
    ]
    wishes = [
        CancelRequest(
            id=child_id(order.id, "services without goods"),
            order_id=order.id,
            reason="the goods they go with are cancelled",
            actor=ACTOR,
            lines=[CancelLine(line_id=line.id, quantity=line.buckets.open) for line in order.lines if _is_open(line)],
        )
        for order in alone
        if any(line.is_shipped for line in order.lines) and any(_is_open(line) for line in order.lines)
    ]
    await cancel(db, requests=wishes, now=now)
    await _render(db, list(orders.keys() - {order.id for order in alone}), now=now)


def _is_open(line: Line) -> bool:
    return not line.is_shipped and line.buckets.open > 0


async def _render(db: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    orders = await orders_by_id(db, order_ids)
    moves = [
        UnitMove(
            order_id=order.id,
            line_id=line.id,
            source=Bucket.OPEN,
            target=Bucket.DELIVERED,
            quantity=line.buckets.open,
            cause_id=child_id(line.id, "rendered"),
            actor=ACTOR,
        )
        for order in orders.values()
        if order.status in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS} and _have_goods_left(order)
        for line in order.lines
        if not line.is_shipped and line.buckets.open
    ]
    await move_units(db, moves=moves, now=now)


def _have_goods_left(order: Order) -> bool:
    return all(line.buckets.waiting + line.buckets.in_work == 0 for line in order.lines if line.is_shipped)
