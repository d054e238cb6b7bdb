"""Reservations through the API."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from batuta.company.domain import Policies
from batuta.inventory.api import ROUTES
from batuta.inventory.commands import reserve
from batuta.inventory.queries import AUDIT
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.inventory.making import wish
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop

CAPS = Policies(cart_hold_minutes=5, hold_minutes_max=30, units_per_line_max=8, lines_max=3)


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}}, policies=CAPS)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def client(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("inventory.read", "inventory.reserve"))


def asking(shop: Shop, *wanted: tuple[str, int], **more: Any) -> dict[str, Any]:
    lines = [
        {"sku_code": shop.skus[name].code, "quantity": units, "line_id": str(fresh_id())} for name, units in wanted
    ]
    return {"channel_code": shop.channel.code, "lines": lines} | more


async def left(client: httpx.AsyncClient, shop: Shop, sku: str = "chair") -> int:
    answer = await client.post("/api/availability", json={"sku_codes": [shop.skus[sku].code]})
    return int(answer.json()["skus"][0]["available"])


async def test_all_lines_are_held_until_the_channel_says(client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-01"""
    asked = asking(shop, ("chair", 2), ("table", 1))

    made = await client.post("/api/reservations", json=asked)

    found = made.json()
    assert made.status_code == 201
    assert [(one["line_id"], one["granted"], one["refused"], one["reason"]) for one in found["lines"]] == [
        (asked["lines"][0]["line_id"], 2, 0, None),
        (asked["lines"][1]["line_id"], 1, 0, None),
    ]
    assert (await client.get(f"/api/reservations/{found['id']}")).json()["units"] == 3
    assert await left(client, shop) == 8


async def test_what_cannot_be_had_is_refused_with_what_is_left_and_where(client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-01"""
    answer = await client.post("/api/reservations", json=asking(shop, ("chair", 1), ("table", 3)))

    assert problem(answer) == (409, "out_of_stock")
    chair, table = answer.json()["facts"]["lines"]
    assert (table["granted"], table["refused"], table["reason"]) == (0, 3, "out_of_stock")
    assert table["alternatives"] == [{"location_id": str(shop.locations["north"].id), "left": 2}]
    assert (chair["sku_code"], chair["refused"], chair["reason"]) == (shop.skus["chair"].code, 1, "all_or_nothing")
    assert await left(client, shop) == 10


async def test_a_part_is_held_if_that_is_allowed(client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-01"""
    asked = asking(shop, ("table", 3), ("service", 1), allow_partial=True)
    asked["lines"].append({"sku_code": "nothing", "quantity": 1})

    found = (await client.post("/api/reservations", json=asked)).json()

    assert [(one["granted"], one["refused"], one["reason"]) for one in found["lines"]] == [
        (2, 1, "out_of_stock"),
        (0, 1, "not_stocked"),
        (0, 1, "unknown_sku"),
    ]
    assert problem(await client.post("/api/reservations", json=asked)) == (409, "out_of_stock")


async def test_nothing_is_held_with_what_cannot_be_had_at_all(client: httpx.AsyncClient, shop: Shop) -> None:
    answer = await client.post("/api/reservations", json=asking(shop, ("chair", 1), ("service", 1)))

    reasons = [one["reason"] for one in answer.json()["facts"]["lines"]]
    assert (answer.status_code, reasons) == (409, ["all_or_nothing", "not_stocked"])
    assert await left(client, shop) == 10


async def test_a_bundle_of_which_no_part_makes_a_whole_holds_nothing(client: httpx.AsyncClient, shop: Shop) -> None:
    """INV-13: a set is two chairs."""
    await client.post("/api/reservations", json=asking(shop, ("chair", 8)))
    await client.post("/api/reservations", json=asking(shop, ("chair", 1)))

    answer = await client.post("/api/reservations", json=asking(shop, ("set", 1), allow_partial=True))

    assert problem(answer) == (409, "out_of_stock")
    assert answer.json()["facts"]["lines"][0]["grants"] == []
    assert await left(client, shop) == 1


async def test_units_of_a_place_are_not_taken_from_another(client: httpx.AsyncClient, shop: Shop) -> None:
    south = {"location_codes": [shop.locations["south"].code]}

    refused = await client.post("/api/reservations", json=asking(shop, ("chair", 4), **south))
    held = await client.post("/api/reservations", json=asking(shop, ("chair", 3), **south))

    places = refused.json()["facts"]["lines"][0]["alternatives"]
    assert [(one["location_id"], one["left"]) for one in places] == [
        (str(shop.locations["north"].id), 7),
        (str(shop.locations["south"].id), 3),
    ]
    assert {one["location_id"] for one in held.json()["lines"][0]["grants"]} == {str(shop.locations["south"].id)}
    unknown = asking(shop, ("chair", 1), location_codes=["nowhere"])
    assert problem(await client.post("/api/reservations", json=unknown)) == (404, "no_such_place")


async def test_a_bundle_holds_what_it_is_made_of(client: httpx.AsyncClient, shop: Shop) -> None:
    """INV-13"""
    held = await client.post("/api/reservations", json=asking(shop, ("set", 2), ("chair", 1)))
    more = await client.post("/api/reservations", json=asking(shop, ("set", 3)))

    assert [one["granted"] for one in held.json()["lines"]] == [2, 1]
    assert await left(client, shop) == 5
    assert problem(more) == (409, "out_of_stock")
    assert sum(one["left"] for one in more.json()["facts"]["lines"][0]["alternatives"]) == 2


async def test_the_channels_caps_hold(client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-03"""

    async def refusal(asked: dict[str, Any]) -> tuple[str, Any]:
        answer = await client.post("/api/reservations", json=asked)
        assert answer.status_code == 409, answer.text
        return answer.json()["code"], answer.json()["facts"]

    assert await refusal(asking(shop, ("chair", 1), minutes=31)) == (
        "hold_too_long",
        {"minutes": 31, "minutes_max": 30},
    )
    code, facts = await refusal(asking(shop, ("chair", 5), ("chair", 4)))
    assert (code, facts["units_max"]) == ("too_many_units", 8)
    assert (await refusal(asking(shop, *[("chair", 1)] * 4)))[0] == "too_many_lines"
    twice = asking(shop, ("chair", 1))
    assert (await refusal(twice | {"lines": twice["lines"] * 2}))[0] == "two_of_one_name"


async def test_a_hold_is_extended_within_what_the_channel_allows(client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-03"""
    made = (await client.post("/api/reservations", json=asking(shop, ("chair", 1)))).json()
    path = f"/api/reservations/{made['id']}/extend"

    longer = await client.post(path, json={"minutes": 30})
    too_long = await client.post(path, json={"minutes": 31})

    assert longer.json()["until_at"] > made["until_at"]
    assert problem(too_long) == (409, "hold_too_long")


async def test_units_are_given_back_once_or_twice(client: httpx.AsyncClient, shop: Shop) -> None:
    made = (await client.post("/api/reservations", json=asking(shop, ("chair", 4)))).json()
    path = f"/api/reservations/{made['id']}"

    first, again = [await client.delete(path) for _ in range(2)]

    assert (first.status_code, again.status_code) == (204, 204)
    assert (await client.get(path)).json() == {"id": made["id"], "units": 0, "until_at": None, "grants": []}
    assert await left(client, shop) == 10


async def test_the_same_key_holds_once(client: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-01: at the same time, and afterwards."""
    asked, key = asking(shop, ("chair", 2)), {"idempotency-key": fresh_code("key")}

    answers = await asyncio.gather(*(client.post("/api/reservations", json=asked, headers=key) for _ in range(5)))
    late = await client.post("/api/reservations", json=asked, headers=key)
    other = await client.post("/api/reservations", json=asking(shop, ("chair", 1)), headers=key)

    assert {one.json()["id"] for one in [*answers, late]} == {late.json()["id"]}
    assert problem(other) == (409, "idempotency_key_reused")
    assert await left(client, shop) == 8


async def test_forty_who_ask_at_once_for_ten_units_get_ten(
    client: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """RES-08"""
    asked = asking(shop, ("chair", 1))
    wishes = [asked | {"lines": [asked["lines"][0] | {"line_id": str(fresh_id())}]} for _ in range(40)]

    answers = await asyncio.gather(*(client.post("/api/reservations", json=one) for one in wishes))

    assert sorted(one.status_code for one in answers) == [201] * 10 + [409] * 30
    assert await left(client, shop) == 0
    async with engine.connect() as db:
        assert not [one for one in await examine(db, AUDIT) if one.broken]


async def test_a_channel_that_one_does_not_sell_in_does_not_exist(
    house: House, client: httpx.AsyncClient, shop: Shop
) -> None:
    """PLT-07"""
    made = (await client.post("/api/reservations", json=asking(shop, ("chair", 1)))).json()
    stranger = house.asked_by(a_caller("inventory.reserve", channel_ids=frozenset({fresh_id()})))

    assert problem(await stranger.post("/api/reservations", json=asking(shop, ("chair", 1)))) == (
        404,
        "no_such_channel",
    )
    for verb, path in (("GET", ""), ("DELETE", ""), ("POST", "/extend")):
        body = {"json": {"minutes": 1}} if verb == "POST" else {}
        answer = await stranger.request(verb, f"/api/reservations/{made['id']}{path}", **body)  # type: ignore[arg-type]
        assert problem(answer) == (404, "unknown_reservation")
    assert await left(client, shop) == 9


async def test_whoever_works_at_some_locations_holds_units_there_alone(house: House, shop: Shop) -> None:
    """PLT-07"""
    south = house.asked_by(a_caller("inventory.reserve", **at(shop.locations["south"].id)))

    refused = await south.post("/api/reservations", json=asking(shop, ("chair", 4)))

    assert refused.json()["facts"]["lines"][0]["alternatives"] == [
        {"location_id": str(shop.locations["south"].id), "left": 3}
    ]


async def test_what_an_order_holds_cannot_be_given_back_as_a_reservation(
    engine: Engine, client: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = fresh_id()
    async with engine.begin() as db:
        await reserve(db, requests=[wish((shop.skus["chair"].id, 2), holder_id=order_id)], now=NOW)

    assert problem(await client.delete(f"/api/reservations/{order_id}")) == (404, "unknown_reservation")
    assert await left(client, shop) == 8


async def test_a_hold_that_ended_holds_nothing(engine: Engine, client: httpx.AsyncClient, shop: Shop) -> None:
    """RES-04"""
    made = (await client.post("/api/reservations", json=asking(shop, ("chair", 4)))).json()
    async with engine.begin() as db:
        ended = {"id": made["id"], "at": NOW}
        await db.execute(text("UPDATE inventory.reservation SET expires_at = :at WHERE holder_id = :id"), ended)
        row = {"id": shop.skus["chair"].id, "at": NOW}
        await db.execute(text("UPDATE inventory.stock SET first_expiry_at = :at WHERE sku_id = :id"), row)

    assert (await client.get(f"/api/reservations/{made['id']}")).json()["units"] == 0
    assert await left(client, shop) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"lines": []},
        {"lines": [{"sku_code": "x", "quantity": 0}]},
        {"lines": [{"sku_code": "x", "quantity": 2**40}]},
        {"lines": [{"sku_code": "x", "quantity": 1}] * 1_001},
        {"minutes": 0},
        {"minutes": 10**9},
        {"location_codes": []},
        {"allow_partial": "yes"},
    ],
)
async def test_a_bad_wish_is_a_clear_problem(client: httpx.AsyncClient, shop: Shop, change: dict[str, Any]) -> None:
    assert problem(await client.post("/api/reservations", json=asking(shop, ("chair", 1)) | change)) == (400, "invalid")
