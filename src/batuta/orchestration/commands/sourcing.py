"""Where the goods come from: planned when the order is accepted, and again when a location gives units back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from batuta.company.domain import Channel
from batuta.company.queries import channels_by_id
from batuta.fulfillment.commands import offer
from batuta.fulfillment.domain import Method as FulfillmentMethod
from batuta.fulfillment.domain import Offer, OfferedLine
from batuta.fulfillment.events import OfferExpired, Rejected, Short
from batuta.inventory.domain import Asker
from batuta.inventory.events import SupplyServed
from batuta.kernel.ids import child_id
from batuta.ordering.commands import Came, accept_ready, add_holds, record_promises, take_over
from batuta.ordering.domain import HoldKind, Line, NewHold, NewPromise, Order, OrderStatus, PromiseBasis, Stage
from batuta.ordering.events import HoldEnded, LineSubstituted, OrderAccepted
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import plan
from batuta.sourcing.domain import Method, Plan, SourcingLine, SourcingRequest, Unfillable
from batuta.sourcing.queries import Planned, promises_of_plans

ACTOR = "system:score"


async def accept_released(db: Connection, events: Sequence[HoldEnded], now: datetime) -> None:
    """A hold less: orders that wait for nothing else are accepted; accepted ones are looked for again."""
    order_ids = list({one.stream for one in events})
    accepted = set(await accept_ready(db, order_ids=order_ids, now=now))
    await _plan_and_offer(db, [id_ for id_ in order_ids if id_ not in accepted], now=now)


async def plan_and_offer(db: Connection, events: Sequence[OrderAccepted], now: datetime) -> None:
    """Decide where each unit ships from, and ask those locations."""
    await _plan_and_offer(db, [one.stream for one in events], now=now)


async def plan_and_offer_again(
    db: Connection, events: Sequence[Rejected | OfferExpired | Short | LineSubstituted], now: datetime
) -> None:
    """What a location gave back, or is sent instead, is looked for elsewhere (SRC-08)."""
    await _plan_and_offer(db, list({one.stream for one in events}), now=now)


async def send_what_came(db: Connection, events: Sequence[SupplyServed], now: datetime) -> None:
    """What orders waited for is there: they take it over, and it is looked for where it is to be sent from (INV-24)."""
    came = [Came(order_id=one.stream, run_id=one.run_id, line_ids=one.line_ids) for one in events]
    await _plan_and_offer(db, await take_over(db, came=came, now=now), now=now)


async def _plan_and_offer(db: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    orders = await orders_by_id(db, order_ids)
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    wanted = {
        one.id: _request(one, channels[one.channel_id])
        for one in orders.values()
        if one.status in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS} and not one.is_held(Stage.SOURCE)
    }
    requests = [request for request in wanted.values() if request.lines]
    plans = await plan(db, requests=requests, now=now)
    offers = [
        each
        for one in plans
        if isinstance(one, Plan)
        for each in _offers(orders[one.order_id], one, channels[orders[one.order_id].channel_id], now)
    ]
    await offer(db, offers=offers, now=now)
    await _promise_again(db, orders, list(zip(requests, plans, strict=True)), now=now)
    parked = [
        _hold(orders[request.order_id], now)
        for request, one in zip(requests, plans, strict=True)
        if isinstance(one, Unfillable)
    ]
    await add_holds(db, holds=parked, now=now)


async def _promise_again(
    db: Connection,
    orders: Mapping[UUID, Order],
    plans: Sequence[tuple[SourcingRequest, Plan | Unfillable]],
    *,
    now: datetime,
) -> None:
    """Keep when the goods are there by the plan that was made; the first promise stays what is measured by (PRM-05)."""
    made = [
        Planned(
            request=request,
            plan=one,
            sku_codes={line.id: line.sku_code for line in orders[request.order_id].lines},
            price_minor=orders[request.order_id].shipping_minor,
        )
        for request, one in plans
        if isinstance(one, Plan) and one.assignments
    ]
    attempts = {one.request.order_id: one.plan.attempt for one in made}
    found = await promises_of_plans(db, made, now=now) if made else {}
    new = [
        NewPromise(
            order_id=order_id,
            basis=PromiseBasis.PLANNED,
            cause=str(attempts[order_id]),
            promised=promised,
            made_at=now,
            is_part=attempts[order_id] > 1,
        )
        for order_id, promised in found.items()
    ]
    if new:
        await record_promises(db, promises=new)


def _request(order: Order, channel: Channel) -> SourcingRequest:
    return SourcingRequest(
        order_id=order.id,
        lines=tuple(
            SourcingLine(
                line_id=line.id,
                components=_components(line),
                quantity=line.buckets.open + line.buckets.reserved,
                unit_value_minor=line.gross_minor // line.quantity,
            )
            for line in order.lines
            if line.is_shipped and line.buckets.open + line.buckets.reserved
        ),
        destination=order.ship_to,
        currency=order.currency,
        method=Method(order.method),
        pickup_location_id=order.pickup_location_id,
        service_kind=order.service_kind,
        split_penalty_minor=channel.policies.split_penalty_minor,
        max_splits=channel.policies.max_splits,
        asker=Asker(channel_id=channel.id, region=order.ship_to.region),
    )


def _components(line: Line) -> tuple[tuple[UUID, int], ...]:
    return tuple((part.sku_id, part.quantity) for part in line.components) or ((line.sku_id, 1),)


def _offers(order: Order, planned: Plan, channel: Channel, now: datetime) -> list[Offer]:
    """One fulfillment order for each location and service of the plan."""
    per_unit = {(line.id, sku_id): units for line in order.lines for sku_id, units in _components(line)}
    tracked = {line.id: line.is_tracked for line in order.lines}
    lines: dict[tuple[UUID, UUID | None], list[OfferedLine]] = defaultdict(list)
    for one in planned.assignments:
        lines[one.location_id, one.service_id].append(
            OfferedLine(
                line_id=one.line_id,
                sku_id=one.sku_id,
                quantity=one.quantity,
                per_unit=per_unit[one.line_id, one.sku_id],
                is_tracked=tracked[one.line_id],
            )
        )
    return [
        Offer(
            id=child_id(order.id, "fulfillment", planned.attempt, location_id, service_id),
            order_id=order.id,
            order_number=order.number,
            location_id=location_id,
            method=FulfillmentMethod(order.method),
            service_id=service_id,
            lines=tuple(offered),
            ship_to=order.ship_to,
            locale=order.locale,
            expires_at=now + timedelta(minutes=channel.policies.offer_minutes),
            actor=ACTOR,
        )
        for (location_id, service_id), offered in lines.items()
    ]


def _hold(order: Order, now: datetime) -> NewHold:
    """Parked: nobody can serve it now; releasing the hold looks again."""
    return NewHold(
        id=child_id(order.id, "hold", "unfillable", now.isoformat()),
        order_id=order.id,
        kind=HoldKind.BACKORDER,
        reason="no location can serve it",
        actor=ACTOR,
        blocks=Stage.SOURCE,
    )
