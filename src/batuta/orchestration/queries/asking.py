"""Asking the engine of promises how else lines of an order could be had (SRC-16)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.catalog.queries import skus_by_id
from batuta.company.domain import Channel, RerouteKind
from batuta.inventory.domain import Asker
from batuta.inventory.queries import availability
from batuta.kernel.addresses import Address, distance_m
from batuta.kernel.ids import child_id
from batuta.locations.domain import Location
from batuta.locations.queries import AllLocations
from batuta.ordering.domain import Line, Order
from batuta.ordering.domain.rerouting import Part, Store
from batuta.ordering.queries.claims import Spot
from batuta.plumbing.database import Connection
from batuta.shipping.domain import ServiceKind
from batuta.sourcing.domain import Method, Promised
from batuta.sourcing.domain.promises.asking import Ask, AskedLine, Offers, Standing, UnknownPostalCode, takes_pickups
from batuta.sourcing.queries import history_of, offers

DELIVERED_BY = ServiceKind.STANDARD
NOWHERE_M = 10**9


def units_waiting(line: Line) -> int:
    """Units that a location is to be found for."""
    return line.buckets.open + line.buckets.reserved


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """For whom it is asked. store: that cannot have the lines ready. deliver_to: None where nobody knows.

    codes: of the SKU that is sent for each line. held: what the order has of the stock; banned: who gave it back.
    """

    id: UUID
    order: Order
    channel: Channel
    store: Location
    asker: Asker
    deliver_to: Address | None
    codes: Mapping[UUID, str]
    held: Mapping[Spot, int]
    banned: frozenset[tuple[UUID, UUID]]
    every: AllLocations
    now: datetime

    def at_store(self, code: str, lines: Sequence[Line]) -> Ask:
        """These lines, at one store."""
        return msgspec.structs.replace(self._ask(f"store {code}", lines), store_code=code)

    def delivered(self, lines: Sequence[Line]) -> Ask:
        """These lines, at the customer's door."""
        return msgspec.structs.replace(self._ask("door", lines), destination=self.deliver_to)

    def _ask(self, name: str, lines: Sequence[Line]) -> Ask:
        positions = {line.id: n for n, line in enumerate(lines)}
        standing = Standing(
            held={
                (positions[spot.line_id], spot.sku_id, spot.location_id): units
                for spot, units in self.held.items()
                if spot.line_id in positions and units > 0
            },
            banned=self.banned,
            is_free=self.channel.policies.is_reroute_free,
        )
        return Ask(
            id=child_id(self.id, name, *positions),
            channel_code=self.channel.code,
            lines=[AskedLine(sku_code=self.codes[line.id], quantity=units_waiting(line)) for line in lines],
            destination=None,
            at=self.now,
            stores_max=0,
            customer_id=self.order.customer_id,
            standing=standing,
            ship_terms=self.order.ship_terms,
        )

    def may(self, kind: RerouteKind) -> bool:
        """Whether the channel lets customers choose it."""
        return kind in self.channel.policies.reroute_choices

    def part(self, kind: RerouteKind, lines: Sequence[Line], promised: Promised | None = None) -> Part:
        """Lines that are had together, as they are promised."""
        line_ids = tuple(line.id for line in lines)
        if promised is None:
            return Part(kind=kind, line_ids=line_ids)
        place = self.every.by_id[promised.pickup_location_id] if promised.pickup_location_id else None
        return Part(
            kind=kind,
            line_ids=line_ids,
            store=_store(place) if place else None,
            service_kind=promised.service_kind,
            p50_at=promised.p50_at,
            p90_at=promised.p90_at,
            p90_on=promised.p90_at.astimezone(ZoneInfo(promised.time_zone)).date(),
            time_zone=promised.time_zone,
        )

    def far_m(self, other: Location) -> int:
        """How far another store is from the one that cannot."""
        here = self.store
        if here.latitude is None or here.longitude is None or other.latitude is None or other.longitude is None:
            return NOWHERE_M
        return distance_m(here.latitude, here.longitude, other.latitude, other.longitude)

    def costs(self, promised: Promised, lines: Sequence[Line]) -> int:
        """By how much a delivery costs more than the customer was asked for shipping."""
        return (promised.price_minor or 0) - (self.order.shipping_minor if self._are_all(lines) else 0)

    def _are_all(self, lines: Sequence[Line]) -> bool:
        units = {line.id: units_waiting(line) for line in lines}
        return all(units.get(line.id, 0) == line.buckets.live for line in self.order.lines if line.is_shipped)


async def options_for(db: Connection, look: Look, asks: Sequence[Ask]) -> list[Sequence[Promised]]:
    """How what each question asks for could be had; not at all where it cannot be answered.

    Raises:
        UnknownPostalCode: of where it is to be delivered.
    """
    answers = await offers(db, asks=asks, now=look.now)
    for ask, answer in zip(asks, answers, strict=True):
        if isinstance(answer, UnknownPostalCode) and ask.store_code is None:
            raise answer
    return [answer.options if isinstance(answer, Offers) else () for answer in answers]


def pickup_in(options: Sequence[Promised]) -> Promised | None:
    """How it could be collected, if it could."""
    return next((one for one in options if one.method is Method.PICKUP), None)


def delivery_in(options: Sequence[Promised]) -> Promised | None:
    """How it could be delivered, if it could."""
    return next((one for one in options if one.service_kind == DELIVERED_BY), None)


async def stores_with(db: Connection, look: Look, lines: Sequence[Line]) -> dict[UUID, list[Line]]:
    """Other stores that have some of the lines whole, and which; the nearest to the one that cannot come first."""
    sku_ids = {part.sku_id for line in lines for part in line.components}
    have: Counter[tuple[UUID, UUID]] = Counter()
    for one in await availability(db, sku_ids=sku_ids, asker=look.asker, now=look.now):
        have[one.sku_id, one.location_id] += one.available
    for spot, units in look.held.items():
        have[spot.sku_id, spot.location_id] += max(0, units)
    stores = [one for one in look.every.by_id.values() if takes_pickups(one) and one.id != look.store.id]
    found: dict[UUID, list[Line]] = {}
    for store in sorted(stores, key=lambda one: (look.far_m(one), one.code)):
        there = [
            line
            for line in lines
            if all(
                have[part.sku_id, store.id] >= part.quantity * units_waiting(line)
                and (part.sku_id, store.id) not in look.banned
                for part in line.components
            )
        ]
        if there:
            found[store.id] = there
    return found


async def codes_of(db: Connection, lines: Sequence[Line]) -> dict[UUID, str]:
    """The SKU that is sent for each line, which need not be the one it says any more (INV-17)."""
    sent = {line.id: line.components[0] for line in lines if len(line.components) == 1}
    skus = await skus_by_id(db, {part.sku_id for part in sent.values()})
    return {
        line.id: skus[sent[line.id].sku_id].code if line.id in sent and sent[line.id].quantity == 1 else line.sku_code
        for line in lines
    }


async def bans_of(db: Connection, order_id: UUID, *, now: datetime) -> frozenset[tuple[UUID, UUID]]:
    """The SKUs at locations that gave them back to an order."""
    known = await history_of(db, [order_id], sku_ids=[], now=now)
    return frozenset((sku_id, location_id) for of, sku_id, location_id in known.barred if of == order_id)


def _store(place: Location) -> Store:
    town = " ".join(part for part in (place.address.postal_code, place.address.city) if part)
    return Store(location_id=place.id, code=place.code, name=place.name, address=(*place.address.street, town))
