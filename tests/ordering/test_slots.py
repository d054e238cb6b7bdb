"""Slots in carts and orders: chosen, held, confirmed with the order, given back with it."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from batuta.inventory.queries import availability
from batuta.ordering.api import ROUTES as ORDERING_ROUTES
from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES as SOURCING_ROUTES
from batuta.sourcing.commands import release_slots, save_slots
from batuta.sourcing.domain import HoldStatus, Method, Slot
from batuta.sourcing.queries import slot_holds_of, taken_of
from tests.asking import House, a_caller, problem
from tests.counting import statements_of
from tests.making import fresh_id
from tests.world import MADRID, Shop, build_carrier, build_shop

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
TOMORROW = datetime.combine(NOW.date() + timedelta(days=1), time(15), UTC)
ADDRESS = msgspec.to_builtins(MADRID)
WAY = {"service_kind": "standard"}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, [*ORDERING_ROUTES, *SOURCING_ROUTES])


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        await build_carrier(db)
        return await build_shop(db, stock={"chair": {"north": 50}})


@pytest.fixture
def web(house: House, shop: Shop) -> httpx.AsyncClient:
    may = ("carts.write", "orders.place", "orders.read", "orders.cancel")
    return house.asked_by(a_caller(*may, channel_ids=frozenset({shop.channel.id})))


async def a_slot(engine: Engine, **more: Any) -> Slot:
    slot = Slot(
        **{
            "id": fresh_id(),
            "method": Method.SHIP,
            "country": "ES",
            "postal_prefixes": ("28014",),
            "from_at": TOMORROW,
            "until_at": TOMORROW + 2 * HOUR,
            "time_zone": "Europe/Madrid",
            "currency": "EUR",
            "capacity": 2,
            "price_minor": 390,
            **more,
        }
    )
    async with engine.begin() as db:
        (saved,) = await save_slots(db, slots=[slot], now=NOW)
    assert isinstance(saved, Slot), saved
    return saved


async def taken(engine: Engine, *slots: Slot) -> list[int]:
    async with engine.connect() as db:
        found = await taken_of(db, [one.id for one in slots], now=datetime.now(UTC))
    return [found[one.id] for one in slots]


async def a_cart(web: httpx.AsyncClient, shop: Shop, units: int = 1) -> str:
    lines = [{"sku_code": shop.skus["chair"].code, "quantity": units}]
    opened = await web.post("/api/carts", json={"channel_code": shop.channel.code, "lines": lines})
    assert opened.status_code == 201, opened.text
    path = f"/api/carts/{opened.json()['cart']['id']}"
    addressed = await web.put(f"{path}/address", json={"ship_to": ADDRESS, "email": "ana@example.com"})
    assert addressed.status_code == 200, addressed.text
    return path


async def choose(web: httpx.AsyncClient, path: str, slot: Slot | None, **way: Any) -> httpx.Response:
    return await web.put(f"{path}/delivery", json={**(way or WAY), "slot_id": slot and str(slot.id)})


def order_of(shop: Shop, **more: Any) -> dict[str, Any]:
    lines = [{"sku_code": shop.skus["chair"].code, "quantity": 1}]
    return {"channel_code": shop.channel.code, "lines": lines, "ship_to": ADDRESS, "email": "a@example.com", **more}


async def test_a_cart_chooses_a_slot_pays_for_it_and_has_it_with_its_order(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PRM-06"""
    slot = await a_slot(engine)
    path = await a_cart(web, shop)

    chosen = await choose(web, path, slot)
    shown = (await web.get(path)).json()
    ordered = await web.post(f"{path}/order", json={})
    again = await web.post(f"{path}/order", json={})

    assert chosen.status_code == 200, chosen.text
    assert (shown["slot"]["slot_id"], shown["slot"]["price_minor"]) == (str(slot.id), 390)
    assert shown["totals"]["shipping_minor"] == 490 + 390
    assert ordered.is_success, ordered.text
    assert ordered.json()["gross_minor"] == 2_500 + 490 + 390
    assert again.json() == ordered.json()
    assert (await web.get(path)).json()["slot"]["slot_id"] == str(slot.id)
    order_id = UUID(ordered.json()["order_id"])
    async with engine.connect() as db:
        held = (await slot_holds_of(db, [order_id]))[order_id]
    assert (held.slot_id, held.status) == (slot.id, HoldStatus.CONFIRMED)
    of_order = (await web.get(f"/api/orders/{order_id}/slot")).json()
    assert (of_order["slot"]["id"], of_order["hold"]["status"]) == (str(slot.id), "confirmed")
    assert problem(await web.get(f"/api/orders/{fresh_id()}/slot")) == (404, "unknown_slot_hold")
    assert await taken(engine, slot) == [1]


async def test_a_full_slot_leaves_the_cart_as_it_was_and_names_others(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PRM-06"""
    full = await a_slot(engine, capacity=0)
    free = await a_slot(engine)
    path = await a_cart(web, shop)
    await choose(web, path, free)

    refused = await choose(web, path, full)

    assert problem(refused) == (409, "slot_full")
    assert str(free.id) in {one["slot_id"] for one in refused.json()["facts"]["alternatives"]}
    shown = (await web.get(path)).json()
    assert (shown["slot"]["slot_id"], shown["service_kind"]) == (str(free.id), "standard")


async def test_a_slot_is_given_up_by_name_by_another_way_and_by_another_postal_code(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    slot = await a_slot(engine)
    path = await a_cart(web, shop)

    await choose(web, path, slot)
    unchanged = await web.put(f"{path}/address", json={"ship_to": ADDRESS, "phone": "+34600000000"})
    assert unchanged.json()["slot"]["slot_id"] == str(slot.id)
    by_name = await web.put(f"{path}/delivery", json={"slot_id": None})
    assert (by_name.json()["slot"], await taken(engine, slot)) == (None, [0])

    await choose(web, path, slot)
    by_way = await web.put(f"{path}/delivery", json={"pickup_location_code": shop.locations["north"].code})
    assert (by_way.json()["slot"], await taken(engine, slot)) == (None, [0])

    await choose(web, path, slot)
    elsewhere = await web.put(f"{path}/address", json={"ship_to": {**ADDRESS, "postal_code": "28013"}})
    assert (elsewhere.json()["slot"], await taken(engine, slot)) == (None, [0])


async def test_a_cart_collects_in_a_window_of_its_store(web: httpx.AsyncClient, shop: Shop, engine: Engine) -> None:
    store = shop.locations["north"]
    slot = await a_slot(
        engine, method=Method.PICKUP, country=None, postal_prefixes=(), location_id=store.id, price_minor=0
    )
    path = await a_cart(web, shop)

    shipped = await choose(web, path, slot)
    collected = await choose(web, path, slot, pickup_location_code=store.code)
    ordered = await web.post(f"{path}/order", json={})

    assert problem(shipped) == (409, "slot_elsewhere")
    assert collected.json()["slot"]["slot_id"] == str(slot.id)
    assert ordered.is_success, ordered.text
    assert await taken(engine, slot) == [1]


@pytest.mark.parametrize("body", [{}, {"service_kind": "standard", "pickup_location_code": "x"}, {"slot_id": "x"}])
async def test_a_delivery_that_is_none_is_refused(web: httpx.AsyncClient, shop: Shop, body: dict[str, Any]) -> None:
    path = await a_cart(web, shop)

    answer = await web.put(f"{path}/delivery", json=body)

    assert problem(answer)[0] in {400, 409}


async def test_an_order_brings_the_slot_that_its_storefront_held(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PRM-06"""
    slot = await a_slot(engine)
    path = await a_cart(web, shop)
    await choose(web, path, slot)
    basket = path.rsplit("/", 1)[1]

    placed = await web.post("/api/orders", json=order_of(shop, slot_hold_id=basket))
    twice = await web.post("/api/orders", json=order_of(shop, slot_hold_id=basket))
    nobody = await web.post("/api/orders", json=order_of(shop, slot_hold_id=str(fresh_id())))

    assert placed.status_code == 201, placed.text
    assert placed.json()["gross_minor"] == 2_500 + 490 + 390
    assert problem(twice) == (404, "unknown_slot_hold")
    assert problem(nobody) == (404, "unknown_slot_hold")
    assert await taken(engine, slot) == [1]


async def test_an_order_whose_slot_is_refused_claims_no_stock(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PRM-06, RES-05"""
    slot = await a_slot(engine)
    path = await a_cart(web, shop, units=3)
    await choose(web, path, slot)
    async with engine.begin() as db:
        closed = msgspec.structs.replace(slot, is_open=False)
        await save_slots(db, slots=[closed], now=NOW)

    refused = await web.post(f"{path}/order", json={})

    assert problem(refused) == (409, "slot_not_offered")
    async with engine.connect() as db:
        found = await availability(db, sku_ids=[shop.skus["chair"].id], now=NOW)
    assert sum(one.reserved for one in found) == 0


async def test_forty_carts_race_through_checkout_for_three_places(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PRM-06: never more than it takes; who lost holds no stock."""
    slot = await a_slot(engine, capacity=3)

    async def buy() -> bool:
        path = await a_cart(web, shop)
        chosen = await choose(web, path, slot)
        if not chosen.is_success:
            assert problem(chosen) == (409, "slot_full")
            return False
        return (await web.post(f"{path}/order", json={})).is_success

    bought = await asyncio.gather(*(buy() for _ in range(40)))

    assert sum(bought) == 3
    assert await taken(engine, slot) == [3]
    async with engine.connect() as db:
        found = await availability(db, sku_ids=[shop.skus["chair"].id], now=NOW)
    assert sum(one.reserved for one in found) == 3


async def test_carts_and_orders_without_slots_ask_the_database_no_more_than_before(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    path = await a_cart(web, shop)
    await web.put(f"{path}/delivery", json=WAY)

    with statements_of(engine) as statements:
        await web.put(f"{path}/delivery", json=WAY)
        await web.get(path)
        placed = await web.post("/api/orders", json=order_of(shop))

    assert placed.status_code == 201, placed.text
    assert [one for one in statements if "slot_hold" in one or "sourcing.slot" in one] == []


async def test_what_an_order_had_is_free_when_it_is_released(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    slot = await a_slot(engine)
    path = await a_cart(web, shop)
    await choose(web, path, slot)
    order_id = UUID((await web.post(f"{path}/order", json={})).json()["order_id"])

    async with engine.begin() as db:
        assert await release_slots(db, holder_ids=[order_id]) == 1

    assert await taken(engine, slot) == [0]
