"""A cart as its visitor sees it: names, prices, what is left, and what is missing before it can be ordered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Product, Sku, SkuKind, name_in
from batuta.company.domain import Channel
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.locations.domain import Location
from batuta.ordering.domain.carts import Cart, CartLine
from batuta.ordering.domain.orders import Method, SoldAs
from batuta.pricing.domain import PricedLine, Quote, QuoteLine, QuoteRequest


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a cart. left: how many units could be had now; None for what no stock is kept of.

    quantity, left: in base units; sold_as: in what the visitor told the quantity, where not so.
    Amounts are of the whole line; None where there is no price.
    """

    id: UUID
    sku_code: str
    name: str
    quantity: int
    left: int | None
    unit_price_minor: int | None = None
    net_minor: int | None = None
    tax_minor: int | None = None
    gross_minor: int | None = None
    sold_as: SoldAs | None = None
    personalisation: Mapping[str, str] = {}


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the cart comes to. shipping_minor: with its tax; 0 until a way of shipping is chosen."""

    currency: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    shipping_minor: int


class Hindrance(msgspec.Struct, frozen=True, kw_only=True):
    """Why the cart cannot be priced as it is."""

    code: str
    detail: str


class ChosenSlot(msgspec.Struct, frozen=True, kw_only=True):
    """The window in which the cart is to be had. held_until_at: until when it is kept; later only if there is room."""

    slot_id: UUID
    from_at: datetime
    until_at: datetime
    time_zone: str
    price_minor: int
    currency: str
    held_until_at: datetime | None


class ShownCart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart. totals: None where something hinders, or nothing is in it; prices are of now."""

    id: UUID
    version: int
    channel_code: str
    customer_id: UUID | None
    email: str | None
    phone: str | None
    locale: str
    ship_to: Address | None
    bill_to: Address | None
    method: Method
    service_kind: str | None
    pickup_location_code: str | None
    lines: tuple[ShownLine, ...]
    totals: Totals | None
    hindrance: Hindrance | None
    reserved_until_at: datetime | None
    order_id: UUID | None
    expires_at: datetime
    slot: ChosenSlot | None = None


class CartGoods(msgspec.Struct, frozen=True, kw_only=True):
    """What carts speak about. parts: taken in place of a SKU; left: units of each SKU, wherever they lie.

    products: of the SKUs that have no name of their own. slots: what carts have chosen.
    """

    skus: Mapping[UUID, Sku]
    parts: Mapping[UUID, Sequence[Component]]
    channels: Mapping[UUID, Channel]
    locations: Mapping[UUID, Location]
    left: Mapping[UUID, int] = {}
    products: Mapping[UUID, Product] = {}
    slots: Mapping[UUID, ChosenSlot] = {}


def cart_quote(cart: Cart, goods: CartGoods, *, service_kind: str | None, at: datetime) -> QuoteRequest:
    """Ask what a cart costs. Before it has an address it goes to the channel's own country."""
    channel = goods.channels[cart.channel_id]
    return QuoteRequest(
        id=cart.id,
        channel_id=channel.id,
        currency=channel.currency,
        tax_mode=channel.tax_mode,
        country=cart.ship_to.country if cart.ship_to else channel.country,
        region=cart.ship_to.region if cart.ship_to else "",
        at=at,
        rounding_rule=channel.policies.rounding_rule,
        service_kind=service_kind if ships(cart, goods) else None,
        window_minor=_window_minor(cart, goods, channel.currency),
        lines=[
            QuoteLine(
                line_id=line.id,
                sku_id=line.sku_id,
                tax_category=goods.skus[line.sku_id].tax_category,
                quantity=line.quantity,
            )
            for line in cart.lines
        ],
    )


def _window_minor(cart: Cart, goods: CartGoods, currency: str) -> int:
    chosen = goods.slots.get(cart.id)
    return chosen.price_minor if chosen and chosen.currency == currency else 0


def ships(cart: Cart, goods: CartGoods) -> bool:
    """Whether anything in the cart travels."""
    return cart.method is Method.SHIP and any(
        goods.skus[line.sku_id].kind is not SkuKind.SERVICE for line in cart.lines
    )


def show(cart: Cart, goods: CartGoods, priced: Quote | BatutaError | None, *, now: datetime) -> ShownCart:
    """Put the cart before its visitor."""
    channel = goods.channels[cart.channel_id]
    locale = cart.locale or channel.locale
    prices = {one.line_id: one for one in priced.lines} if isinstance(priced, Quote) else {}
    place = goods.locations.get(cart.pickup_location_id) if cart.pickup_location_id else None
    return ShownCart(
        id=cart.id,
        version=cart.version,
        channel_code=channel.code,
        customer_id=cart.customer_id,
        email=cart.email,
        phone=cart.phone,
        locale=locale,
        ship_to=cart.ship_to,
        bill_to=cart.bill_to,
        method=cart.method,
        service_kind=cart.service_kind,
        pickup_location_code=place.code if place else None,
        lines=tuple(_line(line, goods, prices.get(line.id), locale) for line in cart.lines),
        totals=_totals(priced) if isinstance(priced, Quote) else None,
        hindrance=Hindrance(code=priced.code, detail=priced.sentence) if isinstance(priced, BatutaError) else None,
        reserved_until_at=cart.reserved_until_at if cart.is_reserved(now) else None,
        order_id=cart.order_id,
        expires_at=cart.expires_at,
        slot=goods.slots.get(cart.id),
    )


def left_of(sku_id: UUID, goods: CartGoods) -> int | None:
    """How many of a SKU could be had: of a bundle, as many as its scarcest part allows."""
    sku = goods.skus[sku_id]
    if not sku.is_composed:
        return goods.left.get(sku_id, 0) if sku.is_tracked else None
    parts = [part for part in goods.parts.get(sku_id, ()) if goods.skus[part.sku_id].is_tracked]
    return min((goods.left.get(part.sku_id, 0) // part.quantity for part in parts), default=None)


def _line(line: CartLine, goods: CartGoods, price: PricedLine | None, locale: str) -> ShownLine:
    sku = goods.skus[line.sku_id]
    product = goods.products.get(sku.product_id)
    return ShownLine(
        id=line.id,
        sku_code=sku.code,
        name=name_in(sku.name or (product.name if product else {}), locale, sku.code),
        quantity=line.quantity,
        left=left_of(line.sku_id, goods),
        unit_price_minor=price.unit_price_minor if price else None,
        net_minor=price.net_minor if price else None,
        tax_minor=price.tax_minor if price else None,
        gross_minor=price.gross_minor if price else None,
        sold_as=line.sold_as,
        personalisation=line.personalisation,
    )


def _totals(priced: Quote) -> Totals:
    return Totals(
        currency=priced.currency,
        net_minor=priced.net_minor,
        tax_minor=priced.tax_minor,
        gross_minor=priced.gross_minor,
        shipping_minor=priced.shipping.gross_minor,
    )
