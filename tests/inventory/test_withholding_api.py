"""What is kept back from whom, and what shoppers see of stock, through the API."""

from datetime import timedelta

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.inventory.commands import expect, record_movements
from batuta.inventory.domain import Account, MovementReason
from batuta.inventory.domain.supply import Expected, SupplyKind
from batuta.inventory.queries import availability, buffer_rules, pools
from batuta.plumbing.database import Engine
from batuta.plumbing.web.moments import moment
from tests.asking import House, a_caller, at, problem
from tests.inventory.making import movement
from tests.making import fresh_code, fresh_id
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.manage", "inventory.reserve")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def operator(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


async def test_a_rule_is_named_where_it_keeps_units_back(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop
) -> None:
    """INV-06"""
    rule_id, code = fresh_id(), fresh_code("web")
    body = {
        "code": code,
        "priority": fresh_id().int % 900_000,
        "units": 2,
        "channel_code": shop.channel.code,
        "sku_code": shop.skus["chair"].code,
        "location_codes": [shop.locations["north"].code],
    }
    made = await operator.put(f"/api/stock/rules/{rule_id}", json=body)
    assert made.status_code == 200, made.text
    asked = {"sku_codes": [shop.skus["chair"].code], "channel_code": shop.channel.code}
    (seen,) = (await operator.post("/api/availability", json=asked)).json()["skus"]
    assert seen["available"] == 8
    north = next(one for one in seen["locations"] if one["location_id"] == str(shop.locations["north"].id))
    assert (north["kept"], north["rule"], north["available"]) == (2, code, 5)
    network = (await operator.post("/api/availability", json=asked | {"are_places_told": False})).json()["skus"]
    assert [one["available"] for one in network] == [8]

    gone = await operator.delete(f"/api/stock/rules/{rule_id}")
    assert str(rule_id) not in {one["id"] for one in gone.json()["rules"]}
    assert problem(await operator.delete(f"/api/stock/rules/{rule_id}")) == (404, "unknown_rule")
    async with engine.connect() as db:
        assert rule_id not in {one.id for one in await buffer_rules(db)}


async def test_a_rule_that_says_nothing_or_of_nothing_is_refused(operator: httpx.AsyncClient) -> None:
    body = {"code": fresh_code("R"), "priority": 1}
    path = f"/api/stock/rules/{fresh_id()}"
    assert problem(await operator.put(path, json=body)) == (409, "bad_rule")
    assert problem(await operator.put(path, json=body | {"units": 1, "channel_code": "?"})) == (404, "no_such_channel")
    assert problem(await operator.put(path, json=body | {"units": 1, "sku_code": "?"})) == (404, "no_such_sku")
    assert (await operator.put(path, json=body | {"units": -1})).status_code == 400


async def test_who_sees_only_some_places_changes_nothing_for_all(house: House, shop: Shop) -> None:
    """PLT-07"""
    bound = house.asked_by(a_caller(*MAY, **at(shop.locations["north"].id)))
    answer = await bound.put(f"/api/stock/rules/{fresh_id()}", json={"code": "R", "priority": 1, "units": 1})
    assert problem(answer) == (403, "bound_to_places")


async def test_units_are_ring_fenced_and_given_back(engine: Engine, operator: httpx.AsyncClient, shop: Shop) -> None:
    """INV-07"""
    pool_id = fresh_id()
    given = {"code": fresh_code("trade"), "channel_code": shop.channel.code, "customer_group": "trade"}
    assert (await operator.put(f"/api/stock/pools/{pool_id}", json=given)).status_code == 200
    place = {"sku_code": shop.skus["chair"].code, "location_code": shop.locations["north"].code}
    one = {"pool_id": str(pool_id), "units": 5, **place}
    allocated = await operator.post("/api/stock/pools/allocations", json={"allocations": [one]})
    assert [stock["allocated"] for stock in allocated.json()["stocks"]] == [5]
    too_many = await operator.post("/api/stock/pools/allocations", json={"allocations": [one]})
    assert problem(too_many) == (409, "some_refused")
    assert too_many.json()["facts"]["refused"][0]["left"] == 2

    asked = {"sku_codes": [shop.skus["chair"].code], "channel_code": shop.channel.code}
    left = [
        (await operator.post("/api/availability", json=asked | more)).json()["skus"][0]["available"]
        for more in ({}, {"customer_group": "trade"})
    ]
    assert left == [5, 10]
    assert problem(await operator.delete(f"/api/stock/pools/{pool_id}")) == (409, "pool_refusal")
    await operator.post("/api/stock/pools/allocations", json={"allocations": [one | {"units": -5}]})
    assert (await operator.delete(f"/api/stock/pools/{pool_id}")).status_code == 200
    async with engine.connect() as db:
        assert pool_id not in {pool.id for pool in await pools(db)}


async def test_a_product_page_says_in_stock_low_or_out_and_when_there_is_more(
    engine: Engine, house: House, operator: httpx.AsyncClient, shop: Shop
) -> None:
    """INV-10: in a word, the same for everybody, and no numbers unless the channel tells them."""
    params = {"channel_code": shop.channel.code, "sku_code": shop.skus["chair"].code}
    threshold = {"sku_code": shop.skus["chair"].code, "low_units": 4, "ample_units": 9}
    assert (await operator.put("/api/stock/thresholds", json={"thresholds": [threshold]})).status_code == 200
    shopper = house.client()
    first = await shopper.get("/api/availability", params=params)
    assert (first.status_code, first.json()["label"], first.json()["units"]) == (200, "in_stock", None)
    assert first.headers["cache-control"] == "public, max-age=15"
    again = await shopper.get("/api/availability", params=params, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304

    words = []
    for units in (6, 5, 2, 0):
        await _leave(engine, shop, units=units)
        told = (await shopper.get("/api/availability", params=params)).json()
        words.append(told["label"])
    assert words == ["in_stock", "in_stock", "low", "out"]
    assert told["next_at"] is None

    due = moment() + timedelta(days=3)
    async with engine.begin() as db:
        coming = Expected(
            id=fresh_id(),
            sku_id=shop.skus["chair"].id,
            location_id=shop.locations["north"].id,
            quantity=5,
            kind=SupplyKind.PURCHASE,
            due_at=due,
            document=fresh_code("PO"),
            actor="test:ana",
        )
        await expect(db, expected=[coming], now=moment())
    assert (await shopper.get("/api/availability", params=params)).json()["next_at"] is not None
    await _leave(engine, shop, units=7)
    assert (await shopper.get("/api/availability", params=params)).json()["label"] == "low"

    assert problem(await shopper.get("/api/availability", params=params | {"sku_code": "?"})) == (404, "unknown_goods")
    service = params | {"sku_code": shop.skus["service"].code}
    assert problem(await shopper.get("/api/availability", params=service)) == (404, "unknown_goods")
    assert problem(await shopper.get("/api/availability", params=params | {"channel_code": "?"})) == (
        404,
        "no_such_channel",
    )


async def _leave(engine: Engine, shop: Shop, *, units: int) -> None:
    """Count until so many chairs are left at the north, and none at the south."""
    sku_id = shop.skus["chair"].id
    async with engine.begin() as db:
        there = {one.location_id: one.on_hand for one in await availability(db, sku_ids=[sku_id], now=moment())}
        wanted = {shop.locations["north"].id: units, shop.locations["south"].id: 0}
        for location_id, left in wanted.items():
            more = left - there.get(location_id, 0)
            if more:
                here, loss = Account.location(location_id), Account.loss()
                source, target = (loss, here) if more > 0 else (here, loss)
                counted = movement(sku_id, abs(more), source, target, reason=MovementReason.COUNT, at=moment())
                await record_movements(db, movements=[counted], now=moment())
