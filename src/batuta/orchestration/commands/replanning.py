"""Work that was offered and that nobody accepted yet: planned again together with what waits (SRC-06)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from batuta.company.domain import Policies
from batuta.company.queries import channels_by_id, replan_minutes
from batuta.fulfillment.commands import reject
from batuta.fulfillment.domain import OVER, FulfillmentOrder, FulfillmentStatus, Method, Reject, RejectionReason
from batuta.fulfillment.events import Offered
from batuta.fulfillment.queries import fulfillment_orders_of, offered_at
from batuta.locations.domain import LocationKind
from batuta.locations.queries import all_locations
from batuta.ordering.commands import lock_orders
from batuta.ordering.domain import Order, OrderStatus, Stage
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import Pooled, add_to_pools
from batuta.sourcing.domain.pooling import Stands
from batuta.sourcing.queries import overridden_among

ACTOR = "system:pools"
ORDERS_AT_ONCE = 500

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class OpenOffers(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is offered as a whole, and of which nobody has accepted anything."""

    fulfillment_ids: tuple[UUID, ...]
    stands: Stands


async def look_again(db: Connection, events: Sequence[Offered], now: datetime) -> None:
    """What was offered is planned again after a while, where its channel wants that, unless it is accepted by then."""
    await watch_offers(db, {one.stream for one in events}, now=now)


async def watch_offers(db: Connection, order_ids: Collection[UUID], *, now: datetime) -> None:
    """Have orders looked at again that are with locations: all of a channel at the same moments, so that they meet."""
    every = await replan_minutes(db)
    orders = await orders_by_id(db, order_ids) if every else {}
    watched = [
        Pooled(order_id=one.id, channel_id=one.channel_id, due_at=_next_look(now, minutes), is_offered=True)
        for one in orders.values()
        if (minutes := every.get(one.channel_id)) and any(line.buckets.allocated for line in one.lines)
    ]
    await add_to_pools(db, orders=watched, now=now)


async def open_offers(db: Connection, order_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, OpenOffers]:
    """Those of the orders that may be planned again: offered for so long as their channel wants, and not accepted.

    What a person decided stays, and so does what a supplier was asked for. Locks the orders.
    """
    since = await offered_at(db, order_ids)
    some = sorted(since, key=lambda order_id: (since[order_id], order_id))[:ORDERS_AT_ONCE]
    await lock_orders(db, some)
    orders = await orders_by_id(db, some)
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    work = await fulfillment_orders_of(db, some)
    decided = await overridden_among(db, some)
    every = (await all_locations(db)).by_id
    found = {}
    for order_id, order in orders.items():
        policies = channels[order.channel_id].policies
        live = [one for one in work[order_id] if one.status not in OVER]
        is_bought = any(every[one.location_id].kind is LocationKind.SUPPLIER for one in live)
        is_free = order_id not in decided and not is_bought
        if is_free and _is_open(order, live) and _is_due(policies, since[order_id], now):
            found[order_id] = _offers(live, policies)
    return found


async def withdraw_offers(db: Connection, offers: Mapping[UUID, OpenOffers], *, now: datetime) -> None:
    """Take offers back from their locations, which are told why; the units wait again."""
    rejections = [
        Reject(fulfillment_order_id=id_, reason=RejectionReason.BETTER_PLAN, actor=ACTOR)
        for one in offers.values()
        for id_ in one.fulfillment_ids
    ]
    for outcome in await reject(db, rejections=rejections, now=now):
        assert isinstance(outcome, FulfillmentOrder), outcome


def _next_look(now: datetime, minutes: int) -> datetime:
    period = timedelta(minutes=minutes)
    return now + period - (now - _BEGINNING) % period


def _is_open(order: Order, live: Sequence[FulfillmentOrder]) -> bool:
    """Whether all that is left of it is offered, to be shipped, and nothing is accepted or waits."""
    goods = [line.buckets for line in order.lines if line.is_shipped]
    return (
        order.status in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS}
        and not order.is_held(Stage.SOURCE)
        and bool(live)
        and all(one.status is FulfillmentStatus.OFFERED and one.method is Method.SHIP for one in live)
        and all(one.allocated + one.cancelled == one.ordered for one in goods)
    )


def _is_due(policies: Policies, since: datetime, now: datetime) -> bool:
    return policies.replan_minutes > 0 and since + timedelta(minutes=policies.replan_minutes) <= now


def _offers(live: Sequence[FulfillmentOrder], policies: Policies) -> OpenOffers:
    units: dict[tuple[UUID, UUID], int] = {}
    for one in live:
        for line in one.live_units():
            key = line.line_id, one.location_id
            units[key] = units.get(key, 0) + line.quantity
    stands = Stands(units=units, move_minor=policies.replan_gain_minor)
    return OpenOffers(fulfillment_ids=tuple(one.id for one in live), stands=stands)
