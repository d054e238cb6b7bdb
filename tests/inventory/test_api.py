"""Availability, stock and the ledger through the API."""

from typing import Any

import httpx
import pytest

from batuta.inventory.api import ROUTES
from batuta.inventory.queries import AUDIT
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.making import fresh_code, fresh_id
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.move")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def clerk(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


def slip(shop: Shop, quantity: int = 1, sku: str = "chair", **more: Any) -> dict[str, Any]:
    """Units from a supplier, unless `more` says otherwise."""
    return {
        "key": fresh_code("slip"),
        "sku_code": shop.skus[sku].code,
        "quantity": quantity,
        "source": "supplier",
        "target": {"location_code": shop.locations["north"].code},
        "reason": "receipt",
        "document": fresh_code("PO"),
    } | more


async def left(clerk: httpx.AsyncClient, shop: Shop, sku: str = "chair") -> dict[str, int]:
    """What may be promised of a SKU, by the location's short name."""
    body = {"sku_codes": [shop.skus[sku].code]}
    (found,) = (await clerk.post("/api/availability", json=body)).json()["skus"]
    names = {str(one.id): name for name, one in shop.locations.items()}
    return {names[one["location_id"]]: one["available"] for one in found["locations"]}


async def test_availability_is_told_for_many_skus_and_places(clerk: httpx.AsyncClient, shop: Shop) -> None:
    """INV-05"""
    codes = [shop.skus[name].code for name in ("chair", "table", "service", "set")]
    body = {"sku_codes": [*codes, "nothing", codes[0]]}

    everywhere = (await clerk.post("/api/availability", json=body)).json()
    south = {"sku_codes": codes[:2], "location_codes": [shop.locations["south"].code]}
    there = (await clerk.post("/api/availability", json=south)).json()

    assert [(one["sku_code"], one["available"], one["is_stocked"]) for one in everywhere["skus"]] == [
        (codes[0], 10, True),
        (codes[1], 2, True),
        (codes[2], 0, False),
        (codes[3], 0, False),
    ]
    assert everywhere["unknown"] == ["nothing"]
    assert [one["available"] for one in there["skus"]] == [3, 0]


async def test_a_slip_is_recorded_once_whoever_repeats_it(clerk: httpx.AsyncClient, shop: Shop) -> None:
    """INV-01, PLT-01"""
    one = slip(shop, 5)

    first, again = [await clerk.post("/api/stock/movements", json=one) for _ in range(2)]
    other = await clerk.post("/api/stock/movements", json=one | {"quantity": 6})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert problem(other) == (409, "key_reused")
    assert await left(clerk, shop) == {"north": 12, "south": 3}


async def test_units_break_are_counted_and_go_elsewhere(engine: Engine, clerk: httpx.AsyncClient, shop: Shop) -> None:
    north, south = ({"location_code": shop.locations[name].code} for name in ("north", "south"))
    slips = [
        slip(shop, 2, source=north, target=north | {"condition": "damaged"}, reason="damage"),
        slip(shop, 1, source=north, target="loss", reason="count"),
        slip(shop, 3, source=north, target=south, reason="transfer_out"),
    ]

    for one in slips:
        assert (await clerk.post("/api/stock/movements", json=one)).status_code == 201

    assert await left(clerk, shop) == {"north": 1, "south": 6}
    rows = (await clerk.get("/api/stock", params={"sku_id": str(shop.skus["chair"].id)})).json()["items"]
    assert {(row["condition"], row["on_hand"]) for row in rows} == {("sellable", 1), ("damaged", 2), ("sellable", 6)}
    async with engine.connect() as db:
        assert not [one for one in await examine(db, AUDIT) if one.broken]


async def test_many_slips_are_each_recorded_or_refused(clerk: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-08"""
    north = {"location_code": shop.locations["north"].code}
    slips = [
        slip(shop, 1),
        slip(shop, 500, source=north, target="loss", reason="scrap"),
        slip(shop, 1, sku_code="nothing"),
        slip(shop, 1, source=north, target=north),
        slip(shop, 1, effective_at="0001-01-01T00:00:00+14:00"),
        slip(shop, 1, sku="service"),
        slip(shop, 2),
    ]

    answer = await clerk.post("/api/stock/movements/batch", json={"slips": slips})

    told = answer.json()["answers"]
    assert [one["key"] for one in told] == [one["key"] for one in slips]
    assert [one["code"] for one in told] == [
        None,
        "not_enough_stock",
        "unknown_stock",
        "not_a_movement",
        "not_then",
        "not_stocked",
        None,
    ]
    assert told[1]["facts"]["on_hand"] == 8
    assert await left(clerk, shop) == {"north": 10, "south": 3}


async def test_the_ledger_is_read_newest_first_by_sku_document_and_reason(clerk: httpx.AsyncClient, shop: Shop) -> None:
    north = {"location_code": shop.locations["north"].code}
    first, second = slip(shop, 1), slip(shop, 1, source=north, target="loss", reason="scrap")
    for one in (first, second):
        await clerk.post("/api/stock/movements", json=one)
    sku_id = str(shop.skus["chair"].id)

    async def keys(**where: str) -> list[str]:
        page = (await clerk.get("/api/stock/movements", params={"sku_id": sku_id} | where)).json()
        return [one["key"].removeprefix("slip:") for one in page["items"]]

    assert (await keys(limit="2")) == [second["key"], first["key"]]
    assert await keys(document=first["document"]) == [first["key"]]
    assert await keys(reason="scrap") == [second["key"]]
    assert await keys(recorded_until="2026-01-01T00:00:00Z") == []
    page = (await clerk.get("/api/stock/movements", params={"sku_id": sku_id, "limit": "1"})).json()
    assert (await keys(limit="1", cursor=page["next"])) == [first["key"]]
    assert page["items"][0]["actor"] == "staff:ana@example.com"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_the_ledger_is_read_from_any_moment(clerk: httpx.AsyncClient, at: str) -> None:
    answer = await clerk.get("/api/stock/movements", params={"recorded_from": at, "limit": "1"})

    assert answer.status_code == 200, answer.text


async def test_units_that_are_kept_back_are_not_promised(clerk: httpx.AsyncClient, shop: Shop) -> None:
    levels = [
        {"sku_code": shop.skus["chair"].code, "location_code": shop.locations["north"].code, "units": 4},
        {"sku_code": "nothing", "location_code": shop.locations["north"].code, "units": 4},
    ]

    answer = await clerk.put("/api/stock/safety", json={"levels": levels})

    assert [one["code"] for one in answer.json()["answers"]] == [None, "unknown_stock"]
    assert await left(clerk, shop) == {"north": 3, "south": 3}


async def test_whoever_works_at_some_locations_sees_and_moves_no_others(house: House, shop: Shop) -> None:
    """PLT-07"""
    keeper = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))
    north, south = ({"location_code": shop.locations[name].code} for name in ("north", "south"))

    stock = (await keeper.get("/api/stock", params={"sku_id": str(shop.skus["chair"].id)})).json()["items"]
    asked = {"sku_id": str(shop.skus["chair"].id), "location_id": str(shop.locations["north"].id)}
    elsewhere = (await keeper.get("/api/stock", params=asked)).json()["items"]
    ledger = (await keeper.get("/api/stock/movements", params={"sku_id": asked["sku_id"]})).json()["items"]
    codes = {"sku_codes": [shop.skus["chair"].code], "location_codes": [shop.locations["north"].code]}

    assert await left(keeper, shop) == {"south": 3}
    assert [row["location_id"] for row in stock] == [str(shop.locations["south"].id)]
    assert elsewhere == []
    assert [one["target"]["location_id"] for one in ledger] == [str(shop.locations["south"].id)]
    assert problem(await keeper.post("/api/availability", json=codes)) == (404, "no_such_place")
    taken = slip(shop, 1, source=north, target=south, reason="transfer_in")
    assert problem(await keeper.post("/api/stock/movements", json=taken)) == (404, "unknown_stock")
    assert (await keeper.post("/api/stock/movements", json=slip(shop, 1, target=south))).status_code == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "red"}, "invalid"),
        ({"quantity": 0}, "invalid"),
        ({"quantity": 2**63}, "invalid"),
        ({"quantity": 1.5}, "invalid"),
        ({"reason": "pack"}, "invalid"),
        ({"source": "parcel"}, "invalid"),
        ({"source": {"parcel_id": str(fresh_id())}}, "invalid"),
        ({"target": {"location_code": "x", "condition": "lost"}}, "invalid"),
        ({"lot": "a\x00"}, "nul_in_text"),
        ({"effective_at": "2026-01-01T00:00:00"}, "invalid"),
        ({"key": "a" * 101}, "invalid"),
    ],
)
async def test_a_bad_slip_is_a_clear_problem(
    clerk: httpx.AsyncClient, shop: Shop, change: dict[str, Any], code: str
) -> None:
    assert problem(await clerk.post("/api/stock/movements", json=slip(shop) | change)) == (400, code)


async def test_too_many_slips_or_skus_are_refused_at_once(clerk: httpx.AsyncClient, shop: Shop) -> None:
    slips = [slip(shop) for _ in range(1_001)]

    assert problem(await clerk.post("/api/stock/movements/batch", json={"slips": slips})) == (400, "invalid")
    assert problem(await clerk.post("/api/stock/movements/batch", json={"slips": []})) == (400, "invalid")
    codes = [f"S{i}" for i in range(1_001)]
    assert problem(await clerk.post("/api/availability", json={"sku_codes": codes})) == (400, "invalid")


async def test_a_thousand_slips_are_recorded_in_one_request(clerk: httpx.AsyncClient, shop: Shop) -> None:
    slips = [slip(shop) for _ in range(1_000)]

    answer = await clerk.post("/api/stock/movements/batch", json={"slips": slips})

    assert all(one["is_recorded"] for one in answer.json()["answers"])
    assert await left(clerk, shop) == {"north": 1_007, "south": 3}
