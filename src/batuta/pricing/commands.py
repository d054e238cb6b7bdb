"""Setting prices, rates and charges; many at once, and the same again changes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, delete, select, text

from batuta.catalog.domain import UnknownSku
from batuta.catalog.queries import skus_by_id
from batuta.company.queries import channels_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.kernel.periods import Period
from batuta.kernel.quantities import fitting
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, arrays, insert_rows, params, upsert_rows
from batuta.pricing.domain import (
    BadTariff,
    Dated,
    NoSuchChannel,
    NoSuchPriceList,
    Price,
    PriceList,
    PriceListIsFixed,
    ShippingCharge,
    TaxRate,
    fit_all,
    in_tiers,
)
from batuta.pricing.domain.costs import NoSuchPlace, OtherCostCurrency, UnitCost
from batuta.pricing.queries import price_lists_by_code, prices_of, shipping_charges_of, tax_rates_of
from batuta.pricing.tables import location_cost, price, price_list, shipping_charge, tax_rate, unit_cost

Thing = TypeVar("Thing", PriceList, Price, TaxRate, ShippingCharge)
_Service = tuple[UUID, str, str]

_LOCK_LISTS = (
    select(price_list.c.id)
    .where(price_list.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
    .order_by(price_list.c.id)
    .with_for_update(key_share=True)
)
_LOCK_RATES = text("LOCK TABLE pricing.tax_rate IN SHARE ROW EXCLUSIVE MODE")
_LOCK_CHARGES = text("LOCK TABLE pricing.shipping_charge IN SHARE ROW EXCLUSIVE MODE")

_told = arrays("told", channel_id=Uuid(), service_kind=Text(), currency=Text())
_FORGET_CHARGES = delete(shipping_charge).where(
    shipping_charge.c.channel_id == _told.c.channel_id,
    shipping_charge.c.service_kind == _told.c.service_kind,
    shipping_charge.c.currency == _told.c.currency,
)


async def save_price_lists(
    db: Connection, *, price_lists: Sequence[PriceList], now: datetime
) -> list[PriceList | BatutaError]:
    """Save price lists by code; each answer is the one stored (an old code keeps its id) or why not.

    A list keeps its channel and currency: its amounts mean nothing in another.
    """
    stored = await price_lists_by_code(db, {one.code for one in price_lists})
    channels = await channels_by_id(db, {one.channel_id for one in price_lists})

    def decide(one: PriceList) -> PriceList:
        _check(one)
        _known_channel(one.channel_id, channels)
        before = stored.get(one.code)
        if before and (before.channel_id, before.currency) != (one.channel_id, one.currency):
            raise PriceListIsFixed("a price list keeps its channel and currency", code=one.code)
        return one

    checked = each(price_lists, decide)
    rows = {one.code: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in good(checked)}
    await upsert_rows(db, price_list, rows.values(), key=("code",))
    stored = await price_lists_by_code(db, rows.keys())
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def set_prices(db: Connection, *, prices: Sequence[Price], now: datetime) -> list[Price | BatutaError]:
    """Set dated prices of lists; each answer is the price as stored, or why not.

    A price closes the open-ended one before it and replaces one of the same beginning that has not begun yet;
    `PeriodsOverlap` otherwise. The lists are locked in the order of their ids.
    """
    list_ids = sorted({one.price_list_id for one in prices})
    locked = set((await db.execute(_LOCK_LISTS, {"ids": list_ids})).scalars())
    skus = await skus_by_id(db, {one.sku_id for one in prices})

    def decide(one: Price) -> Price:
        if one.price_list_id not in locked:
            raise NoSuchPriceList("no such price list", price_list_id=str(one.price_list_id))
        if one.sku_id not in skus:
            raise UnknownSku("there is no such SKU", sku_id=str(one.sku_id))
        return _check(one)

    checked = each(prices, decide)
    fresh = good(checked)
    present = await prices_of(db, {(one.price_list_id, one.sku_id) for one in fresh})
    answers, rows = fit_all([one for several in present.values() for one in several], fresh, now=now)
    await upsert_rows(
        db,
        price,
        [
            {
                "price_list_id": one.price_list_id,
                "sku_id": one.sku_id,
                **_when(one.valid),
                "amount_minor": one.amount_minor,
                "created_at": now,
                "updated_at": now,
            }
            for one in rows
        ],
        key=("price_list_id", "sku_id", "from_at"),
    )
    return _in_order(checked, answers)


async def set_unit_costs(db: Connection, *, costs: Sequence[UnitCost], now: datetime) -> list[UnitCost | BatutaError]:
    """Say what units cost us, from one location or from anywhere; what was planned and ordered before stays."""
    places = await locations_by_id(db, {one.location_id for one in costs if one.location_id})
    skus = await skus_by_id(db, {one.sku_id for one in costs})

    def decide(one: UnitCost) -> UnitCost:
        if one.sku_id not in skus:
            raise UnknownSku("there is no such SKU", sku_id=str(one.sku_id))
        place = places.get(one.location_id) if one.location_id else None
        if one.location_id and place is None:
            raise NoSuchPlace("there is no such location", location_id=str(one.location_id))
        if place and place.currency != one.currency:
            raise OtherCostCurrency(
                "what comes from a location costs in its currency", expected=place.currency, currency=one.currency
            )
        return fitting(one, BadTariff)

    decided = each(costs, decide)
    rows = [msgspec.structs.asdict(one) | {"updated_at": now} for one in good(decided)]
    anywhere = {(row["sku_id"], row["currency"]): row for row in rows if row["location_id"] is None}
    for row in anywhere.values():
        del row["location_id"]
    there = {(row["location_id"], row["sku_id"]): row for row in rows if "location_id" in row}
    await upsert_rows(db, unit_cost, anywhere.values(), key=("sku_id", "currency"))
    await upsert_rows(db, location_cost, there.values(), key=("location_id", "sku_id"))
    return decided


async def save_tax_rates(db: Connection, *, tax_rates: Sequence[TaxRate], now: datetime) -> list[TaxRate | BatutaError]:
    """Set dated rates by country, region and category, as `set_prices` does prices. One writer at a time."""
    checked = each(tax_rates, _check)
    fresh = good(checked)
    await db.execute(_LOCK_RATES)
    present = await tax_rates_of(db, {one.country for one in fresh})
    answers, rows = fit_all([one for several in present.values() for one in several], fresh, now=now)
    await upsert_rows(
        db,
        tax_rate,
        [
            {
                "country": one.country,
                "region": one.region,
                "tax_category": one.tax_category,
                **_when(one.valid),
                "rate_bp": one.rate_bp,
                "created_at": now,
                "updated_at": now,
            }
            for one in rows
        ],
        key=("country", "region", "tax_category", "from_at"),
    )
    return _in_order(checked, answers)


async def save_shipping_charges(
    db: Connection, *, shipping_charges: Sequence[ShippingCharge], now: datetime
) -> list[ShippingCharge | BatutaError]:
    """Set what channels ask for shipping; the charges of one channel, service and currency come all together.

    They take the place of the former ones of that service. When one of them is wrong, all of them are answered
    with what is wrong and the former ones stay. One writer at a time.
    """
    channels = await channels_by_id(db, {one.channel_id for one in shipping_charges})
    tables: dict[_Service, list[ShippingCharge]] = defaultdict(list)
    for one in shipping_charges:
        tables[one.channel_id, one.service_kind, one.currency].append(one)

    def decide(service: _Service) -> list[ShippingCharge]:
        for one in tables[service]:
            _known_channel(_check(one).channel_id, channels)
        return in_tiers(tables[service])

    decided = dict(zip(tables, each(tables, decide), strict=True))
    await db.execute(_LOCK_CHARGES)
    await _replace_charges(db, good(decided.values()), now)
    return [
        problem if isinstance(problem := decided[one.channel_id, one.service_kind, one.currency], BatutaError) else one
        for one in shipping_charges
    ]


async def _replace_charges(db: Connection, tables: Sequence[list[ShippingCharge]], now: datetime) -> None:
    present = await shipping_charges_of(db, {charges[0].channel_id for charges in tables})
    known = [one for several in present.values() for one in several]
    news = [charges for charges in tables if charges != [one for one in known if _service(one) == _service(charges[0])]]
    if not news:
        return
    channel_ids, kinds, currencies = zip(*(_service(charges[0]) for charges in news), strict=True)
    await db.execute(_FORGET_CHARGES, params("told", channel_id=channel_ids, service_kind=kinds, currency=currencies))
    await insert_rows(
        db,
        shipping_charge,
        [
            msgspec.structs.asdict(one) | {"position": position, "created_at": now}
            for charges in news
            for position, one in enumerate(charges)
        ],
    )


def _service(charge: ShippingCharge) -> _Service:
    return charge.channel_id, charge.service_kind, charge.currency


def _check(thing: Thing) -> Thing:
    """Refuse what the types of the struct refuse, whoever built it."""
    try:
        return msgspec.convert(msgspec.structs.asdict(thing), type(thing))
    except msgspec.ValidationError as problem:
        raise BadTariff(str(problem)) from None


def _known_channel(channel_id: UUID, channels: Mapping[UUID, object]) -> None:
    if channel_id not in channels:
        raise NoSuchChannel("no such channel", channel_id=str(channel_id))


def _when(valid: Period) -> dict[str, datetime | None]:
    return {"from_at": valid.from_at, "until_at": valid.until_at}


def _in_order(
    checked: Sequence[Dated | BatutaError], answers: Sequence[Dated | BatutaError]
) -> list[Dated | BatutaError]:
    """Put the answers to the good ones back between the refusals."""
    remaining = iter(answers)
    return [one if isinstance(one, BatutaError) else next(remaining) for one in checked]
