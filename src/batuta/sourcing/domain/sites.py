"""The hard rules: which locations may serve an order at all (SRC-02)."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.addresses import distance_m
from batuta.locations.domain import TransferLane
from batuta.sourcing.domain.requests import SourcingRequest

OPENS_WITHIN = timedelta(days=7)
DISTANCE_UNKNOWN_M = 20_000_000


class Rule(StrEnum):
    """Why a location is out, in the order in which the rules are asked."""

    INACTIVE = "inactive"
    NOT_THE_PICKUP_LOCATION = "not_the_pickup_location"
    LACKS_ABILITY = "lacks_ability"
    CLOSED = "closed"
    AT_CAPACITY = "at_capacity"
    OTHER_CURRENCY = "other_currency"
    OVERRIDDEN = "overridden"
    OUTSIDE_NETWORK = "outside_network"
    STRATEGY = "strategy"
    NO_STOCK = "no_stock"
    BANNED = "banned"
    NOT_SERVED = "not_served"
    NOT_ENOUGH = "not_enough"
    TOO_MANY_SPLITS = "too_many_splits"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A location as sourcing sees it now. opens_at: when it next works, now at the earliest."""

    location_id: UUID
    code: str
    name: str
    currency: str
    abilities: frozenset[str]
    opens_at: datetime | None
    is_active: bool = True
    handling_order_minor: int = 0
    handling_unit_minor: int = 0
    packaging_parcel_minor: int = 0
    packaging_unit_minor: int = 0
    latitude: float | None = None
    longitude: float | None = None
    kind: str = ""
    country: str = ""
    region: str = ""
    postal_code: str = ""

    @property
    def is_costly(self) -> bool:
        """Whether what is done there costs anything, in the currency of the location."""
        return bool(
            self.handling_order_minor
            or self.handling_unit_minor
            or self.packaging_parcel_minor
            or self.packaging_unit_minor
        )


def rule_against(
    site: Site, request: SourcingRequest, *, is_full: bool, now: datetime, transfer: TransferLane | None = None
) -> Rule | None:
    """The first rule that shuts the whole location out of the order. transfer: how it sends goods to the store."""
    forced, rule = request.override, None
    if not site.is_active:
        rule = Rule.INACTIVE
    elif transfer is None and request.pickup_location_id is not None and request.pickup_location_id != site.location_id:
        rule = Rule.NOT_THE_PICKUP_LOCATION
    elif transfer is None and request.method.value not in site.abilities:
        rule = Rule.LACKS_ABILITY
    elif forced is None and (site.opens_at is None or site.opens_at > now + OPENS_WITHIN):
        rule = Rule.CLOSED
    elif forced is None and is_full:
        rule = Rule.AT_CAPACITY
    elif (site.is_costly or (transfer and transfer.cost_minor)) and site.currency != request.currency:
        rule = Rule.OTHER_CURRENCY
    elif forced is not None and forced.location_id != site.location_id:
        rule = Rule.OVERRIDDEN
    return rule


def distance_of(site: Site, request: SourcingRequest) -> int:
    """Metres to the buyer; as far as can be when either place is not on the map."""
    there = request.destination
    if site.latitude is None or site.longitude is None or there.latitude is None or there.longitude is None:
        return DISTANCE_UNKNOWN_M
    return distance_m(site.latitude, site.longitude, there.latitude, there.longitude)
