"""Supply to come through the API."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.plumbing.database import Engine
from batuta.plumbing.web.moments import moment
from tests.asking import House, a_caller, at, problem
from tests.making import fresh_code, fresh_id
from tests.world import Shop, build_shop

DAY = timedelta(days=1)
MAY = ("inventory.read", "inventory.move", "inventory.manage", "orders.read")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 2, "south": 0}, "leg": {"north": 40}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def buyer(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


def a_receipt(shop: Shop, quantity: int = 6, *, days: int = 5, **more: Any) -> dict[str, Any]:
    return {
        "sku_code": shop.skus["chair"].code,
        "location_code": shop.locations["north"].code,
        "quantity": quantity,
        "due_at": (moment() + days * DAY).isoformat(),
        "document": "PO-7",
    } | more


async def announced(buyer: httpx.AsyncClient, *receipts: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await buyer.post("/api/supply/receipts", json={"receipts": list(receipts)})
    assert answer.status_code == 201, answer.text
    found: list[dict[str, Any]] = answer.json()["receipts"]
    return found


async def atp(buyer: httpx.AsyncClient, shop: Shop, **more: Any) -> dict[str, Any]:
    answer = await buyer.get("/api/supply/atp", params={"sku_code": shop.skus["chair"].code, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_receipt_is_announced_moved_received_and_listed(buyer: httpx.AsyncClient, shop: Shop) -> None:
    """INV-03, INV-20"""
    (made,) = await announced(buyer, a_receipt(shop))
    path = f"/api/supply/receipts/{made['id']}"
    due_at = (moment() + 9 * DAY).isoformat()

    moved = await buyer.post(f"{path}/move", json={"due_at": due_at, "quantity": 5})
    came = {"delivery": "note-1", "quantity": 4}
    received = [await buyer.post(f"{path}/receive", json=came) for _ in range(2)]

    assert moved.json()["quantity"] == 5
    assert received[0].json() == received[1].json()
    assert (received[0].json()["came"], received[0].json()["served"]) == (4, [])
    found = (await buyer.get("/api/supply/receipts", params={"sku_id": str(shop.skus["chair"].id)})).json()["items"]
    assert [(one["id"], one["received"], one["status"]) for one in found] == [(made["id"], 4, "open")]
    assert (await buyer.get(path)).json() == found[0]
    assert [step["units"] for step in (await atp(buyer, shop))["network"]] == [6, 7]
    runs = (await buyer.get("/api/supply/runs", params={"receipt_id": made["id"]})).json()["items"]
    assert [run["came"] for run in runs] == [4]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": -4}, "invalid"),
        ({"quantity": 0}, "invalid"),
        ({"due_at": "2020-01-01T00:00:00Z"}, "past_date"),
        ({"due_at": "2526-01-01T00:00:00Z"}, "past_date"),
        ({"due_at": "2030-01-01T00:00:00"}, "invalid"),
        ({"sku_code": "nothing"}, "unknown_stock"),
        ({"location_code": "nowhere"}, "no_such_place"),
    ],
)
async def test_a_receipt_that_cannot_be_is_a_clear_problem(
    buyer: httpx.AsyncClient, shop: Shop, change: dict[str, Any], code: str
) -> None:
    """Bad input: negative receipts, past dates."""
    answer = await buyer.post("/api/supply/receipts", json={"receipts": [a_receipt(shop, **change)]})

    assert 400 <= answer.status_code < 500
    assert f'"code":"{code}"' in answer.text
    assert (await buyer.get("/api/supply/receipts", params={"sku_id": str(shop.skus["chair"].id)})).json()[
        "items"
    ] == []


async def test_more_than_is_expected_and_less_than_came_are_refused(buyer: httpx.AsyncClient, shop: Shop) -> None:
    (made,) = await announced(buyer, a_receipt(shop))
    path = f"/api/supply/receipts/{made['id']}"

    over = await buyer.post(f"{path}/receive", json={"delivery": "a", "quantity": 7})
    await buyer.post(f"{path}/receive", json={"delivery": "b", "quantity": 4})
    under = await buyer.post(f"{path}/move", json={"quantity": 3})
    nothing = await buyer.post(f"{path}/move", json={})
    unknown = await buyer.post(f"/api/supply/receipts/{fresh_id()}/move", json={"quantity": 3})

    assert problem(over) == (409, "more_than_expected")
    assert problem(under) == (409, "fewer_than_received")
    assert problem(nothing) == (409, "nothing_to_move")
    assert problem(unknown) == (404, "unknown_receipt")


async def test_who_works_at_one_place_receives_there_alone(house: House, buyer: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-07"""
    (north,) = await announced(buyer, a_receipt(shop))
    south = house.asked_by(a_caller("inventory.move", **at(shop.locations["south"].id)))

    came = await south.post(f"/api/supply/receipts/{north['id']}/receive", json={"delivery": "a", "quantity": 1})
    seen = (await south.get("/api/supply/receipts", params={"sku_id": str(shop.skus["chair"].id)})).json()["items"]

    assert problem(came) == (404, "unknown_receipt")
    assert seen == []


async def test_a_late_supplier_makes_its_receipts_count_later(buyer: httpx.AsyncClient, shop: Shop) -> None:
    """INV-21"""
    supplier = fresh_code("supplier")
    body = {"suppliers": [{"supplier_code": supplier, "p50_days": 1, "p90_days": 4}]}
    assert (await buyer.put("/api/supply/suppliers", json=body)).status_code == 200
    await announced(buyer, a_receipt(shop, supplier_code=supplier))

    told = {name: (await atp(buyer, shop, reliability=name))["network"][1]["at"] for name in ("as_told", "p50", "p90")}

    assert told["as_told"] < told["p50"] < told["p90"]
    wrong = {"suppliers": [{"supplier_code": supplier, "p50_days": 4, "p90_days": 1}]}
    assert problem(await buyer.put("/api/supply/suppliers", json=wrong)) == (409, "bad_lateness")


async def test_a_channel_sells_ahead_within_its_limit(buyer: httpx.AsyncClient, shop: Shop) -> None:
    """INV-12"""
    sku_code = shop.skus["chair"].code
    body = {"limits": [{"sku_code": sku_code, "channel_code": shop.channel.code, "units": 9}]}

    put = await buyer.put("/api/supply/limits", json=body)
    found = (await buyer.get("/api/supply/limits", params={"sku_code": sku_code})).json()["limits"]

    assert put.json()["limits"] == found
    assert [(one["units"], one["used"]) for one in found] == [(9, 0)]
    unknown = {"limits": [{"sku_code": sku_code, "channel_code": "nowhere", "units": 9}]}
    assert problem(await buyer.put("/api/supply/limits", json=unknown)) == (404, "no_such_channel")
    assert (await buyer.post("/api/supply/pegs", json={"sku_codes": [sku_code]})).json() == {"moved": 0}


async def test_units_that_are_nowhere_can_be_had_by_a_path(buyer: httpx.AsyncClient, shop: Shop) -> None:
    """INV-22"""
    path = f"/api/supply/paths/{fresh_id()}"
    body = {
        "sku_code": shop.skus["chair"].code,
        "location_code": shop.locations["south"].code,
        "kind": "make",
        "lead_days": 2,
        "components": [{"sku_code": shop.skus["leg"].code, "quantity": 4}],
        "units_per_day": 5,
        "holidays": ["2030-12-25"],
    }
    transfer = body | {"kind": "transfer", "components": [], "source_location_code": shop.locations["north"].code}
    transfer.pop("units_per_day")

    made = await buyer.put(path, json=body)
    south = await atp(buyer, shop, units=2, location_code=shop.locations["south"].code)
    changed = await buyer.put(path, json=transfer)
    moved = await atp(buyer, shop, units=2, location_code=shop.locations["south"].code)

    assert made.status_code == changed.status_code == 200, made.text
    # No legs lie in the south.
    assert [(one["at"], one["by"]) for one in south["capable"]] == [(None, None)]
    assert [one["by"]["kind"] for one in moved["capable"]] == ["transfer"]
    found = (await buyer.get("/api/supply/paths", params={"sku_code": shop.skus["chair"].code})).json()["paths"]
    assert [one["kind"] for one in found] == ["transfer"]
    same = transfer | {"source_location_code": shop.locations["south"].code}
    assert problem(await buyer.put(path, json=same)) == (409, "bad_path")
    assert (await buyer.delete(path)).status_code == 204
    assert (await buyer.get("/api/supply/paths", params={"sku_code": shop.skus["chair"].code})).json()["paths"] == []


async def test_an_order_of_which_nothing_waits_has_no_promise(buyer: httpx.AsyncClient) -> None:
    answer = await buyer.get("/api/supply/promises", params={"order_id": [str(fresh_id())]})

    assert answer.json() == {"promises": []}
