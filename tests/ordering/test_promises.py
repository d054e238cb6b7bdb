"""Promises that orders keep: the one the buyer was told, and those that plans make later (PRM-05)."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from batuta.ordering.api import ROUTES as ORDERING
from batuta.ordering.commands import place, record_promises
from batuta.ordering.domain import NewPromise, Placed, PlaceLine, PlaceOrder, PromiseBasis, PromiseKind
from batuta.ordering.queries import promises_of
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.sourcing.api import ROUTES as SOURCING
from batuta.sourcing.domain import PromiseTerms
from batuta.sourcing.domain.promises.promising import PromiseHasEnded, PromiseIsForged, goods_digest, read_signed, sign
from batuta.sourcing.queries import promise_secret
from tests.asking import House, a_caller, problem
from tests.counting import statements_of
from tests.making import NOW, fresh_id
from tests.sourcing.promising import Market, given_market
from tests.world import LONG_AGO

MAY = ("inventory.read", "orders.place", "orders.read", "orders.cancel")
FINNISH = TaxRate(country="FI", tax_category="standard", rate_bp=2_550, valid=LONG_AGO)


@pytest.fixture
async def market(engine: Engine) -> Market:
    async with engine.begin() as db:
        await save_tax_rates(db, tax_rates=[FINNISH], now=NOW)
        return await given_market(
            db, {"chair": {"north": 50}, "table": {"north": 50}}, kinds={"standard": (1, 2), "express": (1, 1)}
        )


@pytest.fixture
def shopper(engine: Engine) -> httpx.AsyncClient:
    return House(engine, [*SOURCING, *ORDERING]).asked_by(a_caller(*MAY))


async def promise(shopper: httpx.AsyncClient, market: Market, kind: str = "standard", **change: Any) -> dict[str, Any]:
    """An option for two chairs."""
    wanted = {
        "channel_code": market.shop.channel.code,
        "lines": [{"sku_code": market.shop.skus["chair"].code, "quantity": 2}],
        "destination": {"country": "FI", "postal_code": market.there.postal_code},
    }
    answer = await shopper.post("/api/promises", json=wanted | change)
    return next(one for one in answer.json()["options"] if one["service_kind"] == kind)


def order(market: Market, promised: str | None, **change: Any) -> dict[str, Any]:
    return {
        "channel_code": market.shop.channel.code,
        "lines": [{"sku_code": market.shop.skus["chair"].code, "quantity": 2}],
        "ship_to": msgspec.to_builtins(market.there),
        "promise": promised,
    } | change


async def test_an_order_keeps_the_promise_its_buyer_was_told(shopper: httpx.AsyncClient, market: Market) -> None:
    """PRM-05: dates, confidence, price and plan."""
    told = await promise(shopper, market)
    placed = await shopper.post("/api/orders", json=order(market, told["promise"]))
    assert placed.status_code == 201, placed.text
    (kept,) = (await shopper.get(f"/api/orders/{placed.json()['number']}/promises")).json()["promises"]

    assert (kept["kind"], kept["basis"]) == ("original", "told")
    for part in ("service_kind", "earliest_at", "p50_at", "p90_at", "price_minor", "limiting_step", "is_estimated"):
        assert kept[part] == told[part]
    assert kept["plan"] == told["shipments"]
    whole = (await shopper.get(f"/api/orders/{placed.json()['number']}")).json()
    assert whole["links"]["promises"].endswith("/promises")


async def test_an_order_without_a_promise_has_none_yet(shopper: httpx.AsyncClient, market: Market) -> None:
    placed = (await shopper.post("/api/orders", json=order(market, None))).json()

    assert (await shopper.get(f"/api/orders/{placed['number']}/promises")).json() == {"promises": []}
    assert problem(await shopper.get("/api/orders/1/promises")) == (404, "unknown_order")


async def test_a_promise_is_kept_for_the_order_it_was_made_for_alone(
    shopper: httpx.AsyncClient, market: Market
) -> None:
    signed = (await promise(shopper, market))["promise"]
    chair = market.shop.skus["chair"].code
    for change, part in (
        ({"lines": [{"sku_code": chair, "quantity": 3}]}, "lines"),
        ({"service_kind": "express"}, "service_kind"),
        ({"ship_to": msgspec.to_builtins(market.there) | {"postal_code": "99999"}}, "destination"),
        ({"method": "pickup", "pickup_location_code": market.shop.locations["north"].code}, "method"),
    ):
        answer = await shopper.post("/api/orders", json=order(market, signed, **change))
        assert problem(answer) == (409, "promise_does_not_fit")
        assert part in answer.json()["facts"]["differs"]
    forged = await shopper.post("/api/orders", json=order(market, signed[:-2] + "AA"))
    assert problem(forged) == (409, "promise_is_forged")
    assert problem(await shopper.post("/api/orders", json=order(market, "x" * 99)))[1] == "promise_is_forged"


async def test_a_promise_costs_an_order_one_statement_and_none_without(engine: Engine, market: Market) -> None:
    """PLT-12: the hot path pays for what it uses; ten promises cost what one does."""
    async with engine.connect() as db:
        standard = (await market.promised(db, lines=market.lines(chair=1)))["standard"]
    terms = PromiseTerms(
        channel_id=market.shop.channel.id,
        goods=goods_digest([(market.shop.skus["chair"].code, 1)]),
        country="FI",
        postal_code=market.there.postal_code,
        made_at=NOW,
        promised=standard,
    )
    secret = await _secret(engine)
    async with engine.begin() as db:
        # What is kept in memory is read before anything is counted.
        await place(db, orders=[_placing(market, None)], now=NOW)
    sent = []
    for signed, count in ((None, 1), (sign(terms, secret), 1), (sign(terms, secret), 10)):
        wanted = [_placing(market, signed) for _ in range(count)]
        async with engine.begin() as db:
            with statements_of(engine) as statements:
                outcomes = await place(db, orders=wanted, now=NOW)
        assert all(isinstance(one, Placed) for one in outcomes), outcomes
        sent.append(len(statements))
    assert sent[1] == sent[2] == sent[0] + 1


async def _secret(engine: Engine) -> bytes:
    async with engine.connect() as db:
        return await promise_secret(db)


def _placing(market: Market, signed: str | None) -> PlaceOrder:
    return PlaceOrder(
        id=fresh_id(),
        channel_code=market.shop.channel.code,
        lines=[PlaceLine(sku_code=market.shop.skus["chair"].code, quantity=1)],
        ship_to=market.there,
        actor="customer:ana",
        placed_at=NOW,
        promise=signed,
    )


async def test_later_promises_stand_beside_the_first(db: Connection) -> None:
    """PRM-05: the same dates again are no news; other dates are a further row, the first one stays."""
    await save_tax_rates(db, tax_rates=[FINNISH], now=NOW)
    market = await given_market(db, {"chair": {"north": 5}})
    (placed,) = await place(db, orders=[_placing(market, None)], now=NOW)
    assert isinstance(placed, Placed)
    first = (await market.promised(db))["standard"]
    later = msgspec.structs.replace(first, p90_at=first.p90_at + timedelta(days=2))
    sooner = msgspec.structs.replace(first, p50_at=first.earliest_at)

    for cause, promised, is_part in (("1", first, False), ("2", first, True), ("3", later, False), ("4", sooner, True)):
        one = NewPromise(
            order_id=placed.order_id,
            basis=PromiseBasis.PLANNED,
            cause=cause,
            promised=promised,
            made_at=NOW,
            is_part=is_part,
        )
        await record_promises(db, promises=[one])
        await record_promises(db, promises=[one])
    kept = (await promises_of(db, [placed.order_id]))[placed.order_id]

    assert [one.kind for one in kept] == [PromiseKind.ORIGINAL, PromiseKind.LATEST]
    assert [one.p90_at for one in kept] == [first.p90_at, later.p90_at]


async def test_a_promise_ends_with_its_cut_off_or_after_half_an_hour(db: Connection) -> None:
    await save_tax_rates(db, tax_rates=[FINNISH], now=NOW)
    market = await given_market(db, {"chair": {"north": 5}})
    terms = PromiseTerms(
        channel_id=market.shop.channel.id,
        goods=b"",
        country="FI",
        postal_code="",
        made_at=NOW,
        promised=(await market.promised(db))["standard"],
    )
    signed = sign(terms, b"k" * 32)

    assert read_signed(signed, b"k" * 32, now=NOW + timedelta(minutes=30)) == terms
    with pytest.raises(PromiseHasEnded):
        read_signed(signed, b"k" * 32, now=NOW + timedelta(minutes=31))
    soon = msgspec.structs.replace(
        terms, promised=msgspec.structs.replace(terms.promised, order_by_at=NOW + timedelta(minutes=5))
    )
    with pytest.raises(PromiseHasEnded):
        read_signed(sign(soon, b"k" * 32), b"k" * 32, now=NOW + timedelta(minutes=6))
    with pytest.raises(PromiseIsForged):
        read_signed(signed, b"x" * 32, now=NOW)
