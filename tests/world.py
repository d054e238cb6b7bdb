"""A small shop for the tests of upper rooms, built through the rooms' own commands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from batuta.catalog.commands import save_products, save_skus, set_components
from batuta.catalog.domain import Component, Product, Sku, SkuKind
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, ChannelKind, LegalEntity, Policies, TaxMode
from batuta.customers.commands import save_customers
from batuta.customers.domain import Customer, CustomerKind
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import id_from
from batuta.kernel.periods import Period
from batuta.locations.commands import save_locations
from batuta.locations.domain import Ability, Location, LocationKind
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_price_lists, save_shipping_charges, save_tax_rates, set_prices
from batuta.pricing.domain import Price, PriceList, ShippingCharge, TaxRate
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, ServiceKind, Transit, ZoneRule
from tests.making import NOW, fresh_code, fresh_id

LONG_AGO = Period(from_at=datetime(2000, 1, 1, tzinfo=UTC))
ALL_DAY = {day: [("00:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}

MADRID = Address(
    name="Ana Ruiz",
    street=["Calle de Alcalá 10"],
    city="Madrid",
    postal_code="28014",
    country="ES",
    latitude=40.4189,
    longitude=-3.6959,
)


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Ids and codes of what was built. skus: code by short name; locations: id by short name."""

    entity: LegalEntity
    channel: Channel
    skus: dict[str, Sku]
    locations: dict[str, Location]
    customer_id: UUID
    carrier_code: str = "casa-carrier"


def sound(outcomes: Sequence[object]) -> None:
    """Fail with the first refusal."""
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome


async def build_shop(
    db: Connection,
    *,
    stock: Mapping[str, Mapping[str, int]],
    policies: Policies | None = None,
    price_minor: int = 2_500,
    tax_mode: TaxMode = TaxMode.INCLUSIVE,
) -> Shop:
    """Build a Spanish shop: `stock` says which SKUs lie where, as {"chair": {"north": 7}}; every price is the same.

    Besides, it sells a `service` without stock and a `set` of two of the first SKU.
    """
    entity = LegalEntity(
        id=fresh_id(),
        code=fresh_code("entity"),
        name="Casa Tests",
        country="ES",
        currency="EUR",
        time_zone="Europe/Madrid",
        gs1_prefix="8412345",
    )
    brand = Brand(id=fresh_id(), code=fresh_code("brand"), name="Casa", legal_entity_id=entity.id)
    channel = Channel(
        id=fresh_id(),
        code=fresh_code("web"),
        name="Web",
        brand_id=brand.id,
        kind=ChannelKind.WEB,
        currency="EUR",
        country="ES",
        locale="es",
        tax_mode=tax_mode,
        policies=policies or Policies(are_messages_muted=True, label_format="zpl"),
    )
    sound(await save_legal_entities(db, legal_entities=[entity], now=NOW))
    sound(await save_brands(db, brands=[brand], now=NOW))
    sound(await save_channels(db, channels=[channel], now=NOW))
    skus = await _skus(db, list(stock))
    locations = await _locations(db, entity, sorted({place for places in stock.values() for place in places}))
    await _prices(db, channel, skus, price_minor)
    await receive(db, skus, locations, stock)
    customer_id = fresh_id()
    customer = Customer(id=customer_id, kind=CustomerKind.PERSON, name="Ana Ruiz", locale="es", email="ana@example.com")
    sound(await save_customers(db, customers=[customer], now=NOW))
    return Shop(entity=entity, channel=channel, skus=skus, locations=locations, customer_id=customer_id)


async def _skus(db: Connection, names: Sequence[str]) -> dict[str, Sku]:
    product = Product(id=fresh_id(), code=fresh_code("product"), name={"es": "Silla", "en": "Chair"})
    sound(await save_products(db, products=[product], now=NOW))
    skus = {
        name: Sku(
            id=fresh_id(),
            code=fresh_code(name),
            product_id=product.id,
            name={"es": name, "en": name},
            weight_g=1_200,
            length_mm=400,
            width_mm=300,
            height_mm=200,
        )
        for name in names
    }
    for name, kind in (("service", SkuKind.SERVICE), ("set", SkuKind.BUNDLE)):
        skus[name] = Sku(
            id=fresh_id(), code=fresh_code(name), product_id=product.id, kind=kind, name={"es": name}, is_tracked=False
        )
    sound(await save_skus(db, skus=list(skus.values()), now=NOW))
    pair = [Component(sku_id=skus[names[0]].id, quantity=2)]
    sound(await set_components(db, bundles={skus["set"].id: pair}, now=NOW))
    return skus


async def _locations(db: Connection, entity: LegalEntity, names: Sequence[str]) -> dict[str, Location]:
    locations = {
        name: Location(
            id=fresh_id(),
            code=fresh_code(name),
            name=name,
            kind=LocationKind.WAREHOUSE,
            legal_entity_id=entity.id,
            address=msgspec.structs.replace(MADRID, name=name, company="Casa Tests"),
            latitude=40.4 + step / 10,
            longitude=-3.7,
            time_zone="Europe/Madrid",
            currency="EUR",
            hours=ALL_DAY,
            abilities=frozenset({Ability.SHIP, Ability.PICKUP, Ability.RECEIVE_RETURNS}),
            handling_order_minor=100,
            handling_unit_minor=20,
        )
        for step, name in enumerate(names)
    }
    sound(await save_locations(db, locations=list(locations.values()), now=NOW))
    return locations


async def _prices(db: Connection, channel: Channel, skus: Mapping[str, Sku], price_minor: int) -> None:
    price_list = PriceList(id=fresh_id(), code=fresh_code("prices"), channel_id=channel.id, currency="EUR")
    sound(await save_price_lists(db, price_lists=[price_list], now=NOW))
    prices = [
        Price(price_list_id=price_list.id, sku_id=one.id, amount_minor=price_minor, valid=LONG_AGO)
        for one in skus.values()
    ]
    sound(await set_prices(db, prices=prices, now=NOW))
    rate = TaxRate(country="ES", tax_category="standard", rate_bp=2_100, valid=LONG_AGO)
    sound(await save_tax_rates(db, tax_rates=[rate], now=NOW))
    charge = ShippingCharge(channel_id=channel.id, service_kind="standard", currency="EUR", charge_minor=490)
    sound(await save_shipping_charges(db, shipping_charges=[charge], now=NOW))


async def receive(
    db: Connection,
    skus: Mapping[str, Sku],
    locations: Mapping[str, Location],
    stock: Mapping[str, Mapping[str, int]],
) -> None:
    """Receive units from a supplier."""
    movements = [
        Movement(
            key=fresh_code("receipt"),
            sku_id=skus[name].id,
            quantity=units,
            source=Account.supplier(),
            target=Account.location(locations[place].id),
            reason=MovementReason.RECEIPT,
            document_id=fresh_id(),
            actor="test:receiver",
            effective_at=NOW,
        )
        for name, places in stock.items()
        for place, units in places.items()
        if units
    ]
    sound(await record_movements(db, movements=movements, now=NOW))


async def build_carrier(db: Connection) -> None:
    """One carrier for all test shops of a database: Spain, by weight, in two days."""
    carrier = Carrier(id=id_from("carrier", NOW), code="casa-carrier", name="Rápido", gs1_prefix="8412345")
    service = Service(
        id=id_from("service", NOW),
        carrier_id=carrier.id,
        code="casa-standard",
        name={"es": "Normal", "en": "Standard"},
        kind=ServiceKind.STANDARD,
        weight_max_g=30_000,
        length_max_mm=2_000,
        currency="EUR",
    )
    card = RateCard(
        service_id=service.id,
        zones=[ZoneRule(origin_country="ES", destination_country="ES", zone="spain")],
        rates=[Rate(zone="spain", weight_up_to_g=30_000, price_minor=450)],
        transits=[Transit(zone="spain", days_min=1, days_max=2)],
    )
    sound(await save_carriers(db, carriers=[carrier], now=NOW))
    sound(await save_services(db, services=[service], now=NOW))
    sound(await set_rate_cards(db, cards=[card], now=NOW))
