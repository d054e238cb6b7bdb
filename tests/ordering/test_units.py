"""Orders in boxes: told in a unit in which the SKU is sold, and taken from stock in base units (INV-15)."""

from typing import Any

import httpx
import msgspec
import pytest

from batuta.catalog.commands import set_units
from batuta.catalog.domain import Unit
from batuta.inventory.queries import availability
from batuta.ordering.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.making import NOW, fresh_code
from tests.world import MADRID, Shop, build_shop, sound


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"glass": {"north": 40}})
        box = Unit(code="box", numerator=12, is_sold=True)
        pallet = Unit(code="pallet", numerator=480, is_bought=True)
        half = Unit(code="half", numerator=1, denominator=2, is_sold=True)
        sound(await set_units(db, units={shop.skus["glass"].id: [box, pallet, half]}, now=NOW))
        return shop


@pytest.fixture
def web(engine: Engine) -> httpx.AsyncClient:
    return House(engine, ROUTES).asked_by(a_caller("orders.place", "orders.read"))


def order(shop: Shop, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = [{"sku_code": shop.skus["glass"].code} | line for line in lines]
    return {"channel_code": shop.channel.code, "lines": given, "ship_to": msgspec.to_builtins(MADRID)} | more


async def left(engine: Engine, shop: Shop) -> int:
    async with engine.connect() as db:
        return sum(one.available for one in await availability(db, sku_ids=[shop.skus["glass"].id], now=NOW))


async def test_two_boxes_and_a_glass_are_twenty_five_glasses(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    code = fresh_code("shop")
    body = order(shop, {"quantity": 2, "unit": "box"}, {"quantity": 1}, external_id=code)

    first = await web.post("/api/orders", json=body)
    again = await web.post("/api/orders", json=body)

    assert first.status_code == 201, first.text
    assert again.json() == first.json()
    told = (await web.get(f"/api/orders/{first.json()['number']}")).json()["order"]
    assert [(line["quantity"], line["sold_as"]) for line in told["lines"]] == [
        (24, {"unit": "box", "quantity": 2}),
        (1, None),
    ]
    assert told["lines"][0]["gross_minor"] == 24 * 2_500
    assert await left(engine, shop) == 15


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"quantity": 1, "unit": "pallet"}, (400, "bad_order")),
        ({"quantity": 1, "unit": "barrel"}, (400, "bad_order")),
        ({"quantity": 3, "unit": "half"}, (409, "not_whole")),
        ({"quantity": 4, "unit": "box"}, (409, "out_of_stock")),
        ({"quantity": 900, "unit": "box"}, (400, "bad_order")),
        ({"quantity": 500_000_000, "unit": "box"}, (409, "too_many")),
        ({"quantity": 1, "unit": ""}, (400, "invalid")),
    ],
)
async def test_what_is_not_sold_so_is_refused(
    engine: Engine, web: httpx.AsyncClient, shop: Shop, line: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert problem(await web.post("/api/orders", json=order(shop, line))) == expected
    assert await left(engine, shop) == 40


async def test_a_cart_takes_boxes_and_the_order_says_so(engine: Engine, shop: Shop) -> None:
    """INV-15: reckoned when they are put into the cart; asked for again in pieces, they are pieces."""
    seller = House(engine, ROUTES).asked_by(a_caller("carts.write", "orders.read"))
    glass = {"sku_code": shop.skus["glass"].code}
    opened = await seller.post(
        "/api/carts", json={"channel_code": shop.channel.code, "lines": [glass | {"quantity": 7}]}
    )
    path = f"/api/carts/{opened.json()['cart']['id']}"

    two_boxes = await seller.put(f"{path}/lines", json={"lines": [glass | {"quantity": 2, "unit": "box"}]})
    assert two_boxes.status_code == 200, two_boxes.text
    (line,) = two_boxes.json()["lines"]
    assert (line["quantity"], line["sold_as"], line["left"]) == (24, {"unit": "box", "quantity": 2}, 40)
    assert line["gross_minor"] == 24 * 2_500
    held = await seller.post(f"{path}/reservation", json={})
    assert sum(held.json()["granted"].values()) == 24
    assert await left(engine, shop) == 16

    await seller.put(f"{path}/address", json={"ship_to": msgspec.to_builtins(MADRID)})
    placed = await seller.post(f"{path}/order", json={})
    assert placed.status_code == 201, placed.text
    (sold,) = (await seller.get(f"/api/orders/{placed.json()['number']}")).json()["order"]["lines"]
    assert (sold["quantity"], sold["sold_as"]) == (24, {"unit": "box", "quantity": 2})
    assert await left(engine, shop) == 16


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"quantity": 1, "unit": "pallet"}, (400, "bad_order")),
        ({"quantity": 3, "unit": "half"}, (409, "not_whole")),
        ({"quantity": 500_000_000, "unit": "box"}, (409, "too_many")),
        ({"quantity": 1, "unit": ""}, (400, "invalid")),
        ({"quantity": 1, "personalisation": {"name": "Ana"}}, (409, "wrong_personalisation")),
    ],
)
async def test_a_cart_refuses_what_is_not_sold_so_and_keeps_what_it_has(
    engine: Engine, shop: Shop, line: dict[str, Any], expected: tuple[int, str]
) -> None:
    seller = House(engine, ROUTES).asked_by(a_caller("carts.write"))
    glass = {"sku_code": shop.skus["glass"].code}
    opened = await seller.post(
        "/api/carts", json={"channel_code": shop.channel.code, "lines": [glass | {"quantity": 7}]}
    )
    path = f"/api/carts/{opened.json()['cart']['id']}"

    refused = await seller.put(f"{path}/lines", json={"lines": [glass | line]})

    assert problem(refused) == expected
    assert [one["quantity"] for one in (await seller.get(path)).json()["lines"]] == [7]
