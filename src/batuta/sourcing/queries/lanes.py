"""Which services go from locations to addresses, and their prices by weight, out of shipping's rate cards."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from batuta.kernel.addresses import Address, bare_postal_code
from batuta.locations.domain import Ability
from batuta.locations.queries import AllLocations
from batuta.plumbing.database import Connection
from batuta.shipping.domain import NotServed, Rated, RateRequest, Service, ServiceKind, Tariffs
from batuta.shipping.queries import rate_cards_of, services_by_id, tariffs
from batuta.sourcing.domain import Lane

WAYS_MAX = 5_000
"""How many destinations of a kind of service are kept in memory, each with its lanes from everywhere."""

WORKING_DAYS_A_WEEK = 5

Origins = Mapping[UUID, tuple[Lane, ...]]
"""Lanes to one destination, by the location they begin at."""


class LaneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order goes, and by what kind of service."""

    order_id: UUID
    destination: Address
    service_kind: str
    currency: str


class Lanes(Mapping[tuple[UUID, UUID], tuple[Lane, ...]]):
    """The lanes by order and location, without a row for each; a location that does not ship is absent."""

    def __init__(self, by_order: Mapping[UUID, Origins]) -> None:
        self._by_order = by_order

    def __getitem__(self, key: tuple[UUID, UUID]) -> tuple[Lane, ...]:
        return self._by_order[key[0]][key[1]]

    def __iter__(self) -> Iterator[tuple[UUID, UUID]]:
        return ((order_id, at) for order_id, origins in self._by_order.items() for at in origins)

    def __len__(self) -> int:
        return sum(map(len, self._by_order.values()))

    def get(self, key: tuple[UUID, UUID], default: Any = None) -> Any:
        """Asked for each candidate: no exception for those without a lane."""
        origins = self._by_order.get(key[0])
        return default if origins is None else origins.get(key[1], default)

    def instead(self, by_order: Mapping[UUID, Origins]) -> "Lanes":
        """These lanes, but others of some orders."""
        return Lanes({**self._by_order, **by_order})

    def goes(self, order_id: UUID) -> bool:
        """Whether any service goes there from anywhere."""
        return any(self._by_order.get(order_id, {}).values())


class _Cards(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """services: all of them. lanes: by service and zone. ways: kept, by locations and destination."""

    services: Mapping[UUID, Service]
    lanes: Mapping[tuple[UUID, str], Lane]
    ways: WeakKeyDictionary[AllLocations, dict[tuple[str, str, str, str], Origins]]


_kept: WeakKeyDictionary[Tariffs, _Cards] = WeakKeyDictionary()


async def lanes_of(db: Connection, requests: Collection[LaneRequest], every: AllLocations) -> Lanes:
    """The lanes from every location that ships; a service that asks another currency than the order's is left out.

    What postal codes that begin alike have in common is found once.
    """
    known = await tariffs(db)
    cards = _kept.get(known)
    if cards is None:
        cards = _kept[known] = await _read(db, known)
    ways = cards.ways.setdefault(every, {})
    found: dict[UUID, Origins] = {}
    for request in requests:
        if request.service_kind not in _KINDS:
            continue
        to, kind = request.destination, ServiceKind(request.service_kind)
        code = bare_postal_code(to.postal_code)[: known.prefix_length(kind, to.country)]
        key = (request.service_kind, request.currency, to.country, code)
        origins = ways.get(key)
        if origins is None:
            if len(ways) >= WAYS_MAX:
                ways.clear()
            origins = ways[key] = _origins(known, cards, every, request)
        found[request.order_id] = origins
    return Lanes(found)


async def days_at_most(db: Connection, requests: Collection[LaneRequest], every: AllLocations) -> dict[UUID, int]:
    """In how many days of the calendar each order is there, from wherever it is sent; those are left out that nobody
    takes there.

    By the rate cards' slowest service, whose days are working days, and one until it leaves.
    """
    known = await tariffs(db)
    found: dict[UUID, int] = {}
    for request in requests:
        for country, postal_code in _begin_at(every) if request.service_kind in _KINDS else ():
            for one in _rated(known, request, country, postal_code):
                working = one.days_max + 1
                days = working + 2 * -(-working // WORKING_DAYS_A_WEEK)
                found[request.order_id] = max(days, found.get(request.order_id, 0))
    return found


def _begin_at(every: AllLocations) -> set[tuple[str, str]]:
    return {
        (one.address.country, one.address.postal_code) for one in every.by_id.values() if Ability.SHIP in one.abilities
    }


def _origins(known: Tariffs, cards: _Cards, every: AllLocations, request: LaneRequest) -> Origins:
    zones: dict[tuple[str, str], tuple[Lane, ...]] = {}
    alike: dict[tuple[int, ...], tuple[Lane, ...]] = {}
    origins = {}
    for one in every.by_id.values():
        if Ability.SHIP in one.abilities:
            origin = (one.address.country, one.address.postal_code)
            if origin not in zones:
                lanes = _lanes(known, cards, request, one.address)
                # The same lanes are one object, so that they are priced once.
                zones[origin] = alike.setdefault(tuple(map(id, lanes)), lanes)
            if zones[origin]:
                origins[one.id] = zones[origin]
    return origins


def _lanes(known: Tariffs, cards: _Cards, request: LaneRequest, origin: Address) -> tuple[Lane, ...]:
    return tuple(
        lane
        for one in _rated(known, request, origin.country, origin.postal_code)
        if (lane := cards.lanes.get((one.service_id, one.zone)))
        and cards.services[one.service_id].currency == request.currency
    )


def _rated(known: Tariffs, request: LaneRequest, country: str, postal_code: str) -> Sequence[Rated]:
    """The services of the kind that go there; the lightest parcel finds them all."""
    rated = known.rate(
        RateRequest(
            id=request.order_id,
            origin_country=country,
            origin_postal_code=postal_code,
            destination_country=request.destination.country,
            destination_postal_code=request.destination.postal_code,
            weight_g=1,
            service_kind=ServiceKind(request.service_kind),
        )
    )
    return [] if isinstance(rated, NotServed) else rated


async def _read(db: Connection, known: Tariffs) -> _Cards:
    """The rate cards, read once for as long as shipping keeps these tariffs."""
    services = await services_by_id(db, known.service_ids)
    lanes = {}
    for service_id, card in (await rate_cards_of(db, services)).items():
        for zone in {rate.zone for rate in card.rates}:
            steps = sorted((rate.weight_up_to_g, rate.price_minor) for rate in card.rates if rate.zone == zone)
            lanes[service_id, zone] = _lane(services[service_id], steps)
    return _Cards(services, lanes, WeakKeyDictionary())


def _lane(service: Service, steps: list[tuple[int, int]]) -> Lane:
    """A parcel weighs no more than the service takes, whatever the card goes up to."""
    most_g = service.weight_max_g
    taken = [step for step in steps if step[0] <= most_g]
    above = next((price_minor for up_to_g, price_minor in steps if up_to_g > most_g), None)
    if above is not None and (not taken or taken[-1][0] < most_g):
        taken.append((most_g, above))
    return Lane(service_id=service.id, length_max_mm=service.length_max_mm, steps=tuple(taken))


_KINDS = frozenset(ServiceKind)
