"""A person says where an order ships from (SRC-15)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.company.queries import channels_by_id
from batuta.customers.queries import customers_by_id
from batuta.fulfillment.commands import reject
from batuta.fulfillment.domain import FulfillmentOrder, FulfillmentStatus, Reject, RejectionReason
from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.quantities import Quantity, Text
from batuta.orchestration.commands.offering import offer_plans
from batuta.orchestration.commands.sourcing import FOUND, promise_again, requests_for
from batuta.ordering.commands import EndHold, UnknownLine, UnknownOrder, end_holds, lock_orders
from batuta.ordering.domain import Order, OrderStatus, Stage
from batuta.ordering.queries import made_lines_of, orders_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import plan, unpark
from batuta.sourcing.domain import Override, Parking, Plan, SourcingRequest, Unfillable
from batuta.sourcing.queries import parkings_of


class NotToBePlanned(Refused):
    """The order is not accepted yet, is over, or is held."""


class NotFree(Refused):
    """Units that a location has accepted stay with it; it may reject them."""


class SeveralRoutes(Refused):
    """The customer has some of these lines another way than the others."""


class OverriddenLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of an order's line."""

    line_id: UUID
    quantity: Quantity


class OverrideSourcing(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order that shall ship from one location, and why. lines: None is all that no location accepted."""

    order_id: UUID
    location_id: UUID
    reason: Text
    actor: Text
    lines: Annotated[tuple[OverriddenLine, ...], msgspec.Meta(min_length=1)] | None = None


async def override_sourcing(
    db: Connection, *, wishes: Sequence[OverrideSourcing], now: datetime
) -> list[Plan | BatutaError]:
    """Plan units at the location that a person wants, taking back offers that nobody accepted; or none of a wish.

    The decision keeps who wanted it and why. What else was in those offers is planned anew by the score.
    """
    outcomes: list[Plan | BatutaError] = []
    for wish in wishes:
        savepoint = db.savepoint()
        await savepoint.start()
        try:
            outcome: Plan | BatutaError = await _override(db, wish, now)
        except BatutaError as refusal:
            outcome = refusal
        await (savepoint.commit() if isinstance(outcome, Plan) else savepoint.rollback())
        outcomes.append(outcome)
    return outcomes


async def _override(db: Connection, wish: OverrideSourcing, now: datetime) -> Plan | Unfillable:
    await lock_orders(db, [wish.order_id])
    order = (await orders_by_id(db, [wish.order_id])).get(wish.order_id)
    if order is None:
        raise UnknownOrder("there is no such order", order_id=str(wish.order_id))
    parked = (await parkings_of(db, [order.id])).get(order.id)
    check_is_to_be_planned(order, parked)
    own = parked.hold_id if parked and not parked.is_over else None
    wanted = _wanted(order, wish)
    order = await _take_back(db, order, wanted, wish, now)
    channels = await channels_by_id(db, {order.channel_id})
    buyers = await customers_by_id(db, {order.customer_id} if order.customer_id else set())
    buyer = buyers.get(order.customer_id) if order.customer_id else None
    made = await made_lines_of(db, [order])
    forced = [_forced(one, wanted, wish) for one in requests_for(order, channels[order.channel_id], buyer, made=made)]
    request, *others = [one for one in forced if one.lines]
    if others:
        raise SeveralRoutes("these lines are had in different ways: name those of one")
    (planned,) = await plan(db, requests=[request], now=now)
    if isinstance(planned, Plan):
        promised = await promise_again(db, {order.id: order}, [(request, planned)], now=now)
        await offer_plans(db, orders={order.id: order}, channels=channels, plans=[planned], promised=promised, now=now)
        waiting = sum(line.buckets.open + line.buckets.reserved for line in order.lines if line.is_shipped)
        if own is not None and waiting == sum(wanted.values()):
            await unpark(db, order_ids=[order.id], because=FOUND, actor=wish.actor, now=now)
            await end_holds(db, ends=[EndHold(hold_id=own, actor=wish.actor, reason=wish.reason)], now=now)
    return planned


def check_is_to_be_planned(order: Order, parked: Parking | None) -> None:
    """Let pass what only waits in a queue.

    Raises:
        NotToBePlanned: with what else keeps the order.
    """
    own = parked.hold_id if parked and not parked.is_over else None
    holds = [one for one in order.holds if one.keeps(Stage.SOURCE) and one.id != own]
    if order.status not in {OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS} or holds:
        raise NotToBePlanned(
            "the order is not to be planned now", status=order.status, holds=[one.reason for one in holds]
        )


def _wanted(order: Order, wish: OverrideSourcing) -> dict[UUID, int]:
    """Units by line: none that a location has accepted."""
    free = {
        line.id: line.buckets.open + line.buckets.reserved + line.buckets.allocated
        for line in order.lines
        if line.is_shipped
    }
    wanted: dict[UUID, int] = {}
    for one in wish.lines or ():
        if one.line_id not in free:
            raise UnknownLine("the order has no such line of goods", line_id=str(one.line_id))
        wanted[one.line_id] = wanted.get(one.line_id, 0) + one.quantity
    if wish.lines is None:
        wanted = {line_id: units for line_id, units in free.items() if units}
    if not wanted or any(units > free[line_id] for line_id, units in wanted.items()):
        raise NotFree(
            "only units that no location has accepted can be planned anew",
            free={str(line_id): units for line_id, units in free.items()},
        )
    return wanted


async def _take_back(
    db: Connection, order: Order, wanted: dict[UUID, int], wish: OverrideSourcing, now: datetime
) -> Order:
    """Take back the offers of lines of which not enough waits."""
    waiting = {line.id: line.buckets.open + line.buckets.reserved for line in order.lines}
    short = {line_id for line_id, units in wanted.items() if units > waiting[line_id]}
    offered = [
        one
        for one in (await fulfillment_orders_of(db, [order.id]))[order.id]
        if one.status is FulfillmentStatus.OFFERED and any(line.live for line in one.lines if line.line_id in short)
    ]
    rejections = [
        Reject(
            fulfillment_order_id=one.id,
            reason=RejectionReason.REPLANNED,
            sku_ids=tuple(dict.fromkeys(line.sku_id for line in one.lines if line.line_id in short)),
            actor=wish.actor,
        )
        for one in offered
    ]
    for outcome in await reject(db, rejections=rejections, now=now):
        if not isinstance(outcome, FulfillmentOrder):
            raise outcome
    return (await orders_by_id(db, [order.id]))[order.id]


def _forced(request: SourcingRequest, wanted: dict[UUID, int], wish: OverrideSourcing) -> SourcingRequest:
    lines = tuple(
        msgspec.structs.replace(line, quantity=wanted[line.line_id]) for line in request.lines if line.line_id in wanted
    )
    forced = Override(location_id=wish.location_id, reason=wish.reason, actor=wish.actor)
    return msgspec.structs.replace(request, lines=lines, override=forced, actor=wish.actor)
