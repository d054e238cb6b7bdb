"""Slots: windows in which so many orders are delivered to a region, or collected at a location (PRM-06)."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.numbers import is_currency

from batuta.kernel.addresses import bare_postal_code
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import AmountMinor, Text, fitting
from batuta.locations.domain import Location, is_open
from batuta.sourcing.domain.requests import Method

BP_WHOLE = 10_000
ALTERNATIVES_MAX = 5
LEAD_MINUTES_MAX = 60 * 24 * 60
WINDOW_MAX = timedelta(hours=48)
YEARS = (2000, 2200)

Capacity = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
OverbookingBp = Annotated[int, msgspec.Meta(ge=0, le=BP_WHOLE)]
LeadMinutes = Annotated[int, msgspec.Meta(ge=0, le=LEAD_MINUTES_MAX)]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", examples=["ES"])]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", examples=["EUR"])]
PostalPrefix = Annotated[str, msgspec.Meta(max_length=12, pattern="^[0-9A-Z]*$", examples=["28"])]
Prefixes = Annotated[tuple[PostalPrefix, ...], msgspec.Meta(max_length=500)]


class BadSlot(Invalid):
    """The slot cannot be so; `field` says where."""


class ImplausibleSlot(Refused):
    """No slot is so, though it is written like one; `field` says where."""


class UnknownSlot(NotFound):
    """There is no such slot."""


class UnknownSlotHold(NotFound):
    """Nothing is held under this id."""


class SlotFull(Refused):
    """As many as it takes have this slot; `alternatives` are the next that have room."""


class SlotNotOffered(Refused):
    """The slot cannot be had any more, or was never open; `why` says it, `alternatives` are the next that can."""


class SlotElsewhere(Refused):
    """The slot is for other places, another way of delivery or another currency."""


class SlotHasBookings(Refused):
    """More have the slot than it would take then; `taken` is how many."""


class HoldStatus(StrEnum):
    """Expired is what a sweep noted as run out: its holder may yet have it again; released was given back."""

    HELD = "held"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    RELEASED = "released"


HOLD_MOVES: Mapping[HoldStatus, AbstractSet[HoldStatus]] = {
    HoldStatus.HELD: {HoldStatus.EXPIRED, HoldStatus.CONFIRMED, HoldStatus.RELEASED},
    HoldStatus.EXPIRED: {HoldStatus.HELD, HoldStatus.CONFIRMED, HoldStatus.RELEASED},
    HoldStatus.CONFIRMED: {HoldStatus.RELEASED},
    HoldStatus.RELEASED: {HoldStatus.HELD},
}


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one resource.

    method: shipped slots are of a region (`country`, and how its postal codes begin; none is all of it), and close with
    the location whose vans drive, if one is named; pickup slots are of a location.
    capacity: how many orders it takes; None is not known, and then nobody has it. overbooking_bp: how much more than
    that, for those who cancel. lead_minutes: how long before the window at least; cut_off_at: until when at the latest.
    is_own: set by hand, so its template leaves it alone. day: the local date of the template that it stands for.
    """

    id: UUID
    method: Method
    from_at: datetime
    until_at: datetime
    time_zone: str
    currency: Currency
    capacity: Capacity | None = None
    overbooking_bp: OverbookingBp = 0
    price_minor: AmountMinor = 0
    lead_minutes: LeadMinutes = 0
    cut_off_at: datetime | None = None
    country: Country | None = None
    postal_prefixes: Prefixes = ()
    location_id: UUID | None = None
    is_open: bool = True
    is_own: bool = False
    template_id: UUID | None = None
    day: date | None = None

    @property
    def limit(self) -> int:
        """How many may have it."""
        return (self.capacity or 0) * (BP_WHOLE + self.overbooking_bp) // BP_WHOLE

    @property
    def closes_at(self) -> datetime:
        """Until when it can be had."""
        latest = self.from_at - timedelta(minutes=self.lead_minutes)
        return latest if self.cut_off_at is None else min(latest, self.cut_off_at)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how an order is to be had. location_id: where it is collected."""

    method: Method
    country: str = ""
    postal_code: str = ""
    location_id: UUID | None = None

    @property
    def prefixes(self) -> list[str]:
        """Everything with which the postal code begins, itself and nothing included."""
        bare = bare_postal_code(self.postal_code)[:12]
        return [bare[:length] for length in range(len(bare) + 1)]


class HoldSlot(msgspec.Struct, frozen=True, kw_only=True):
    """Keep a place in a slot for a while. holder_id: who has it, a cart or what the caller calls a basket.

    A holder has one slot: holding another gives the first back, holding the same again keeps it for longer.
    currency: that of the order that will pay for it; None is any.
    """

    slot_id: UUID
    holder_id: UUID
    destination: Destination
    until_at: datetime
    actor: Text
    currency: str | None = None


class ConfirmSlot(msgspec.Struct, frozen=True, kw_only=True):
    """Make what a holder has an order's. Its time may have run out, if there is room yet."""

    holder_id: UUID
    order_id: UUID
    destination: Destination
    currency: str


class SlotHold(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a slot. holder_id: once confirmed, the order. expires_at: of one that is held only."""

    holder_id: UUID
    slot_id: UUID
    status: HoldStatus
    price_minor: int
    currency: str
    held_at: datetime
    expires_at: datetime | None
    actor: str

    def takes_room(self, now: datetime) -> bool:
        if self.status is HoldStatus.HELD:
            return self.expires_at is not None and self.expires_at > now
        return self.status is HoldStatus.CONFIRMED


class OfferedSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A slot that can be had now. closes_at: order until then. left: how many may have it yet."""

    slot_id: UUID
    from_at: datetime
    until_at: datetime
    time_zone: str
    closes_at: datetime
    price_minor: int
    currency: str
    left: int


def check_slot(slot: Slot) -> Slot:
    """Return the slot if it can be.

    Raises:
        BadSlot: text or numbers that do not fit.
        ImplausibleSlot: a window that is none, a resource that is none, a zone or currency that nobody has.
    """
    fitting(slot, BadSlot)
    if any(at is not None and at.tzinfo is None for at in (slot.from_at, slot.until_at, slot.cut_off_at)):
        raise BadSlot("a moment carries its time zone", field="from_at")
    moments = [at for at in (slot.from_at, slot.until_at, slot.cut_off_at) if at is not None]
    if not all(YEARS[0] <= at.year < YEARS[1] for at in moments):
        raise ImplausibleSlot("nobody delivers then", field="from_at", got=slot.from_at.isoformat())
    if not timedelta() < slot.until_at - slot.from_at <= WINDOW_MAX:
        raise ImplausibleSlot(
            "a window ends after it begins, and within two days",
            field="until_at",
            from_at=slot.from_at.isoformat(),
            until_at=slot.until_at.isoformat(),
        )
    if slot.cut_off_at is not None and slot.cut_off_at > slot.until_at:
        raise ImplausibleSlot("nobody orders after the window", field="cut_off_at", got=slot.cut_off_at.isoformat())
    check_resource(slot.method, slot.country, slot.location_id, slot.postal_prefixes)
    check_money_and_zone(slot.currency, slot.time_zone)
    return msgspec.structs.replace(slot, postal_prefixes=tuple(sorted(set(slot.postal_prefixes or ("",)))))


def check_resource(
    method: Method, country: str | None, location_id: UUID | None, postal_prefixes: tuple[str, ...]
) -> None:
    """Accept a region for shipping, a location for collecting.

    Raises:
        ImplausibleSlot: neither, or the other.
    """
    if method is Method.SHIP and country is None:
        raise ImplausibleSlot("a slot for shipping is of a region: name its country", field="country")
    if method is Method.PICKUP and location_id is None:
        raise ImplausibleSlot("a slot for collecting is of a location", field="location_id")
    if method is Method.PICKUP and (country is not None or any(postal_prefixes)):
        raise ImplausibleSlot("who collects may live anywhere: name no region", field="country")


def check_money_and_zone(currency: str, time_zone: str) -> None:
    """Accept a currency and an IANA zone that somebody has.

    Raises:
        ImplausibleSlot: nobody has.
    """
    if not is_currency(currency):
        raise ImplausibleSlot("no such currency (ISO 4217)", field="currency", got=currency)
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImplausibleSlot("no such IANA time zone", field="time_zone", got=time_zone) from None


def serves(slot: Slot, destination: Destination) -> bool:
    """Whether the slot is for what goes there so."""
    if slot.method is not destination.method:
        return False
    if slot.method is Method.PICKUP:
        return slot.location_id == destination.location_id
    return slot.country == destination.country and not set(slot.postal_prefixes).isdisjoint(destination.prefixes)


def why_closed(slot: Slot, locations: Mapping[UUID, Location], *, now: datetime) -> str | None:
    """Why nobody can have the slot now, however much room it has; None when one can."""
    if not slot.is_open:
        return "closed"
    if slot.capacity is None:
        return "capacity_unknown"
    if now >= slot.closes_at:
        return "too_late"
    if slot.location_id is not None:
        location = locations.get(slot.location_id)
        if location is None or not location.is_active or not is_open(location, slot.from_at):
            return "location_closed"
    return None


def offered(slot: Slot, taken: int) -> OfferedSlot:
    return OfferedSlot(
        slot_id=slot.id,
        from_at=slot.from_at,
        until_at=slot.until_at,
        time_zone=slot.time_zone,
        closes_at=slot.closes_at,
        price_minor=slot.price_minor,
        currency=slot.currency,
        left=max(0, slot.limit - taken),
    )
