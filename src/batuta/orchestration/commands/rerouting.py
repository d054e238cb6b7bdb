"""Customers whose store cannot serve them choose another way (SRC-16): they are asked, and what they choose is done."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from batuta.company.domain import Channel, RerouteKind
from batuta.company.queries import channels_by_id
from batuta.customers.queries import customers_by_id
from batuta.identity.commands import take
from batuta.identity.domain import Allowance, TooManyRequests
from batuta.kernel.addresses import Address, check_address
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.ids import child_id
from batuta.kernel.links import LinkHasEnded, UnknownLink, read_link
from batuta.orchestration.commands.offering import offer_plans
from batuta.orchestration.commands.overriding import check_is_to_be_planned
from batuta.orchestration.commands.sourcing import FOUND, promise_again, requests_for
from batuta.orchestration.queries import Ways, choices_of, waiting_at
from batuta.orchestration.queries.asking import DELIVERED_BY, units_waiting
from batuta.orchestration.queries.choices import pickup_of
from batuta.ordering.commands import EndHold, ask_for_choices, book_choices, cancel, end_holds, lock_orders
from batuta.ordering.domain import CancelLine, CancelRequest, Method, Order, OrderStatus, Route
from batuta.ordering.domain.rerouting import (
    LINK,
    Choice,
    ChoiceId,
    LinkIsUsed,
    NothingToChoose,
    Part,
    Reroute,
    Rerouting,
)
from batuta.ordering.queries import made_lines_of, orders_by_id, reroutes_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import plan, release_slots, unpark
from batuta.sourcing.domain import Parking, Unfillable
from batuta.sourcing.events import OrderParked
from batuta.sourcing.queries import parkings_of, promise_secret

CUSTOMER = "customer:link"
LOOKS_AT_ONCE, LOOKS_EACH = 30, timedelta(seconds=5)
REASON = "the customer chose another way"
CANCELLED_BECAUSE = "the store cannot have it ready"
_LIVE = frozenset({OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS})


class ChoiceIsGone(Refused):
    """The way is not open any more; `choices` are."""


class ChoiceHasChanged(Refused):
    """The way costs more than was shown, or comes later; the facts say what it is now."""


class AddressMissing(Refused):
    """A delivery goes to an address: `ship_to`."""


class Choose(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer chooses, and what they were shown of it. ship_to: of a delivery."""

    reroute_id: UUID
    choice_id: ChoiceId
    price_minor: int
    p90_on: date | None
    ship_to: Address | None
    actor: str


async def ask_where_else(db: Connection, events: Sequence[OrderParked], now: datetime) -> None:
    """Ask customers of pickups that their store cannot have ready, once for the same units as long as they wait."""
    order_ids = {one.stream for one in events}
    orders = await orders_by_id(db, order_ids)
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    parkings = await parkings_of(db, order_ids)
    questions = [
        question
        for order in orders.values()
        if order.status in _LIVE and not parkings[order.id].is_over
        for question in _questions(order, channels[order.channel_id], parkings[order.id], now)
    ]
    await ask_for_choices(db, questions=questions, now=now)


def _questions(order: Order, channel: Channel, parking: Parking, now: datetime) -> list[Reroute]:
    """One for each store that the order waits for; none where the channel knows no page to choose on."""
    policies = channel.policies
    until_at = now + timedelta(days=policies.reroute_days)
    expires_at = min(until_at, parking.cancel_at or until_at)
    if not policies.reroute_url or not policies.reroute_choices or expires_at <= now:
        return []
    waiting = [line for line in order.lines if units_waiting(line)]
    stores = dict.fromkeys(id_ for line in waiting if (id_ := pickup_of(order, line)) is not None)
    found = []
    for store_id in stores:
        line_ids = tuple(line.id for line in waiting_at(order, store_id))
        found.append(
            Reroute(
                id=child_id(order.id, "reroute", parking.parked_at.isoformat(), store_id, *line_ids),
                order_id=order.id,
                location_id=store_id,
                line_ids=line_ids,
                asked_at=now,
                expires_at=expires_at,
            )
        )
    return found


async def choose(db: Connection, *, wishes: Sequence[Choose], now: datetime) -> list[Choice | BatutaError]:
    """Do what customers chose: wholly, or not at all and with the reason. A question is answered once.

    What is chosen is planned, promised and offered here, with the price and date that were shown or better ones; what
    is cancelled is given back. Locks the orders, then stock, then capacity.
    """
    outcomes: list[Choice | BatutaError] = []
    for wish in wishes:
        savepoint = db.savepoint()
        await savepoint.start()
        try:
            outcome: Choice | BatutaError = await _choose(db, wish, now)
        except BatutaError as refusal:
            outcome = refusal
        await (savepoint.commit() if isinstance(outcome, Choice) else savepoint.rollback())
        outcomes.append(outcome)
    return outcomes


async def admit(db: Connection, link: str, *, now: datetime) -> UUID:
    """Whose question a link asks, if it does not ask too often; each look is a search.

    Raises:
        UnknownLink, LinkHasEnded, TooManyRequests.
    """
    reroute_id = read_link(LINK, link, secret=await promise_secret(db), now=now)
    allowance = Allowance(name=f"link:{reroute_id}", burst=LOOKS_AT_ONCE, each=LOOKS_EACH)
    await take(db, allowance, refusal=TooManyRequests, now=now)
    return reroute_id


async def open_question(db: Connection, reroute_id: UUID, *, now: datetime) -> Reroute:
    """A question that may still be answered.

    Raises:
        UnknownLink, LinkHasEnded, LinkIsUsed.
    """
    found = (await reroutes_by_id(db, [reroute_id])).get(reroute_id)
    if found is None:
        raise UnknownLink("this is no link of ours")
    if found.chosen_at is not None and found.chosen is not None:
        raise LinkIsUsed("something was chosen already", choice=found.chosen.id, chosen_at=found.chosen_at.isoformat())
    if found.expires_at <= now:
        raise LinkHasEnded("the link has ended", ended_at=found.expires_at.isoformat())
    return found


async def open_ways(db: Connection, reroute: Reroute, *, deliver_to: Address | None, now: datetime) -> Ways:
    """What there is to choose from now.

    Raises:
        NothingToChoose: nothing waits any more. UnknownPostalCode: there is no such place to deliver to.
    """
    ways = await choices_of(db, reroute, deliver_to=deliver_to, now=now)
    if ways.order.status not in _LIVE or not ways.lines:
        raise NothingToChoose("nothing of the order waits for a choice any more", status=ways.order.status)
    return ways


async def _choose(db: Connection, wish: Choose, now: datetime) -> Choice:
    asked = await open_question(db, wish.reroute_id, now=now)
    await lock_orders(db, [asked.order_id])
    asked = await open_question(db, wish.reroute_id, now=now)
    ways = await open_ways(db, asked, deliver_to=wish.ship_to, now=now)
    choice = _as_shown(wish, ways)
    if choice.needs_address and wish.ship_to is None:
        raise AddressMissing("say where it is to be delivered", field="ship_to")
    parking = (await parkings_of(db, [ways.order.id])).get(ways.order.id)
    check_is_to_be_planned(ways.order, parking)
    ship_to = check_address(wish.ship_to) if choice.needs_address and wish.ship_to else None
    routes = [
        (line_id, route)
        for part in choice.parts
        if (route := _route(part, ways.order, ship_to)) is not None
        for line_id in part.line_ids
    ]
    booked = Rerouting(reroute_id=asked.id, order_id=asked.order_id, choice=choice, routes=routes, actor=wish.actor)
    await book_choices(db, choices=[booked], now=now)
    await _plan(db, ways, {line_id for line_id, _ in routes}, now=now)
    await _cancel(db, asked, ways, choice, wish.actor, now=now)
    await _leave(db, asked.order_id, parking, wish.actor, now=now)
    return choice


def _as_shown(wish: Choose, ways: Ways) -> Choice:
    """The choice, no dearer and no later than it was shown.

    Raises:
        ChoiceIsGone, ChoiceHasChanged.
    """
    choice = next((one for one in ways.choices if one.id == wish.choice_id), None)
    if choice is None:
        raise ChoiceIsGone("this way is not open any more", choices=[one.id for one in ways.choices])
    is_later = choice.p90_on is not None and (wish.p90_on is None or choice.p90_on > wish.p90_on)
    is_later = is_later or (choice.p90_on is None and wish.p90_on is not None)
    if is_later or choice.price_minor > wish.price_minor:
        raise ChoiceHasChanged(
            "this way has changed: look again", choice=choice.id, price_minor=choice.price_minor, p90_on=choice.p90_on
        )
    return choice


def _route(part: Part, order: Order, ship_to: Address | None) -> Route | None:
    """How the lines of a part are had from now on; None where they stay as they were."""
    if part.store is not None:
        return Route(
            method=Method.PICKUP,
            pickup_location_id=part.store.location_id,
            service_kind=order.service_kind,
            ship_to=order.ship_to,
        )
    if ship_to is not None and part.kind is RerouteKind.DELIVERY:
        return Route(method=Method.SHIP, pickup_location_id=None, service_kind=str(DELIVERED_BY), ship_to=ship_to)
    return None


async def _plan(db: Connection, ways: Ways, line_ids: set[UUID], *, now: datetime) -> None:
    """Plan and offer lines as they are had from now on.

    Raises:
        ChoiceIsGone: others were faster.
    """
    if not line_ids:
        return
    orders = await orders_by_id(db, [ways.order.id])
    order = orders[ways.order.id]
    channels = await channels_by_id(db, [order.channel_id])
    buyers = await customers_by_id(db, [order.customer_id]) if order.customer_id else {}
    buyer = buyers.get(order.customer_id) if order.customer_id else None
    made = await made_lines_of(db, [order])
    for whole in requests_for(order, channels[order.channel_id], buyer, made=made):
        lines = tuple(line for line in whole.lines if line.line_id in line_ids)
        if not lines:
            continue
        request = msgspec.structs.replace(whole, lines=lines)
        (planned,) = await plan(db, requests=[request], now=now)
        if isinstance(planned, Unfillable):
            raise ChoiceIsGone("others were faster: choose again", choices=[])
        promised = await promise_again(db, orders, [(request, planned)], now=now)
        await offer_plans(db, orders=orders, channels=channels, plans=[planned], promised=promised, now=now)
    if all(line.route for line in order.lines if line.is_shipped and line.buckets.live):
        await release_slots(db, holder_ids={order.id})


async def _cancel(db: Connection, asked: Reroute, ways: Ways, choice: Choice, actor: str, *, now: datetime) -> None:
    """Give up the units that the customer does not want any more."""
    unwanted = {id_ for part in choice.parts if part.kind is RerouteKind.CANCEL for id_ in part.line_ids}
    lines = [CancelLine(line_id=one.id, quantity=units_waiting(one)) for one in ways.lines if one.id in unwanted]
    if lines:
        wish = CancelRequest(
            id=child_id(asked.id, "cancelled"),
            order_id=asked.order_id,
            reason=CANCELLED_BECAUSE,
            actor=actor,
            lines=lines,
        )
        (outcome,) = await cancel(db, requests=[wish], now=now)
        if isinstance(outcome, BatutaError):
            raise outcome


async def _leave(db: Connection, order_id: UUID, parking: Parking | None, actor: str, *, now: datetime) -> None:
    """An order of which nothing waits any more leaves its queue."""
    order = (await orders_by_id(db, [order_id]))[order_id]
    if parking is None or parking.is_over or any(line.is_shipped and units_waiting(line) for line in order.lines):
        return
    await unpark(db, order_ids=[order_id], because=FOUND, actor=actor, now=now)
    await end_holds(db, ends=[EndHold(hold_id=parking.hold_id, actor=actor, reason=REASON)], now=now)
