"""From a cart to an order: its goods reserved for a while, then placed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Sku
from batuta.catalog.queries import composed_of, skus_by_id
from batuta.company.domain import Channel, Policies
from batuta.company.queries import channels_by_id
from batuta.inventory.commands import extend, release, reserve
from batuta.inventory.domain import Extend, Release, Reserved, ReserveLine, ReserveRequest, Short
from batuta.kernel.errors import BatutaError
from batuta.locations.domain import Location
from batuta.locations.queries import AllLocations, all_locations
from batuta.ordering.commands.carts import lock_carts, write_carts
from batuta.ordering.commands.placing import place
from batuta.ordering.domain import (
    Cart,
    CartIsIncomplete,
    CheckOut,
    Method,
    Placed,
    PlaceLine,
    PlaceOrder,
    ReserveCart,
    UnknownCart,
    VersionConflict,
    Visitor,
    check_use,
    order_id_of,
)
from batuta.plumbing.database import Connection

STANDARD = "standard"


class CartReserved(msgspec.Struct, frozen=True, kw_only=True):
    """What is held for the cart and until when; short: what is not, and where it is left."""

    cart_id: UUID
    until_at: datetime
    granted: dict[UUID, int]
    short: list[Short]


class _Goods(msgspec.Struct, frozen=True, kw_only=True):
    skus: Mapping[UUID, Sku]
    parts: Mapping[UUID, Sequence[Component]]
    channels: Mapping[UUID, Channel]
    every: AllLocations | None

    def store(self, cart: Cart) -> Location | None:
        return self.every.by_id[cart.pickup_location_id] if self.every and cart.pickup_location_id else None

    def shelves(self, cart: Cart, policies: Policies) -> tuple[UUID, ...] | None:
        """Where what a cart holds may lie; None is anywhere."""
        if self.every is None or cart.pickup_location_id is None:
            return None
        return self.every.shelves_for(cart.pickup_location_id, ships_to_store=policies.ships_to_store)


async def reserve_carts(
    db: Connection, *, requests: Sequence[ReserveCart], now: datetime
) -> list[CartReserved | BatutaError]:
    """Hold the goods of carts until a while from now, what is held already for longer (RES-01, RES-03).

    Locks the carts, then stock.
    """
    carts = await lock_carts(db, [one.cart_id for one in requests])
    goods = await _goods(db, carts.values())
    outcomes: dict[int, CartReserved | BatutaError] = {}
    wanted: dict[int, ReserveRequest] = {}
    for i, one in enumerate(requests):
        try:
            cart = check_use(carts.get(one.cart_id), one.visitor, version=None, now=now)
        except BatutaError as problem:
            outcomes[i] = problem
        else:
            wanted[i] = _request(one, cart, goods, now)
    longer = [
        Extend(
            holder_id=one.holder_id,
            until_at=one.until_at,
            minutes_max=goods.channels[one.channel_id].policies.hold_minutes_max,
        )
        for one in wanted.values()
        if one.until_at and one.channel_id and carts[one.holder_id].is_reserved(now)
    ]
    if longer:
        await extend(db, holders=longer, now=now)
    answers = await reserve(db, requests=list(wanted.values()), now=now)
    for (i, asked), answer in zip(wanted.items(), answers, strict=True):
        if not isinstance(answer, Reserved):
            outcomes[i] = answer
            continue
        assert asked.until_at
        granted: dict[UUID, int] = {}
        for grant in answer.grants:
            granted[grant.line_id] = granted.get(grant.line_id, 0) + grant.quantity
        outcomes[i] = CartReserved(
            cart_id=asked.holder_id, until_at=asked.until_at, granted=granted, short=list(answer.short)
        )
        carts[asked.holder_id] = msgspec.structs.replace(carts[asked.holder_id], reserved_until_at=asked.until_at)
    await write_carts(db, [carts[one.cart_id] for one in outcomes.values() if isinstance(one, CartReserved)])
    return [outcomes[i] for i in range(len(requests))]


async def unreserve(db: Connection, *, cart_id: UUID, visitor: Visitor, now: datetime) -> None:
    """Give back what is held for a cart.

    Raises:
        UnknownCart, CartIsOrdered, CartHasEnded: it holds nothing that is the visitor's to give back.
    """
    found = (await lock_carts(db, [cart_id])).get(cart_id)
    cart = check_use(found, visitor, version=None, now=now)
    if cart.reserved_until_at:
        await release(db, releases=[Release(holder_id=cart_id)], now=now)
        await write_carts(db, [msgspec.structs.replace(cart, reserved_until_at=None)])


async def check_out(
    db: Connection, *, wishes: Sequence[PlaceOrder | CheckOut], now: datetime
) -> list[Placed | BatutaError]:
    """Place orders, of which some are carts: those are locked, read, and marked with the order they became."""
    ids = {one.cart_id for one in wishes if isinstance(one, CheckOut)}
    carts = await lock_carts(db, ids) if ids else {}
    goods = await _goods(db, carts.values())
    outcomes: dict[int, Placed | BatutaError] = {}
    orders: dict[int, PlaceOrder] = {}
    for i, one in enumerate(wishes):
        try:
            orders[i] = one if isinstance(one, PlaceOrder) else _order(one, carts.get(one.cart_id), goods, now)
        except BatutaError as problem:
            outcomes[i] = problem
    outcomes |= zip(orders, await place(db, orders=list(orders.values()), now=now), strict=True)
    bought = {}
    for i, one in enumerate(wishes):
        answer = outcomes[i]
        if isinstance(one, CheckOut) and isinstance(answer, Placed) and carts[one.cart_id].order_id is None:
            cart = carts[one.cart_id]
            bought[cart.id] = msgspec.structs.replace(cart, order_id=answer.order_id, version=cart.version + 1)
    await write_carts(db, list(bought.values()))
    return [outcomes[i] for i in range(len(wishes))]


async def _goods(db: Connection, carts: Collection[Cart]) -> _Goods:
    if not carts:
        return _Goods(skus={}, parts={}, channels={}, every=None)
    skus = await skus_by_id(db, {line.sku_id for one in carts for line in one.lines})
    parts = await composed_of(db, skus.values())
    of_parts = {part.sku_id for several in parts.values() for part in several} - set(skus)
    return _Goods(
        skus={**skus, **(await skus_by_id(db, of_parts) if of_parts else {})},
        parts=parts,
        channels=await channels_by_id(db, {one.channel_id for one in carts}),
        every=await all_locations(db) if any(one.pickup_location_id for one in carts) else None,
    )


def _request(one: ReserveCart, cart: Cart, goods: _Goods, now: datetime) -> ReserveRequest:
    policies = goods.channels[cart.channel_id].policies
    minutes = min(one.minutes or policies.cart_hold_minutes, policies.hold_minutes_max)
    return ReserveRequest(
        holder_id=cart.id,
        channel_id=cart.channel_id,
        region=cart.ship_to.region if cart.ship_to else "",
        location_ids=goods.shelves(cart, policies),
        until_at=now + timedelta(minutes=minutes),
        allow_partial=one.allow_partial,
        actor=one.actor,
        lines=[
            ReserveLine(line_id=line.id, sku_id=sku_id, quantity=units * line.quantity)
            for line in cart.lines
            for sku_id, units in _taken(goods, line.sku_id)
        ],
    )


def _taken(goods: _Goods, sku_id: UUID) -> list[tuple[UUID, int]]:
    """What a unit of a SKU takes from stock."""
    if not goods.skus[sku_id].is_composed:
        return [(sku_id, 1)] if goods.skus[sku_id].is_tracked else []
    return [(part.sku_id, part.quantity) for part in goods.parts.get(sku_id, ()) if goods.skus[part.sku_id].is_tracked]


def _order(one: CheckOut, found: Cart | None, goods: _Goods, now: datetime) -> PlaceOrder:
    """What the cart asks for. One that became an order asks for the same again, and is answered as before."""
    if found is None or not one.visitor.may_use(found):
        raise UnknownCart("there is no such cart")
    if found.order_id is None:
        check_use(found, one.visitor, version=one.version, now=now)
    elif one.version is not None and found.version not in {one.version, one.version + 1}:
        raise VersionConflict("the cart was changed since", present=found.version, wanted=one.version)
    missing = [name for name, value in (("lines", found.lines), ("ship_to", found.ship_to)) if not value]
    if missing or found.ship_to is None:
        raise CartIsIncomplete("a cart needs lines and an address before it is ordered", missing=missing)
    place_ = goods.store(found)
    return PlaceOrder(
        id=order_id_of(found.id),
        channel_code=goods.channels[found.channel_id].code,
        lines=[
            PlaceLine(
                sku_code=goods.skus[line.sku_id].code,
                quantity=line.quantity,
                cart_line_id=line.id,
                personalisation=dict(line.personalisation),
                sold_as=line.sold_as,
            )
            for line in found.lines
        ],
        ship_to=found.ship_to,
        bill_to=found.bill_to,
        actor=one.actor,
        placed_at=one.placed_at,
        external_id=one.external_id,
        customer_id=found.customer_id,
        email=found.email,
        phone=found.phone,
        locale=found.locale,
        method=Method.PICKUP if place_ else Method.SHIP,
        service_kind=found.service_kind or STANDARD,
        pickup_location_code=place_.code if place_ else None,
        means=one.means,
        adjustments=one.adjustments,
        ship_terms=one.ship_terms,
        promise=one.promise,
        cart_id=found.id if found.reserved_until_at else None,
        slot_hold_id=found.id if found.slot_id else None,
    )
