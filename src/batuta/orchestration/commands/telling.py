"""Telling the customer, before the customer asks. Channels may mute it; what is muted is counted."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from batuta.company.domain import Channel, RerouteKind
from batuta.company.queries import brands_by_id, channels_by_id, legal_entities_by_id
from batuta.fulfillment.domain.proofs import proof_link_of
from batuta.fulfillment.events import Delivered, HandedOver, ProofSent, ReadyForPickup
from batuta.inventory.domain.waiting import NEVER
from batuta.inventory.events import PromiseMoved
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.locations.queries import locations_by_id
from batuta.notifications.commands import notify
from batuta.notifications.domain import Fact, Notice
from batuta.ordering.domain import Contact
from batuta.ordering.domain.rerouting import link_of
from batuta.ordering.events import LinesRerouted, OrderPlaced, RerouteAsked, UnitsCancelled, WaitAsked
from batuta.ordering.queries import contacts_of, lines_by_id, orders_by_id, reroutes_by_id
from batuta.payments.events import PaymentDeclined, PaymentRefunded
from batuta.plumbing.database import Connection
from batuta.returns.events import Received
from batuta.shipping.queries import carriers_by_id, parcels_by_id, services_by_id
from batuta.sourcing.queries import promise_secret

Told = TypeVar("Told", bound=Event)
Facts = Callable[[Told, Contact], Mapping[str, Fact]]

ITEMS_LENGTH_MAX = 400

_log = structlog.get_logger("batuta.telling")


async def tell_placed(db: Connection, events: Sequence[OrderPlaced], now: datetime) -> None:
    def facts(one: OrderPlaced, _: Contact) -> Mapping[str, Fact]:
        return {"total_minor": one.gross_minor, "currency": one.currency}

    await _tell(db, "order_placed", events, _known(facts), lambda one: one.stream, now=now)


async def tell_payment_failed(db: Connection, events: Sequence[PaymentDeclined], now: datetime) -> None:
    def facts(one: PaymentDeclined, order: Contact) -> Mapping[str, Fact]:
        return {"due_minor": one.amount_minor, "currency": order.currency}

    declined = [one for one in events if not one.is_renewal]
    await _tell(db, "payment_failed", declined, _known(facts), lambda one: one.payment_id, now=now)


async def tell_shipped(db: Connection, events: Sequence[HandedOver], now: datetime) -> None:
    async def read(heard: Sequence[HandedOver]) -> Facts[HandedOver]:
        parcels = await parcels_by_id(db, [id_ for one in heard for id_ in one.parcel_ids])
        services = await services_by_id(db, {one.service_id for one in parcels.values() if one.service_id})
        carriers = await carriers_by_id(db, {one.carrier_id for one in services.values()})

        def facts(one: HandedOver, _: Contact) -> Mapping[str, Fact]:
            sent = [parcels[id_] for id_ in one.parcel_ids if id_ in parcels]
            names = {carriers[services[each.service_id].carrier_id].name for each in sent if each.service_id}
            numbers = [each.tracking_number for each in sent if each.tracking_number]
            return {"carrier": ", ".join(sorted(names)), "tracking_number": ", ".join(numbers)}

        return facts

    def subject(one: HandedOver) -> UUID:
        return child_id(one.fulfillment_order_id, *one.parcel_ids)

    await _tell(db, "order_shipped", events, read, subject, now=now)


async def tell_ready_for_pickup(db: Connection, events: Sequence[ReadyForPickup], now: datetime) -> None:
    async def read(heard: Sequence[ReadyForPickup]) -> Facts[ReadyForPickup]:
        places = await locations_by_id(db, {one.location_id for one in heard})

        def facts(one: ReadyForPickup, _: Contact) -> Mapping[str, Fact]:
            place = places[one.location_id]
            address = ", ".join([*place.address.street, place.address.city])
            return {"location": place.name, "address": address, "code": one.code, "until_at": one.until_at}

        return facts

    await _tell(db, "ready_for_pickup", events, read, lambda one: one.fulfillment_order_id, now=now)


async def tell_delivered(db: Connection, events: Sequence[Delivered], now: datetime) -> None:
    def facts(one: Delivered, _: Contact) -> Mapping[str, Fact]:
        return {"delivered_at": one.delivered_at}

    await _tell(db, "delivered", events, _known(facts), lambda one: one.parcel_id, now=now)


async def tell_cancelled(db: Connection, events: Sequence[UnitsCancelled], now: datetime) -> None:
    def facts(one: UnitsCancelled, _: Contact) -> Mapping[str, Fact]:
        return {"units": sum(line.quantity for line in one.lines)}

    await _tell(db, "cancelled", events, _known(facts), lambda one: one.cause_id, now=now)


async def tell_promise_moved(db: Connection, events: Sequence[PromiseMoved], now: datetime) -> None:
    """The new day of what an order waits for, once an order: the last of its lines, and later before sooner."""
    last = {one.stream: one for one in sorted(events, key=_when)}
    news: dict[str, list[PromiseMoved]] = {"delayed_without_day": [], "delayed": [], "sooner": []}
    for one in last.values():
        if one.promised_at is None:
            news["delayed_without_day"].append(one)
        else:
            is_sooner = one.before_at is not None and one.promised_at < one.before_at
            news["sooner" if is_sooner else "delayed"].append(one)

    def facts(one: PromiseMoved, _: Contact) -> Mapping[str, Fact]:
        return {} if one.promised_at is None else {"promised_at": one.promised_at}

    def subject(one: PromiseMoved) -> UUID:
        return child_id(one.stream, one.happened_at.isoformat(), one.promised_at)

    for template, heard in news.items():
        await _tell(db, template, heard, _known(facts), subject, now=now)


def _when(one: PromiseMoved) -> datetime:
    return one.promised_at or NEVER


async def ask_whether_to_wait(db: Connection, events: Sequence[WaitAsked], now: datetime) -> None:
    def facts(one: WaitAsked, _: Contact) -> Mapping[str, Fact]:
        day = {} if one.promised_at is None else {"promised_at": one.promised_at}
        return {"units": one.units, "item": one.name, **day}

    await _tell(db, "still_waiting", events, _known(facts), lambda one: one.line_id, now=now)


async def ask_how_else(db: Connection, events: Sequence[RerouteAsked], now: datetime) -> None:
    """The link behind which a customer chooses, whose store cannot have it ready (SRC-16)."""

    async def read(heard: Sequence[RerouteAsked]) -> Facts[RerouteAsked]:
        asked = await reroutes_by_id(db, [one.reroute_id for one in heard])
        orders = await orders_by_id(db, {one.stream for one in heard})
        channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
        places = await locations_by_id(db, {one.location_id for one in heard})
        secret = await promise_secret(db)

        def facts(one: RerouteAsked, _: Contact) -> Mapping[str, Fact]:
            order = orders[one.stream]
            waiting = [line for line in order.lines if line.id in one.line_ids]
            items = ", ".join(f"{line.name} ({line.buckets.open + line.buckets.reserved})" for line in waiting)
            page = channels[order.channel_id].policies.reroute_url
            return {
                "location": places[one.location_id].name,
                "items": items if len(items) <= ITEMS_LENGTH_MAX else items[:ITEMS_LENGTH_MAX] + "…",
                "url": page + link_of(asked[one.reroute_id], secret),
                "until_at": one.expires_at,
            }

        return facts

    await _tell(db, "choose_another_way", events, read, lambda one: one.reroute_id, now=now)


async def tell_rerouted(db: Connection, events: Sequence[LinesRerouted], now: datetime) -> None:
    """What was chosen; who waits on is told nothing, and who cancelled is told so by itself."""

    async def read(heard: Sequence[LinesRerouted]) -> Facts[LinesRerouted]:
        asked = await reroutes_by_id(db, [one.reroute_id for one in heard])
        orders = await orders_by_id(db, {one.stream for one in heard})

        def facts(one: LinesRerouted, _: Contact) -> Mapping[str, Fact]:
            chosen = asked[one.reroute_id].chosen
            assert chosen
            stores = [part.store for part in chosen.parts if part.store]
            routes = {line.id: line.route for line in orders[one.stream].lines}
            doors = [
                ", ".join([*route.ship_to.street, route.ship_to.city])
                for part in chosen.parts
                if part.kind is RerouteKind.DELIVERY and (route := routes[part.line_ids[0]])
            ]
            days = [part.p90_at for part in chosen.parts if part.p90_at]
            return {
                "pickup": " + ".join(store.name for store in stores),
                "address": " + ".join(", ".join(store.address) for store in stores),
                "delivered_to": "".join(doors),
                "promised_at": max(days, default=None) if chosen.p90_on else None,
            }

        return facts

    moved = [one for one in events if one.kind not in {RerouteKind.WAIT, RerouteKind.CANCEL}]
    await _tell(db, "rerouted", moved, read, lambda one: one.reroute_id, now=now)


async def tell_proof_sent(db: Connection, events: Sequence[ProofSent], now: datetime) -> None:
    """What will be made, and the link by which the buyer answers, where the channel has a page for that."""

    async def read(heard: Sequence[ProofSent]) -> Facts[ProofSent]:
        lines = await lines_by_id(db, [line.line_id for one in heard for line in one.lines])
        contacts = await contacts_of(db, {one.stream for one in heard})
        channels = await channels_by_id(db, {one.channel_id for one in contacts.values()})
        secret = await promise_secret(db)

        def facts(one: ProofSent, order: Contact) -> Mapping[str, Fact]:
            (line,) = one.lines
            item = lines[line.line_id].name
            policies = channels[order.channel_id].policies
            told: dict[str, Fact] = {"units": line.quantity, "item": item, "proof": one.link, "note": one.note}
            if not policies.proof_url:
                return told
            days = policies.proof_days
            link = proof_link_of(one.work_order_id, sent_at=one.happened_at, days=days, secret=secret)
            return told | {"url": policies.proof_url + link, "until_at": one.happened_at + timedelta(days=days)}

        return facts

    await _tell(db, "proof", events, read, lambda one: child_id(one.work_order_id, one.link), now=now)


async def tell_refunded(db: Connection, events: Sequence[PaymentRefunded], now: datetime) -> None:
    def facts(one: PaymentRefunded, order: Contact) -> Mapping[str, Fact]:
        return {"amount_minor": one.amount_minor, "currency": order.currency}

    await _tell(db, "refunded", events, _known(facts), lambda one: child_id(one.payment_id, one.cause_id), now=now)


async def tell_return_received(db: Connection, events: Sequence[Received], now: datetime) -> None:
    def facts(one: Received, _: Contact) -> Mapping[str, Fact]:
        return {"units": sum(line.quantity for line in one.lines)}

    await _tell(db, "return_received", events, _known(facts), lambda one: one.return_id, now=now)


def _known(facts: Facts[Told]) -> Callable[[Sequence[Told]], Awaitable[Facts[Told]]]:
    """Facts for which nothing has to be read."""

    async def read(_: Sequence[Told]) -> Facts[Told]:
        return facts

    return read


async def _tell(
    db: Connection,
    template: str,
    events: Sequence[Told],
    read: Callable[[Sequence[Told]], Awaitable[Facts[Told]]],
    subject: Callable[[Told], UUID],
    *,
    now: datetime,
) -> None:
    """One message a fact to the order's e-mail address; the subject's id makes it one.

    What a muted channel would say is not even read.
    """
    orders = await contacts_of(db, {one.stream for one in events})
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    notices: list[Notice] = []
    heard: list[Told] = []
    for one in events:
        order = orders.get(one.stream)
        if order is None or not order.email:
            continue
        channel = channels[order.channel_id]
        if channel.policies.are_messages_muted:
            notices.append(_notice(template, order, {}, subject(one), is_muted=True))
        else:
            heard.append(one)
    if heard:
        facts = await read(heard)
        common = await _common(db, channels)
        for one in heard:
            order = orders[one.stream]
            notices.append(_notice(template, order, {**common(order), **facts(one, order)}, subject(one)))
    for notice, outcome in zip(notices, await notify(db, notices=notices, now=now), strict=True):
        if isinstance(outcome, BatutaError):
            _log.warning("not_told", template=template, stream=str(notice.stream), code=outcome.code, **outcome.facts)


async def _common(db: Connection, channels: Mapping[UUID, Channel]) -> Callable[[Contact], dict[str, Fact]]:
    """What every message says: to whom, about which order, from which shop."""
    brands = await brands_by_id(db, {one.brand_id for one in channels.values()})
    sellers = await legal_entities_by_id(db, {one.legal_entity_id for one in brands.values()})

    def common(order: Contact) -> dict[str, Fact]:
        brand = brands[channels[order.channel_id].brand_id]
        zone = sellers[brand.legal_entity_id].time_zone
        return {"name": order.name, "order_number": order.number, "shop": brand.name, "time_zone": zone}

    return common


def _notice(
    template: str, order: Contact, facts: Mapping[str, Fact], subject: UUID, *, is_muted: bool = False
) -> Notice:
    return Notice(
        id=child_id(order.id, "message", template, subject),
        template=template,
        locale=order.locale,
        recipient=order.email or "",
        stream=order.id,
        facts=facts,
        dedupe_key=f"{template}:{subject}",
        is_muted=is_muted,
    )
