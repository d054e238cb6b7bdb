"""The marketplace, its sellers, its goods and its opening stock, from the data; the same ids every time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product as CatalogProduct
from batuta.catalog.domain import Sku
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, ChannelKind, LegalEntity, Policies, TaxMode
from batuta.customers.commands import save_customers
from batuta.customers.domain import Customer
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import id_from
from batuta.kernel.periods import Period
from batuta.locations.commands import save_locations
from batuta.locations.domain import Ability, Location, LocationKind
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, ServiceKind, Transit, ZoneRule
from examples.olist.reading import Bought, Data, Place, Product

BEGINNING = datetime(2016, 9, 1, tzinfo=UTC)
CHANNEL = "olist"
CARRIER = "transportadora"
ACTOR = "import:olist"
ALL_WEEK = {day: [("00:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
YEARS_IN_MINUTES = 60 * 24 * 365 * 3

POLICIES = Policies(
    are_messages_muted=True,
    label_format="zpl",
    # The data says when somebody paid or a seller answered; our own time-outs would say it twice.
    unpaid_minutes=YEARS_IN_MINUTES,
    offer_minutes=YEARS_IN_MINUTES,
    duplicate_minutes=0,
    split_penalty_minor=1_000,
    max_splits=8,
    # A seller's no is the last word the data has of an order.
    rejections_max=1,
)


def id_of(kind: str, key: str) -> UUID:
    return id_from(f"olist:{kind}:{key}", BEGINNING)


def address_of(place: Place, name: str) -> Address:
    """The data has no streets and only the first five digits of postal codes."""
    return Address(
        name=name,
        street=["(not given)"],
        city=place.city.title(),
        region=place.state,
        postal_code=f"{place.zip_prefix}-000",
        country="BR",
        latitude=place.latitude,
        longitude=place.longitude,
    )


async def build(db: Connection, data: Data) -> None:
    """Save everything that stands before the first order."""
    entity_id = await _marketplace(db)
    await _carrier(db)
    products = [_product(one) for one in data.products.values()]
    _sound(await save_products(db, products=products, now=BEGINNING))
    _sound(await save_skus(db, skus=[_sku(one) for one in data.products.values()], now=BEGINNING))
    locations = [_location(key, place, entity_id) for key, place in data.sellers.items()]
    _sound(await save_locations(db, locations=locations, now=BEGINNING))
    customers = [_customer(key) for key in data.customers]
    _sound(await save_customers(db, customers=customers, now=BEGINNING))
    _sound(await record_movements(db, movements=_opening_stock(data.orders), now=BEGINNING))


async def _marketplace(db: Connection) -> UUID:
    entity = LegalEntity(
        id=id_of("entity", "olist"),
        code="olist",
        name="Olist",
        country="BR",
        currency="BRL",
        time_zone="America/Sao_Paulo",
        gs1_prefix="7891234",
    )
    brand = Brand(id=id_of("brand", "olist"), code="olist", name="Olist", legal_entity_id=entity.id)
    channel = Channel(
        id=id_of("channel", CHANNEL),
        code=CHANNEL,
        name="Olist",
        brand_id=brand.id,
        kind=ChannelKind.MARKETPLACE,
        currency="BRL",
        country="BR",
        locale="es",
        tax_mode=TaxMode.INCLUSIVE,
        policies=POLICIES,
    )
    _sound(await save_legal_entities(db, legal_entities=[entity], now=BEGINNING))
    _sound(await save_brands(db, brands=[brand], now=BEGINNING))
    _sound(await save_channels(db, channels=[channel], now=BEGINNING))
    # The marketplace's prices include what tax there is; the data does not tell it apart.
    rate = TaxRate(country="BR", tax_category="standard", rate_bp=0, valid=Period(from_at=BEGINNING))
    _sound(await save_tax_rates(db, tax_rates=[rate], now=BEGINNING))
    return entity.id


async def _carrier(db: Connection) -> None:
    """One carrier with a made-up card: the first digit of a postal code is its region, near is cheaper than far."""
    carrier = Carrier(id=id_of("carrier", CARRIER), code=CARRIER, name="Transportadora", gs1_prefix="7891234")
    service = Service(
        id=id_of("service", "standard"),
        carrier_id=carrier.id,
        code="transportadora-standard",
        name={"es": "Normal", "en": "Standard"},
        kind=ServiceKind.STANDARD,
        weight_max_g=1_000_000,
        length_max_mm=5_000,
        currency="BRL",
    )
    prices = {"near": 900, "far": 1_900}
    card = RateCard(
        service_id=service.id,
        zones=[
            ZoneRule(origin_country="BR", destination_country="BR", zone="far"),
            *(
                ZoneRule(
                    origin_country="BR",
                    destination_country="BR",
                    origin_prefix=region,
                    destination_prefix=region,
                    zone="near",
                )
                for region in "0123456789"
            ),
        ],
        rates=[
            Rate(zone=zone, weight_up_to_g=kilograms * 1_000, price_minor=price + price * kilograms // 4)
            for zone, price in prices.items()
            for kilograms in (1, 2, 5, 10, 20, 30, 60, 100, 1_000)
        ],
        transits=[Transit(zone="near", days_min=2, days_max=8), Transit(zone="far", days_min=4, days_max=20)],
    )
    _sound(await save_carriers(db, carriers=[carrier], now=BEGINNING))
    _sound(await save_services(db, services=[service], now=BEGINNING))
    _sound(await set_rate_cards(db, cards=[card], now=BEGINNING))


def _product(one: Product) -> CatalogProduct:
    name = one.category.replace("_", " ")
    return CatalogProduct(
        id=id_of("product", one.key), code=one.key, name={"en": name, "es": name}, category=one.category
    )


def _sku(one: Product) -> Sku:
    return Sku(
        id=id_of("sku", one.key),
        code=one.key,
        product_id=id_of("product", one.key),
        weight_g=one.weight_g,
        length_mm=one.length_mm,
        width_mm=one.width_mm,
        height_mm=one.height_mm,
    )


def _location(key: str, place: Place, entity_id: UUID) -> Location:
    return Location(
        id=id_of("seller", key),
        code=key,
        name=f"Seller {key[:6]}",
        kind=LocationKind.SUPPLIER,
        legal_entity_id=entity_id,
        address=address_of(place, f"Seller {key[:6]}"),
        latitude=place.latitude,
        longitude=place.longitude,
        time_zone="America/Sao_Paulo",
        currency="BRL",
        hours=ALL_WEEK,
        abilities=frozenset({Ability.SHIP, Ability.RECEIVE_RETURNS}),
    )


def _customer(key: str) -> Customer:
    return Customer(id=id_of("customer", key), name=f"Customer {key[:6]}", locale="es", country="BR", is_guest=True)


def _opening_stock(orders: Sequence[Bought]) -> list[Movement]:
    sold: Mapping[tuple[str, str], int] = Counter((item.product, item.seller) for one in orders for item in one.items)
    return [
        Movement(
            key=f"olist:opening:{product}:{seller}",
            sku_id=id_of("sku", product),
            quantity=units,
            source=Account.supplier(),
            target=Account.location(id_of("seller", seller)),
            reason=MovementReason.RECEIPT,
            document_id=id_of("opening", seller),
            actor=ACTOR,
            effective_at=BEGINNING,
        )
        for (product, seller), units in sorted(sold.items())
    ]


def _sound(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome
