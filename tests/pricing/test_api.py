"""Prices, rates and quotes through the API."""

from typing import Any

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.pricing.api import ROUTES
from tests.asking import House, a_caller, problem
from tests.making import fresh_id
from tests.world import Shop, build_shop


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 1}, "table": {"north": 1}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def seller(house: House, shop: Shop) -> httpx.AsyncClient:
    return house.asked_by(a_caller("pricing.read", channel_ids=frozenset({shop.channel.id})))


@pytest.fixture
def stranger(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("pricing.read", channel_ids=frozenset({fresh_id()})))


async def test_a_seller_reads_the_prices_of_its_channels(
    seller: httpx.AsyncClient, stranger: httpx.AsyncClient, shop: Shop
) -> None:
    """PLT-07"""
    lists = (await seller.get("/api/price-lists")).json()["items"]
    first = (await seller.get("/api/prices", params={"price_list_id": lists[0]["id"], "limit": "3"})).json()
    rest = (await seller.get("/api/prices", params={"cursor": first["next"]})).json()
    chair = (await seller.get("/api/prices", params={"sku_id": str(shop.skus["chair"].id)})).json()["items"]

    assert [one["channel_id"] for one in lists] == [str(shop.channel.id)]
    found = [one["sku_id"] for one in first["items"] + rest["items"]]
    assert sorted(found) == sorted(str(one.id) for one in shop.skus.values())
    assert [one["amount_minor"] for one in chair] == [2_500]
    assert (await stranger.get("/api/price-lists")).json()["items"] == []
    assert (await stranger.get("/api/prices")).json()["items"] == []


async def test_tax_rates_and_shipping_charges_are_read(
    seller: httpx.AsyncClient, stranger: httpx.AsyncClient, shop: Shop
) -> None:
    rates = (await seller.get("/api/tax-rates", params={"country": "ES"})).json()["items"]
    path = f"/api/channels/{shop.channel.id}/shipping-charges"

    assert ("standard", 2_100) in {(one["tax_category"], one["rate_bp"]) for one in rates}
    assert [one["charge_minor"] for one in (await seller.get(path)).json()["charges"]] == [490]
    assert problem(await stranger.get(path)) == (404, "unknown_channel")
    assert problem(await seller.get("/api/tax-rates", params={"country": "Spain"})) == (400, "invalid")


async def test_a_quote_says_what_an_order_would_cost(seller: httpx.AsyncClient, shop: Shop) -> None:
    """TAX-01"""
    lines = [{"sku_code": shop.skus["chair"].code, "quantity": 2}]
    body = {"channel_code": shop.channel.code, "lines": lines, "service_kind": "standard"}

    answer = await seller.post("/api/quotes", json=body)

    found = answer.json()
    assert answer.status_code == 200
    assert (found["gross_minor"], found["shipping"]["gross_minor"]) == (5_490, 490)
    assert found["net_minor"] + found["tax_minor"] == found["gross_minor"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"colour": "red"}, 400, "invalid"),
        ({"lines": []}, 400, "invalid"),
        ({"country": "spain"}, 400, "invalid"),
        ({"country": "NZ"}, 409, "no_tax_rate"),
        ({"service_kind": "rocket"}, 409, "no_shipping_charge"),
        ({"channel_code": "nothing"}, 404, "unknown_channel"),
        ({"lines": [{"sku_code": "nothing", "quantity": 1}]}, 404, "unknown_sku"),
    ],
)
async def test_what_cannot_be_priced_is_a_clear_problem(
    seller: httpx.AsyncClient, shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    lines = [{"sku_code": shop.skus["chair"].code, "quantity": 1}]

    answer = await seller.post("/api/quotes", json={"channel_code": shop.channel.code, "lines": lines} | change)

    assert problem(answer) == (status, code)
