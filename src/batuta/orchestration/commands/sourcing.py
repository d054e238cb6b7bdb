"""Where the goods come from: planned when the order is accepted, and again when a location gives units back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.company.domain import Channel
from batuta.company.queries import channels_by_id
from batuta.customers.domain import Customer
from batuta.customers.queries import customers_by_id
from batuta.fulfillment.domain import REJECTION_EFFECTS, RejectionReason
from batuta.fulfillment.events import OfferExpired, Rejected, Short
from batuta.inventory.domain import Asker
from batuta.inventory.events import SupplyServed, TransferFellShort
from batuta.orchestration.commands.offering import abilities_of, components_of, offer_plans
from batuta.orchestration.commands.parking import park_refused, park_unfillable, unpark_over
from batuta.orchestration.commands.pooling import wait_in_pools
from batuta.ordering.commands import Came, accept_ready, record_promises, take_over
from batuta.ordering.domain import Line, MadeLine, NewPromise, Order, OrderStatus, PromiseBasis, Route, Stage
from batuta.ordering.events import HoldEnded, LineSubstituted, OrderAccepted
from batuta.ordering.queries import made_lines_of, orders_by_id, promises_of
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import plan, record_rejection
from batuta.sourcing.domain import About, Method, Plan, Promised, Rejection, SourcingLine, SourcingRequest, Unfillable
from batuta.sourcing.domain.search.candidates import Placement
from batuta.sourcing.queries import Planned, promises_of_plans

FOUND = "its goods were found"
NOTHING_MADE: Mapping[UUID, MadeLine] = {}


async def accept_released(db: Connection, events: Sequence[HoldEnded], now: datetime) -> None:
    """A hold less: orders that wait for nothing else are accepted; accepted ones are looked for again."""
    order_ids = list({one.stream for one in events})
    accepted = set(await accept_ready(db, order_ids=order_ids, now=now))
    await _plan_and_offer_parked(db, [id_ for id_ in order_ids if id_ not in accepted], now=now)


async def plan_and_offer(db: Connection, events: Sequence[OrderAccepted], now: datetime) -> None:
    """Decide where each unit ships from, and ask those locations; where a channel has pools, wait for others first."""
    orders, channels = await _known(db, [one.stream for one in events])
    waiting = await wait_in_pools(db, orders=orders.values(), channels=channels, now=now)
    left = {one.stream: orders[one.stream] for one in events if one.stream in orders.keys() - waiting}
    await _plan_and_offer(db, left, channels, now=now)


async def plan_and_offer_again(
    db: Connection, events: Sequence[Rejected | OfferExpired | Short | LineSubstituted], now: datetime
) -> None:
    """What a location gave back, or is sent instead, is looked for elsewhere, unless too many said no (SRC-08)."""
    order_ids = list({one.stream for one in events})
    refused = await park_refused(db, order_ids, now=now)
    await _plan_and_offer_parked(db, [id_ for id_ in order_ids if id_ not in refused], now=now)


async def send_what_came(db: Connection, events: Sequence[SupplyServed], now: datetime) -> None:
    """What orders waited for is there: they take it over, and it is looked for where it is to be sent from (INV-24)."""
    came = [Came(order_id=one.stream, run_id=one.run_id, line_ids=one.line_ids) for one in events]
    await plan_and_offer_orders(db, await take_over(db, came=came, now=now), now=now)


async def look_for_unsent(db: Connection, events: Sequence[TransferFellShort], now: datetime) -> None:
    """What should have come to its order's store did not: it is looked for again, not where it was refused (FUL-12)."""
    came = [Came(order_id=one.stream, run_id=one.run_id, line_ids=one.line_ids) for one in events]
    order_ids = await take_over(db, came=came, now=now)
    orders = await orders_by_id(db, {one.stream for one in events})
    rejections = [
        _rejection(one, line_id, part.sku_id, now)
        for one in events
        if not one.has_left
        for line_id in one.line_ids
        for part in _line(orders[one.stream], line_id).components
    ]
    await record_rejection(db, rejections=rejections, now=now)
    refused = await park_refused(db, order_ids, now=now)
    await _plan_and_offer_parked(db, [id_ for id_ in order_ids if id_ not in refused], now=now)


def _line(order: Order, line_id: UUID) -> Line:
    return next(line for line in order.lines if line.id == line_id)


def _rejection(one: TransferFellShort, line_id: UUID, sku_id: UUID, now: datetime) -> Rejection:
    """The source is not asked again as long as a location is not that could not find it."""
    return Rejection(
        order_id=one.stream,
        line_id=line_id,
        sku_id=sku_id,
        location_id=one.source_location_id,
        reason=RejectionReason.NOT_FOUND,
        until_at=now + REJECTION_EFFECTS[RejectionReason.NOT_FOUND].banned_for,
        actor=one.actor,
        cause_id=one.run_id,
    )


async def _plan_and_offer_parked(db: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    """Orders that may wait in a queue; those of which nothing waits any more leave it."""
    unfillable = await plan_and_offer_orders(db, order_ids, now=now)
    left = await orders_by_id(db, [id_ for id_ in order_ids if id_ not in unfillable])
    found = [one.id for one in left.values() if not one.is_held(Stage.SOURCE)]
    await unpark_over(db, order_ids=found, because=FOUND, now=now)


async def requests_of(db: Connection, order_ids: Sequence[UUID]) -> list[SourcingRequest]:
    """What is to be looked for of the orders that nothing holds."""
    return await _wanted(db, *await _known(db, order_ids))


async def _known(db: Connection, order_ids: Sequence[UUID]) -> tuple[dict[UUID, Order], dict[UUID, Channel]]:
    orders = await orders_by_id(db, order_ids)
    return orders, await channels_by_id(db, {one.channel_id for one in orders.values()})


async def _wanted(
    db: Connection, orders: Mapping[UUID, Order], channels: Mapping[UUID, Channel]
) -> list[SourcingRequest]:
    buyers = await customers_by_id(db, {one.customer_id for one in orders.values() if one.customer_id})
    made = await made_lines_of(db, orders.values())
    wanted = [
        request
        for one in orders.values()
        if one.status in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS} and not one.is_held(Stage.SOURCE)
        for request in requests_for(
            one, channels[one.channel_id], buyers.get(one.customer_id) if one.customer_id else None, made=made
        )
    ]
    return await _with_promises(db, wanted, orders, channels)


async def _with_promises(
    db: Connection, wanted: Sequence[SourcingRequest], orders: Mapping[UUID, Order], channels: Mapping[UUID, Channel]
) -> list[SourcingRequest]:
    """With what the orders were promised first, where their channel counts what comes late."""
    weighing = {one.id: bp for one in orders.values() if (bp := channels[one.channel_id].policies.lateness_bp)}
    if not weighing:
        return list(wanted)
    promised = await promises_of(db, weighing)
    return [
        msgspec.structs.replace(one, promised_at=promised[one.order_id][0].p90_at, late_day_bp=weighing[one.order_id])
        if promised.get(one.order_id)
        else one
        for one in wanted
    ]


async def plan_and_offer_orders(
    db: Connection, order_ids: Sequence[UUID], *, now: datetime, preset: Mapping[UUID, Placement] | None = None
) -> set[UUID]:
    """Plan the orders that nothing holds, and offer them; return those that nobody can serve, which are parked.

    preset: where orders of a pool ship from, as they were planned together.
    """
    return await _plan_and_offer(db, *await _known(db, order_ids), now=now, preset=preset)


async def _plan_and_offer(
    db: Connection,
    orders: Mapping[UUID, Order],
    channels: Mapping[UUID, Channel],
    *,
    now: datetime,
    preset: Mapping[UUID, Placement] | None = None,
) -> set[UUID]:
    requests = await _wanted(db, orders, channels)
    unfillable: dict[UUID, Unfillable] = {}
    for turn in _turns(requests):
        plans = await plan(db, requests=turn, now=now, preset=preset)
        promised = await promise_again(db, orders, list(zip(turn, plans, strict=True)), now=now)
        await offer_plans(db, orders=orders, channels=channels, plans=plans, promised=promised, now=now)
        unfillable |= {one.order_id: why for one, why in zip(turn, plans, strict=True) if isinstance(why, Unfillable)}
    waiting = await orders_by_id(db, unfillable)
    await park_unfillable(db, orders=waiting, channels=channels, unfillable=unfillable, now=now)
    return set(unfillable)


def _turns(requests: Sequence[SourcingRequest]) -> list[list[SourcingRequest]]:
    """Each turn has every order once: what goes different ways is planned one way after the other."""
    turns: list[list[SourcingRequest]] = []
    seen: Counter[UUID] = Counter()
    for one in requests:
        if seen[one.order_id] == len(turns):
            turns.append([])
        turns[seen[one.order_id]].append(one)
        seen[one.order_id] += 1
    return turns


async def promise_again(
    db: Connection,
    orders: Mapping[UUID, Order],
    plans: Sequence[tuple[SourcingRequest, Plan | Unfillable]],
    *,
    now: datetime,
) -> dict[UUID, Promised]:
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
    return found


def requests_for(
    order: Order, channel: Channel, customer: Customer | None = None, *, made: Mapping[UUID, MadeLine] = NOTHING_MADE
) -> list[SourcingRequest]:
    """What to look for, for each way in which the customer wants what waits; mostly there is one."""
    routes: list[Route] = []
    for line in order.lines:
        route = line.route or order.route
        if route not in routes:
            routes.append(route)
    found = [request_for(order, channel, customer, route=route, made=made) for route in routes]
    return [one for one in found if one.lines]


def request_for(
    order: Order,
    channel: Channel,
    customer: Customer | None = None,
    *,
    route: Route | None = None,
    made: Mapping[UUID, MadeLine] = NOTHING_MADE,
) -> SourcingRequest:
    """What to look for: the units that wait, for whom they are, and what strategies may want to know of the order.

    route: those that are had this way; without it, as the order says. made: the lines that are made to order.
    """
    group = customer.customer_group if customer else ""
    way = route or order.route
    allowed = order.ship_terms.max_splits
    return SourcingRequest(
        order_id=order.id,
        lines=tuple(
            SourcingLine(
                line_id=line.id,
                components=components_of(line),
                quantity=line.buckets.open + line.buckets.reserved,
                unit_value_minor=line.gross_minor // line.quantity,
                unit_net_minor=line.net_minor // line.quantity,
                abilities=abilities_of(line, made),
                making_minutes=made[line.id].recipe.minutes if line.id in made else 0,
            )
            for line in order.lines
            if line.is_shipped and line.buckets.open + line.buckets.reserved and (line.route or order.route) == way
        ),
        destination=way.ship_to,
        currency=order.currency,
        method=Method(way.method),
        pickup_location_id=way.pickup_location_id,
        service_kind=way.service_kind,
        split_penalty_minor=channel.policies.split_penalty_minor,
        max_splits=channel.policies.max_splits if allowed is None else allowed,
        buyer_max_splits=allowed,
        ships_to_store=channel.policies.ships_to_store,
        answer_minutes=channel.policies.offer_minutes,
        asker=Asker(channel_id=channel.id, region=way.ship_to.region, customer_group=group),
        about=About(
            channel_code=channel.code,
            customer_group=group,
            customer_kind=str(customer.kind) if customer else "",
            value_minor=order.gross_minor,
            placed_at=order.placed_at,
        ),
    )
