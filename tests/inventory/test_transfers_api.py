"""Transfers through the API: each step by who works there, discrepancies seen and settled (INV-03, FUL-12)."""

from typing import Any

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.inventory.commands import Forgo, forgo
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.inventory.making import assert_laws_hold
from tests.inventory.test_earmarks import held_and_sent
from tests.making import NOW, fresh_id
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.move", "inventory.manage")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def boss(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


def asking(shop: Shop, units: int = 4, **more: Any) -> dict[str, Any]:
    return {
        "source_location_code": shop.locations["north"].code,
        "target_location_code": shop.locations["south"].code,
        "lines": [{"sku_code": shop.skus["chair"].code, "quantity": units}],
    } | more


async def requested(client: httpx.AsyncClient, shop: Shop, units: int = 4) -> dict[str, Any]:
    answer = await client.post("/api/stock/transfers", json=asking(shop, units))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def does(client: httpx.AsyncClient, one: dict[str, Any], verb: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/stock/transfers/{one['id']}/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_transfer_goes_its_way_and_what_is_missing_is_settled(
    engine: Engine, boss: httpx.AsyncClient, shop: Shop
) -> None:
    """INV-03"""
    one = await requested(boss, shop)
    line_id = one["lines"][0]["id"]

    for verb in ("approve", "pick", "ship"):
        one = await does(boss, one, verb)
    one = await does(boss, one, "depart", carrier="Furgoneta", tracking_number="7")
    one = await does(boss, one, "receive", lines=[{"line_id": line_id, "quantity": 2, "damaged": 1}])
    lacking = await boss.get(
        "/api/stock/transfers", params={"status": "received", "location_id": str(shop.locations["south"].id)}
    )
    settled = await does(boss, one, "settle", line_id=line_id, quantity=1, outcome="loss", note="nadie sabe")

    assert (one["status"], one["lines"][0]["missing"]) == ("received", 1)
    assert [found["id"] for found in lacking.json()["items"]] == [one["id"]]
    assert settled["status"] == "closed"
    assert (await boss.get(f"/api/stock/transfers/{one['id']}")).json() == settled
    body = {"sku_codes": [shop.skus["chair"].code]}
    (found,) = (await boss.post("/api/availability", json=body)).json()["skus"]
    places = {place["location_id"]: place["available"] for place in found["locations"]}
    assert places == {str(shop.locations["north"].id): 3, str(shop.locations["south"].id): 5}
    async with engine.connect() as db:
        await assert_laws_hold(db)


async def test_each_side_does_its_own_part(house: House, shop: Shop) -> None:
    north = house.asked_by(a_caller(*MAY, **at(shop.locations["north"].id)))
    south = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))
    nowhere = house.asked_by(a_caller(*MAY, **at(fresh_id())))
    clerk = house.asked_by(a_caller("inventory.read", "inventory.move"))
    one = await requested(south, shop)
    path = f"/api/stock/transfers/{one['id']}"

    assert problem(await clerk.post(f"{path}/approve", json={})) == (403, "permission_missing")
    assert problem(await nowhere.get(path)) == (404, "unknown_transfer")
    assert problem(await nowhere.post("/api/stock/transfers", json=asking(shop))) == (404, "no_such_place")
    assert (await nowhere.get("/api/stock/transfers")).json()["items"] == []
    await does(north, one, "approve")
    assert problem(await south.post(f"{path}/pick", json={})) == (404, "unknown_transfer")
    await does(north, one, "pick")
    one = await does(north, one, "ship")
    lines = [{"line_id": one["lines"][0]["id"], "quantity": 4}]
    assert problem(await north.post(f"{path}/receive", json={"lines": lines})) == (404, "unknown_transfer")
    assert (await does(south, one, "receive", lines=lines))["status"] == "closed"


async def test_bad_transfers_are_told_and_the_ledger_is_unchanged(boss: httpx.AsyncClient, shop: Shop) -> None:
    """A transfer to the same place, of what is not there, in the wrong order, or of more than there is."""
    same = asking(shop, target_location_code=shop.locations["north"].code)
    too_many = await requested(boss, shop, 100)
    await does(boss, too_many, "approve")
    path = f"/api/stock/transfers/{too_many['id']}"

    answers = [
        await boss.post("/api/stock/transfers", json=same),
        await boss.post("/api/stock/transfers", json=asking(shop, 0)),
        await boss.post("/api/stock/transfers", json=asking(shop, lines=[{"sku_code": "nothing", "quantity": 1}])),
        await boss.post("/api/stock/transfers", json=asking(shop, target_location_code="nowhere")),
        await boss.post("/api/stock/transfers", json=asking(shop, source_location_code=shop.skus["set"].code)),
        await boss.post(f"{path}/pick", json={}),
        await boss.post(f"{path}/ship", json={}),
        await boss.post(f"{path}/receive", json={"lines": [{"line_id": str(fresh_id()), "quantity": 1}]}),
        await boss.get(f"/api/stock/transfers/{fresh_id()}"),
    ]

    assert problem(answers.pop(1))[0] == 400
    assert [problem(answer) for answer in answers] == [
        (409, "same_place"),
        (404, "unknown_stock"),
        (404, "no_such_place"),
        (404, "no_such_place"),
        (409, "out_of_stock"),
        (409, "illegal_move"),
        (409, "not_under_way"),
        (404, "unknown_transfer"),
    ]
    assert (await boss.post(f"{path}/cancel")).json()["status"] == "cancelled"
    body = {"sku_codes": [shop.skus["chair"].code]}
    (found,) = (await boss.post("/api/availability", json=body)).json()["skus"]
    assert found["available"] == 10


async def test_a_store_sees_which_orders_a_transfer_brings(
    engine: Engine, house: House, boss: httpx.AsyncClient, shop: Shop
) -> None:
    """FUL-12"""
    north, south = shop.locations["north"].id, shop.locations["south"].id
    async with engine.begin() as db:
        sent, _ = await held_and_sent(db, shop.skus["chair"].id, north, south, 2)
    store = house.asked_by(a_caller(*MAY, **at(south)))

    told = await does(boss, {"id": str(sent.id)}, "pick")

    wanted = {"kind": "order", "order_id": str(sent.order_id)}
    (found,) = (await store.get("/api/stock/transfers", params=wanted)).json()["items"]
    assert found["id"] == str(sent.id)
    assert told["orders"] == [
        {
            "order_id": str(sent.order_id),
            "line_id": str(sent.units[0].line_id),
            "sku_id": str(shop.skus["chair"].id),
            "asked": 2,
            "units": 2,
        }
    ]
    others = {"order_id": str(fresh_id())}
    assert (await boss.get("/api/stock/transfers", params=others)).json()["items"] == []
    # No order is behind it here, which the laws of orders would name.
    given_up = Forgo(line_id=sent.units[0].line_id, sku_id=sent.units[0].sku_id, units=2)
    async with engine.begin() as db:
        await forgo(db, units=[given_up], now=NOW)
