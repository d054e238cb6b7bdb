"""The wholesaler, its warehouse, goods, customers and opening stock, from the data; the same ids every time."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product, Sku, SkuKind
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, ChannelKind, LegalEntity, Policies, TaxMode
from batuta.customers.commands import save_customers
from batuta.customers.domain import Customer, CustomerKind
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import id_from
from batuta.locations.commands import save_locations
from batuta.locations.domain import Ability, Location, LocationKind
from batuta.plumbing.database import Connection
from examples.online_retail.reading import BEGINNING, Data, is_service

CHANNEL = "online-retail"
WAREHOUSE = "warehouse"
ACTOR = "import:online_retail"
CURRENCY = "GBP"


def id_of(kind: str, key: str) -> UUID:
    return id_from(f"online_retail:{kind}:{key}", BEGINNING)


def customer_id(number: int) -> UUID:
    return id_of("customer", str(number))


def address_in(country: str) -> Address:
    """The data tells of an address no more than its country."""
    return Address(street=["(not given)"], city="(not given)", country=country)


async def build_company(db: Connection, data: Data) -> None:
    """Save who sells and from where, and to whom."""
    await _company(db)
    numbers = sorted({invoice.customer for invoice in data.invoices if invoice.customer is not None})
    sound(await save_customers(db, customers=[_customer(number) for number in numbers], now=BEGINNING))


async def build_catalog(db: Connection, data: Data) -> None:
    """Save what is sold, by the name it mostly has."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for _, line in data.lines:
        names[line.code][line.name or line.code] += 1
    name_of = {code: told.most_common(1)[0][0] for code, told in names.items()}
    products = [Product(id=id_of("product", code), code=code, name={"en": name}) for code, name in name_of.items()]
    sound(await save_products(db, products=products, now=BEGINNING))
    sound(await save_skus(db, skus=[_sku(code) for code in name_of], now=BEGINNING))


async def build_stock(db: Connection, data: Data) -> None:
    """Receive what the year will sell."""
    sound(await record_movements(db, movements=_opening_stock(data), now=BEGINNING))


async def _company(db: Connection) -> None:
    entity = LegalEntity(
        id=id_of("entity", "retailer"),
        code="online-retail",
        name="Online Retail",
        country="GB",
        currency=CURRENCY,
        time_zone="Europe/London",
    )
    brand = Brand(id=id_of("brand", "retailer"), code="online-retail", name="Online Retail", legal_entity_id=entity.id)
    channel = Channel(
        id=id_of("channel", CHANNEL),
        code=CHANNEL,
        name="Online Retail",
        brand_id=brand.id,
        kind=ChannelKind.WEB,
        currency=CURRENCY,
        country="GB",
        locale="en",
        # The data tells no tax; what it calls the price is stored as the net.
        tax_mode=TaxMode.EXCLUSIVE,
        policies=Policies(are_messages_muted=True),
    )
    warehouse = Location(
        id=id_of("location", WAREHOUSE),
        code=WAREHOUSE,
        name="Warehouse",
        kind=LocationKind.WAREHOUSE,
        legal_entity_id=entity.id,
        address=address_in("GB"),
        time_zone="Europe/London",
        currency=CURRENCY,
        abilities=frozenset({Ability.SHIP, Ability.RECEIVE_RETURNS}),
    )
    sound(await save_legal_entities(db, legal_entities=[entity], now=BEGINNING))
    sound(await save_brands(db, brands=[brand], now=BEGINNING))
    sound(await save_channels(db, channels=[channel], now=BEGINNING))
    sound(await save_locations(db, locations=[warehouse], now=BEGINNING))


def _sku(code: str) -> Sku:
    is_good = not is_service(code)
    kind = SkuKind.GOOD if is_good else SkuKind.SERVICE
    return Sku(id=id_of("sku", code), code=code, product_id=id_of("product", code), kind=kind, is_tracked=is_good)


def _customer(number: int) -> Customer:
    return Customer(
        id=customer_id(number), name=f"Customer {number}", kind=CustomerKind.COMPANY, external_id=str(number)
    )


def _opening_stock(data: Data) -> list[Movement]:
    sold: Counter[str] = Counter()
    for invoice, line in data.lines:
        if not invoice.is_cancellation and not is_service(line.code):
            sold[line.code] += line.quantity
    return [
        Movement(
            key=f"online_retail:opening:{code}",
            sku_id=id_of("sku", code),
            quantity=units,
            source=Account.supplier(),
            target=Account.location(id_of("location", WAREHOUSE)),
            reason=MovementReason.RECEIPT,
            document_id=id_of("opening", WAREHOUSE),
            actor=ACTOR,
            effective_at=BEGINNING + timedelta(hours=1),
        )
        for code, units in sorted(sold.items())
    ]


def sound(outcomes: Sequence[object]) -> None:
    """Nothing that this example builds or imports may be refused; its bad lines were refused before."""
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome
