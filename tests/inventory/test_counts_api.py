"""Cycle counts through the API: by the right people, and blind (INV-16)."""

from typing import Any

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.inventory.making import assert_laws_hold
from tests.making import fresh_id
from tests.world import Shop, build_shop


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def boss(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("inventory.move", "inventory.count", "inventory.read"))


@pytest.fixture
def ana(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("inventory.count", actor="staff:ana"))


@pytest.fixture
def luis(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("inventory.count", actor="staff:luis"))


async def opened(boss: httpx.AsyncClient, shop: Shop, **more: Any) -> dict[str, Any]:
    body = {"location_code": shop.locations["north"].code, "sku_codes": [shop.skus["chair"].code]} | more
    answer = await boss.post("/api/stock/counts", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def counts(client: httpx.AsyncClient, count: dict[str, Any], units: int) -> dict[str, Any]:
    entry = {"line_id": count["lines"][0]["id"], "units": units}
    answer = await client.post(f"/api/stock/counts/{count['id']}/entries", json={"entries": [entry]})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["answers"][0])


async def test_a_blind_count_is_done_twice_explained_and_posted(
    engine: Engine, boss: httpx.AsyncClient, ana: httpx.AsyncClient, luis: httpx.AsyncClient, shop: Shop
) -> None:
    """INV-16"""
    count = await opened(boss, shop)

    first = await counts(ana, count, 5)
    again = await counts(ana, count, 5)
    second = await counts(luis, count, 5)
    unexplained = await boss.post(f"/api/stock/counts/{count['id']}/post", json={})
    reasons = [{"line_id": count["lines"][0]["id"], "reason": "theft", "note": "cámara 3"}]
    posted = await boss.post(f"/api/stock/counts/{count['id']}/post", json={"reasons": reasons})

    assert count["lines"][0]["book_units"] is None
    hidden = ("book_units", "counted_units", "variance")
    assert (first["line"]["status"], [first["line"][name] for name in hidden]) == ("recount", [None, None, None])
    assert again["code"] == "same_person"
    assert (second["line"]["status"], second["line"]["variance"]) == ("counted", -2)
    assert problem(unexplained) == (409, "reason_missing")
    done = posted.json()
    assert (done["status"], done["lines"][0]["variance"], done["lines"][0]["reason"]) == ("posted", -2, "theft")
    ledger = await boss.get("/api/stock/movements", params={"document": count["id"]})
    assert [(one["reason"], one["quantity"]) for one in ledger.json()["items"]] == [("count", 2)]
    async with engine.connect() as db:
        await assert_laws_hold(db)


async def test_who_may_not_count_does_not(house: House, boss: httpx.AsyncClient, shop: Shop) -> None:
    """A count by someone without the right is refused, and the ledger unchanged."""
    count = await opened(boss, shop)
    stranger = house.asked_by(a_caller("inventory.read", "inventory.move"))
    elsewhere = house.asked_by(a_caller("inventory.count", "inventory.move", **at(shop.locations["south"].id)))
    path = f"/api/stock/counts/{count['id']}"
    entries = {"entries": [{"line_id": count["lines"][0]["id"], "units": 1}]}

    assert problem(await stranger.post(f"{path}/entries", json=entries)) == (403, "permission_missing")
    for method, tail, body in (("GET", "", None), ("POST", "/entries", entries), ("POST", "/post", {})):
        assert problem(await elsewhere.request(method, path + tail, json=body)) == (404, "unknown_count")
    there = {"location_code": shop.locations["north"].code}
    assert problem(await elsewhere.post("/api/stock/counts", json=there)) == (404, "no_such_place")
    assert (await elsewhere.get("/api/stock/counts")).json()["items"] == []


async def test_a_count_that_is_not_blind_says_what_the_books_say(
    boss: httpx.AsyncClient, ana: httpx.AsyncClient, shop: Shop
) -> None:
    count = await opened(boss, shop, is_blind=False, tolerance_units=1)
    path = f"/api/stock/counts/{count['id']}"

    line = (await counts(ana, count, 8))["line"]

    assert count["lines"][0]["book_units"] == 7
    assert (line["status"], line["counted_units"]) == ("counted", 8)
    assert (await ana.get(path)).json()["status"] == "counted"
    listed = await boss.get("/api/stock/counts", params={"location_id": str(shop.locations["north"].id)})
    assert [one["id"] for one in listed.json()["items"]] == [count["id"]]


async def test_while_a_count_freezes_slips_are_refused(boss: httpx.AsyncClient, shop: Shop) -> None:
    count = await opened(boss, shop, freezes=True)
    slip = {
        "key": str(fresh_id()),
        "sku_code": shop.skus["chair"].code,
        "quantity": 1,
        "source": {"location_code": shop.locations["north"].code},
        "target": "customer",
        "reason": "sale_pos",
        "document": "till 1",
    }

    still = await boss.post("/api/stock/movements", json=slip)
    cancelled = await boss.post(f"/api/stock/counts/{count['id']}/cancel")
    moved = await boss.post("/api/stock/movements", json=slip)

    assert problem(still) == (409, "frozen")
    assert cancelled.json()["status"] == "cancelled"
    assert moved.status_code == 201


async def test_what_cannot_be_counted_is_told(boss: httpx.AsyncClient, ana: httpx.AsyncClient, shop: Shop) -> None:
    count = await opened(boss, shop)
    path = f"/api/stock/counts/{count['id']}"
    odd = [
        {"units": 1},
        {"units": 1, "sku_code": "nothing"},
        {"units": 1, "line_id": str(fresh_id())},
        {"units": 1, "line_id": count["lines"][0]["id"], "counted_at": "0001-01-01T00:00:00+14:00"},
        {"units": 4, "sku_code": shop.skus["table"].code, "condition": "damaged"},
    ]

    answers = (await ana.post(f"{path}/entries", json={"entries": odd})).json()["answers"]
    negative = await ana.post(f"{path}/entries", json={"entries": [{"units": -1}]})
    unknown = await boss.post(
        "/api/stock/counts", json={"location_code": shop.locations["north"].code, "sku_codes": ["nothing"]}
    )

    assert [one["code"] for one in answers] == [
        "unknown_count",
        "unknown_count",
        "unknown_count",
        "counted_then",
        None,
    ]
    assert answers[-1]["line"]["is_found"] is True
    assert problem(negative)[0] == 400
    assert problem(unknown) == (404, "unknown_stock")
