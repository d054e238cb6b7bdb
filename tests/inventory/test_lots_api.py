"""Lots, serial numbers, kits and units of measure through the API."""

from typing import Any

import httpx
import pytest

from batuta.catalog.commands import save_skus, set_kit_parts, set_units
from batuta.catalog.domain import Component, Sku, Tracking, Unit
from batuta.inventory.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.inventory.test_lots import DAY, TODAY, given_sku
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.move")
LONG = 3_650 * DAY


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "leg": {"north": 20}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def clerk(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


@pytest.fixture
async def milk(engine: Engine) -> Sku:
    async with engine.begin() as db:
        return await given_sku(db)


def slip(shop: Shop, sku: Sku, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "key": fresh_code("slip"),
        "sku_code": sku.code,
        "quantity": quantity,
        "source": "supplier",
        "target": {"location_code": shop.locations["north"].code},
        "reason": "receipt",
        "document": fresh_code("PO"),
    } | more


async def told(clerk: httpx.AsyncClient, *slips: dict[str, Any]) -> list[str]:
    answer = await clerk.post("/api/stock/movements/batch", json={"slips": list(slips)})
    return [one["code"] or "recorded" for one in answer.json()["answers"]]


async def test_a_receipt_brings_its_lot_along(clerk: httpx.AsyncClient, shop: Shop, milk: Sku) -> None:
    """INV-14"""
    dated = {"lot": "L1", "expires_on": str(TODAY + LONG)}
    slips = [
        slip(shop, milk, 5, **dated),
        slip(shop, milk, 5, **dated, made_on=str(TODAY)),
        slip(shop, milk, 5, lot="L1", expires_on=str(TODAY + LONG + DAY)),
        slip(shop, milk, 5, lot="L2", expires_on=str(TODAY), made_on=str(TODAY + DAY)),
        slip(shop, milk, 5),
        slip(shop, milk, 5, lot=" L3 "),
        slip(shop, milk, 5, lot="L4", expires_on="2020-01-01"),
        slip(shop, milk, 5, lot="L9", source="loss", reason="adjust"),
    ]

    answers = await told(clerk, *slips)

    assert answers == [
        "recorded",
        "recorded",
        "lot_differs",
        "bad_lot_dates",
        "lot_missing",
        "lot_missing",
        "lot_past",
        "lot_missing",
    ]
    listed = (await clerk.get("/api/lots", params={"sku_id": str(milk.id)})).json()["items"]
    assert (listed[0]["code"], listed[0]["expires_on"]) == ("L1", str(TODAY + LONG))


async def test_a_date_is_not_swallowed_of_what_bears_none(clerk: httpx.AsyncClient, shop: Shop) -> None:
    """INV-14: whoever says that chairs went off last year is told that nobody looks at the dates of chairs."""
    chair = shop.skus["chair"]

    answers = await told(
        clerk, slip(shop, chair, 5, lot="L1", expires_on="2020-01-01"), slip(shop, chair, 5, made_on=str(TODAY))
    )

    assert answers == ["not_by_lot", "not_by_lot"]


async def test_a_receipt_is_told_in_boxes_and_counted_in_units(
    clerk: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """INV-15"""
    chair = shop.skus["chair"]
    async with engine.begin() as db:
        units = [Unit(code="box", numerator=12), Unit(code="half", numerator=1, denominator=2)]
        await set_units(db, units={chair.id: units}, now=NOW)

    answers = await told(
        clerk,
        slip(shop, chair, 2, unit="box"),
        slip(shop, chair, 3, unit="half"),
        slip(shop, chair, 4, unit="half"),
        slip(shop, chair, 4, unit="crate"),
        slip(shop, chair, 4, unit="unit"),
        slip(shop, chair, 1_000_000_000, unit="box"),
    )

    assert answers == ["recorded", "not_whole", "recorded", "unknown_unit", "recorded", "too_many"]
    (north, _) = sorted(
        (await clerk.get("/api/stock/on-hand", params={"sku_id": str(chair.id)})).json()["items"],
        key=lambda one: -int(one["on_hand"]),
    )
    assert north["on_hand"] == 7 + 24 + 2 + 4


async def test_a_lot_is_registered_seen_and_called_back(
    clerk: httpx.AsyncClient, house: House, shop: Shop, milk: Sku
) -> None:
    """INV-14"""
    body = {"sku_code": milk.code, "code": "L1", "expires_on": str(TODAY + LONG), "supplier_lot": "X-77"}
    lot = (await clerk.post("/api/lots", json=body)).json()
    assert await told(clerk, slip(shop, milk, 5, lot="L1")) == ["recorded"]
    north, south = shop.locations["north"].id, shop.locations["south"].id

    seen = (await clerk.get(f"/api/lots/{lot['id']}")).json()
    elsewhere = (await house.asked_by(a_caller(*MAY, **at(south))).get(f"/api/lots/{lot['id']}")).json()
    mine = house.asked_by(a_caller(*MAY, **at(north)))
    refused = await mine.post(f"/api/lots/{lot['id']}/recall", json={"reason": "glass"})
    done = (await clerk.post(f"/api/lots/{lot['id']}/recall", json={"reason": "glass"})).json()
    listed = (await clerk.get("/api/lots", params={"is_recalled": "true", "sku_id": str(milk.id)})).json()["items"]
    lifted = (await clerk.post(f"/api/lots/{lot['id']}/lift-recall", json={"reason": "no glass"})).json()

    assert (lot["supplier_lot"], lot["recalled_at"]) == ("X-77", None)
    assert [one["on_hand"] for one in seen["stock"]] == [5]
    assert elsewhere["stock"] == []
    assert problem(refused) == (403, "not_everywhere")
    assert (done["quarantined"], done["missing"]) == (5, 0)
    assert [one["id"] for one in listed] == [lot["id"]]
    assert lifted["lot"]["recalled_at"] is None
    assert problem(await clerk.get(f"/api/lots/{fresh_id()}")) == (404, "unknown_lot")
    gone = await clerk.post(f"/api/lots/{fresh_id()}/recall", json={"reason": "glass"})
    assert problem(gone) == (404, "unknown_lot")


async def test_serial_numbers_are_written_down_and_found(
    clerk: httpx.AsyncClient, house: House, shop: Shop, engine: Engine
) -> None:
    """INV-14"""
    async with engine.begin() as db:
        phone = await given_sku(db, tracking=Tracking.SERIAL)
        await save_skus(db, skus=[phone], now=NOW)
    numbers = [fresh_code("SN") for _ in range(3)]
    body = {"sku_code": phone.code, "location_code": shop.locations["north"].code, "serials": [*numbers, numbers[0]]}

    first = (await clerk.post("/api/serials", json=body)).json()["answers"]
    plain = await clerk.post("/api/serials", json=body | {"sku_code": shop.skus["chair"].code})
    unknown = await clerk.post("/api/serials", json=body | {"location_code": "nowhere"})
    page = (await clerk.get("/api/serials", params={"sku_id": str(phone.id), "limit": 2})).json()
    rest = (
        await clerk.get("/api/serials", params={"sku_id": str(phone.id), "limit": 2, "cursor": page["next"]})
    ).json()
    south = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))

    assert [one["is_registered"] for one in first] == [True] * 3
    assert [one["code"] for one in plain.json()["answers"]] == ["not_by_serial"] * 3
    assert problem(unknown) == (404, "unknown_stock")
    assert sorted(numbers) == [one["piece"]["serial"] for one in page["items"] + rest["items"]]
    assert (await south.get("/api/serials", params={"serial": numbers[0]})).json()["items"] == []


async def test_kits_are_built_by_the_api_once_for_each_key(
    clerk: httpx.AsyncClient, house: House, shop: Shop, engine: Engine
) -> None:
    """INV-01"""
    async with engine.begin() as db:
        kit = await given_sku(db, tracking=Tracking.NONE)
        parts = [Component(sku_id=shop.skus["leg"].id, quantity=4)]
        await set_kit_parts(db, kits={kit.id: parts}, now=NOW)
    body = {
        "key": fresh_code("work"),
        "sku_code": kit.code,
        "location_code": shop.locations["north"].code,
        "verb": "build",
        "quantity": 3,
    }

    first, again = [await clerk.post("/api/kit-work", json=body) for _ in range(2)]
    other = await clerk.post("/api/kit-work", json=body | {"quantity": 1})
    many = await clerk.post("/api/kit-work", json=body | {"key": fresh_code("work")})
    south = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))

    assert first.json() == again.json() == (await clerk.get(f"/api/kit-work/{first.json()['id']}")).json()
    assert problem(other) == (409, "work_reused")
    assert problem(many) == (409, "not_enough_free")
    assert problem(await south.get(f"/api/kit-work/{first.json()['id']}")) == (404, "unknown_work")
    assert problem(await south.post("/api/kit-work", json=body)) == (404, "unknown_stock")
    (table,) = (await clerk.get("/api/stock/on-hand", params={"sku_id": str(kit.id)})).json()["items"]
    assert (table["on_hand"], table["owned"], table["conditions"]) == (3, 3, {"sellable": 3})
