"""What carriers sell: services, and how far, how heavy, how dear and how long."""

from collections import Counter
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.quantities import AmountMinor, Code, Quantity, Text, fitting

Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""

CompanyPrefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4,12}$")]
"""The digits with which every SSCC of a company begins, as GS1 gave them."""

PostalPrefix = Annotated[str, msgspec.Meta(max_length=12, pattern=r"^[0-9A-Z]*$")]
"""How a postal code begins, in capitals without separators; empty means all of the country."""

Days = Annotated[int, msgspec.Meta(ge=0, le=365)]

TABLE_RATE = "table_rate"
"""The adapter of carriers whose numbers and labels we issue ourselves."""


class ServiceKind(StrEnum):
    """What the buyer chose; several services may be of one kind."""

    STANDARD = "standard"
    EXPRESS = "express"
    COURIER = "courier"
    PICKUP = "pickup"
    ONE_HOUR = "one_hour"
    SAME_DAY = "same_day"
    NEXT_DAY = "next_day"
    WEEKEND = "weekend"


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """Who drives. adapter: how we speak with them, an entry point of `batuta.carriers` or `table_rate`."""

    id: UUID
    code: Code
    name: Text
    gs1_prefix: CompanyPrefix
    adapter: Code = TABLE_RATE


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One product of a carrier. name: by locale, `{"es": …, "en": …}`."""

    id: UUID
    carrier_id: UUID
    code: Code
    name: dict[str, Text]
    kind: ServiceKind
    weight_max_g: Quantity
    length_max_mm: Quantity
    currency: Currency


class ZoneRule(msgspec.Struct, frozen=True, kw_only=True):
    """From postal codes that begin so to postal codes that begin so is this zone."""

    origin_country: Country
    destination_country: Country
    zone: Code
    origin_prefix: PostalPrefix = ""
    destination_prefix: PostalPrefix = ""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel up to this weight, this weight included, costs so much to this zone."""

    zone: Code
    weight_up_to_g: Quantity
    price_minor: AmountMinor


class Transit(msgspec.Struct, frozen=True, kw_only=True):
    """Days on the road to this zone, from hand-over to the door."""

    zone: Code
    days_min: Days
    days_max: Days


class RateCard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a service charges and promises."""

    service_id: UUID
    zones: list[ZoneRule]
    rates: list[Rate]
    transits: list[Transit]


class BadCarrier(Invalid):
    """The carrier cannot be so."""


class BadService(Invalid):
    """The service cannot be so."""


class ServiceIsFixed(Refused):
    """A service that is there would change its carrier or currency; make another service."""


class BadRateCard(Refused):
    """The card contradicts itself or leaves a zone without price or days."""


def check_carrier(carrier: Carrier) -> Carrier:
    """Return the carrier.

    Raises:
        BadCarrier.
    """
    return fitting(carrier, BadCarrier)


def check_service(service: Service, before: Service | None) -> Service:
    """Return the service, which keeps the carrier and the currency it had: its rates mean nothing in another.

    Raises:
        BadService, ServiceIsFixed.
    """
    if before and (before.carrier_id, before.currency) != (service.carrier_id, service.currency):
        raise ServiceIsFixed("a service keeps its carrier and currency", code=service.code)
    return fitting(service, BadService)


def check_rate_card(card: RateCard) -> None:
    """Refuse a card that would leave a parcel without an answer.

    Raises:
        BadRateCard: two rows for one thing, days in the wrong order, or a zone without rates or days.
    """
    named = Counter(
        [
            *(
                f"{rule.origin_country} {rule.origin_prefix} > {rule.destination_country} {rule.destination_prefix}"
                for rule in card.zones
            ),
            *(f"{rate.zone} up to {rate.weight_up_to_g} g" for rate in card.rates),
            *(f"days of {transit.zone}" for transit in card.transits),
        ]
    )
    twice = [name for name, times in named.items() if times > 1]
    backwards = [transit.zone for transit in card.transits if transit.days_min > transit.days_max]
    zones = {rule.zone for rule in card.zones}
    unpriced = sorted(zones - {rate.zone for rate in card.rates})
    undated = sorted(zones - {transit.zone for transit in card.transits})
    if twice or backwards or unpriced or undated:
        raise BadRateCard(
            "the rate card contradicts itself or leaves a zone out",
            service_id=str(card.service_id),
            given_twice=twice,
            days_backwards=backwards,
            zones_without_rate=unpriced,
            zones_without_days=undated,
        )
