"""Setting price lists, and what is dated: prices and tax rates."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from batuta.catalog.domain import UnknownSku
from batuta.catalog.queries import skus_by_id
from batuta.company.queries import channels_by_id
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP
from batuta.kernel.outcomes import each, good
from batuta.kernel.periods import Period
from batuta.plumbing.database import Connection, locked_rows, upsert_rows
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
)
from batuta.pricing.events import PriceListSaved
from batuta.pricing.queries import PRICING, price_lists_by_id, prices_of, tax_rates_of
from batuta.pricing.tables import price, price_list, tax_rate

_PRICE_LISTS = Saving(PriceList, price_list, told=PriceListSaved, subject=PRICING)
_LOCK_RATES = text("LOCK TABLE pricing.tax_rate IN SHARE ROW EXCLUSIVE MODE")


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
    await mark_changed(db, PRICING)
    await publish(db, prices_told(present, rows, codes=locked, now=now, actor=actor))
    return _in_order(checked, answers)


async def save_tax_rates(
    db: Connection, *, tax_rates: Sequence[TaxRate], now: datetime, actor: str = SETUP
) -> list[TaxRate | BatutaError]:
    """Set dated rates by country, region and category, as `set_prices` does prices. One writer at a time."""
    checked = each(tax_rates, check)
    fresh = good(checked)
    await db.execute(_LOCK_RATES)
    found = await tax_rates_of(db, {one.country for one in fresh})
    present = [one for several in found.values() for one in several]
    answers, rows = fit_all(present, fresh, now=now)
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
    await mark_changed(db, PRICING)
    await publish(db, rates_told(present, rows, now=now, actor=actor))
    return _in_order(checked, answers)


def _when(valid: Period) -> dict[str, datetime | None]:
    return {"from_at": valid.from_at, "until_at": valid.until_at}


def _in_order(
    checked: Sequence[Dated | BatutaError], answers: Sequence[Dated | BatutaError]
) -> list[Dated | BatutaError]:
    """Put the answers to the good ones back between the refusals."""
    remaining = iter(answers)
    return [one if isinstance(one, BatutaError) else next(remaining) for one in checked]
