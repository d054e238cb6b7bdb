"""Carts and their ways of delivery, read and put together for the one who looks."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.queries import composed_of, products_by_id, skus_by_id
from batuta.company.queries import channels_by_id
from batuta.inventory.domain import NOBODY, Asker
from batuta.inventory.queries import free_places
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.locations.domain import Ability, Location
from batuta.locations.queries import AllLocations, all_locations, locations_by_id
from batuta.ordering.domain import Cart, Method
from batuta.ordering.domain.shown import CartGoods, ChosenSlot, ShownCart, cart_quote, left_of, ships, show
from batuta.plumbing.database import Connection
from batuta.pricing.domain import Quote
from batuta.pricing.queries import quote
from batuta.shipping.domain import Rated, RateRequest, ServiceKind, Tariffs
from batuta.shipping.queries import tariffs
from batuta.sourcing.queries import slot_holds_of, slots_by_id

Free = Mapping[UUID, Mapping[UUID, int]]


class ShippingOption(msgspec.Struct, frozen=True, kw_only=True):
    """A way of shipping. charge_minor: what the customer pays for it, with its tax; days from hand-over to the door."""

    service_kind: str
    charge_minor: int
    total_minor: int
    currency: str
    days_min: int
    days_max: int


class PickupOption(msgspec.Struct, frozen=True, kw_only=True):
    """A place where everything in the cart can be collected. is_there: at once; else some of it is sent there first."""

    location_code: str
    name: str
    address: Address
    total_minor: int
    currency: str
    is_there: bool


class DeliveryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the cart can be had, the cheapest first. shipping is empty before there is an address."""

    shipping: list[ShippingOption]
    pickup: list[PickupOption]


async def show_carts(
    db: Connection, outcomes: Sequence[Cart | BatutaError], *, now: datetime
) -> list[ShownCart | BatutaError]:
    """The carts among outcomes as their visitors see them, in their order.

    A cart that was changed more than once is shown to each as it stands now: that is what the visitor has.
    """
    carts = {one.id: one for one in outcomes if isinstance(one, Cart)}
    goods, _ = await read_goods(db, carts.values(), now=now)
    pickups = {one.pickup_location_id for one in carts.values() if one.pickup_location_id}
    if pickups:
        goods = msgspec.structs.replace(goods, locations=await locations_by_id(db, pickups))
    goods = msgspec.structs.replace(goods, slots=await chosen_slots(db, carts.values()))
    priced = {
        one.id: cart_quote(one, goods, service_kind=one.service_kind, at=now) for one in carts.values() if one.lines
    }
    quotes = dict(zip(priced, await quote(db, requests=list(priced.values())), strict=True))
    shown = {one.id: show(one, goods, quotes.get(one.id), now=now) for one in carts.values()}
    return [shown[one.id] if isinstance(one, Cart) else one for one in outcomes]


async def chosen_slots(db: Connection, carts: Collection[Cart]) -> dict[UUID, ChosenSlot]:
    """The windows that carts have chosen, and until when a place in them is kept."""
    choosing = {one.order_id or one.id: one for one in carts if one.slot_id}
    holds = await slot_holds_of(db, choosing)
    slots = await slots_by_id(db, {held.slot_id for held in holds.values()})
    return {
        choosing[holder_id].id: ChosenSlot(
            slot_id=held.slot_id,
            from_at=slots[held.slot_id].from_at,
            until_at=slots[held.slot_id].until_at,
            time_zone=slots[held.slot_id].time_zone,
            price_minor=held.price_minor,
            currency=held.currency,
            held_until_at=held.expires_at,
        )
        for holder_id, held in holds.items()
        if held.slot_id == choosing[holder_id].slot_id
    }


async def read_goods(db: Connection, carts: Collection[Cart], *, now: datetime) -> tuple[CartGoods, Free]:
    """What the carts speak about, and where it lies."""
    wanted = {line.sku_id for one in carts for line in one.lines}
    skus = await skus_by_id(db, wanted) if wanted else {}
    parts = await composed_of(db, skus.values())
    of_parts = {part.sku_id for several in parts.values() for part in several} - set(skus)
    if of_parts:
        skus = {**skus, **await skus_by_id(db, of_parts)}
    unnamed = {sku.product_id for sku in skus.values() if not sku.name}
    channel_ids = {one.channel_id for one in carts}
    asker = Asker(channel_id=channel_ids.pop()) if len(channel_ids) == 1 else NOBODY
    free = await free_places(db, set(skus), asker=asker, now=now) if skus else {}
    goods = CartGoods(
        skus=skus,
        parts=parts,
        channels=await channels_by_id(db, {one.channel_id for one in carts}),
        locations={},
        left={sku_id: sum(places.values()) for sku_id, places in free.items()},
        products=await products_by_id(db, unnamed) if unnamed else {},
    )
    return goods, free


async def delivery_options(db: Connection, carts: Sequence[Cart], *, now: datetime) -> list[DeliveryOptions]:
    """Of each cart, every way of shipping that some location can take to its address, and every place that has all."""
    goods, free = await read_goods(db, carts, now=now)
    every, known = await all_locations(db), await tariffs(db)
    places = [one for one in every.by_id.values() if one.is_active]
    ways = [_ways(msgspec.structs.replace(one, method=Method.SHIP), goods, places, known) for one in carts]
    requests = [
        cart_quote(msgspec.structs.replace(one, method=Method.SHIP), goods, service_kind=kind, at=now)
        for one, by_kind in zip(carts, ways, strict=True)
        for kind in (None, *by_kind)
    ]
    quotes = iter(await quote(db, requests=requests))
    found = []
    for one, by_kind in zip(carts, ways, strict=True):
        bare = next(quotes)
        shipping = [_shipping(kind, rated, next(quotes)) for kind, rated in by_kind.items()]
        found.append(
            DeliveryOptions(
                shipping=sorted((way for way in shipping if way), key=_cheapest),
                pickup=_pickups(one, goods, free, every, bare) if isinstance(bare, Quote) else [],
            )
        )
    return found


def _shipping(kind: ServiceKind, rated: Sequence[Rated], priced: object) -> ShippingOption | None:
    if not isinstance(priced, Quote):
        return None
    return ShippingOption(
        service_kind=kind,
        charge_minor=priced.shipping.gross_minor,
        total_minor=priced.gross_minor,
        currency=priced.currency,
        days_min=min(one.days_min for one in rated),
        days_max=max(one.days_max for one in rated),
    )


def _cheapest(way: ShippingOption) -> tuple[int, int, str]:
    return way.charge_minor, way.days_max, way.service_kind


def _ways(cart: Cart, goods: CartGoods, places: Sequence[Location], known: Tariffs) -> dict[ServiceKind, list[Rated]]:
    """By kind, what services ask that take the cart's heaviest piece from some location to its address."""
    if cart.ship_to is None or not ships(cart, goods):
        return {}
    units = [goods.skus[line.sku_id] for line in cart.lines]
    origins = {
        (place.address.country, place.address.postal_code) for place in places if Ability.SHIP in place.abilities
    }
    found: dict[ServiceKind, list[Rated]] = defaultdict(list)
    for country, postal_code in sorted(origins):
        rated = known.rate(
            RateRequest(
                id=cart.id,
                origin_country=country,
                origin_postal_code=postal_code,
                destination_country=cart.ship_to.country,
                destination_postal_code=cart.ship_to.postal_code,
                weight_g=max([1, *(sku.weight_g or 0 for sku in units)]),
                length_mm=max(sku.length_mm or 0 for sku in units),
            )
        )
        for one in rated if isinstance(rated, list) else ():
            if one.service_kind is not ServiceKind.PICKUP:
                found[one.service_kind].append(one)
    return found


def _pickups(cart: Cart, goods: CartGoods, free: Free, every: AllLocations, bare: Quote) -> list[PickupOption]:
    stores = [one for one in every.by_id.values() if one.is_active and Ability.PICKUP in one.abilities]
    policies = goods.channels[cart.channel_id].policies
    return [
        PickupOption(
            location_code=place.code,
            name=place.name,
            address=place.address,
            total_minor=bare.gross_minor,
            currency=bare.currency,
            is_there=is_there,
        )
        for place in sorted(stores, key=lambda place: place.code)
        if (is_there := _have_all([place.id], cart, goods, free))
        or _have_all(every.shelves_for(place.id, ships_to_store=policies.ships_to_store), cart, goods, free)
    ]


def _have_all(shelves: Sequence[UUID], cart: Cart, goods: CartGoods, free: Free) -> bool:
    """Whether the places have all of it between them, in whole units."""
    several = [
        msgspec.structs.replace(goods, left={sku_id: at.get(place_id, 0) for sku_id, at in free.items()})
        for place_id in shelves
    ]
    counted = [(line.quantity, [left_of(line.sku_id, here) for here in several]) for line in cart.lines]
    return all(quantity <= sum(one for one in left if one) for quantity, left in counted if None not in left)
