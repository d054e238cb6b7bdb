"""What a channel sends to place an order, and what can be wrong with it."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Personalisation
from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.quantities import AmountMinor, Code, Quantity, Text
from batuta.ordering.domain.orders import Method, SoldAs


class BadOrder(Invalid):
    """The order cannot be so; `field` says where."""


class UnknownChannel(Refused):
    """No channel has this code."""


class UnknownSku(Refused):
    """No SKU that is sold has one of these codes."""


class UnknownCustomer(Refused):
    """No customer has this id."""


class UnknownLocation(Refused):
    """No location where orders can be picked up has this code."""


class NothingToMakeItOf(Refused):
    """It is made to order, and nobody has said of what."""


class PlaceLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line to buy.

    given_unit_minor: the channel's own price, where it sets prices itself (a marketplace).
    cart_line_id: the line of the cart that claims the stock for this one. unit: in what the quantity is told; None is
    the SKU's base unit. personalisation: what the recipe of what is made to order asks for. sold_as: what the quantity
    was told in, where it is in base units already.
    """

    sku_code: Code
    quantity: Quantity
    unit: Code | None = None
    given_unit_minor: AmountMinor | None = None
    discount_minor: AmountMinor = 0
    cart_line_id: UUID | None = None
    personalisation: Personalisation = {}
    sold_as: SoldAs | None = None


class Means(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way in which the customer pays. token: the provider's, never a card number (PAY-10).

    captures_at_once: the money is taken when it is authorised, not when the goods leave.
    """

    method: Code
    amount_minor: AmountMinor
    token: Text
    captures_at_once: bool = False


SignedMinor = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]


class NamedAmount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no line explains: interest (positive) or a discount given elsewhere (negative), in the order's currency."""

    name: Text
    amount_minor: SignedMinor


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to place.

    id: the caller's; the same id, or the same `external_id` of the channel, is the same order (ORD-07).
    cart_id: whose soft claims on stock become this order's; reservation_id: likewise, of one made by the API.
    currency: where given, must be the channel's.
    means: when empty, the customer pays later; more than is due is refused, less leaves the order unpaid.
    actor: who did it (`customer:…`, `staff:ana`); on_behalf_of says for whom when that is another.
    channel_ids: where the actor may sell; None is everywhere. slot_hold_id: under which a place in a slot is held.
    ship_terms: how it may be split and how long it may wait (ORD-09). promise: as it was signed (PRM-05).
    """

    id: UUID
    channel_code: Code
    lines: Annotated[Sequence[PlaceLine], msgspec.Meta(min_length=1, max_length=2_000)]
    ship_to: Address
    actor: Text
    placed_at: datetime
    external_id: Code | None = None
    customer_id: UUID | None = None
    on_behalf_of: Text | None = None
    bill_to: Address | None = None
    email: Text | None = None
    phone: Text | None = None
    locale: str | None = None
    method: Method = Method.SHIP
    service_kind: Code = "standard"
    pickup_location_code: Code | None = None
    currency: str | None = None
    given_shipping_minor: AmountMinor | None = None
    slot_hold_id: UUID | None = None
    means: Sequence[Means] = ()
    adjustments: Sequence[NamedAmount] = ()
    ship_terms: ShipTerms = ShipTerms()
    promise: str | None = None
    cart_id: UUID | None = None
    reservation_id: UUID | None = None
    preferred_location_ids: Sequence[UUID] = ()
    channel_ids: frozenset[UUID] | None = None


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """The order stands, with its claims on stock."""

    order_id: UUID
    number: str
    currency: str
    gross_minor: int


def fingerprint(order: PlaceOrder) -> bytes:
    """What makes two orders of one customer look like one bought twice: the same goods (ORD-07)."""
    goods = sorted((line.sku_code, line.quantity) for line in order.lines)
    return blake2b(msgspec.json.encode(goods), digest_size=8).digest()
