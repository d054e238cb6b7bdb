"""The page of one order as it is drawn: everything read once, every word and amount ready."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import FulfillmentOrder, WorkOrder
from batuta.fulfillment.queries import WorkOrdersWanted, fulfillment_orders_of, list_work_orders
from batuta.identity.queries import staff_by_email
from batuta.inventory.domain.transfers import Transfer
from batuta.inventory.queries.transfers import TransferFilter, list_transfers
from batuta.kernel.addresses import Address
from batuta.locations.domain import Location
from batuta.locations.queries import locations_by_id
from batuta.notifications.domain import Message
from batuta.notifications.queries import messages_of
from batuta.ordering.domain import HoldStatus, MadeLine, Order
from batuta.ordering.domain.promises import Promise
from batuta.ordering.queries import made_lines_of, promises_of
from batuta.payments.domain import Balance, PaymentView
from batuta.payments.queries import balances, payments_of
from batuta.plumbing.database import Connection
from batuta.plumbing.events import Fact, facts_of
from batuta.plumbing.web.callers import Caller
from batuta.returns.domain import Return
from batuta.returns.queries import returns_of_orders
from batuta.shipping.domain import Carrier, Parcel, SeenScan, Service
from batuta.shipping.queries import carriers_by_code, parcels_of_owner, scans_of, services_by_id
from batuta.sourcing.domain import Decision, Slot
from batuta.sourcing.domain import HoldStatus as HeldSlotStatus
from batuta.sourcing.queries import decisions_of, slot_holds_of, slots_by_id
from batuta.web.catalogue import Speech
from batuta.web.coming_back import ReturnView, returns_seen
from batuta.web.delivery import DeliveryView, delivery_of
from batuta.web.lines import LineView, lines_of
from batuta.web.making import BringingView, MakingView, brought_for, made_for
from batuta.web.money import MoneyView, money_of
from batuta.web.parcels import ParcelView, WorkOfOrder, parcels_seen, work_seen
from batuta.web.pills import Pill, is_held, pill, status_pill
from batuta.web.queries import Home, homes_of, line_names
from batuta.web.timeline import Named, Story, actor_in_words, people_in, places_in, reason_in_words, story

SHOWN_MAX = 50
"""Work orders and transfers of one order; past that, the API tells them page by page."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the rooms know of one order."""

    order: Order
    home: Home
    facts: Sequence[Fact]
    decisions: Sequence[Decision]
    balance: Balance | None
    payments: Sequence[PaymentView]
    work: Sequence[FulfillmentOrder]
    parcels: Sequence[Parcel]
    scans: Mapping[UUID, Sequence[SeenScan]]
    messages: Sequence[Message]
    locations: Mapping[UUID, Location]
    services: Mapping[UUID, Service]
    carriers: Mapping[str, Carrier]
    people: Mapping[str, str]
    names: Mapping[UUID, str]
    made: Mapping[UUID, MadeLine]
    making: Sequence[WorkOrder]
    transfers: Sequence[Transfer]
    returns: Sequence[Return]
    promises: Sequence[Promise]
    slot: Slot | None


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that keeps the order."""

    id: str
    kind: str
    reason: str
    since: str
    until: str
    blocks: str


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer was told."""

    template: str
    subject: str
    recipient: str
    at: str
    status: Pill
    problem: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An address as it is read, line by line."""

    lines: Sequence[str]


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order, as whoever may read orders sees it; can_cancel, can_release: whether its reader may do so, too."""

    number: str
    external_id: str | None
    placed: str
    placed_iso: str
    placed_by: str
    zone: str
    channel: str
    status: Pill
    money_status: Pill
    goods: Pill
    units: str
    holds: Sequence[HoldView]
    lines: Sequence[LineView]
    money: MoneyView
    parcels: Sequence[ParcelView]
    work: WorkOfOrder
    making: Sequence[MakingView]
    bringing: Sequence[BringingView]
    returns: Sequence[ReturnView]
    delivery: DeliveryView
    story: Story
    messages: Sequence[MessageView]
    customer: str
    email: str | None
    phone: str | None
    ship_to: Place | None
    bill_to: Place | None
    pickup: str | None
    locale: str
    can_cancel: bool
    can_release: bool


async def read_order(db: Connection, order: Order) -> Known:
    """Read what every room knows of an order; so many queries, whatever its size."""
    facts = (await facts_of(db, [order.id]))[order.id]
    parcels = (await parcels_of_owner(db, [order.id]))[order.id]
    work = (await fulfillment_orders_of(db, [order.id]))[order.id]
    making = await list_work_orders(db, wanted=WorkOrdersWanted(order_id=order.id), behind=None, limit=SHOWN_MAX)
    transfers = await list_transfers(db, wanted=TransferFilter(order_id=order.id), limit=SHOWN_MAX)
    returns = (await returns_of_orders(db, [order.id]))[order.id]
    stores = {order.pickup_location_id, *(line.route.pickup_location_id for line in order.lines if line.route)}
    busy = {one.location_id for one in work} | {one.location_id for one in making}
    arrived = {one.location_id for one in returns}
    ways = {place for one in transfers for place in (one.source_location_id, one.target_location_id)}
    places = places_in(facts) | busy | arrived | ways | stores
    emails = people_in({order.placed_by, *(one.actor for one in facts), *(one.actor for one in order.holds)})
    people = await staff_by_email(db, emails)
    return Known(
        order=order,
        home=(await homes_of(db, [order.channel_id]))[order.channel_id],
        facts=facts,
        decisions=(await decisions_of(db, [order.id]))[order.id],
        balance=(await balances(db, [order.id])).get(order.id),
        payments=(await payments_of(db, [order.id]))[order.id],
        work=work,
        parcels=parcels,
        scans=await scans_of(db, [one.id for one in parcels]),
        messages=(await messages_of(db, [order.id]))[order.id],
        locations=await locations_by_id(db, {one for one in places if one}),
        services=await services_by_id(db, {one.service_id for one in work if one.service_id}),
        carriers=await carriers_by_code(db, {one.carrier_code for one in parcels if one.carrier_code}),
        people={email: one.name for email, one in people.items()},
        names=await line_names(db, order),
        made=await made_lines_of(db, [order]),
        making=making,
        transfers=transfers,
        returns=returns,
        promises=(await promises_of(db, [order.id]))[order.id],
        slot=await _slot_of(db, order),
    )


async def _slot_of(db: Connection, order: Order) -> Slot | None:
    """The window that the buyer chose."""
    held = (await slot_holds_of(db, [order.id])).get(order.id)
    if held is None or held.status is not HeldSlotStatus.CONFIRMED:
        return None
    return (await slots_by_id(db, [held.slot_id])).get(held.slot_id)


def order_view(known: Known, caller: Caller, speech: Speech) -> OrderView:
    """Put an order into the words of its reader."""
    order = known.order
    named = _named(known)
    return OrderView(
        number=order.number,
        external_id=order.external_id,
        placed=speech.zoned(order.placed_at),
        placed_iso=order.placed_at.isoformat(),
        placed_by=actor_in_words(order.placed_by, named, speech),
        zone=speech("order.times_in", zone=speech.zone.key),
        channel=known.home.channel.name,
        status=status_pill(speech, order),
        money_status=money_of(known.balance, known.payments, order, speech).status,
        goods=pill(speech, "goods", order.fulfillment),
        units=speech.count("order.unit_count", sum(line.quantity for line in order.lines)),
        holds=_holds(order, named, speech),
        lines=lines_of(order, known.decisions, known.names, known.locations, speech, made=known.made),
        money=money_of(known.balance, known.payments, order, speech),
        parcels=parcels_seen(
            known.parcels, known.scans, known.carriers, speech, with_slips=_with_slips(known.work, caller)
        ),
        work=work_seen(known.work, known.facts, known.locations, known.services, speech),
        making=made_for(known.making, known.names, known.locations, speech),
        bringing=brought_for(known.transfers, known.locations, speech),
        returns=returns_seen(known.returns, known.names, known.locations, speech),
        delivery=delivery_of(order, known.promises, known.slot, speech),
        story=story(known.facts, named, speech),
        messages=[_message(one, speech) for one in reversed(known.messages)],
        customer=_name(order) or speech("order.guest"),
        email=order.email,
        phone=order.phone,
        ship_to=None if order.pickup_location_id else Place(lines=_letter(order.ship_to, speech)),
        bill_to=Place(lines=_letter(order.bill_to, speech)) if order.bill_to else None,
        pickup=known.locations[order.pickup_location_id].name if order.pickup_location_id else None,
        locale=order.locale,
        can_cancel=caller.may("orders.cancel")
        and any(line.buckets.waiting + line.buckets.in_work for line in order.lines),
        can_release=caller.may("orders.hold"),
    )


def _with_slips(work: Sequence[FulfillmentOrder], caller: Caller) -> set[UUID]:
    """The parcels whose packing slips the reader may print."""
    if not caller.may("shipping.read"):
        return set()
    return {
        package.parcel_id
        for one in work
        if caller.sees_location(one.location_id)
        for package in one.packages
        if package.unpacked_at is None
    }


def _named(known: Known) -> Named:
    order = known.order
    return Named(
        currency=order.currency,
        customer=_name(order),
        people=known.people,
        lines={str(id_): name for id_, name in known.names.items()},
        locations={str(id_): one.name for id_, one in known.locations.items()},
        parcels={str(one.id): one.tracking_number or one.reference for one in known.parcels},
        methods={str(one.payment.id): str(one.payment.method) for one in known.payments},
    )


def _holds(order: Order, named: Named, speech: Speech) -> list[HoldView]:
    if not is_held(order):
        return []
    return [
        HoldView(
            id=str(one.id),
            kind=speech.of("hold", one.kind),
            reason=reason_in_words(one.reason, speech),
            since=speech(
                "order.held_since",
                at=speech.date_and_time(one.placed_at),
                actor=actor_in_words(one.actor, named, speech),
            ),
            until=speech("order.held_until", at=speech.date_and_time(one.due_at)) if one.due_at else "",
            blocks=speech.of("blocks", one.blocks),
        )
        for one in order.holds
        if one.status is HoldStatus.ACTIVE
    ]


def _message(one: Message, speech: Speech) -> MessageView:
    at: datetime = one.sent_at or one.created_at
    return MessageView(
        template=speech.of("template", one.template),
        subject=one.subject,
        recipient=one.recipient,
        at=speech.moment(at),
        status=pill(speech, "message", one.status),
        problem=one.problem,
    )


def _name(order: Order) -> str:
    return order.ship_to.name or order.ship_to.company or ""


def _letter(address: Address, speech: Speech) -> list[str]:
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    country = speech.country(address.country)
    return [part for part in (address.name, address.company, *address.street, town, country) if part]
