"""Carts: opened, changed, reserved, made an order, and forgotten when nobody came back."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Text, Uuid, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from batuta.catalog.domain import NOTHING_SAID, Recipe, Sku, Unit, check_personalisation
from batuta.catalog.queries import recipes_of, skus_by_code, units_of
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_code
from batuta.customers.queries import customers_by_id
from batuta.inventory.commands import release
from batuta.inventory.domain import Release
from batuta.kernel.addresses import Address, check_address
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.locations.domain import Ability, Location
from batuta.locations.queries import locations_by_code
from batuta.ordering.commands.slots import choose_slots
from batuta.ordering.domain import (
    CART_LINES_MAX,
    CART_LIVES,
    BadOrder,
    Cart,
    CartChange,
    CartLine,
    Method,
    NewCart,
    SoldAs,
    UnknownCart,
    UnknownChannel,
    UnknownCustomer,
    UnknownLocation,
    UnknownSku,
    WantedLine,
    check_use,
    line_id_of,
)
from batuta.ordering.domain.drafts import base_units
from batuta.ordering.queries import read_cart
from batuta.ordering.tables import cart
from batuta.plumbing.database import Connection, Instant, Json, arrays, insert_new, params

_ids = any_(bindparam("ids", type_=ARRAY(Uuid)))
_lock = select(cart).where(cart.c.id == _ids).order_by(cart.c.id).with_for_update()
_forget = delete(cart).where(cart.c.id == _ids)
_ended = (
    select(cart.c.id)
    .where(cart.c.expires_at <= bindparam("now", type_=Instant))
    .order_by(cart.c.expires_at, cart.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)

_KEPT = ("id", "channel_id", "token_hash", "created_at")
_TYPES: Mapping[str, Any] = {
    "id": Uuid(),
    "customer_id": Uuid(),
    "email": Text(),
    "phone": Text(),
    "locale": Text(),
    "ship_to": Json,
    "bill_to": Json,
    "method": Text(),
    "service_kind": Text(),
    "pickup_location_id": Uuid(),
    "reserved_until_at": Instant,
    "order_id": Uuid(),
    "version": Integer(),
    "expires_at": Instant,
    "slot_id": Uuid(),
    "lines": Json,
}
_given = arrays("given", **_TYPES)
_change = (
    update(cart)
    .where(cart.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)


class _World(msgspec.Struct, frozen=True, kw_only=True):
    """What changes of carts speak about, read once."""

    skus: Mapping[str, Sku]
    locations: Mapping[str, Location]
    customers: Collection[UUID]
    units: Mapping[UUID, Sequence[Unit]]
    recipes: Mapping[UUID, Sequence[Recipe]]


async def lock_carts(db: Connection, ids: Collection[UUID]) -> dict[UUID, Cart]:
    """Lock carts in ascending order and read them with their lines; unknown ids are left out."""
    return {row["id"]: read_cart(dict(row)) for row in await db.execute(_lock, {"ids": list(set(ids))})}


async def open_carts(db: Connection, *, carts: Sequence[NewCart], now: datetime) -> list[Cart | BatutaError]:
    """Open carts; the same id again is the same cart, as long as it has the same token."""
    channels = await channels_by_code(db, {one.channel_code for one in carts})
    world = await _world(db, [one.lines for one in carts], (), {one.customer_id for one in carts if one.customer_id})
    opened = each(carts, lambda one: _opened(one, channels, world, now))
    rows = {one.id: _row(one) for one in opened if isinstance(one, Cart)}
    new = {id_ for (id_,) in await insert_new(db, cart, [rows[id_] for id_ in sorted(rows)], returning=["id"])}
    known = await lock_carts(db, set(rows) - new) if set(rows) - new else {}
    return [_as_before(one, known) if isinstance(one, Cart) else one for one in opened]


def _as_before(one: Cart, known: Mapping[UUID, Cart]) -> Cart | BatutaError:
    before = known.get(one.id, one)
    return before if before.token_hash == one.token_hash else UnknownCart("there is no such cart")


async def change_carts(db: Connection, *, changes: Sequence[CartChange], now: datetime) -> list[Cart | BatutaError]:
    """Change carts, each by whoever may; several changes of one cart follow each other. Locks carts, stock, slots.

    Units that were reserved for a line whose quantity changes are given back; reserving again takes what is needed.
    A place in a slot that is chosen is held, one that is given up is free; a slot that is refused leaves the way in
    which the cart is had as it was.
    """
    if not changes:
        return []
    found = await lock_carts(db, [one.cart_id for one in changes])
    world = await _world(
        db,
        [one.lines for one in changes],
        {one.pickup_location_code for one in changes if isinstance(one.pickup_location_code, str)},
        {one.customer_id for one in changes if isinstance(one.customer_id, UUID)},
    )
    before = dict(found)
    outcomes: list[Cart | BatutaError] = []
    for one in changes:
        try:
            found[one.cart_id] = _changed(found.get(one.cart_id), one, world, now)
            outcomes.append(found[one.cart_id])
        except BatutaError as problem:
            outcomes.append(problem)
    changed = [one for one in found.values() if one is not before[one.id]]
    await _give_back(db, [(before[one.id], one) for one in changed], now=now)
    named = {one.cart_id for one in changes if isinstance(one.slot_id, UUID)}
    refused = await choose_slots(db, before, found, named=named, now=now)
    await write_carts(db, [found[one.id] for one in changed])
    if not refused:
        return outcomes
    return [_unless_refused(one, outcome, refused, found) for one, outcome in zip(changes, outcomes, strict=True)]


def _unless_refused(
    one: CartChange, outcome: Cart | BatutaError, refused: Mapping[UUID, BatutaError], found: Mapping[UUID, Cart]
) -> Cart | BatutaError:
    if one.cart_id not in refused or not isinstance(outcome, Cart):
        return outcome
    return refused[one.cart_id] if isinstance(one.slot_id, UUID) else found[one.cart_id]


async def write_carts(db: Connection, carts: Sequence[Cart]) -> None:
    """Store locked carts."""
    if carts:
        rows = [_row(one) for one in sorted(carts, key=lambda one: one.id)]
        await db.execute(_change, params("given", **{name: [row[name] for row in rows] for name in _TYPES}))


async def forget_carts(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: carts that nobody touched for weeks are deleted; what they held had ended long before."""
    ids = list(await db.scalars(_ended, {"now": now, "limit": limit}))
    if ids:
        await db.execute(_forget, {"ids": ids})
    return len(ids)


async def _world(
    db: Connection, lines: Sequence[Sequence[WantedLine]], pickups: Collection[str], customers: Collection[UUID]
) -> _World:
    wanted = {line.sku_code for each_ in lines for line in each_}
    skus = await skus_by_code(db, wanted) if wanted else {}
    told = {line.sku_code for each_ in lines for line in each_ if line.unit is not None}
    measured = {skus[code].id for code in told if code in skus}
    made = {sku.id for sku in skus.values() if sku.is_made_to_order}
    return _World(
        skus=skus,
        units=await units_of(db, measured) if measured else {},
        recipes=await recipes_of(db, made) if made else {},
        locations=await locations_by_code(db, pickups) if pickups else {},
        customers=frozenset(await customers_by_id(db, customers)) if customers else frozenset(),
    )


def _opened(one: NewCart, channels: Mapping[str, Channel], world: _World, now: datetime) -> Cart:
    channel = channels.get(one.channel_code)
    if channel is None or not (one.visitor.channel_ids is None or channel.id in one.visitor.channel_ids):
        raise UnknownChannel("no channel has this code", channel_code=one.channel_code)
    empty = Cart(
        id=one.id,
        channel_id=channel.id,
        token_hash=one.token_hash,
        customer_id=_customer(one.customer_id, world),
        email=one.email,
        phone=None,
        locale=one.locale or channel.locale,
        ship_to=None,
        bill_to=None,
        method=Method.SHIP,
        service_kind=None,
        pickup_location_id=None,
        reserved_until_at=None,
        order_id=None,
        version=1,
        created_at=now,
        expires_at=now + CART_LIVES,
    )
    return msgspec.structs.replace(empty, lines=_lines(empty, one.lines, world))


def _changed(found: Cart | None, one: CartChange, world: _World, now: datetime) -> Cart:
    present = check_use(found, one.visitor, version=one.version, now=now)
    plain = {name: value for name in ("email", "phone", "locale") if (value := getattr(one, name)) is not msgspec.UNSET}
    addresses = {
        name: check_address(value) if value else None
        for name in ("ship_to", "bill_to")
        if (value := getattr(one, name)) is not msgspec.UNSET
    }
    if one.customer_id is not msgspec.UNSET:
        plain["customer_id"] = _customer(one.customer_id, world)
    return msgspec.structs.replace(
        present,
        **plain,
        **addresses,
        **_delivery(one, world),
        slot_id=_slot(present, one, addresses.get("ship_to", present.ship_to)),
        lines=_lines(present, one.lines, world),
        version=present.version + 1,
        expires_at=now + CART_LIVES,
    )


def _customer(customer_id: UUID | None, world: _World) -> UUID | None:
    if customer_id is not None and customer_id not in world.customers:
        raise UnknownCustomer("no customer has this id", customer_id=str(customer_id))
    return customer_id


def _delivery(one: CartChange, world: _World) -> dict[str, Any]:
    if isinstance(one.pickup_location_code, str):
        place = world.locations.get(one.pickup_location_code)
        if place is None or Ability.PICKUP not in place.abilities or not place.is_active:
            code = one.pickup_location_code
            raise UnknownLocation("orders cannot be picked up there", pickup_location_code=code)
        return {"method": Method.PICKUP, "pickup_location_id": place.id, "service_kind": None}
    if isinstance(one.service_kind, str):
        return {"method": Method.SHIP, "pickup_location_id": None, "service_kind": one.service_kind}
    return {}


def _slot(present: Cart, one: CartChange, ship_to: Address | None) -> UUID | None:
    """The window that is chosen. It is not kept for another way of delivery, nor for another postal code."""
    if one.slot_id is not msgspec.UNSET:
        return one.slot_id
    is_had_otherwise = isinstance(one.pickup_location_code, str) or isinstance(one.service_kind, str)
    return None if is_had_otherwise or _area(ship_to) != _area(present.ship_to) else present.slot_id


def _area(address: Address | None) -> tuple[str, str] | None:
    return (address.country, address.postal_code) if address else None


def _lines(present: Cart, wanted: Sequence[WantedLine], world: _World) -> tuple[CartLine, ...]:
    """The cart's lines with the named SKUs' new quantities, at the end where they are new."""
    lines = {line.id: line for line in present.lines}
    unknown = sorted({one.sku_code for one in wanted if not _is_sold(world.skus.get(one.sku_code))})
    if unknown:
        raise UnknownSku("these SKUs are not sold", sku_codes=unknown)
    after = max((line.position for line in present.lines), default=-1) + 1
    for step, one in enumerate(wanted):
        sku = world.skus[one.sku_code]
        if not one.quantity:
            lines = {id_: line for id_, line in lines.items() if not _takes_away(one, sku, line)}
            continue
        line = _line(present, one, sku, step, world)
        position = lines[line.id].position if line.id in lines else after + step
        lines[line.id] = msgspec.structs.replace(line, position=position)
    if len(lines) > CART_LINES_MAX:
        raise BadOrder("a cart has no more lines", field="lines", got=len(lines), max=CART_LINES_MAX)
    return tuple(lines.values())


def _takes_away(wanted: WantedLine, sku: Sku, line: CartLine) -> bool:
    """Whether a line goes. It need not be sold so any more, nor asked for so by its recipe."""
    said = {code: saying for code, saying in wanted.personalisation.items() if saying.strip()}
    return line.sku_id == sku.id and (not said or said == line.personalisation)


def _line(present: Cart, wanted: WantedLine, sku: Sku, step: int, world: _World) -> CartLine:
    """Raises:
    BadOrder, NotWhole, TooMany: it is not sold so. WrongPersonalisation.
    """
    quantity, sold_as = wanted.quantity, None
    if wanted.unit is not None:
        quantity = base_units(sku, quantity, wanted.unit, world.units.get(sku.id, ()), position=step)
        sold_as = SoldAs(wanted.unit, wanted.quantity)
    recipe = next(iter(world.recipes.get(sku.id, ())), NOTHING_SAID)
    said = check_personalisation(recipe, wanted.personalisation)
    id_ = line_id_of(present.id, sku.id, said)
    return CartLine(id=id_, position=step, sku_id=sku.id, quantity=quantity, sold_as=sold_as, personalisation=said)


def _is_sold(sku: Sku | None) -> bool:
    return sku is not None and sku.is_active


async def _give_back(db: Connection, changed: Sequence[tuple[Cart, Cart]], *, now: datetime) -> None:
    releases = []
    for before, after in changed:
        kept = {(line.id, line.quantity) for line in after.lines}
        if before.is_reserved(now):
            gone = [line for line in before.lines if (line.id, line.quantity) not in kept]
            releases += [Release(holder_id=before.id, line_id=line.id) for line in gone]
    if releases:
        await release(db, releases=releases, now=now)


def _row(one: Cart) -> dict[str, Any]:
    return {**{name: getattr(one, name) for name in (*_KEPT, *_TYPES)}, "method": str(one.method)}
