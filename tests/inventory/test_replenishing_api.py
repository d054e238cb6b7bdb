"""Replenishment through the API: demand and rules, a proposal, and the transfers that it becomes (INV-03)."""

from typing import Any

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.making import fresh_id
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.move", "inventory.manage")
HERE = "/api/stock/replenishment"


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"center": 40, "shop": 1}, "table": {"center": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def boss(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


def a_rule(shop: Shop, **more: Any) -> dict[str, Any]:
    return {
        "sku_code": shop.skus["chair"].code,
        "location_code": shop.locations["shop"].code,
        "source_location_code": shop.locations["center"].code,
        "min_units": 3,
        "max_units": 10,
        "case_size": 4,
    } | more


async def fills(boss: httpx.AsyncClient, *rules: dict[str, Any]) -> list[str | None]:
    answer = await boss.put(f"{HERE}/rules", json={"rules": list(rules)})
    assert answer.status_code == 200, answer.text
    return [one["code"] for one in answer.json()["answers"]]


async def test_a_proposal_is_looked_at_lessened_and_sent(boss: httpx.AsyncClient, shop: Shop) -> None:
    """INV-03"""
    center = {"source_location_code": shop.locations["center"].code}
    demand = {
        "sku_code": shop.skus["chair"].code,
        "location_code": shop.locations["shop"].code,
        "units_per_day": 1.5,
    }

    rules = await fills(boss, a_rule(shop, min_days=4, max_days=10))
    told = await boss.put("/api/stock/demand", json={"demands": [demand, demand | {"sku_code": "nothing"}]})
    made = await boss.post(f"{HERE}/proposals", json=center)
    one = made.json()
    lines = [{"line_id": one["lines"][0]["id"], "units": 8}]
    done = await boss.post(f"{HERE}/proposals/{one['id']}/approve", json={"lines": lines})

    assert rules == [None]
    assert [answer["code"] for answer in told.json()["answers"]] == [None, "unknown_stock"]
    (line,) = one["lines"]
    assert (made.status_code, line["position"], line["min_units"], line["max_units"], line["units"]) == (
        201,
        1,
        6,
        15,
        12,
    )
    assert done.json()["status"] == "approved"
    (sent,) = (
        await boss.get("/api/stock/transfers", params={"source_location_id": str(shop.locations["center"].id)})
    ).json()["items"]
    transfer = (await boss.get(f"/api/stock/transfers/{sent['id']}")).json()
    assert (transfer["status"], transfer["kind"], transfer["lines"][0]["approved"]) == (
        "approved",
        "replenishment",
        8,
    )
    listed = (await boss.get(f"{HERE}/proposals", params={"status": "approved", "limit": 200})).json()["items"]
    assert one["id"] in {head["id"] for head in listed}
    assert (await boss.get(f"{HERE}/proposals/{one['id']}")).json() == done.json()


async def test_rules_are_listed_and_bad_ones_refused_by_themselves(boss: httpx.AsyncClient, shop: Shop) -> None:
    codes = await fills(
        boss,
        a_rule(shop),
        a_rule(shop, min_units=11),
        a_rule(shop, sku_code="nothing"),
        a_rule(shop, location_code="nowhere"),
        a_rule(shop, source_location_code="nowhere"),
        a_rule(shop, source_location_code=shop.locations["shop"].code),
        a_rule(shop, sku_code=shop.skus["service"].code),
    )
    negative = await boss.put(f"{HERE}/rules", json={"rules": [a_rule(shop, min_units=-1)]})
    listed = await boss.get(f"{HERE}/rules", params={"sku_id": str(shop.skus["chair"].id)})

    assert codes == [
        None,
        "minimum_above_maximum",
        "unknown_stock",
        "unknown_stock",
        "unknown_stock",
        "own_source",
        "not_stocked",
    ]
    assert problem(negative)[0] == 400
    assert [(one["min_units"], one["max_units"], one["case_size"]) for one in listed.json()["items"]] == [(3, 10, 4)]


async def test_a_center_proposes_by_itself_when_it_is_told_to(
    house: House, boss: httpx.AsyncClient, shop: Shop
) -> None:
    path = f"{HERE}/schedules/{shop.locations['center'].code}"
    clerk = house.asked_by(a_caller("inventory.read", "inventory.move"))
    body = {"every_minutes": 60, "is_automatic": True, "next_at": "2999-01-01T00:00:00Z"}

    none = await boss.get(path)
    refused = await clerk.put(path, json=body)
    saved = await boss.put(path, json=body)

    assert problem(none) == (404, "no_schedule")
    assert problem(refused) == (403, "permission_missing")
    assert saved.json()["next_at"] == "2999-01-01T00:00:00Z"
    assert (await boss.get(path)).json() == saved.json()
    assert problem(await boss.put(path, json=body | {"every_minutes": 1}))[0] == 400


async def test_what_nobody_needs_or_may_see_is_told(house: House, boss: httpx.AsyncClient, shop: Shop) -> None:
    elsewhere = house.asked_by(a_caller(*MAY, **at(shop.locations["shop"].id)))
    center = {"source_location_code": shop.locations["center"].code}

    nothing = await boss.post(f"{HERE}/proposals", json=center)
    await fills(boss, a_rule(shop))
    one = (await boss.post(f"{HERE}/proposals", json=center)).json()
    rejected = await boss.post(f"{HERE}/proposals/{one['id']}/reject")
    late = await boss.post(f"{HERE}/proposals/{one['id']}/approve", json={})

    assert problem(nothing) == (409, "nothing_needed")
    assert problem(await elsewhere.post(f"{HERE}/proposals", json=center)) == (404, "no_such_place")
    assert problem(await elsewhere.get(f"{HERE}/proposals/{one['id']}")) == (404, "unknown_proposal")
    assert problem(await boss.post(f"{HERE}/proposals/{fresh_id()}/reject")) == (404, "unknown_proposal")
    assert rejected.json()["status"] == "rejected"
    assert problem(late) == (409, "illegal_move")
