"""Setting prices and quoting by them, on a real PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.catalog.domain import UnknownSku
from batuta.company.domain import Channel, TaxMode
from batuta.kernel.periods import Period
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.commands import save_price_lists, save_shipping_charges, save_tax_rates, set_prices
from batuta.pricing.domain import (
    BadTariff,
    NoPrice,
    NoSuchChannel,
    NoSuchPriceList,
    NoTaxRate,
    PeriodsOverlap,
    Price,
    PriceList,
    PriceListIsFixed,
    Quote,
    QuoteLine,
    QuoteRequest,
    ShippingCharge,
    TaxRate,
)
from batuta.pricing.queries import (
    AUDIT,
    price_lists_by_code,
    price_lists_by_id,
    prices_of,
    quote,
    shipping_charges_of,
    tax_rates_of,
)
from tests.counting import statements_of
from tests.making import NOW, fresh_code, fresh_id
from tests.pricing.making import given_channel, given_charge, given_list, given_rate, given_skus

DAY = timedelta(days=1)


def asking(channel: Channel, sku_ids: Sequence[UUID], category: str, **more: Any) -> QuoteRequest:
    plain = QuoteRequest(
        id=fresh_id(),
        channel_id=channel.id,
        currency=channel.currency,
        tax_mode=TaxMode.INCLUSIVE,
        country="ES",
        lines=[QuoteLine(line_id=fresh_id(), sku_id=sku_id, tax_category=category, quantity=2) for sku_id in sku_ids],
        at=NOW,
    )
    return msgspec.structs.replace(plain, **more)


async def test_hundreds_of_orders_are_quoted_from_memory(engine: Engine) -> None:
    """PLT-12, I-16: no per-line and no per-order query, whatever the number of orders, lists and countries.

    What is not known yet is read by three statements; afterwards one look tells that it still holds.
    """
    category = fresh_code("CATEGORY")
    async with engine.begin() as db:
        channels = [await given_channel(db), await given_channel(db)]
        sku_ids = await given_skus(db, 30)
        for channel in channels:
            await given_list(db, channel, {sku_id: 1000 + i for i, sku_id in enumerate(sku_ids)})
            await given_charge(db, channel, (5000, 495), (None, 0))
        await given_rate(db, category, 2100)
        await given_rate(db, category, 1000, country="PT")
    requests = [
        asking(
            channels[i % 2],
            [sku_ids[(i + j) % 30] for j in range(3)],
            category,
            service_kind="standard",
            country="PT" if i % 3 else "ES",
        )
        for i in range(300)
    ]

    async with engine.begin() as db:
        with statements_of(engine) as statements:
            await quote(db, requests=requests)
    assert len(statements) == 1 + 3
    async with engine.begin() as db:
        with statements_of(engine) as statements:
            quotes = await quote(db, requests=requests)

    assert len(statements) == 1
    assert [one.id for one in quotes if isinstance(one, Quote)] == [request.id for request in requests]
    for i, one in enumerate(quotes):
        assert isinstance(one, Quote)
        goods = [2 * (1000 + (i + j) % 30) for j in range(3)]
        assert [line.gross_minor for line in one.lines] == goods
        assert one.shipping.gross_minor == (495 if sum(goods) <= 5000 else 0)
        assert one.gross_minor == sum(goods) + one.shipping.gross_minor
        assert {line.tax_rate_bp for line in one.lines} == {1000 if i % 3 else 2100}


async def test_given_prices_ask_no_price_list_and_unshipped_orders_no_charges(engine: Engine) -> None:
    category = fresh_code("CATEGORY")
    async with engine.begin() as db:
        channel = await given_channel(db)
        await given_rate(db, category, 0)
    given = QuoteLine(line_id=fresh_id(), sku_id=fresh_id(), tax_category=category, quantity=1, given_unit_minor=2499)

    async with engine.connect() as db:
        with statements_of(engine) as statements:
            (one,) = await quote(db, requests=[asking(channel, [], category, lines=[given])])

    assert isinstance(one, Quote)
    assert one.gross_minor == 2499
    assert len(statements) == 1 + 1


async def test_nothing_asked_is_nothing_answered(db: Connection) -> None:
    assert await quote(db, requests=[]) == []


async def test_each_order_gets_its_own_answer(db: Connection) -> None:
    category = fresh_code("CATEGORY")
    channel = await given_channel(db)
    (sku_id,) = await given_skus(db)
    await given_list(db, channel, {sku_id: 1000})
    await given_rate(db, category, 2100)

    fine, dear, unpriced, untaxed = await quote(
        db,
        requests=[
            asking(channel, [sku_id], category),
            asking(channel, [sku_id], category, currency="USD"),
            asking(channel, [sku_id, fresh_id()], category),
            asking(channel, [sku_id], fresh_code("CATEGORY")),
        ],
    )

    assert isinstance(fine, Quote)
    assert isinstance(dear, NoPrice)
    assert isinstance(unpriced, NoPrice)
    assert isinstance(untaxed, NoTaxRate)


async def test_a_replay_is_quoted_at_the_prices_of_its_day(db: Connection) -> None:
    """Time comes in as an argument: orders of several days in one batch each meet their own price and list."""
    category = fresh_code("CATEGORY")
    channel = await given_channel(db)
    (sku_id,) = await given_skus(db)
    normal = await given_list(db, channel, {sku_id: 1000})
    raised = Price(price_list_id=normal.id, sku_id=sku_id, amount_minor=1100, valid=Period(NOW + 3 * DAY))
    await set_prices(db, prices=[raised], now=NOW)
    sale = await given_list(db, channel, {}, priority=10)
    reduced = Price(price_list_id=sale.id, sku_id=sku_id, amount_minor=800, valid=Period(NOW + DAY, NOW + 2 * DAY))
    await set_prices(db, prices=[reduced], now=NOW)
    await given_rate(db, category, 2100)

    quotes = await quote(
        db, requests=[asking(channel, [sku_id], category, at=NOW + days * DAY) for days in (3, 0, 1, 2)]
    )

    assert [one.lines[0].unit_price_minor for one in quotes if isinstance(one, Quote)] == [1100, 1000, 800, 1000]


async def test_saving_a_price_list_again_keeps_its_id_and_takes_its_priority(db: Connection) -> None:
    channel = await given_channel(db)
    first = await given_list(db, channel, {})
    again = msgspec.structs.replace(first, id=fresh_id(), priority=7)

    (stored,) = await save_price_lists(db, price_lists=[again], now=NOW)

    assert stored == msgspec.structs.replace(first, priority=7)
    assert await price_lists_by_code(db, [first.code]) == {first.code: stored}
    assert await price_lists_by_id(db, [first.id]) == {first.id: stored}


async def test_a_price_list_that_cannot_be_is_refused_and_its_neighbour_saved(db: Connection) -> None:
    channel = await given_channel(db)
    first = await given_list(db, channel, {})

    answers = await save_price_lists(
        db,
        price_lists=[
            msgspec.structs.replace(first, currency="USD"),
            PriceList(id=fresh_id(), code=fresh_code("PVP"), channel_id=fresh_id(), currency="EUR"),
            PriceList(id=fresh_id(), code=fresh_code("PVP"), channel_id=channel.id, currency="euro"),
            PriceList(id=fresh_id(), code=" ", channel_id=channel.id, currency="EUR"),
            PriceList(id=fresh_id(), code=fresh_code("PVP"), channel_id=channel.id, currency="EUR", priority=10**10),
            fine := PriceList(id=fresh_id(), code=fresh_code("PVP"), channel_id=channel.id, currency="USD"),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [PriceListIsFixed, NoSuchChannel, *[BadTariff] * 3, PriceList]
    assert answers[-1] == fine


async def test_setting_the_same_prices_again_changes_nothing(db: Connection) -> None:
    channel = await given_channel(db)
    (sku_id,) = await given_skus(db)
    price_list = await given_list(db, channel, {})
    prices = [
        Price(price_list_id=price_list.id, sku_id=sku_id, amount_minor=1000, valid=Period(NOW - DAY)),
        Price(price_list_id=price_list.id, sku_id=sku_id, amount_minor=900, valid=Period(NOW)),
    ]
    closed = msgspec.structs.replace(prices[0], valid=Period(NOW - DAY, NOW))

    await set_prices(db, prices=prices, now=NOW)
    again = await set_prices(db, prices=prices, now=NOW + DAY)

    assert again == [closed, prices[1]]
    assert await prices_of(db, [(price_list.id, sku_id)]) == {(price_list.id, sku_id): [closed, prices[1]]}


async def test_a_wrong_price_is_refused_and_its_neighbours_are_set(db: Connection) -> None:
    channel = await given_channel(db)
    sku_id, other_id = await given_skus(db, 2)
    price_list = await given_list(db, channel, {sku_id: 1000})
    right = Price(price_list_id=price_list.id, sku_id=other_id, amount_minor=500, valid=Period(NOW))

    answers = await set_prices(
        db,
        prices=[
            msgspec.structs.replace(right, price_list_id=fresh_id()),
            msgspec.structs.replace(right, sku_id=fresh_id()),
            msgspec.structs.replace(right, amount_minor=-1),
            msgspec.structs.replace(right, sku_id=sku_id, valid=Period(NOW - DAY)),
            right,
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [NoSuchPriceList, UnknownSku, BadTariff, PeriodsOverlap, Price]
    assert (await prices_of(db, [(price_list.id, other_id)]))[price_list.id, other_id] == [right]


async def test_two_who_set_a_price_at_once_never_leave_two_that_hold(engine: Engine) -> None:
    async with engine.begin() as db:
        channel = await given_channel(db)
        (sku_id,) = await given_skus(db)
        price_list = await given_list(db, channel, {sku_id: 1000}, from_at=NOW - DAY)

    async def set_to(amount_minor: int) -> Any:
        async with engine.begin() as db:
            new = Price(price_list_id=price_list.id, sku_id=sku_id, amount_minor=amount_minor, valid=Period(NOW))
            (answer,) = await set_prices(db, prices=[new], now=NOW + DAY)
            return answer

    answers = await asyncio.gather(*(set_to(amount_minor) for amount_minor in range(900, 910)))

    assert sum(isinstance(answer, Price) for answer in answers) == 1
    async with engine.connect() as db:
        stored = (await prices_of(db, [(price_list.id, sku_id)]))[price_list.id, sku_id]
    assert [one.valid for one in stored] == [Period(NOW - DAY, NOW), Period(NOW)]


async def test_a_new_rate_closes_the_former_and_the_same_again_changes_nothing(db: Connection) -> None:
    category = fresh_code("CATEGORY")
    old = TaxRate(country="ES", tax_category=category, rate_bp=1800, valid=Period(NOW - DAY))
    new = TaxRate(country="ES", tax_category=category, rate_bp=2100, valid=Period(NOW))
    islands = TaxRate(country="ES", region="CN", tax_category=category, rate_bp=700, valid=Period(NOW))

    await save_tax_rates(db, tax_rates=[old, new, islands], now=NOW)
    await save_tax_rates(db, tax_rates=[old, new, islands], now=NOW)

    stored = [one for one in (await tax_rates_of(db, ["ES"]))["ES"] if one.tax_category == category]
    assert stored == [msgspec.structs.replace(old, valid=Period(NOW - DAY, NOW)), new, islands]


@pytest.mark.parametrize(
    "wrong",
    [{"country": "Spain"}, {"rate_bp": -1}, {"rate_bp": 100_001}, {"region": "CATALONIA"}, {"tax_category": ""}],
)
async def test_a_rate_that_cannot_be_is_refused(db: Connection, wrong: dict[str, Any]) -> None:
    right = TaxRate(country="ES", tax_category=fresh_code("CATEGORY"), rate_bp=2100, valid=Period(NOW))

    answers = await save_tax_rates(db, tax_rates=[msgspec.structs.replace(right, **wrong), right], now=NOW)

    assert [type(answer) for answer in answers] == [BadTariff, TaxRate]


async def test_the_charges_of_a_service_are_replaced_together(db: Connection) -> None:
    channel = await given_channel(db)
    await given_charge(db, channel, (None, 0), (5000, 495), (2000, 695))

    shorter = await given_charge(db, channel, (3000, 495), (None, 0))

    assert await shipping_charges_of(db, [channel.id]) == {channel.id: shorter}
    await given_charge(db, channel, (3000, 495), (None, 0))
    assert await shipping_charges_of(db, [channel.id]) == {channel.id: shorter}


async def test_one_wrong_charge_leaves_the_former_charges_of_its_service_alone(db: Connection) -> None:
    channel = await given_channel(db)
    former = await given_charge(db, channel, (5000, 495), (None, 0))
    twice = [msgspec.structs.replace(former[0], charge_minor=charge_minor) for charge_minor in (1, 2)]
    courier = msgspec.structs.replace(former[1], service_kind="courier", charge_minor=1290)

    answers = await save_shipping_charges(
        db,
        shipping_charges=[*twice, courier, msgspec.structs.replace(courier, channel_id=fresh_id())],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [BadTariff, BadTariff, ShippingCharge, NoSuchChannel]
    assert await shipping_charges_of(db, [channel.id]) == {channel.id: [courier, *former]}


@pytest.mark.parametrize(
    ("law", "corruption"),
    [
        (0, "UPDATE pricing.price SET until_at = NULL WHERE price_list_id = :id"),
        (1, "UPDATE pricing.tax_rate SET until_at = until_at + interval '1 second' WHERE tax_category = :category"),
    ],
)
async def test_the_audit_names_what_holds_twice(db: Connection, law: int, corruption: str) -> None:
    channel = await given_channel(db)
    (sku_id,) = await given_skus(db)
    price_list = await given_list(db, channel, {sku_id: 1000}, from_at=NOW - DAY)
    new = Price(price_list_id=price_list.id, sku_id=sku_id, amount_minor=900, valid=Period(NOW))
    await set_prices(db, prices=[new], now=NOW)
    category = fresh_code("CATEGORY")
    await given_rate(db, category, 1800)
    rate = TaxRate(country="ES", tax_category=category, rate_bp=2100, valid=Period(NOW + DAY))
    await save_tax_rates(db, tax_rates=[rate], now=NOW)
    assert [verdict.broken for verdict in await examine(db, AUDIT)] == [0, 0]

    values = {"id": price_list.id} if law == 0 else {"category": category}
    await db.execute(text(corruption), values)

    verdicts = await examine(db, AUDIT)
    assert [verdict.law for verdict in verdicts if verdict.broken] == [AUDIT[law].name]
    assert verdicts[law].rows[0]["next_from_at"] == (NOW if law == 0 else NOW + DAY)
