"""Parcels: what they are, what we may do with them, and the numbers they carry."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel import gs1
from batuta.kernel.addresses import Address
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Quantity, QuantityOrNone, Text
from batuta.shipping.domain.services import Carrier, Service


class ParcelStatus(StrEnum):
    """Where a parcel is in its life; `manifested` is handed over and not yet seen by the carrier."""

    OPEN = "open"
    CLOSED = "closed"
    LABELLED = "labelled"
    MANIFESTED = "manifested"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURNING = "returning"
    RETURNED = "returned"
    LOST = "lost"
    VOIDED = "voided"


_NOTHING: AbstractSet[ParcelStatus] = frozenset()

# What we may do (ORD-03); what a carrier reports moves a parcel by precedence: see `tracking`.
PARCEL_MOVES: Mapping[ParcelStatus, AbstractSet[ParcelStatus]] = dict.fromkeys(ParcelStatus, _NOTHING) | {
    ParcelStatus.OPEN: {
        ParcelStatus.CLOSED,
        ParcelStatus.LABELLED,
        ParcelStatus.MANIFESTED,
        ParcelStatus.VOIDED,
    },
    ParcelStatus.CLOSED: {ParcelStatus.LABELLED, ParcelStatus.MANIFESTED, ParcelStatus.VOIDED},
    ParcelStatus.LABELLED: {ParcelStatus.MANIFESTED, ParcelStatus.VOIDED},
}


class LabelFormat(StrEnum):
    """How a label leaves us: for a label printer as text, or for any printer as a page."""

    ZPL = "zpl"
    PDF = "pdf"


class ParcelNotFound(NotFound):
    """No parcel by that id."""


class UnknownService(NotFound):
    """No carrier service by that id."""


class ParcelTooBig(Refused):
    """The service does not carry parcels this heavy or this long; `weight_max_g` and `length_max_mm` say how big."""


class NotLabelled(Refused):
    """A parcel that travels with a carrier is labelled before it is handed over."""


class NoCarrier(Refused):
    """The parcel travels without a carrier, so there is nothing to print."""


class NotOurLabel(Refused):
    """The carrier prints its own labels; record its tracking number with `give_numbers`."""


class AlreadyHandedOver(Refused):
    """The parcel has left the house; only the carrier can turn it around now."""


class AlreadyNumbered(Refused):
    """The parcel has another tracking number."""


class TrackingNumberTaken(Refused):
    """Another parcel of the carrier has this tracking number."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Units in a parcel. line_id: the owner's own line."""

    line_id: UUID
    sku_id: UUID
    quantity: Quantity


class NewParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A box that is being filled.

    owner_id: whose it is, and the stream its facts are told in. reference: what people call that.
    service_id: None for a parcel that no carrier takes. A side of 0 mm is not known.
    """

    id: UUID
    owner_id: UUID
    reference: Text
    origin: Address
    destination: Address
    weight_g: Quantity
    contents: list[Content]
    service_id: UUID | None = None
    length_mm: QuantityOrNone = 0
    width_mm: QuantityOrNone = 0
    height_mm: QuantityOrNone = 0


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as it is known now.

    status: ours, from what we did and what the carrier saw. carrier_status: what the carrier said last (SHP-01).
    exception_code: why, while the status is `exception`. delivered_at: by the carrier's clock (SHP-05).
    """

    id: UUID
    owner_id: UUID
    reference: str
    service_id: UUID | None
    service_code: str
    carrier_code: str
    status: ParcelStatus
    carrier_status: str
    carrier_detail: str
    carrier_at: datetime | None
    exception_code: str
    tracking_number: str | None
    sscc: str | None
    label_format: LabelFormat | None
    origin: Address
    destination: Address
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    contents: list[Content]
    created_at: datetime
    closed_at: datetime | None
    labelled_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """The box is taped, weighed and measured."""

    parcel_id: UUID
    weight_g: Quantity
    length_mm: QuantityOrNone = 0
    width_mm: QuantityOrNone = 0
    height_mm: QuantityOrNone = 0


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier's driver took the parcel from us."""

    parcel_id: UUID
    at: datetime
    actor: str


class Void(msgspec.Struct, frozen=True, kw_only=True):
    """The parcel will not travel; its label is worth nothing."""

    parcel_id: UUID
    actor: str


class GivenNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A tracking number that a carrier gave outside of batuta, of an imported or hand-written label."""

    parcel_id: UUID
    tracking_number: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z ._/-]{0,39}$")]


class Opened(msgspec.Struct, frozen=True):
    parcel_id: UUID


class Closed(msgspec.Struct, frozen=True):
    parcel_id: UUID


class Labelled(msgspec.Struct, frozen=True):
    """The parcel's numbers: the carrier's, and its own in the world."""

    parcel_id: UUID
    tracking_number: str
    sscc: str
    label_format: LabelFormat


class Numbered(msgspec.Struct, frozen=True):
    parcel_id: UUID
    tracking_number: str


class HandedOver(msgspec.Struct, frozen=True):
    parcel_id: UUID
    handed_over_at: datetime


class Voided(msgspec.Struct, frozen=True):
    parcel_id: UUID


def check_size(service: Service, *, parcel_id: UUID, weight_g: int, sides_mm: tuple[int, int, int]) -> None:
    """Refuse what the service does not carry.

    Raises:
        ParcelTooBig: heavier than its most, or one side longer.
    """
    if weight_g > service.weight_max_g or max(sides_mm) > service.length_max_mm:
        raise ParcelTooBig(
            "the service does not carry a parcel of this size",
            parcel_id=str(parcel_id),
            service=service.code,
            weight_g=weight_g,
            weight_max_g=service.weight_max_g,
            length_mm=max(sides_mm),
            length_max_mm=service.length_max_mm,
        )


def tracking_number(carrier: Carrier, number: int) -> str:
    """Issue the tracking number of our `number`th parcel: three letters of the carrier, 11 digits, a check digit."""
    letters = "".join(letter for letter in carrier.code.upper() if letter.isascii() and letter.isalpha())
    digits = f"{number:011d}"
    return f"{letters[:3]:X<3}{digits}{gs1.check_digit(digits)}"


def sscc_of(carrier: Carrier, number: int) -> str:
    """Issue the SSCC of our `number`th parcel; the extension digit is used when the serials are used up."""
    serials = 10 ** (gs1.SSCC_DIGITS - 2 - len(carrier.gs1_prefix))
    return gs1.sscc(carrier.gs1_prefix, number % serials, extension=number // serials % 10)
