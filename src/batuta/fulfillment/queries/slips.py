"""What stands on the packing slips of parcels (INV-14)."""

from collections.abc import Collection, Iterator, Mapping
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.catalog.domain import Sku, name_in
from batuta.catalog.queries import products_by_id, skus_by_id
from batuta.company.domain import Brand, LegalEntity
from batuta.company.queries import brands_by_id, channels_by_id, legal_entities_by_id
from batuta.fulfillment.domain import FulfillmentOrder, Method, Package, PackingSlip, SkuUnits, SlipLine, SlipRest
from batuta.fulfillment.queries.work import fulfillment_orders_by_id, fulfillment_orders_by_parcel
from batuta.locations.domain import Location
from batuta.locations.queries import all_locations
from batuta.ordering.domain import Line, MadeLine, Order, SoldAs
from batuta.ordering.queries import made_lines_of, orders_by_id
from batuta.plumbing.database import Connection
from batuta.shipping.domain import Parcel
from batuta.shipping.queries import carriers_by_code, parcels_by_id


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the rooms know of some parcels. names: by SKU, in every language it has. sellers: by channel."""

    work: Mapping[UUID, FulfillmentOrder]
    orders: Mapping[UUID, Order]
    made: Mapping[UUID, MadeLine]
    skus: Mapping[UUID, Sku]
    names: Mapping[UUID, Mapping[str, str]]
    sellers: Mapping[UUID, tuple[Brand, LegalEntity]]
    locations: Mapping[UUID, Location]
    parcels: Mapping[UUID, Parcel]
    carriers: Mapping[str, str]


async def packing_slips(db: Connection, parcel_ids: Collection[UUID]) -> dict[UUID, PackingSlip]:
    """The slip of each parcel or bag as its order stands now; what was not packed, or is unpacked, is left out."""
    owners = await fulfillment_orders_by_parcel(db, parcel_ids)
    known = await _read(db, owners)
    return {
        package.parcel_id: _slip(known, one, package)
        for one in known.work.values()
        for package in one.packages
        if package.parcel_id in owners and package.unpacked_at is None
    }


async def _read(db: Connection, owners: Mapping[UUID, UUID]) -> _Known:
    work = await fulfillment_orders_by_id(db, set(owners.values()))
    orders = await orders_by_id(db, {one.order_id for one in work.values()})
    packed = {part.sku_id for one in work.values() for package in one.packages for part in package.contents}
    skus = await skus_by_id(db, packed | {line.sku_id for one in orders.values() for line in one.lines})
    parcels = await parcels_by_id(db, owners)
    carriers = await carriers_by_code(db, {one.carrier_code for one in parcels.values()})
    return _Known(
        work=work,
        orders=orders,
        made=await made_lines_of(db, orders.values()),
        skus=skus,
        names=await _names(db, skus),
        sellers=await _sellers(db, {one.channel_id for one in orders.values()}),
        locations=(await all_locations(db)).by_id,
        parcels=parcels,
        carriers={code: one.name for code, one in carriers.items()},
    )


async def _names(db: Connection, skus: Mapping[UUID, Sku]) -> dict[UUID, Mapping[str, str]]:
    """What SKUs are called: by their own name, else by their product's."""
    products = await products_by_id(db, {one.product_id for one in skus.values() if not one.name})
    return {id_: one.name or products[one.product_id].name for id_, one in skus.items()}


async def _sellers(db: Connection, channel_ids: Collection[UUID]) -> dict[UUID, tuple[Brand, LegalEntity]]:
    channels = await channels_by_id(db, channel_ids)
    brands = await brands_by_id(db, {one.brand_id for one in channels.values()})
    entities = await legal_entities_by_id(db, {one.legal_entity_id for one in brands.values()})
    sellers = {id_: (one, entities[one.legal_entity_id]) for id_, one in brands.items()}
    return {id_: sellers[one.brand_id] for id_, one in channels.items()}


def _slip(known: _Known, one: FulfillmentOrder, package: Package) -> PackingSlip:
    order = known.orders[one.order_id]
    brand, seller = known.sellers[order.channel_id]
    place = known.locations[one.location_id]
    parcel = known.parcels.get(package.parcel_id)
    together = sorted(each.parcel_id for each in one.packages if each.unpacked_at is None)
    return PackingSlip(
        locale=order.locale,
        brand=brand.name,
        seller=seller.name,
        tax_number=seller.tax_number,
        order_number=order.number,
        placed_on=order.placed_at.astimezone(ZoneInfo(seller.time_zone)).date(),
        origin=place.address,
        origin_name=place.name,
        destination=one.ship_to if one.method is Method.SHIP else None,
        customer=(one.ship_to.name or one.ship_to.company) if one.ship_to else "",
        number=together.index(package.parcel_id) + 1,
        parcels=len(together),
        carrier=known.carriers.get(parcel.carrier_code, "") if parcel else "",
        tracking_number=(parcel.tracking_number or "") if parcel else "",
        lines=tuple(_lines(known, order, package)),
        rest=tuple(_rest(known, one, order, package)),
    )


def _lines(known: _Known, order: Order, package: Package) -> Iterator[SlipLine]:
    """What lies in the parcel, in the order in which it was bought."""
    for line in order.lines:
        for part in package.contents:
            if part.line_id == line.id:
                yield _line(known, order, line, part)


def _line(known: _Known, order: Order, line: Line, part: SkuUnits) -> SlipLine:
    sku, sold_as, made = known.skus[part.sku_id], _name(known, order, line), known.made.get(line.id)
    boxes = _boxes(line, part)
    of = "" if part.sku_id == line.sku_id else "part" if known.skus[line.sku_id].is_composed else "substitute"
    return SlipLine(
        sku_code=sku.code if of else line.sku_code,
        name=name_in(known.names[sku.id], order.locale, sku.code) if of else sold_as,
        quantity=part.quantity,
        unit=sku.unit,
        boxes=boxes,
        part_of=sold_as if of == "part" else "",
        instead_of=sold_as if of == "substitute" else "",
        serials=part.serials,
        lots=part.lots,
        weight_g=part.weight_g,
        wishes=_wishes(made, order.locale) if made else (),
    )


def _boxes(line: Line, part: SkuUnits) -> SoldAs | None:
    """How many whole boxes these are, where they were bought by the box."""
    if line.sold_as is None or part.sku_id != line.sku_id:
        return None
    boxes, left = divmod(part.quantity * line.sold_as.quantity, line.quantity)
    return SoldAs(line.sold_as.unit, boxes) if boxes and not left else None


def _name(known: _Known, order: Order, line: Line) -> str:
    """What a line was sold as; one that was sold under its bare code has its product's name."""
    return line.name if line.name != line.sku_code else name_in(known.names[line.sku_id], order.locale, line.name)


def _wishes(made: MadeLine, locale: str) -> tuple[tuple[str, str], ...]:
    """What the buyer said, by the names of what was asked."""
    return tuple(
        (name_in(field.name, locale, field.code), made.personalisation[field.code])
        for field in made.recipe.fields
        if field.code in made.personalisation
    )


def _rest(known: _Known, one: FulfillmentOrder, order: Order, package: Package) -> Iterator[SlipRest]:
    """What of the order travels and is not in the parcel: it is packed elsewhere, has gone already, or follows."""
    here = _whole_units(one, package)
    for line in order.lines:
        stands = line.buckets
        packed = stands.packed + stands.shipped + stands.delivered
        elsewhere, later = max(packed - here.get(line.id, 0), 0), stands.waiting + stands.in_work - stands.packed
        if line.is_shipped and (elsewhere or later):
            yield SlipRest(
                sku_code=line.sku_code,
                name=_name(known, order, line),
                unit=known.skus[line.sku_id].unit,
                elsewhere=elsewhere,
                later=later,
            )


def _whole_units(one: FulfillmentOrder, package: Package) -> dict[UUID, int]:
    """How many units of each order line the parcel completes; of a bundle in several parcels, what is here counts."""
    per_unit = {(row.line_id, row.sku_id): row.per_unit for row in one.lines}
    units: dict[UUID, int] = {}
    for part in package.contents:
        whole = -(-part.quantity // per_unit[part.line_id, part.sku_id])
        units[part.line_id] = max(units.get(part.line_id, 0), whole)
    return units
