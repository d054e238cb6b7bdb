"""A shop with a postal code in Andorra to ship to that no other test has, and orders that hold their units."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.inventory.commands import reserve
from batuta.inventory.domain import Reserved, ReserveLine, ReserveRequest
from batuta.inventory.queries import claims_of
from batuta.kernel.addresses import Address
from batuta.kernel.ids import child_id
from batuta.locations.commands import save_locations
from batuta.locations.domain import CapacityLimit, CapacityUnit
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, ServiceKind, Transit, ZoneRule
from batuta.sourcing.domain import Plan, SourcingLine, SourcingRequest
from batuta.sourcing.queries import AUDIT
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop, sound

ANDORRA = Address(
    name="Ana Ruiz",
    street=["Carrer Major 1"],
    city="Andorra la Vella",
    postal_code="AD500",
    country="AD",
    latitude=42.5,
    longitude=1.5,
)


def orders_a_day(limit: int) -> tuple[CapacityLimit, ...]:
    return (CapacityLimit(limit=limit, unit=CapacityUnit.ORDERS),)


async def given_shop(
    db: Connection,
    stock: Mapping[str, Mapping[str, int]],
    *,
    postal_codes: Mapping[str, str] | None = None,
    prices: Mapping[str, int] | None = None,
    **changes: Mapping[str, object],
) -> tuple[Shop, Service]:
    """A shop and the one service to Andorra.

    postal_codes: of locations, by name. prices: freight by the postal prefix of the origin. changes: fields of
    locations, by name.
    """
    shop = await build_shop(db, stock=stock)
    places = {}
    for name, location in shop.locations.items():
        address = msgspec.structs.replace(location.address, postal_code=(postal_codes or {}).get(name, "28014"))
        places[name] = msgspec.structs.replace(location, name=name, address=address, **changes.get(name, {}))
    sound(await save_locations(db, locations=list(places.values()), now=NOW))
    service = await _service(db, prices or {"": 500}, postal_code_of(shop))
    return msgspec.structs.replace(shop, locations=places), service


def postal_code_of(shop: Shop) -> str:
    return f"AD{shop.channel.id.hex[-8:]}".upper()


async def _service(db: Connection, prices: Mapping[str, int], postal_code: str) -> Service:
    carrier = Carrier(id=fresh_id(), code=fresh_code("carrier"), name="Pirineo", gs1_prefix="8412345")
    service = Service(
        id=fresh_id(),
        carrier_id=carrier.id,
        code=fresh_code("service"),
        name={"es": "Estándar"},
        kind=ServiceKind.STANDARD,
        weight_max_g=10_000,
        length_max_mm=1_500,
        currency="EUR",
    )
    rules = [
        ZoneRule(
            origin_country="ES",
            origin_prefix=prefix,
            destination_country="AD",
            destination_prefix=postal_code,
            zone=f"zone{prefix}",
        )
        for prefix in prices
    ]
    rates = [
        Rate(zone=f"zone{prefix}", weight_up_to_g=weight_g, price_minor=price + extra)
        for prefix, price in prices.items()
        for weight_g, extra in ((2_000, 0), (5_000, 150), (10_000, 400))
    ]
    transits = [Transit(zone=rule.zone, days_min=1, days_max=2) for rule in rules]
    await save_carriers(db, carriers=[carrier], now=NOW)
    await save_services(db, services=[service], now=NOW)
    sound(
        await set_rate_cards(
            db, cards=[RateCard(service_id=service.id, zones=rules, rates=rates, transits=transits)], now=NOW
        )
    )
    return service


def an_order(shop: Shop, *wants: tuple[str, int], order_id: UUID | None = None, **changes: object) -> SourcingRequest:
    """An order for so many units of SKUs by their short names, one line each."""
    order_id = order_id or fresh_id()
    lines = tuple(
        SourcingLine(line_id=child_id(order_id, name), components=((shop.skus[name].id, 1),), quantity=units)
        for name, units in wants
    )
    destination = msgspec.structs.replace(ANDORRA, postal_code=postal_code_of(shop))
    request = SourcingRequest(order_id=order_id, lines=lines, destination=destination, currency="EUR")
    return msgspec.structs.replace(request, **changes)


async def hold_at(db: Connection, request: SourcingRequest, *location_ids: UUID) -> None:
    """Reserve the order's units, at these locations alone if any are named."""
    lines = [
        ReserveLine(line_id=line.line_id, sku_id=sku_id, quantity=units * line.quantity)
        for line in request.lines
        for sku_id, units in line.components
    ]
    wanted = ReserveRequest(holder_id=request.order_id, lines=lines, location_ids=location_ids or None)
    (answer,) = await reserve(db, requests=[wanted], now=NOW)
    assert isinstance(answer, Reserved), answer


def places_of(shop: Shop, plan: object) -> dict[str, int]:
    """Units by the short name of the location they ship from."""
    assert isinstance(plan, Plan), plan
    names = {location.id: name for name, location in shop.locations.items()}
    units: dict[str, int] = {}
    for one in plan.assignments:
        units[names[one.location_id]] = units.get(names[one.location_id], 0) + one.quantity
    return units


async def claims_at(db: Connection, shop: Shop, order_id: UUID) -> dict[str, int]:
    """Units the order holds, by the short name of the location."""
    names = {location.id: name for name, location in shop.locations.items()}
    units: dict[str, int] = {}
    for claim in (await claims_of(db, [order_id], now=NOW))[order_id]:
        units[names[claim.location_id]] = units.get(names[claim.location_id], 0) + claim.held
    return units


async def broken_laws(db: Connection) -> Sequence[str]:
    return [verdict.law for verdict in await examine(db, AUDIT) if verdict.broken]
