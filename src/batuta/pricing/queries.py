"""Quotes for many orders at once, and what was set."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, null, select

from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.periods import Period
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Row, arrays, params, rows_with
from batuta.plumbing.knowledge import Known
from batuta.plumbing.listing import Listing
from batuta.plumbing.saving import with_version
from batuta.pricing.domain import (
    ListedPrice,
    ListedRate,
    Price,
    PriceFilter,
    PriceList,
    Quote,
    QuoteRequest,
    ShippingCharge,
    Tariff,
    TaxRate,
    quote_one,
)
from batuta.pricing.domain.costs import UnitCost, UnitCosts
from batuta.pricing.tables import location_cost, price, price_list, shipping_charge, tax_rate, unit_cost

_Good = tuple[UUID, str, UUID]
"""A channel, a currency and a SKU."""

_Taxed = tuple[str, str, str]
"""A country, a region and a category of goods."""

_Way = tuple[UUID, str, str]
"""A channel, a kind of service and a currency."""

_wanted_prices = arrays("wanted", channel_id=Uuid(), currency=Text(), sku_id=Uuid())
_PRICES = (
    select(
        price_list.c.channel_id,
        price_list.c.currency,
        price.c.sku_id,
        price.c.amount_minor,
        price.c.from_at,
        price.c.until_at,
    )
    .select_from(
        _wanted_prices.join(
            price_list,
            (price_list.c.channel_id == _wanted_prices.c.channel_id)
            & (price_list.c.currency == _wanted_prices.c.currency),
        ).join(price, (price.c.price_list_id == price_list.c.id) & (price.c.sku_id == _wanted_prices.c.sku_id))
    )
    .order_by(price_list.c.priority.desc(), price_list.c.code)
)

_wanted_rates = arrays("wanted", country=Text())

_RATES = select(
    tax_rate.c.country,
    tax_rate.c.region,
    tax_rate.c.tax_category,
    tax_rate.c.rate_bp,
    tax_rate.c.from_at,
    tax_rate.c.until_at,
).select_from(_wanted_rates.join(tax_rate, tax_rate.c.country == _wanted_rates.c.country))

_wanted_charges = arrays("wanted", channel_id=Uuid(), service_kind=Text(), currency=Text())

_CHARGES = (
    select(
        shipping_charge.c.channel_id,
        shipping_charge.c.service_kind,
        shipping_charge.c.currency,
        shipping_charge.c.up_to_amount_minor,
        shipping_charge.c.charge_minor,
        shipping_charge.c.tax_category,
    )
    .select_from(
        _wanted_charges.join(
            shipping_charge,
            (shipping_charge.c.channel_id == _wanted_charges.c.channel_id)
            & (shipping_charge.c.service_kind == _wanted_charges.c.service_kind)
            & (shipping_charge.c.currency == _wanted_charges.c.currency),
        )
    )
    .order_by(shipping_charge.c.position)
)

_wanted_pairs = arrays("wanted", price_list_id=Uuid(), sku_id=Uuid())

_PRICES_OF = (
    select(price)
    .select_from(
        _wanted_pairs.join(
            price, (price.c.price_list_id == _wanted_pairs.c.price_list_id) & (price.c.sku_id == _wanted_pairs.c.sku_id)
        )
    )
    .order_by(price.c.price_list_id, price.c.sku_id, price.c.from_at)
)

_channel_ids = bindparam("channel_ids", type_=ARRAY(Uuid(), dimensions=1))
_PRICE_LIST_LISTING = Listing(
    select(price_list),
    order=(price_list.c.code,),
    filters={"channel_ids": price_list.c.channel_id == any_(_channel_ids)},
)
_PRICE_LISTING = Listing(
    select(price),
    order=(price.c.price_list_id, price.c.sku_id, price.c.from_at),
    filters={
        "price_list_id": price.c.price_list_id == bindparam("price_list_id", type_=Uuid()),
        "sku_ids": price.c.sku_id == any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))),
        "channel_ids": price.c.price_list_id.in_(
            select(price_list.c.id).where(price_list.c.channel_id == any_(_channel_ids))
        ),
    },
)
_TAX_RATE_LISTING = Listing(
    select(tax_rate),
    order=(tax_rate.c.country, tax_rate.c.region, tax_rate.c.tax_category, tax_rate.c.from_at),
    filters={"country": tax_rate.c.country == bindparam("country", type_=Text())},
)

_of_skus = any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1)))
COSTS_OF = (
    select(location_cost.c.sku_id, location_cost.c.location_id, location_cost.c.currency, location_cost.c.cost_minor)
    .where(location_cost.c.sku_id == _of_skus)
    .union_all(
        select(unit_cost.c.sku_id, null(), unit_cost.c.currency, unit_cost.c.cost_minor).where(
            unit_cost.c.sku_id == _of_skus
        )
    )
)
"""What units of `sku_ids` cost us: a part of statements that look at the SKUs anyway."""

_LOCATION_COSTS = Listing(
    select(location_cost),
    order=(location_cost.c.sku_id,),
    filters={"location_id": location_cost.c.location_id == bindparam("location_id", type_=Uuid())},
)

AUDIT = (
    Law(
        "no two prices of a list and SKU hold at once",
        """
        SELECT price_list_id, sku_id, from_at, until_at, next_from_at
        FROM (SELECT *, lead(from_at) OVER (PARTITION BY price_list_id, sku_id ORDER BY from_at) AS next_from_at
              FROM pricing.price) AS dated
        WHERE next_from_at < coalesce(until_at, 'infinity')
        """,
    ),
    Law(
        "no two tax rates of a place and category hold at once",
        """
        SELECT country, region, tax_category, from_at, until_at, next_from_at
        FROM (SELECT *, lead(from_at) OVER (PARTITION BY country, region, tax_category ORDER BY from_at) AS next_from_at
              FROM pricing.tax_rate) AS dated
        WHERE next_from_at < coalesce(until_at, 'infinity')
        """,
    ),
)


async def quote(db: Connection, *, requests: Sequence[QuoteRequest]) -> list[Quote | Refused | Invalid]:
    """Price many orders at once, in the order asked, by what is kept in memory of prices, rates and charges.

    Where an order cannot be priced the answer is why: `NoPrice`, `NoTaxRate`, `NoShippingCharge`, `BadQuote`,
    `UnknownRoundingRule` or `MixedCurrencies`.
    """
    if not requests:
        return []
    tariff = await _tariff(db, requests)
    return [quote_one(request, tariff) for request in requests]


async def price_lists_by_code(db: Connection, codes: Collection[str]) -> dict[str, PriceList]:
    found = msgspec.convert(await rows_with(db, price_list.c.code, codes), list[PriceList])
    return {one.code: one for one in found}


async def price_lists_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, PriceList]:
    found = msgspec.convert(await rows_with(db, price_list.c.id, ids), list[PriceList])
    return {one.id: one for one in found}


async def price_list_with_version(db: Connection, id_: UUID) -> tuple[PriceList, int] | None:
    return await with_version(db, price_list.c.id, PriceList, id_)


async def list_price_lists(
    db: Connection, *, channel_ids: Sequence[UUID] | None = None, behind: str | None = None, limit: int
) -> list[PriceList]:
    """A page of price lists, or of those of some channels, in the order of their codes."""
    given = {"channel_ids": channel_ids}
    rows = await _PRICE_LIST_LISTING.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[PriceList])


async def list_prices(
    db: Connection, *, wanted: PriceFilter, behind: tuple[UUID, UUID, datetime] | None = None, limit: int
) -> list[Price]:
    """A page of dated prices by list, SKU and beginning."""
    rows = await _PRICE_LISTING.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [_price(row) for row in rows]


async def list_tax_rates(
    db: Connection,
    *,
    country: str | None = None,
    behind: tuple[str, str, str, datetime] | None = None,
    limit: int,
) -> list[TaxRate]:
    """A page of dated tax rates by country, region, category and beginning."""
    rows = await _TAX_RATE_LISTING.read(db, {"country": country}, behind=behind, limit=limit)
    return [_tax_rate(row) for row in rows]


async def prices_of(db: Connection, pairs: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], list[Price]]:
    """Every price of (price list, SKU), past, present and to come, the earliest first."""
    lists, skus = [one for one, _ in pairs], [one for _, one in pairs]
    rows = await db.execute(_PRICES_OF, params("wanted", price_list_id=lists, sku_id=skus))
    found: dict[tuple[UUID, UUID], list[Price]] = {pair: [] for pair in pairs}
    for row in rows:
        found[row.price_list_id, row.sku_id].append(_price(row))
    return found


async def tax_rates_of(db: Connection, countries: Collection[str]) -> dict[str, list[TaxRate]]:
    """Every rate of the countries and their regions, past, present and to come, the earliest first."""
    found: dict[str, list[TaxRate]] = {country: [] for country in countries}
    for row in sorted(await rows_with(db, tax_rate.c.country, countries), key=_by_subject):
        found[row["country"]].append(_tax_rate(row))
    return found


async def shipping_charges_of(db: Connection, channel_ids: Collection[UUID]) -> dict[UUID, list[ShippingCharge]]:
    """Every charge of the channels, by service and currency, the least amount of goods first."""
    found: dict[UUID, list[ShippingCharge]] = {channel_id: [] for channel_id in channel_ids}
    rows = await rows_with(db, shipping_charge.c.channel_id, channel_ids)
    for row in sorted(rows, key=lambda row: (row["service_kind"], row["currency"], row["position"])):
        found[row["channel_id"]].append(msgspec.convert(row, ShippingCharge))
    return found


async def unit_costs_of(db: Connection, sku_ids: Collection[UUID]) -> UnitCosts:
    """What units of the SKUs cost us, wherever they come from."""
    return UnitCosts(await costs_of(db, sku_ids))


async def costs_of(db: Connection, sku_ids: Collection[UUID]) -> list[UnitCost]:
    """Every cost of the SKUs."""
    return [UnitCost(**row) for row in await db.execute(COSTS_OF, {"sku_ids": list(sku_ids)})]


async def location_costs(
    db: Connection, *, location_id: UUID, behind: UUID | None = None, limit: int
) -> list[UnitCost]:
    """A page of what units cost that come from a location, in the order of the SKUs' ids."""
    rows = await _LOCATION_COSTS.read(
        db, {"location_id": location_id}, behind=None if behind is None else (behind,), limit=limit
    )
    return [UnitCost(**{name: row[name] for name in UnitCost.__struct_fields__}) for row in rows]


def _price(row: Row) -> Price:
    return Price(
        price_list_id=row["price_list_id"],
        sku_id=row["sku_id"],
        amount_minor=row["amount_minor"],
        valid=Period(row["from_at"], row["until_at"]),
    )


def _tax_rate(row: Row | dict[str, Any]) -> TaxRate:
    return TaxRate(
        country=row["country"],
        region=row["region"],
        tax_category=row["tax_category"],
        rate_bp=row["rate_bp"],
        valid=Period(row["from_at"], row["until_at"]),
    )


def _by_subject(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["country"], row["region"], row["tax_category"], row["from_at"]


async def _tariff(db: Connection, requests: Sequence[QuoteRequest]) -> Tariff:
    """What may apply to goods that have no price of their own, and to the countries and ways of shipping."""
    goods = {
        (request.channel_id, request.currency, line.sku_id)
        for request in requests
        for line in request.lines
        if line.given_unit_minor is None
    }
    ways = {
        (request.channel_id, request.service_kind, request.currency)
        for request in requests
        if request.service_kind is not None
    }
    by_country = await _known_rates.of(db, {request.country for request in requests})
    return Tariff(
        prices=await _known_prices.of(db, goods),
        rates={of: rates for several in by_country.values() for of, rates in several.items()},
        charges=await _known_charges.of(db, ways),
    )


async def _prices(db: Connection, goods: Collection[_Good]) -> dict[_Good, list[ListedPrice]]:
    channel_ids, currencies, sku_ids = zip(*goods, strict=True)
    rows = await db.execute(_PRICES, params("wanted", channel_id=channel_ids, currency=currencies, sku_id=sku_ids))
    found: dict[_Good, list[ListedPrice]] = defaultdict(list)
    for channel_id, currency, sku_id, amount_minor, from_at, until_at in rows:
        found[channel_id, currency, sku_id].append(ListedPrice(amount_minor, from_at, until_at))
    return found


async def _rates(db: Connection, countries: Collection[str]) -> dict[str, dict[_Taxed, list[ListedRate]]]:
    rows = await db.execute(_RATES, params("wanted", country=list(countries)))
    found: dict[str, dict[_Taxed, list[ListedRate]]] = defaultdict(lambda: defaultdict(list))
    for country, region, category, rate_bp, from_at, until_at in rows:
        found[country][country, region, category].append(ListedRate(rate_bp, from_at, until_at))
    return found


async def _charges(db: Connection, ways: Collection[_Way]) -> dict[_Way, list[ShippingCharge]]:
    channel_ids, kinds, currencies = zip(*ways, strict=True)
    rows = await db.execute(_CHARGES, params("wanted", channel_id=channel_ids, service_kind=kinds, currency=currencies))
    # That nothing is charged is kept, too.
    found: dict[_Way, list[ShippingCharge]] = {way: [] for way in ways}
    for row in rows:
        charge = ShippingCharge(**row)
        found[charge.channel_id, charge.service_kind, charge.currency].append(charge)
    return found


PRICING = "pricing"
"""The subject under which prices, tax rates and shipping charges are kept in memory."""

_known_prices = Known(PRICING, _prices)
_known_rates = Known(PRICING, _rates)
_known_charges = Known(PRICING, _charges)
