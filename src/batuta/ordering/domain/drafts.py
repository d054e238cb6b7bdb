"""An order between what was asked for and what is stored: checked, with its lines resolved, not yet priced."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.catalog.domain import (
    NOTHING_SAID,
    Product,
    Recipe,
    Sku,
    SkuKind,
    Unit,
    check_personalisation,
    name_in,
    to_base,
)
from batuta.catalog.domain import Component as Part
from batuta.company.domain import Channel, ShipTerms
from batuta.customers.domain import Customer
from batuta.inventory.domain import Holder
from batuta.inventory.domain.holding import UnknownReservation
from batuta.kernel.addresses import Address, check_address
from batuta.kernel.ids import child_id
from batuta.locations.domain import Ability, Location
from batuta.ordering.domain.orders import Component, Method, SoldAs
from batuta.ordering.domain.placing import (
    BadOrder,
    NothingToMakeItOf,
    PlaceLine,
    PlaceOrder,
    UnknownChannel,
    UnknownCustomer,
    UnknownLocation,
    UnknownSku,
)
from batuta.sourcing.domain import SlotHold


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of orders speaks about, read once.

    parts: what is taken from stock in place of a SKU. recipes: of what is made to order. products: of the SKUs that
    have no name of their own.
    """

    channels: Mapping[str, Channel]
    skus: Mapping[str, Sku]
    parts: Mapping[UUID, Sequence[Part]]
    parts_skus: Mapping[UUID, Sku]
    locations: Mapping[str, Location]
    customers: Mapping[UUID, Customer]
    products: Mapping[UUID, Product] = {}
    units: Mapping[UUID, Sequence[Unit]] = {}
    recipes: Mapping[UUID, Sequence[Recipe]] = {}
    slot_holds: Mapping[UUID, SlotHold] = {}
    reservations: Mapping[UUID, Holder] = {}


class DraftLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with its SKU, and what it takes from stock for each unit.

    recipe, personalisation: of what is made to order.
    """

    id: UUID
    position: int
    sku: Sku
    name: str
    asked: PlaceLine
    components: tuple[Component, ...]
    is_tracked: bool
    is_shipped: bool
    sold_as: SoldAs | None = None
    recipe: Recipe | None = None
    personalisation: Mapping[str, str] = {}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A checked order. ship_terms: with those of the customer and the channel, where it says nothing itself."""

    asked: PlaceOrder
    channel: Channel
    locale: str
    ship_to: Address
    pickup_location_id: UUID | None
    customer_group: str
    lines: tuple[DraftLine, ...]
    ship_terms: ShipTerms
    window_minor: int = 0

    @property
    def waits_until_at(self) -> datetime | None:
        """How long it waits for what cannot be sent."""
        days = self.ship_terms.max_wait_days
        return None if days is None else self.asked.placed_at + timedelta(days=days)


def draft(order: PlaceOrder, world: World) -> Draft:
    """Check an order against the world.

    Raises:
        UnknownChannel, UnknownSku, UnknownCustomer, UnknownLocation, UnknownReservation: it speaks of what is not
            there.
        NotWhole, TooMany: so many of a unit are no whole number of base units, or more than anything holds.
        BadOrder: too many lines or units, another currency than the channel's, a pickup without a place.
        NothingToMakeItOf. WrongPersonalisation.
        BadAddress: the address breaks its country's rules.
    """
    channel = world.channels.get(order.channel_code)
    if channel is None or (order.channel_ids is not None and channel.id not in order.channel_ids):
        raise UnknownChannel("no channel has this code", channel_code=order.channel_code)
    told, order = order.lines, _in_base_units(order, world)
    _check(order, channel)
    customer = world.customers.get(order.customer_id) if order.customer_id else None
    if order.customer_id is not None and customer is None:
        raise UnknownCustomer("no customer has this id", customer_id=str(order.customer_id))
    _check_reservation(order, channel, world)
    locale = order.locale or channel.locale
    lines = _lines(order, told, world, locale)
    ships = order.method is Method.SHIP and any(line.is_shipped for line in lines)
    return Draft(
        asked=order,
        channel=channel,
        locale=locale,
        ship_to=check_address(order.ship_to) if ships else order.ship_to,
        pickup_location_id=_pickup(order, world),
        customer_group=customer.customer_group if customer else "",
        lines=lines,
        ship_terms=_ship_terms(order, customer, channel),
        window_minor=_window_minor(order, world),
    )


def _check_reservation(order: PlaceOrder, channel: Channel, world: World) -> None:
    """One of another channel is unknown here."""
    if order.reservation_id is None:
        return
    found = world.reservations.get(order.reservation_id)
    if found is None or found.channel_id != channel.id:
        raise UnknownReservation("there is no such reservation", reservation_id=str(order.reservation_id))


def _ship_terms(order: PlaceOrder, customer: Customer | None, channel: Channel) -> ShipTerms:
    theirs = customer.ship_terms if customer else ShipTerms()
    return order.ship_terms.or_else(theirs).or_else(channel.policies.ship_terms)


def _window_minor(order: PlaceOrder, world: World) -> int:
    """What the window costs in which a place is held."""
    held = world.slot_holds.get(order.slot_hold_id) if order.slot_hold_id else None
    return held.price_minor if held else 0


def _in_base_units(order: PlaceOrder, world: World) -> PlaceOrder:
    """The order with its quantities in the units in which stock is counted (INV-15)."""
    if all(line.unit is None for line in order.lines):
        return order
    lines = [_in_base_unit(line, position, world) for position, line in enumerate(order.lines)]
    return msgspec.structs.replace(order, lines=lines)


def _in_base_unit(line: PlaceLine, position: int, world: World) -> PlaceLine:
    sku = world.skus.get(line.sku_code)
    if line.unit is None or sku is None:
        return line
    units = base_units(sku, line.quantity, line.unit, world.units.get(sku.id, ()), position=position)
    return msgspec.structs.replace(line, quantity=units)


def base_units(sku: Sku, quantity: int, unit: str, units: Sequence[Unit], *, position: int) -> int:
    """So many of a unit in which a SKU is sold, in base units. position: of the line that asks.

    Raises:
        BadOrder: it is not sold so. NotWhole. TooMany.
    """
    if unit == sku.unit:
        return quantity
    sold = {one.code: one for one in units if one.is_sold}
    if unit not in sold:
        known = sorted({sku.unit, *sold})
        raise BadOrder("the SKU is not sold in this unit", field=f"lines[{position}].unit", got=unit, known=known)
    return to_base(quantity, sold[unit])


def _check(order: PlaceOrder, channel: Channel) -> None:
    policies = channel.policies
    if order.currency is not None and order.currency != channel.currency:
        raise BadOrder(
            f"this channel sells in {channel.currency}", field="currency", expected=channel.currency, got=order.currency
        )
    if not 1 <= len(order.lines) <= policies.lines_max:
        raise BadOrder(
            "an order has lines, and not too many", field="lines", got=len(order.lines), max=policies.lines_max
        )
    for position, line in enumerate(order.lines):
        if not 1 <= line.quantity <= policies.units_per_line_max:
            raise BadOrder(
                "a line buys at least one unit, and not too many",
                field=f"lines[{position}].quantity",
                got=line.quantity,
                max=policies.units_per_line_max,
            )
    if order.ship_terms.contradicts_itself:
        raise BadOrder("what ships complete is not split", field="ship_terms.max_splits")
    if order.placed_at.tzinfo is None:
        raise BadOrder("a moment carries its time zone", field="placed_at")


def _pickup(order: PlaceOrder, world: World) -> UUID | None:
    if order.method is not Method.PICKUP:
        return None
    location = world.locations.get(order.pickup_location_code or "")
    if location is None or Ability.PICKUP not in location.abilities or not location.is_active:
        raise UnknownLocation("orders cannot be picked up there", pickup_location_code=order.pickup_location_code or "")
    return location.id


def _lines(order: PlaceOrder, told: Sequence[PlaceLine], world: World, locale: str) -> tuple[DraftLine, ...]:
    unknown = sorted({line.sku_code for line in order.lines if not _is_sold(world.skus.get(line.sku_code))})
    if unknown:
        raise UnknownSku("these SKUs are not sold", sku_codes=unknown)
    return tuple(_line(order, position, told[position], world, locale) for position in range(len(order.lines)))


def _is_sold(sku: Sku | None) -> bool:
    return sku is not None and sku.is_active


def _line(order: PlaceOrder, position: int, told: PlaceLine, world: World, locale: str) -> DraftLine:
    asked = order.lines[position]
    sku = world.skus[asked.sku_code]
    parts = [(part, world.parts_skus[part.sku_id]) for part in world.parts.get(sku.id, ())]
    if sku.is_composed:
        components = tuple(Component(part.sku_id, part.quantity) for part, whole in parts if whole.is_tracked)
    else:
        components = (Component(sku.id, 1),) if sku.is_tracked else ()
    recipe = _recipe(sku, world, components)
    return DraftLine(
        id=child_id(order.id, "line", position),
        position=position,
        sku=sku,
        name=name_in(sku.name or _product_name(sku, world), locale, sku.code),
        asked=asked,
        components=components,
        is_tracked=bool(components),
        is_shipped=sku.kind is not SkuKind.SERVICE,
        sold_as=SoldAs(told.unit, told.quantity) if told.unit else told.sold_as,
        recipe=recipe,
        personalisation=check_personalisation(recipe or NOTHING_SAID, asked.personalisation),
    )


def _recipe(sku: Sku, world: World, components: tuple[Component, ...]) -> Recipe | None:
    if not sku.is_made_to_order:
        return None
    if not components:
        raise NothingToMakeItOf("nobody has said of what this is made", sku_code=sku.code)
    return next(iter(world.recipes.get(sku.id, ())), NOTHING_SAID)


def _product_name(sku: Sku, world: World) -> Mapping[str, str]:
    product = world.products.get(sku.product_id)
    return product.name if product else {}
