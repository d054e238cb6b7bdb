"""Carts, for storefronts and for whoever holds a cart's token."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.quantities import Code, Text
from batuta.ordering.api.placing import Wish, place_batcher
from batuta.ordering.api.showing import DeliveryOptions, delivery_options, show_carts
from batuta.ordering.commands import CartReserved, change_carts, open_carts, reserve_carts, unreserve
from batuta.ordering.domain import (
    CART_LINES_MAX,
    Cart,
    CartChange,
    CheckOut,
    NewCart,
    Placed,
    ReserveCart,
    UnknownCart,
    Visitor,
    WantedLine,
    token_hash,
)
from batuta.ordering.domain.asking import AllMeans, SignedPromise
from batuta.ordering.domain.carts import Email, Locale
from batuta.ordering.domain.shown import ShownCart
from batuta.ordering.queries import carts_by_id
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.shared_reads import SharedRead
from batuta.plumbing.web import (
    Answer,
    AnyRequest,
    Caller,
    anyone,
    batched,
    caller_if_any,
    caller_of,
    etag,
    once,
    requires,
)
from batuta.plumbing.web.callers import become
from batuta.plumbing.web.headers import Header, reads
from batuta.plumbing.web.moments import fresh_id, fresh_secret, moment
from batuta.plumbing.web.reading import shared
from batuta.plumbing.web.versions import wanted_version

CART_TOKEN = Header(
    name="X-Cart-Token",
    told="The cart's token, by which guests use it; staff and its own customer need none",
    example="d2f0f1a9c4f84b0a9a1b",
)
GUEST = "guest"

SomeLines = Annotated[list[WantedLine], msgspec.Meta(max_length=CART_LINES_MAX)]


class ChooseOne(Refused):
    """A cart is shipped or picked up."""


class CartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cart to open."""

    channel_code: Code
    customer_id: UUID | None = None
    locale: Locale | None = None
    email: Email | None = None
    lines: SomeLines = []


class LinesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SKUs named get these quantities, none takes a line away; other lines stay."""

    lines: Annotated[list[WantedLine], msgspec.Meta(min_length=1, max_length=CART_LINES_MAX)]


class ContactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the cart goes and who is told. What is left out stays as it is."""

    ship_to: Address | msgspec.UnsetType = msgspec.UNSET
    bill_to: Address | msgspec.UnsetType | None = msgspec.UNSET
    email: Email | msgspec.UnsetType | None = msgspec.UNSET
    phone: Text | msgspec.UnsetType | None = msgspec.UNSET
    locale: Locale | msgspec.UnsetType = msgspec.UNSET


class DeliveryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the cart shall be had: shipped by a kind of service, or picked up somewhere; one of the two.

    slot_id: the window for it, in which a place is held for half an hour; alone, it is for the way chosen before, and
    null gives it up.
    """

    service_kind: Code | msgspec.UnsetType = msgspec.UNSET
    pickup_location_code: Code | msgspec.UnsetType = msgspec.UNSET
    slot_id: UUID | msgspec.UnsetType | None = msgspec.UNSET


class ReservationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """minutes: how long, within what the channel allows; allow_partial: take what there is."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=10_080)] | None = None
    allow_partial: bool = False


class CheckOutBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the order is paid. external_id: the storefront's own number of it. promise: as it was signed (PRM-05).

    ship_terms: how it may be split, and how long it may wait (ORD-09).
    """

    means: AllMeans = []
    ship_terms: ShipTerms = ShipTerms()
    external_id: Code | None = None
    promise: SignedPromise | None = None


class OpenedCart(msgspec.Struct, frozen=True, kw_only=True):
    """token: what lets its holder use the cart (`X-Cart-Token`); it is told this once."""

    cart: ShownCart
    token: str


class _Opening(msgspec.Struct, frozen=True):
    new: NewCart
    token: str


_Step = _Opening | CartChange


class _Looking(msgspec.Struct, frozen=True):
    cart_id: UUID
    visitor: Visitor


def cart_batcher(engine: Engine) -> Batcher[_Step, Any]:
    """Carts opened and changed: one transaction takes all that have come, each is answered in its own way."""
    return Batcher(engine, _step, name="carts")


def reserve_batcher(engine: Engine) -> Batcher[ReserveCart, CartReserved]:
    return Batcher(engine, _reserve, name="reserve_carts")


def options_reader(engine: Engine) -> SharedRead[_Looking, DeliveryOptions]:
    return SharedRead(engine, _options)


@post("/api/carts", guards=[requires("carts.write")], is_express=True)
async def open_cart(request: AnyRequest, data: JSONBody[CartBody]) -> Response[OpenedCart]:
    """Open a cart in a channel."""
    caller, token = caller_of(request), fresh_secret()
    new = NewCart(
        id=fresh_id(),
        token_hash=token_hash(token),
        channel_code=data.channel_code,
        visitor=Visitor(channel_ids=caller.channel_ids),
        customer_id=caller.customer_id or data.customer_id,
        locale=data.locale,
        email=data.email,
        lines=data.lines,
    )
    opening: _Step = _Opening(new, token)
    return await batched(request, cart_batcher, opening)


@get("/api/carts/{cart_id:uuid}", guards=[anyone()], is_express=True)
async def get_cart(
    request: AnyRequest, engine: NamedDependency[Engine], cart_id: FromPath[UUID]
) -> Response[ShownCart]:
    """A cart with its prices of now and what is left of its goods."""
    visitor, _ = await _visitor(request)
    async with engine.connect() as db:
        (shown,) = await show_carts(db, [await _cart(db, cart_id, visitor)], now=moment())
    assert isinstance(shown, ShownCart)
    return Response(shown, headers={"etag": etag(shown.version)})


@put("/api/carts/{cart_id:uuid}/lines", guards=[anyone()], is_express=True)
async def put_lines(request: AnyRequest, cart_id: FromPath[UUID], data: JSONBody[LinesBody]) -> Response[ShownCart]:
    """Set quantities of SKUs."""
    visitor, _ = await _visitor(request)
    change: _Step = CartChange(cart_id=cart_id, visitor=visitor, version=wanted_version(request), lines=data.lines)
    return await batched(request, cart_batcher, change)


@put("/api/carts/{cart_id:uuid}/address", guards=[anyone()], is_express=True)
async def put_address(request: AnyRequest, cart_id: FromPath[UUID], data: JSONBody[ContactBody]) -> Response[ShownCart]:
    """Say where the cart goes and how its customer is reached."""
    visitor, _ = await _visitor(request)
    change: _Step = CartChange(
        cart_id=cart_id,
        visitor=visitor,
        version=wanted_version(request),
        ship_to=data.ship_to,
        bill_to=data.bill_to,
        email=data.email,
        phone=data.phone,
        locale=data.locale,
    )
    return await batched(request, cart_batcher, change)


@get("/api/carts/{cart_id:uuid}/delivery-options", guards=[anyone()], is_express=True)
async def get_delivery_options(request: AnyRequest, cart_id: FromPath[UUID]) -> Response[DeliveryOptions]:
    """The ways in which the cart can be had: shipped to its address, or picked up where all of it lies."""
    visitor, _ = await _visitor(request)
    return await shared(request, options_reader, _Looking(cart_id, visitor))


@put("/api/carts/{cart_id:uuid}/delivery", guards=[anyone()], is_express=True)
async def put_delivery(
    request: AnyRequest, cart_id: FromPath[UUID], data: JSONBody[DeliveryBody]
) -> Response[ShownCart]:
    """Choose how the cart is had, and in which window; a slot that is full is refused with others that are not."""
    ways = [data.service_kind, data.pickup_location_code]
    chosen = sum(way is not msgspec.UNSET for way in ways)
    if chosen > 1 or (chosen < 1 and data.slot_id is msgspec.UNSET):
        raise ChooseOne("choose service_kind or pickup_location_code")
    visitor, _ = await _visitor(request)
    change: _Step = CartChange(
        cart_id=cart_id,
        visitor=visitor,
        version=wanted_version(request),
        service_kind=data.service_kind,
        pickup_location_code=data.pickup_location_code,
        slot_id=data.slot_id,
    )
    return await batched(request, cart_batcher, change)


@post("/api/carts/{cart_id:uuid}/reservation", guards=[anyone()], is_express=True)
async def reserve_cart(
    request: AnyRequest, cart_id: FromPath[UUID], data: JSONBody[ReservationBody]
) -> Response[CartReserved]:
    """Hold the cart's goods for a while; asked again, for longer."""
    visitor, actor = await _visitor(request)
    wish = ReserveCart(
        cart_id=cart_id, visitor=visitor, actor=actor, minutes=data.minutes, allow_partial=data.allow_partial
    )
    return await batched(request, reserve_batcher, wish)


@delete("/api/carts/{cart_id:uuid}/reservation", guards=[anyone()])
async def unreserve_cart(
    request: AnyRequest, engine: NamedDependency[Engine], cart_id: FromPath[UUID]
) -> Response[None]:
    """Give the cart's goods back."""
    visitor, _ = await _visitor(request)

    async def act(db: Connection) -> Answer[None]:
        await unreserve(db, cart_id=cart_id, visitor=visitor, now=moment())
        return Answer(None)

    return await once(engine, request, act)


@post("/api/carts/{cart_id:uuid}/order", guards=[anyone()], is_express=True)
async def order_cart(request: AnyRequest, cart_id: FromPath[UUID], data: JSONBody[CheckOutBody]) -> Response[Placed]:
    """Make the cart an order. The same cart is one order, however often it is asked."""
    visitor, actor = await _visitor(request)
    wish: Wish = CheckOut(
        cart_id=cart_id,
        visitor=visitor,
        actor=actor,
        placed_at=moment(),
        version=wanted_version(request),
        external_id=data.external_id,
        means=data.means,
        ship_terms=data.ship_terms,
        promise=data.promise,
    )
    return await batched(request, place_batcher, wish)


async def _step(
    db: Connection, items: Sequence[_Step], now: datetime
) -> Sequence[OpenedCart | ShownCart | BatutaError]:
    opening = [one for one in items if isinstance(one, _Opening)]
    opened = iter(await open_carts(db, carts=[one.new for one in opening], now=now))
    changes = [one for one in items if isinstance(one, CartChange)]
    changed = iter(await change_carts(db, changes=changes, now=now))
    outcomes = [next(opened if isinstance(one, _Opening) else changed) for one in items]
    shown = await show_carts(db, outcomes, now=now)
    return [
        OpenedCart(cart=cart, token=one.token) if isinstance(one, _Opening) and isinstance(cart, ShownCart) else cart
        for one, cart in zip(items, shown, strict=True)
    ]


async def _options(db: Connection, items: Sequence[_Looking], now: datetime) -> Sequence[DeliveryOptions | BatutaError]:
    found = await carts_by_id(db, {one.cart_id for one in items})
    seen = [found.get(one.cart_id) for one in items]
    may = [cart if cart and one.visitor.may_use(cart) else None for one, cart in zip(items, seen, strict=True)]
    full = {cart.id: cart for cart in may if cart and cart.lines}
    options = dict(zip(full, await delivery_options(db, list(full.values()), now=now), strict=True)) if full else {}
    nothing = DeliveryOptions(shipping=[], pickup=[])
    return [options.get(cart.id, nothing) if cart else UnknownCart("there is no such cart") for cart in may]


async def _reserve(db: Connection, items: Sequence[ReserveCart], now: datetime) -> Sequence[CartReserved | BatutaError]:
    return await reserve_carts(db, requests=items, now=now)


@reads(CART_TOKEN)
async def _visitor(request: AnyRequest) -> tuple[Visitor, str]:
    """Who is at the cart, and how facts name them."""
    token = request.headers.get(CART_TOKEN.name)
    hashed = token_hash(token) if token else None
    caller = await caller_if_any(request)
    if caller is None:
        # What a guest asks is kept under their token: whoever has another one is answered for themselves.
        become(request, Caller(id=UUID(bytes=token_hash(token or "")[:16]), actor=GUEST, permissions=frozenset()))
        return Visitor(token_hash=hashed), GUEST
    channels = caller.channel_ids if caller.may("carts.write") and caller.customer_id is None else frozenset()
    return Visitor(token_hash=hashed, customer_id=caller.customer_id, channel_ids=channels), caller.actor


async def _cart(db: Connection, cart_id: UUID, visitor: Visitor) -> Cart:
    found = (await carts_by_id(db, [cart_id])).get(cart_id)
    if found is None or not visitor.may_use(found):
        raise UnknownCart("there is no such cart")
    return found


ROUTES = [
    open_cart,
    get_cart,
    put_lines,
    put_address,
    get_delivery_options,
    put_delivery,
    reserve_cart,
    unreserve_cart,
    order_cart,
]
