"""Rating: which services take a parcel, to which zone, for how much and how fast."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, KeysView, Sequence
from operator import attrgetter
from uuid import UUID

import msgspec

from batuta.kernel.addresses import bare_postal_code
from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Quantity, QuantityOrNone
from batuta.shipping.domain.services import Carrier, Country, RateCard, Service, ServiceKind, ZoneRule


class NotServed(Refused):
    """No service of the wanted kind takes this parcel from there to here; `services` says why each does not."""


class RateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel to be priced. service_kind: None asks every kind."""

    id: UUID
    origin_country: Country
    origin_postal_code: str
    destination_country: Country
    destination_postal_code: str
    weight_g: Quantity
    length_mm: QuantityOrNone = 0
    service_kind: ServiceKind | None = None


class Rated(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one service asks for the parcel; days are from hand-over to the door."""

    service_id: UUID
    service_code: str
    service_kind: ServiceKind
    carrier_code: str
    zone: str
    price_minor: int
    currency: str
    days_min: int
    days_max: int


class _Route:
    """The zones of one service between two countries, found by the longest prefixes."""

    def __init__(self, rules: Iterable[ZoneRule]) -> None:
        given = list(rules)
        self.zones = {(rule.destination_prefix, rule.origin_prefix): rule.zone for rule in given}
        self.destination_lengths = sorted({len(rule.destination_prefix) for rule in given}, reverse=True)
        self.origin_lengths = sorted({len(rule.origin_prefix) for rule in given}, reverse=True)

    def zone(self, origin: str, destination: str) -> str | None:
        for destination_length in self.destination_lengths:
            for origin_length in self.origin_lengths:
                found = self.zones.get((destination[:destination_length], origin[:origin_length]))
                if found is not None:
                    return found
        return None


class _Price(msgspec.Struct, frozen=True):
    """The weight steps of one zone, ascending; the price of a step holds up to its weight."""

    weights_up_to_g: list[int]
    rated: list[Rated]


class Tariff:
    """All that rating needs to know of one service."""

    def __init__(self, service: Service, carrier: Carrier, card: RateCard) -> None:
        self.service = service
        by_countries: defaultdict[tuple[str, str], list[ZoneRule]] = defaultdict(list)
        for rule in card.zones:
            by_countries[rule.origin_country, rule.destination_country].append(rule)
        self._routes = {countries: _Route(among) for countries, among in by_countries.items()}
        self._prices = _prices(service, carrier, card)

    def prefix_length(self, country: str) -> int:
        """The longest prefix of postal codes of the country that its zones tell apart."""
        return max(
            (route.destination_lengths[0] for (_, to), route in self._routes.items() if to == country), default=0
        )

    def rate(self, request: RateRequest, origin: str, destination: str) -> Rated | str:
        """Price the parcel between two bare postal codes, or say in a word why not."""
        if request.weight_g > self.service.weight_max_g:
            return "too_heavy"
        if request.length_mm > self.service.length_max_mm:
            return "too_long"
        route = self._routes.get((request.origin_country, request.destination_country))
        zone = route.zone(origin, destination) if route else None
        price = self._prices.get(zone) if zone is not None else None
        if price is None:
            return "no_zone" if zone is None else "no_rate"
        step = bisect_left(price.weights_up_to_g, request.weight_g)
        return price.rated[step] if step < len(price.rated) else "too_heavy"


class Tariffs:
    """The rate cards of all services, made for being asked often; never changed once made."""

    def __init__(self, tariffs: Iterable[Tariff]) -> None:
        self._all = tuple(tariffs)
        self._prefix_lengths: dict[tuple[ServiceKind, str], int] = {}
        self._by_id = {tariff.service.id: tariff for tariff in self._all}
        self._by_kind = {
            kind: tuple(tariff for tariff in self._all if tariff.service.kind is kind) for kind in ServiceKind
        }

    @property
    def service_ids(self) -> KeysView[UUID]:
        """Every service there is."""
        return self._by_id.keys()

    def prefix_length(self, kind: ServiceKind, country: str) -> int:
        """Codes of a country that begin alike for so many characters are alike to all services of a kind."""
        known = self._prefix_lengths.get((kind, country))
        if known is None:
            lengths = [tariff.prefix_length(country) for tariff in self._by_kind[kind]]
            known = self._prefix_lengths[kind, country] = max(lengths, default=0)
        return known

    def service(self, service_id: UUID) -> Service:
        return self._by_id[service_id].service

    def days(self, service_id: UUID, request: RateRequest) -> Rated | None:
        """What one service says of the way a parcel goes; None when it does not take it there."""
        origin = bare_postal_code(request.origin_postal_code)
        rated = self._by_id[service_id].rate(request, origin, bare_postal_code(request.destination_postal_code))
        return None if isinstance(rated, str) else rated

    def rate(self, request: RateRequest) -> list[Rated] | NotServed:
        """Price one parcel with every service of the wanted kind that takes it, the cheapest first.

        Of two zone rules that fit, the one with the longer destination prefix holds, then the one with
        the longer origin prefix.
        """
        origin = bare_postal_code(request.origin_postal_code)
        destination = bare_postal_code(request.destination_postal_code)
        tariffs = self._all if request.service_kind is None else self._by_kind[request.service_kind]
        answers = [tariff.rate(request, origin, destination) for tariff in tariffs]
        found = [answer for answer in answers if not isinstance(answer, str)]
        if not found:
            return _not_served(request, tariffs, answers)
        if len(found) > 1:
            found.sort(key=_CHEAPEST)
        return found


_CHEAPEST = attrgetter("price_minor", "days_max", "service_code")


def _prices(service: Service, carrier: Carrier, card: RateCard) -> dict[str, _Price]:
    transits = {transit.zone: transit for transit in card.transits}
    prices: dict[str, _Price] = {}
    for rate in sorted(card.rates, key=attrgetter("zone", "weight_up_to_g")):
        transit = transits.get(rate.zone)
        if transit is None:
            continue
        price = prices.setdefault(rate.zone, _Price([], []))
        price.weights_up_to_g.append(rate.weight_up_to_g)
        price.rated.append(
            Rated(
                service_id=service.id,
                service_code=service.code,
                service_kind=service.kind,
                carrier_code=carrier.code,
                zone=rate.zone,
                price_minor=rate.price_minor,
                currency=service.currency,
                days_min=transit.days_min,
                days_max=transit.days_max,
            )
        )
    return prices


def _not_served(request: RateRequest, tariffs: Sequence[Tariff], answers: Sequence[Rated | str]) -> NotServed:
    return NotServed(
        "no carrier service takes this parcel there",
        request_id=str(request.id),
        service_kind=request.service_kind and str(request.service_kind),
        origin=f"{request.origin_country} {request.origin_postal_code}".strip(),
        destination=f"{request.destination_country} {request.destination_postal_code}".strip(),
        weight_g=request.weight_g,
        length_mm=request.length_mm,
        services={tariff.service.code: answer for tariff, answer in zip(tariffs, answers, strict=True)},
    )
