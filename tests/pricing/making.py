"""A channel, a catalog and a tariff for the tests of pricing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product, Sku
from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import Brand, Channel, ChannelKind, LegalEntity, TaxMode
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import good
from batuta.kernel.periods import Period
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_price_lists, save_shipping_charges, save_tax_rates, set_prices
from batuta.pricing.domain import Price, PriceList, ShippingCharge, TaxRate
from tests.making import NOW, fresh_code, fresh_id


async def given_channel(db: Connection, currency: str = "EUR", country: str = "ES") -> Channel:
    entity = LegalEntity(
        id=fresh_id(),
        code=fresh_code("SL"),
        name="Casa Clara SL",
        country="ES",
        currency="EUR",
        time_zone="Europe/Madrid",
    )
    brand = Brand(id=fresh_id(), code=fresh_code("CASA"), name="Casa Clara", legal_entity_id=entity.id)
    channel = Channel(
        id=fresh_id(),
        code=fresh_code("WEB"),
        name="Web",
        brand_id=brand.id,
        kind=ChannelKind.WEB,
        currency=currency,
        country=country,
        locale="es",
        tax_mode=TaxMode.INCLUSIVE,
    )
    agreed(await save_legal_entities(db, legal_entities=[entity], now=NOW))
    agreed(await save_brands(db, brands=[brand], now=NOW))
    agreed(await save_channels(db, channels=[channel], now=NOW))
    return channel


async def given_skus(db: Connection, count: int = 1) -> list[UUID]:
    product = Product(id=fresh_id(), code=fresh_code("PRODUCT"), name={"es": "Silla"})
    skus = [Sku(id=fresh_id(), code=fresh_code("SKU"), product_id=product.id) for _ in range(count)]
    agreed(await save_products(db, products=[product], now=NOW))
    agreed(await save_skus(db, skus=skus, now=NOW))
    return [sku.id for sku in skus]


async def given_list(
    db: Connection, channel: Channel, prices: dict[UUID, int], *, priority: int = 0, from_at: datetime = NOW
) -> PriceList:
    price_list = PriceList(
        id=fresh_id(),
        code=fresh_code("PVP"),
        channel_id=channel.id,
        currency=channel.currency,
        priority=priority,
    )
    agreed(await save_price_lists(db, price_lists=[price_list], now=NOW))
    dated = [
        Price(price_list_id=price_list.id, sku_id=sku_id, amount_minor=amount_minor, valid=Period(from_at))
        for sku_id, amount_minor in prices.items()
    ]
    agreed(await set_prices(db, prices=dated, now=NOW))
    return price_list


async def given_rate(db: Connection, category: str, rate_bp: int, *, country: str = "ES", region: str = "") -> None:
    rate = TaxRate(country=country, region=region, tax_category=category, rate_bp=rate_bp, valid=Period(NOW))
    agreed(await save_tax_rates(db, tax_rates=[rate], now=NOW))


async def given_charge(db: Connection, channel: Channel, *tiers: tuple[int | None, int]) -> list[ShippingCharge]:
    charges = [
        ShippingCharge(
            channel_id=channel.id,
            service_kind="standard",
            currency=channel.currency,
            up_to_amount_minor=up_to,
            charge_minor=charge_minor,
        )
        for up_to, charge_minor in tiers
    ]
    agreed(await save_shipping_charges(db, shipping_charges=charges, now=NOW))
    return charges


def agreed(outcomes: Sequence[msgspec.Struct | BatutaError]) -> None:
    assert len(good(outcomes)) == len(outcomes), outcomes
