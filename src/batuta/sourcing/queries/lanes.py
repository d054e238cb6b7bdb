"""Which services go from locations to addresses, and their prices by weight, out of shipping's rate cards."""

from collections.abc import Collection, Mapping
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from batuta.kernel.addresses import Address
from batuta.plumbing.database import Connection
from batuta.shipping.domain import NotServed, RateRequest, Service, ServiceKind, Tariffs
from batuta.shipping.queries import rate_cards_of, services_by_id, tariffs
from batuta.sourcing.domain import Lane


class LaneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order's address, and the locations that may ship to it."""

    order_id: UUID
    destination: Address
    service_kind: str
    currency: str
    location_ids: Collection[UUID]


class _Cards(msgspec.Struct):
    """services: those known. lanes: by service and zone."""

    services: dict[UUID, Service]
    lanes: dict[tuple[UUID, str], Lane]


_kept: WeakKeyDictionary[Tariffs, _Cards] = WeakKeyDictionary()


async def lanes_of(
    db: Connection, requests: Collection[LaneRequest], origins: Mapping[UUID, Address]
) -> dict[tuple[UUID, UUID], tuple[Lane, ...]]:
    """The lanes by order and location; a service that asks another currency than the order's is left out."""
    known = await tariffs(db)
    found: dict[tuple[UUID, UUID], tuple[Lane, ...]] = {}
    zones: dict[tuple[str, ...], list[tuple[UUID, str]]] = {}
    for request in requests:
        to = request.destination
        for location_id in request.location_ids:
            origin = origins[location_id]
            way = (request.service_kind, origin.country, origin.postal_code, to.country, to.postal_code)
            if way not in zones:
                zones[way] = _zones(known, request, origin)
            cards = await _cards(db, known, {service_id for service_id, _ in zones[way]})
            found[request.order_id, location_id] = tuple(
                lane
                for key in zones[way]
                if (lane := cards.lanes.get(key)) and cards.services[key[0]].currency == request.currency
            )
    return found


def _zones(known: Tariffs, request: LaneRequest, origin: Address) -> list[tuple[UUID, str]]:
    """The services of the kind that go there, and their zones; the lightest parcel finds them all."""
    if request.service_kind not in list(ServiceKind):
        return []
    rated = known.rate(
        RateRequest(
            id=request.order_id,
            origin_country=origin.country,
            origin_postal_code=origin.postal_code,
            destination_country=request.destination.country,
            destination_postal_code=request.destination.postal_code,
            weight_g=1,
            service_kind=ServiceKind(request.service_kind),
        )
    )
    return [] if isinstance(rated, NotServed) else [(one.service_id, one.zone) for one in rated]


async def _cards(db: Connection, known: Tariffs, service_ids: Collection[UUID]) -> _Cards:
    """The rate cards, read once for as long as shipping keeps these tariffs."""
    cards = _kept.setdefault(known, _Cards({}, {}))
    missing = set(service_ids) - cards.services.keys()
    if missing:
        services = await services_by_id(db, missing)
        for service_id, card in (await rate_cards_of(db, missing)).items():
            service = services[service_id]
            for zone in {rate.zone for rate in card.rates}:
                steps = sorted((rate.weight_up_to_g, rate.price_minor) for rate in card.rates if rate.zone == zone)
                cards.lanes[service_id, zone] = _lane(service, steps)
        cards.services.update(services)
    return cards


def _lane(service: Service, steps: list[tuple[int, int]]) -> Lane:
    """A parcel weighs no more than the service takes, whatever the card goes up to."""
    most_g = service.weight_max_g
    taken = [step for step in steps if step[0] <= most_g]
    above = next((price_minor for up_to_g, price_minor in steps if up_to_g > most_g), None)
    if above is not None and (not taken or taken[-1][0] < most_g):
        taken.append((most_g, above))
    return Lane(service_id=service.id, length_max_mm=service.length_max_mm, steps=tuple(taken))
