"""Carts: what somebody is about to buy, kept on the server so that any device and channel can go on with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Personalisation
from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone, Text
from batuta.ordering.domain.orders import Method, SoldAs
from batuta.ordering.domain.placing import Means, NamedAmount

CART_LIVES = timedelta(days=30)
CART_LINES_MAX = 1_000
SLOT_HELD_FOR = timedelta(minutes=30)


class UnknownCart(NotFound):
    """There is no such cart, or the asker has nothing to do with it."""


class CartIsOrdered(Refused):
    """The cart became an order; its contents no longer change."""


class CartHasEnded(Refused):
    """Nobody touched the cart for weeks."""


class CartIsIncomplete(Refused):
    """Something is missing before the cart can become an order; `missing` says what."""


class VersionConflict(Refused):
    """It is no longer as the asker saw it; `present` is its version now (PLT-02)."""


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at a cart: the holder of its token, its customer, or a storefront of its channel.

    channel_ids: of a storefront; None is all, empty is no storefront.
    """

    token_hash: bytes | None = None
    customer_id: UUID | None = None
    channel_ids: frozenset[UUID] | None = frozenset()

    def may_use(self, cart: "Cart") -> bool:
        if self.token_hash is not None and self.token_hash == cart.token_hash:
            return True
        if self.customer_id is not None and self.customer_id == cart.customer_id:
            return True
        return self.channel_ids is None or cart.channel_id in self.channel_ids


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many base units of a SKU. sold_as: in what the visitor told it. personalisation: as its recipe asks for it."""

    id: UUID
    position: int
    sku_id: UUID
    quantity: int
    sold_as: SoldAs | None = None
    personalisation: Mapping[str, str] = {}


class Cart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as stored. token_hash: of the secret that its first visitor was given; never told.

    service_kind: None until a way of shipping is chosen. reserved_until_at: the end of its soft claims on stock.
    order_id: what it became. slot_id: the window that was chosen, in which the cart holds a place for a while.
    """

    id: UUID
    channel_id: UUID
    token_hash: bytes
    customer_id: UUID | None
    email: str | None
    phone: str | None
    locale: str | None
    ship_to: Address | None
    bill_to: Address | None
    method: Method
    service_kind: str | None
    pickup_location_id: UUID | None
    reserved_until_at: datetime | None
    order_id: UUID | None
    version: int
    created_at: datetime
    expires_at: datetime
    slot_id: UUID | None = None
    lines: tuple[CartLine, ...] = ()

    def is_reserved(self, now: datetime) -> bool:
        return self.reserved_until_at is not None and self.reserved_until_at > now


class WantedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a SKU; none takes the line away.

    unit: in what the quantity is told, of those in which the SKU is sold, as a box of 12; without it, base units.
    personalisation: what the recipe of what is made to order asks for. The same SKU with another one is another line;
    none of a SKU without any takes all of its lines away.
    """

    sku_code: Code
    quantity: QuantityOrNone
    unit: Code | None = None
    personalisation: Personalisation = {}


Email = Annotated[str, msgspec.Meta(min_length=3, max_length=320, pattern=r"^[^\x00\s@]+@[^\x00\s@]+$")]
Locale = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


class NewCart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart to open. token_hash: of the secret that the edge drew for it."""

    id: UUID
    token_hash: bytes
    channel_code: str
    visitor: Visitor
    customer_id: UUID | None = None
    locale: str | None = None
    email: str | None = None
    lines: Sequence[WantedLine] = ()


class CartChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change in a cart; what is UNSET stays. lines: the SKUs named get these quantities, others keep theirs.

    version: what the asker saw, when it insists on that. pickup_location_code: chooses pickup there; service_kind:
    chooses shipping so; slot_id: a window, given up with None, and with another way or address unless named again.
    """

    cart_id: UUID
    visitor: Visitor
    version: int | None = None
    lines: Sequence[WantedLine] = ()
    email: str | msgspec.UnsetType | None = msgspec.UNSET
    phone: str | msgspec.UnsetType | None = msgspec.UNSET
    locale: str | msgspec.UnsetType | None = msgspec.UNSET
    customer_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    ship_to: Address | msgspec.UnsetType | None = msgspec.UNSET
    bill_to: Address | msgspec.UnsetType | None = msgspec.UNSET
    service_kind: str | msgspec.UnsetType = msgspec.UNSET
    pickup_location_code: str | msgspec.UnsetType = msgspec.UNSET
    slot_id: UUID | msgspec.UnsetType | None = msgspec.UNSET


class ReserveCart(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the cart's goods for a while. minutes: None is what the channel gives; it also has the most."""

    cart_id: UUID
    visitor: Visitor
    actor: str
    minutes: Quantity | None = None
    allow_partial: bool = False


class CheckOut(msgspec.Struct, frozen=True, kw_only=True):
    """Make a cart an order. The same cart is the same order, however often it is asked."""

    cart_id: UUID
    visitor: Visitor
    actor: Text
    placed_at: datetime
    version: int | None = None
    external_id: str | None = None
    means: Sequence[Means] = ()
    adjustments: Sequence[NamedAmount] = ()
    ship_terms: ShipTerms = ShipTerms()
    promise: str | None = None


def token_hash(token: str) -> bytes:
    """What is kept of a cart's token: enough to know it again."""
    return sha256(token.encode()).digest()


def order_id_of(cart_id: UUID) -> UUID:
    """The order that a cart becomes."""
    return child_id(cart_id, "order")


def line_id_of(cart_id: UUID, sku_id: UUID, personalisation: Mapping[str, str]) -> UUID:
    """A cart has one line a SKU, of what is made to order one for each personalisation."""
    said = [word for pair in sorted(personalisation.items()) for word in pair]
    return child_id(cart_id, "line", sku_id, *said)


def check_use(cart: Cart | None, visitor: Visitor, *, version: int | None, now: datetime) -> Cart:
    """The cart, if the visitor may change it as they see it.

    Raises:
        UnknownCart: it is not there, or not theirs. CartIsOrdered, CartHasEnded: it no longer changes.
        VersionConflict: it is another version than they saw.
    """
    if cart is None or not visitor.may_use(cart):
        raise UnknownCart("there is no such cart")
    if cart.order_id is not None:
        raise CartIsOrdered("this cart became an order", order_id=str(cart.order_id))
    if cart.expires_at <= now:
        raise CartHasEnded("this cart has ended", ended_at=cart.expires_at.isoformat())
    if version is not None and version != cart.version:
        raise VersionConflict("the cart was changed since", present=cart.version, wanted=version)
    return cart
