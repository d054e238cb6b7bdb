"""What is sold in a benchmark: a Spanish shop with SKUs at locations, made by the rooms' own commands.

Ids and codes of SKUs hold eight digits, so that another client than ours can make them of a number.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product, Sku
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, ChannelKind, LegalEntity, Policies, TaxMode
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id, id_from
from batuta.kernel.periods import Period
from batuta.locations.commands import save_locations
from batuta.locations.domain import Ability, Location, LocationKind
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.commands import save_price_lists, save_shipping_charges, save_tax_rates, set_prices
from batuta.pricing.domain import Price, PriceList, ShippingCharge, TaxRate
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, ServiceKind, Transit, ZoneRule

Thing = TypeVar("Thing")

LONG_AGO = Period(from_at=datetime(2020, 1, 1, tzinfo=UTC))
HOUSE = id_from("benchmarks", LONG_AGO.from_at)
CHANNEL, CURRENCY, COUNTRY = "web", "EUR", "ES"
PRICE_MINOR, SHIPPING_MINOR, TAX_BP = 1_999, 490, 2_100
FIRST_SKU = 10_000_001
ROWS_AT_ONCE = 1_000
ACTOR = "system:benchmark"
ALL_DAY = {day: [("00:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
PLACES = (
    ("Madrid", "28014", 40.4189, -3.6959),
    ("Barcelona", "08002", 41.3825, 2.1769),
    ("Valencia", "46002", 39.4699, -0.3763),
    ("Sevilla", "41001", 37.3886, -5.9953),
    ("Bilbao", "48001", 43.2627, -2.9253),
)
BUYER = Address(
    name="Ana Ruiz",
    street=["Calle de Alcalá 10"],
    city="Madrid",
    postal_code="28014",
    country=COUNTRY,
    latitude=40.4189,
    longitude=-3.6959,
)


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to sell: `units` of each SKU at each location."""

    skus: int = 10_000
    locations: int = 5
    units: int = 1_000_000


def sku_code(number: int) -> str:
    """The code of the SKU with this number, from 0 on."""
    return f"S{FIRST_SKU + number}"


def sku_id(number: int) -> UUID:
    return UUID(f"{FIRST_SKU + number}-0000-7000-8000-000000000000")


def location_id(number: int) -> UUID:
    return child_id(HOUSE, "location", number)


async def build(engine: Engine, catalogue: Catalogue, *, now: datetime) -> None:
    """Make the shop and receive its stock, a thousand rows a transaction."""
    async with engine.begin() as db:
        channel = await _company(db, now)
        await _locations(db, catalogue, now)
        await _carrier(db, now)
        price_list = PriceList(id=child_id(HOUSE, "prices"), code="list", channel_id=channel.id, currency=CURRENCY)
        _sound(await save_price_lists(db, price_lists=[price_list], now=now))
    for numbers in in_parts(range(catalogue.skus)):
        async with engine.begin() as db:
            await _goods(db, numbers, price_list.id, now)
    cells = [(number, place) for number in range(catalogue.skus) for place in range(catalogue.locations)]
    for some in in_parts(cells if catalogue.units else []):
        async with engine.begin() as db:
            await receive(db, [(number, place, catalogue.units) for number, place in some], now=now)


def in_parts(things: Sequence[Thing], *, size: int = ROWS_AT_ONCE) -> Iterator[Sequence[Thing]]:
    """The things, so many at a time."""
    for begin in range(0, len(things), size):
        yield things[begin : begin + size]


async def receive(db: Connection, cells: Sequence[tuple[int, int, int]], *, now: datetime) -> None:
    """Receive units from a supplier: (SKU, location, units)."""
    movements = [
        Movement(
            key=f"receipt:{number}:{place}:{now.isoformat()}",
            sku_id=sku_id(number),
            quantity=units,
            source=Account.supplier(),
            target=Account.location(location_id(place)),
            reason=MovementReason.RECEIPT,
            document_id=child_id(HOUSE, "opening"),
            actor=ACTOR,
            effective_at=now,
        )
        for number, place, units in cells
    ]
    _sound(await record_movements(db, movements=movements, now=now))


def chosen(chance: random.Random, count: int, *, lines: int = 3) -> list[int]:
    """Different SKUs for the lines of an order, each from its own part of the catalogue, in rising order."""
    part = count // lines
    return [line * part + chance.randrange(part) for line in range(lines)]


async def _company(db: Connection, now: datetime) -> Channel:
    entity = LegalEntity(
        id=child_id(HOUSE, "entity"),
        code="house",
        name="Casa Prueba",
        country=COUNTRY,
        currency=CURRENCY,
        time_zone="Europe/Madrid",
        gs1_prefix="8412345",
    )
    brand = Brand(id=child_id(HOUSE, "brand"), code="house", name="Casa Prueba", legal_entity_id=entity.id)
    channel = Channel(
        id=child_id(HOUSE, "channel"),
        code=CHANNEL,
        name="Web",
        brand_id=brand.id,
        kind=ChannelKind.WEB,
        currency=CURRENCY,
        country=COUNTRY,
        locale="es",
        tax_mode=TaxMode.INCLUSIVE,
        policies=Policies(are_messages_muted=True, label_format="zpl"),
    )
    _sound(await save_legal_entities(db, legal_entities=[entity], now=now))
    _sound(await save_brands(db, brands=[brand], now=now))
    _sound(await save_channels(db, channels=[channel], now=now))
    rate = TaxRate(country=COUNTRY, tax_category="standard", rate_bp=TAX_BP, valid=LONG_AGO)
    _sound(await save_tax_rates(db, tax_rates=[rate], now=now))
    charge = ShippingCharge(
        channel_id=channel.id, service_kind="standard", currency=CURRENCY, charge_minor=SHIPPING_MINOR
    )
    _sound(await save_shipping_charges(db, shipping_charges=[charge], now=now))
    return channel


async def _locations(db: Connection, catalogue: Catalogue, now: datetime) -> None:
    locations = []
    for number in range(catalogue.locations):
        city, postal_code, latitude, longitude = PLACES[number % len(PLACES)]
        locations.append(
            Location(
                id=location_id(number),
                code=f"L{number}",
                name=f"{city} {number}",
                kind=LocationKind.WAREHOUSE,
                legal_entity_id=child_id(HOUSE, "entity"),
                address=msgspec.structs.replace(
                    BUYER, name=f"{city} {number}", city=city, postal_code=postal_code, latitude=None, longitude=None
                ),
                latitude=latitude,
                longitude=longitude,
                time_zone="Europe/Madrid",
                currency=CURRENCY,
                hours=ALL_DAY,
                abilities=frozenset({Ability.SHIP, Ability.PICKUP, Ability.RECEIVE_RETURNS}),
                handling_order_minor=100,
                handling_unit_minor=20,
            )
        )
    _sound(await save_locations(db, locations=locations, now=now))


async def _goods(db: Connection, numbers: Sequence[int], price_list_id: UUID, now: datetime) -> None:
    products = [
        Product(id=child_id(HOUSE, "product", number), code=f"P{number}", name={"es": f"Silla {number}"})
        for number in numbers
    ]
    skus = [
        Sku(
            id=sku_id(number),
            code=sku_code(number),
            product_id=product.id,
            weight_g=400,
            length_mm=300,
            width_mm=200,
            height_mm=50,
        )
        for number, product in zip(numbers, products, strict=True)
    ]
    prices = [
        Price(price_list_id=price_list_id, sku_id=one.id, amount_minor=PRICE_MINOR, valid=LONG_AGO) for one in skus
    ]
    _sound(await save_products(db, products=products, now=now))
    _sound(await save_skus(db, skus=skus, now=now))
    _sound(await set_prices(db, prices=prices, now=now))


async def _carrier(db: Connection, now: datetime) -> None:
    carrier = Carrier(id=child_id(HOUSE, "carrier"), code="carrier", name="Rápido", gs1_prefix="8412345")
    service = Service(
        id=child_id(HOUSE, "service"),
        carrier_id=carrier.id,
        code="standard",
        name={"es": "Normal", "en": "Standard"},
        kind=ServiceKind.STANDARD,
        weight_max_g=30_000,
        length_max_mm=2_000,
        currency=CURRENCY,
    )
    card = RateCard(
        service_id=service.id,
        zones=[ZoneRule(origin_country=COUNTRY, destination_country=COUNTRY, zone="spain")],
        rates=[Rate(zone="spain", weight_up_to_g=30_000, price_minor=450)],
        transits=[Transit(zone="spain", days_min=1, days_max=2)],
    )
    _sound(await save_carriers(db, carriers=[carrier], now=now))
    _sound(await save_services(db, services=[service], now=now))
    _sound(await set_rate_cards(db, cards=[card], now=now))


def _sound(outcomes: Iterable[object]) -> None:
    """The catalogue is ours: a refusal is a mistake in it."""
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome
