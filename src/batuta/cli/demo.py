"""The demo company: Casa Alisio, a made-up Spanish home-goods retailer, from the TOML files in `demo_data`.

Everything goes in through the rooms' public commands, in one transaction: it is there whole or not at all.
Ids derive from codes, so every machine has the same company.
"""

import random
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import func, select, text

from batuta.catalog.commands import save_products, save_skus, set_components
from batuta.catalog.domain import Component, Product, Sku
from batuta.cli.demo_windows import make_windows
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, LegalEntity
from batuta.company.queries import legal_entities_by_code
from batuta.customers.commands import give_consents, save_addresses, save_customers
from batuta.customers.domain import Consent, Customer, CustomerAddress, Medium, Purpose
from batuta.identity.commands import make_up_key, make_up_passwords, save_staff
from batuta.identity.domain import PERMISSIONS, STOREFRONT, NewApiKey, Staff
from batuta.inventory.commands import SafetyLevel, record_movements, set_safety_stock
from batuta.inventory.domain import Account, Condition, Movement, MovementReason
from batuta.kernel.addresses import check_address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id, id_from
from batuta.kernel.money import split_minor
from batuta.kernel.periods import Period
from batuta.locations.commands import save_locations, set_days
from batuta.locations.domain import Location, LocationKind, SpecialDay
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.commands import save_price_lists, save_shipping_charges, save_tax_rates, set_prices
from batuta.pricing.domain import Price, PriceList, ShippingCharge, TaxRate
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, Transit, ZoneRule

FOUNDED_AT = datetime(2020, 1, 1, tzinfo=UTC)
COMPANY = id_from("demo:casa-alisio", FOUNDED_AT)
COUNTRY, CURRENCY, ZONE = "ES", "EUR", ZoneInfo("Europe/Madrid")
ACTOR = "system:demo"
BASIS = 10_000
MADE_WITHIN_S = 120

Row = dict[str, Any]
Answer = TypeVar("Answer")


class DemoSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo company consists of. is_new: whether this call made it."""

    is_new: bool
    channels: int
    locations: int
    products: int
    skus: int
    units: int
    services: int
    customers: int
    staff: int


async def load_demo(engine: Engine, *, now: datetime) -> DemoSummary:
    """Make the demo company, unless it is there; what people have changed in it since stays changed."""
    written = {name: _read(name) for name in ("company", "locations", "staff", "customers", "goods", "stock")}
    async with engine.begin() as db:
        await _wait_for_others(db)
        entities = [row["code"] for row in written["company"]["legal_entity"]]
        is_new = not await legal_entities_by_code(db, entities)
        if is_new:
            await _make(db, written, now)
    return DemoSummary(
        is_new=is_new,
        channels=len(written["company"]["channel"]),
        locations=len(written["locations"]["location"]),
        products=len(written["goods"]["product"]),
        skus=len(_sku_rows(written["goods"])),
        units=sum(map(sum, written["stock"]["units"].values()))
        + sum(row["units"] for row in written["stock"]["aside"]),
        services=len(_read("shipping")["service"]),
        customers=len(written["customers"]["customer"]),
        staff=len(written["staff"]["staff"]),
    )


async def _wait_for_others(db: Connection) -> None:
    """Let one process at a time make the company; several may start at once on one database."""
    for limit in ("lock_timeout", "statement_timeout", "transaction_timeout"):
        await db.execute(text(f"SET LOCAL {limit} = '{MADE_WITHIN_S}s'"))
    await db.execute(select(func.pg_advisory_xact_lock(COMPANY.int % 2**63)))


async def _make(db: Connection, written: Mapping[str, Row], now: datetime) -> None:
    await _make_company(db, written["company"], now)
    await _make_goods(db, written["goods"], now)
    await _make_locations(db, written["locations"], now)
    await _make_staff(db, written["staff"], now)
    await _make_customers(db, written["customers"], now)
    await _make_tariffs(db, _read("prices"), _sku_rows(written["goods"]), now)
    await _make_shipping(db, _read("shipping"), now)
    await make_windows(db, _read("windows"), _id, now)
    await _make_stock(db, written["stock"], written["locations"], now)


async def _make_company(db: Connection, written: Row, now: datetime) -> None:
    entities = [msgspec.convert(_with_id("legal_entity", row), LegalEntity) for row in written["legal_entity"]]
    brands = [
        msgspec.convert(_with_id("brand", row) | {"legal_entity_id": _id("legal_entity", row["legal_entity"])}, Brand)
        for row in written["brand"]
    ]
    channels = [
        msgspec.convert(_with_id("channel", row) | {"brand_id": _id("brand", row["brand"])}, Channel)
        for row in written["channel"]
    ]
    _all(await save_legal_entities(db, legal_entities=entities, now=now))
    _all(await save_brands(db, brands=brands, now=now))
    _all(await save_channels(db, channels=channels, now=now))


async def _make_goods(db: Connection, written: Row, now: datetime) -> None:
    products = [msgspec.convert(_with_id("product", row), Product) for row in written["product"]]
    brand_id = _id("brand", "ALISIO")
    skus: list[Sku] = []
    bundles: dict[UUID, Sequence[Component]] = {}
    for row in _sku_rows(written):
        length_mm, width_mm, height_mm = row.get("size_mm", (0, 0, 0))
        sizes = {"length_mm": length_mm, "width_mm": width_mm, "height_mm": height_mm}
        skus.append(
            msgspec.convert(
                _with_id("sku", row) | sizes | {"product_id": _id("product", row["product"]), "brand_id": brand_id}, Sku
            )
        )
        if "components" in row:
            bundles[skus[-1].id] = [
                Component(sku_id=_id("sku", code), quantity=quantity) for code, quantity in row["components"].items()
            ]
    _all(await save_products(db, products=products, now=now))
    _all(await save_skus(db, skus=skus, now=now))
    _all(await set_components(db, bundles=bundles, now=now))


async def _make_locations(db: Connection, written: Row, now: datetime) -> None:
    given = [
        msgspec.convert(
            _with_id("location", row)
            | {"legal_entity_id": _id("legal_entity", "ALISIO"), "currency": CURRENCY, "abilities": row["abilities"]},
            Location,
        )
        for row in written["location"]
    ]
    locations = [msgspec.structs.replace(one, address=check_address(one.address)) for one in given]
    days = [
        msgspec.convert(row | {"location_id": _id("location", code)}, SpecialDay)
        for row in written["special_day"]
        for code in row["locations"]
    ]
    _all(await save_locations(db, locations=locations, now=now))
    _all(await set_days(db, days=days, now=now))


async def _make_staff(db: Connection, written: Row, now: datetime) -> None:
    staff = [
        msgspec.convert(
            row
            | {
                "id": _id("staff", row["email"]),
                "location_ids": [_id("location", code) for code in row.get("locations", ())],
            },
            Staff,
        )
        for row in written["staff"]
    ]
    saved = _all(await save_staff(db, staff=staff, now=now))
    chance = random.SystemRandom()
    one_a_role = {one.role: one for one in reversed(saved)}
    await make_up_passwords(db, staff=list(one_a_role.values()), chance=chance, now=now)
    front = NewApiKey(name="demo-storefront", permissions=STOREFRONT, channel_ids=frozenset({_id("channel", "web")}))
    back = NewApiKey(name="demo-back-office", permissions=PERMISSIONS - {"identity.manage"})
    for new in (front, back):
        await make_up_key(db, new=new, actor=ACTOR, chance=chance, now=now)


async def _make_customers(db: Connection, written: Row, now: datetime) -> None:
    rows = written["customer"]
    customers = [
        msgspec.convert(row | {"id": _id("customer", row["external_id"]), "country": COUNTRY}, Customer) for row in rows
    ]
    addresses = [
        msgspec.convert(
            {
                "id": child_id(customer.id, "address"),
                "customer_id": customer.id,
                "address": {"name": customer.name, "phone": customer.phone, "email": customer.email} | row["address"],
                "is_shipping_default": True,
                "is_billing_default": True,
            },
            CustomerAddress,
        )
        for customer, row in zip(customers, rows, strict=True)
    ]
    consents = [
        Consent(
            customer_id=customer.id,
            purpose=Purpose.MARKETING,
            medium=Medium.EMAIL,
            given_at=now,
            proof="form:alta-de-cliente",
        )
        for customer, row in zip(customers, rows, strict=True)
        if row["accepts_marketing"]
    ]
    _all(await save_customers(db, customers=customers, now=now))
    _all(await save_addresses(db, addresses=addresses, now=now))
    _all(await give_consents(db, consents=consents, now=now))


async def _make_tariffs(db: Connection, written: Row, skus: Sequence[Row], now: datetime) -> None:
    lists = [
        msgspec.convert(
            _with_id("price_list", row) | {"channel_id": _id("channel", row["channel"]), "currency": CURRENCY},
            PriceList,
        )
        for row in written["price_list"]
    ]
    rates = [
        TaxRate(country=COUNTRY, region=region, tax_category=category, rate_bp=rate_bp, valid=Period(FOUNDED_AT))
        for row in written["tax_rate"]
        for region in row["regions"]
        for category, rate_bp in row.items()
        if category != "regions"
    ]
    at_home = {rate.tax_category: rate.rate_bp for rate in rates if not rate.region}
    prices = [
        Price(
            price_list_id=_id("price_list", row["code"]),
            sku_id=_id("sku", sku["code"]),
            amount_minor=_listed(sku["price_minor"], row, at_home[sku["tax_category"]]),
            valid=Period(_midnight(row.get("from_day")) or FOUNDED_AT, _midnight(row.get("until_day"))),
        )
        for row in written["price_list"]
        for sku in skus
        if sku["code"] in row.get("skus", (sku["code"],))
    ]
    _all(await save_price_lists(db, price_lists=lists, now=now))
    _all(await save_tax_rates(db, tax_rates=rates, now=now))
    _all(await set_prices(db, prices=prices, now=now))
    _all(await save_shipping_charges(db, shipping_charges=_shipping_charges(written["shipping_charge"]), now=now))


def _shipping_charges(rows: Iterable[Row]) -> list[ShippingCharge]:
    charges: list[ShippingCharge] = []
    for row in rows:
        for channel in row["channels"]:
            charge = ShippingCharge(
                channel_id=_id("channel", channel),
                service_kind=row["service_kind"],
                currency=CURRENCY,
                charge_minor=row["charge_minor"],
            )
            if "free_from_minor" in row:
                charges.append(msgspec.structs.replace(charge, up_to_amount_minor=row["free_from_minor"] - 1))
                charge = msgspec.structs.replace(charge, charge_minor=0)
            charges.append(charge)
    return charges


def _listed(price_minor: int, price_list: Row, tax_bp: int) -> int:
    """The price of one list: less its discount, and without the tax where companies see it so."""
    discount_bp = price_list.get("discount_bp", 0)
    discounted, _ = split_minor(price_minor, (BASIS - discount_bp, discount_bp))
    if not price_list.get("without_tax"):
        return discounted
    net, _ = split_minor(discounted, (BASIS, tax_bp))
    return net


async def _make_shipping(db: Connection, written: Row, now: datetime) -> None:
    carriers = [msgspec.convert(_with_id("carrier", row), Carrier) for row in written["carrier"]]
    services = [
        msgspec.convert(
            _with_id("service", row) | {"carrier_id": _id("carrier", row["carrier"]), "currency": CURRENCY}, Service
        )
        for row in written["service"]
    ]
    names = {"peninsula": written["provinces_of_the_peninsula"]}
    _all(await save_carriers(db, carriers=carriers, now=now))
    _all(await save_services(db, services=services, now=now))
    _all(await set_rate_cards(db, cards=[_rate_card(row, names) for row in written["service"]], now=now))


def _rate_card(row: Row, names: Mapping[str, str]) -> RateCard:
    def prefixes(words: str) -> list[str]:
        return " ".join(names.get(word, word) for word in words.split()).split() or [""]

    return RateCard(
        service_id=_id("service", row["code"]),
        zones=[
            ZoneRule(
                origin_country=COUNTRY,
                origin_prefix=origin,
                destination_country=COUNTRY,
                destination_prefix=destination,
                zone=zone,
            )
            for origins, destinations, zone in row["zones"]
            for origin in prefixes(origins)
            for destination in prefixes(destinations)
        ],
        rates=[
            Rate(zone=zone, weight_up_to_g=weight_g, price_minor=price_minor)
            for zone, steps in row["rates"].items()
            for weight_g, price_minor in steps
        ],
        transits=[
            Transit(zone=zone, days_min=days_min, days_max=days_max)
            for zone, (days_min, days_max) in row["days"].items()
        ],
    )


async def _make_stock(db: Connection, written: Row, places: Row, now: datetime) -> None:
    sellable = [
        (sku, location, Condition.SELLABLE, units)
        for sku, row in written["units"].items()
        for location, units in zip(written["locations"], row, strict=True)
        if units
    ]
    aside = [(row["sku"], row["location"], Condition(row["condition"]), row["units"]) for row in written["aside"]]
    movements = [
        Movement(
            key=f"demo:opening:{sku}:{location}:{condition}",
            sku_id=_id("sku", sku),
            quantity=units,
            source=Account.supplier(),
            target=Account.location(_id("location", location), condition),
            reason=MovementReason.RECEIPT,
            document_id=child_id(COMPANY, "opening stock"),
            actor=ACTOR,
            effective_at=now,
        )
        for sku, location, condition, units in sellable + aside
    ]
    stores = {row["code"] for row in places["location"] if row["kind"] == LocationKind.STORE}
    kept_back: int = written["store_safety_units"]
    levels = [
        SafetyLevel(sku_id=_id("sku", sku), location_id=_id("location", location), units=kept_back)
        for sku, location, _, units in sellable
        if location in stores and units > written["store_safety_above_units"]
    ]
    _all(await record_movements(db, movements=movements, now=now))
    _all(await set_safety_stock(db, levels=levels, now=now))


def _read(name: str) -> Row:
    return tomllib.loads(files(__package__).joinpath("demo_data", f"{name}.toml").read_text(encoding="utf-8"))


def _sku_rows(goods: Row) -> list[Row]:
    return [sku | {"product": product["code"]} for product in goods["product"] for sku in product["sku"]]


def _id(kind: str, code: str) -> UUID:
    return child_id(COMPANY, kind, code)


def _with_id(kind: str, row: Row) -> Row:
    return row | {"id": _id(kind, row["code"])}


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), ZONE).astimezone(UTC)


def _all(answers: Iterable[Answer | BatutaError]) -> list[Answer]:
    """The demo data is ours: a refusal is a mistake in it, and nothing of it stays."""
    good: list[Answer] = []
    for answer in answers:
        if isinstance(answer, BatutaError):
            raise answer
        good.append(answer)
    return good
