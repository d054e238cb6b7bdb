"""Setting price lists, and what is dated: prices and tax rates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, delete, text

from batuta.catalog.domain import UnknownSku
from batuta.catalog.queries import skus_by_id
from batuta.company.queries import channels_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP
from batuta.kernel.outcomes import each, good
from batuta.kernel.periods import Period
from batuta.plumbing.database import Connection, Instant, arrays, locked_rows, params, upsert_rows
from batuta.plumbing.events import publish
from batuta.plumbing.knowledge import mark_changed
from batuta.plumbing.saving import Saving
from batuta.pricing.commands.checking import check, known_channel
from batuta.pricing.commands.telling import prices_told, rates_told
from batuta.pricing.domain import (
    Dated,
    NoSuchPriceList,
    Price,
    PriceList,
    PriceListIsFixed,
    TaxRate,
    fit_all,
    otherwise,
    take_back,
)
from batuta.pricing.events import PriceListSaved
from batuta.pricing.queries import PRICING, price_lists_by_id, prices_of, tax_rates_of
from batuta.pricing.tables import price, price_list, tax_rate

Beginning = tuple[UUID, UUID, datetime]
"""A price list, a SKU, and when a price of theirs begins."""

_PRICE_LISTS = Saving(PriceList, price_list, told=PriceListSaved, subject=PRICING)
_LOCK_RATES = text("LOCK TABLE pricing.tax_rate IN SHARE ROW EXCLUSIVE MODE")

_gone = arrays("gone", price_list_id=Uuid(), sku_id=Uuid(), from_at=Instant)
_FORGET = delete(price).where(
    price.c.price_list_id == _gone.c.price_list_id,
    price.c.sku_id == _gone.c.sku_id,
    price.c.from_at == _gone.c.from_at,
)


async def save_price_lists(
    db: Connection, *, price_lists: Sequence[PriceList], now: datetime, actor: str = SETUP
) -> list[PriceList | BatutaError]:
    """Save price lists by code; each answer is the one stored (an old code keeps its id) or why not.

    A list keeps its channel and currency: its amounts mean nothing in another.
    """
    present = await _PRICE_LISTS.locked(db, price_lists)
    names = Codes(await price_lists_by_id(db, {one.id for one in price_lists}))
    channels = await channels_by_id(db, {one.channel_id for one in price_lists})

    def decide(one: PriceList) -> PriceList:
        check(one)
        known_channel(one.channel_id, channels)
        names.check(one)
        before = present.get(one.code)
        if before and (before.channel_id, before.currency) != (one.channel_id, one.currency):
            raise PriceListIsFixed("a price list keeps its channel and currency", code=one.code)
        return one

    return await _PRICE_LISTS.save(db, each(price_lists, decide), present, now=now, actor=actor)


async def lock_price_list(db: Connection, *, code: str) -> int:
    """Lock a price list that is going to be saved and return its version; 0 when there is none yet."""
    return await _PRICE_LISTS.lock(db, code=code)


async def set_prices(
    db: Connection, *, prices: Sequence[Price], now: datetime, actor: str = SETUP
) -> list[Price | BatutaError]:
    """Set dated prices of lists; each answer is the price as stored, or why not.

    A price closes the open-ended one before it and replaces one of the same beginning that has not begun yet;
    `PeriodsOverlap` otherwise. The lists are locked in the order of their ids.
    """
    list_ids = sorted({one.price_list_id for one in prices})
    locked = {row["id"]: row["code"] for row in await locked_rows(db, price_list.c.id, list_ids)}
    skus = await skus_by_id(db, {one.sku_id for one in prices})

    def decide(one: Price) -> Price:
        if one.price_list_id not in locked:
            raise NoSuchPriceList("no such price list", price_list_id=str(one.price_list_id))
        if one.sku_id not in skus:
            raise UnknownSku("there is no such SKU", sku_id=str(one.sku_id))
        return check(one)

    checked = each(prices, decide)
    fresh = good(checked)
    found = await prices_of(db, {(one.price_list_id, one.sku_id) for one in fresh})
    present = [one for several in found.values() for one in several]
    answers, rows = fit_all(present, fresh, now=now)
    if rows:
        await _write(db, rows, now=now)
        await publish(db, prices_told(present, rows, codes=locked, now=now, actor=actor))
    return _in_order(checked, answers)


async def forget_prices(
    db: Connection, *, prices: Sequence[Beginning], now: datetime, actor: str = SETUP
) -> list[Price | BatutaError]:
    """Take back prices that have not begun; each answer is the one that is gone, or why not.

    The price that was to end as it begins holds on, until the next one. The lists are locked in the order of their ids.
    """
    list_ids = sorted({list_id for list_id, _, _ in prices})
    locked = {row["id"]: row["code"] for row in await locked_rows(db, price_list.c.id, list_ids)}
    present = await prices_of(db, {(list_id, sku_id) for list_id, sku_id, _ in prices})
    stays = dict(present)

    def decide(given: Beginning) -> Price:
        list_id, sku_id, from_at = given
        if list_id not in locked:
            raise NoSuchPriceList("no such price list", price_list_id=str(list_id))
        stays[list_id, sku_id] = take_back(stays[list_id, sku_id], from_at, now=now)
        return next(one for one in present[list_id, sku_id] if one.valid.from_at == from_at)

    answers = each(prices, decide)
    gone = good(answers)
    if gone:
        before = [one for several in present.values() for one in several]
        rows = otherwise(before, stays.values())
        await db.execute(_FORGET, _keys(gone))
        await _write(db, rows, now=now)
        await publish(db, prices_told(before, rows, gone=gone, codes=locked, now=now, actor=actor))
    return answers


async def save_tax_rates(
    db: Connection, *, tax_rates: Sequence[TaxRate], now: datetime, actor: str = SETUP
) -> list[TaxRate | BatutaError]:
    """Set dated rates by country, region and category, as `set_prices` does prices. One writer at a time."""
    checked = each(tax_rates, check)
    fresh = good(checked)
    await db.execute(_LOCK_RATES)
    found = await tax_rates_of(db, {one.country for one in fresh})
    present = [one for several in found.values() for one in several]
    answers, rates = fit_all(present, fresh, now=now)
    if rates:
        rows = [
            {
                "country": one.country,
                "region": one.region,
                "tax_category": one.tax_category,
                **_when(one.valid),
                "rate_bp": one.rate_bp,
                "created_at": now,
                "updated_at": now,
            }
            for one in rates
        ]
        await upsert_rows(db, tax_rate, rows, key=("country", "region", "tax_category", "from_at"))
        await mark_changed(db, PRICING)
        await publish(db, rates_told(present, rates, now=now, actor=actor))
    return _in_order(checked, answers)


def _keys(prices: Sequence[Price]) -> dict[str, Sequence[Any]]:
    list_ids, sku_ids, begins = zip(*((*one.subject, one.valid.from_at) for one in prices), strict=True)
    return params("gone", price_list_id=list_ids, sku_id=sku_ids, from_at=begins)


async def _write(db: Connection, prices: Sequence[Price], *, now: datetime) -> None:
    rows = [
        {
            "price_list_id": one.price_list_id,
            "sku_id": one.sku_id,
            **_when(one.valid),
            "amount_minor": one.amount_minor,
            "created_at": now,
            "updated_at": now,
        }
        for one in prices
    ]
    await upsert_rows(db, price, rows, key=("price_list_id", "sku_id", "from_at"))
    await mark_changed(db, PRICING)


def _when(valid: Period) -> dict[str, datetime | None]:
    return {"from_at": valid.from_at, "until_at": valid.until_at}


def _in_order(
    checked: Sequence[Dated | BatutaError], answers: Sequence[Dated | BatutaError]
) -> list[Dated | BatutaError]:
    """Put the answers to the good ones back between the refusals."""
    remaining = iter(answers)
    return [one if isinstance(one, BatutaError) else next(remaining) for one in checked]
