"""Goods that come back, through the API."""

from typing import Any

import httpx
import msgspec
import pytest

from batuta.ordering.domain import Order
from batuta.plumbing.database import Engine
from batuta.returns.api import ROUTES
from batuta.returns.domain import Return
from tests.asking import House, a_caller, at, problem
from tests.fulfillment.orders import World, build_world
from tests.making import fresh_code, fresh_id
from tests.returns.test_commands import delivered

MAY = ("returns.read", "returns.write")
PAYS = "payments.refund"


@pytest.fixture
async def world(engine: Engine) -> World:
    async with engine.begin() as db:
        return await build_world(db, chair={"north": 100}, table={"south": 100})


@pytest.fixture
async def order(engine: Engine, world: World) -> Order:
    """Three chairs of 25.00 that the customer has."""
    async with engine.begin() as db:
        return await delivered(db, world, ("chair", 3))


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def agent(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY, PAYS))


@pytest.fixture
def store(house: House, world: World) -> httpx.AsyncClient:
    """Somebody at the counter in the north, who gives no money back."""
    return house.asked_by(a_caller(*MAY, **at(world.shop.locations["north"].id)))


def a_wish(order: Order, quantity: int = 2, **changes: Any) -> dict[str, Any]:
    lines = [{"order_line_id": str(order.lines[0].id), "quantity": quantity, "reason": "too small"}]
    return {"order_id": str(order.id), "lines": lines} | changes


async def announced(client: httpx.AsyncClient, order: Order, quantity: int = 2) -> Return:
    answer = await client.post("/api/returns", json=a_wish(order, quantity))
    assert answer.status_code == 201, answer.text
    return msgspec.json.decode(answer.content, type=Return)


async def do(client: httpx.AsyncClient, one: Return, verb: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/returns/{one.id}/{verb}", json=body or None)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def goods(world: World, one: Return, quantity: int, place: str = "north") -> dict[str, Any]:
    return {
        "location_id": str(world.shop.locations[place].id),
        "lines": [{"line_id": str(one.lines[0].id), "quantity": quantity}],
    }


async def test_a_return_goes_from_the_wish_to_the_money(
    world: World, order: Order, agent: httpx.AsyncClient, store: httpx.AsyncClient
) -> None:
    """RET-05, RET-10: the store counts and grades, the agent pays, in amounts that were stored at the sale."""
    one = await announced(agent, order)
    await do(agent, one, "approve")
    assert (await do(agent, one, "label", tracking_number="RET-1"))["status"] == "label_sent"
    assert (await do(agent, one, "sent"))["status"] == "in_transit"
    received = await do(store, one, "receipts", 201, **goods(world, one, 2))
    assert (received["status"], received["lines"][0]["received"]) == ("received", 2)
    graded = await do(store, one, "gradings", 201, line_id=str(one.lines[0].id), grade="A", quantity=2)
    assert graded["status"] == "graded"

    refund = await do(agent, one, "refunds", 201, fee_minor=500, reason="too small")

    assert refund["amount_minor"] == 2 * 2_500 - 500
    read = (await agent.get(f"/api/returns/{one.id}")).json()
    assert (read["status"], read["lines"][0]["refund_minor"]) == ("resolved", 5_000)
    listed = (await store.get(f"/api/orders/{order.id}/returns")).json()["items"]
    assert [found["id"] for found in listed] == [str(one.id)]


async def test_kept_goods_and_cancelled_returns(order: Order, agent: httpx.AsyncClient) -> None:
    """RET-02."""
    kept, cancelled = await announced(agent, order, 1), await announced(agent, order, 1)

    assert (await do(agent, kept, "approve-kept"))["is_kept"]
    assert (await do(agent, kept, "refunds", 201, reason="keep it"))["amount_minor"] == 2_500
    assert (await do(agent, cancelled, "cancel"))["status"] == "cancelled"
    again = await agent.post(f"/api/returns/{kept.id}/refunds", json={})
    assert problem(again) == (409, "nothing_to_refund")


async def test_goods_at_the_dock_are_never_refused(
    world: World, order: Order, store: httpx.AsyncClient, house: House
) -> None:
    """RET-06: also where order and customer turn out to be unknown, or another shop's."""
    blind = {
        "location_id": str(world.shop.locations["north"].id),
        "lines": [
            {"quantity": 1, "order_line_id": str(order.lines[0].id)},
            {"quantity": 2, "note": "a lamp without a name", "worth_minor": 300},
        ],
        "order_id": str(order.id),
        "customer_id": str(fresh_id()),
    }

    known = await store.post("/api/returns/blind", json=blind)
    assert known.status_code == 201, known.text
    assert (known.json()["order_id"], known.json()["lines"][0]["counted"]) == (str(order.id), 1)
    nobodys = await store.post("/api/returns/blind", json=blind | {"order_id": str(fresh_id())})
    assert nobodys.json()["order_id"] is None
    elsewhere = house.asked_by(a_caller(*MAY, channel_ids=frozenset({fresh_id()})))
    others = await elsewhere.post("/api/returns/blind", json=blind)
    assert (others.status_code, others.json()["order_id"]) == (201, None)


async def test_nobody_gives_back_beyond_their_limit_at_once_or_bit_by_bit(
    house: House, order: Order, agent: httpx.AsyncClient, store: httpx.AsyncClient
) -> None:
    """PLT-07: and who may not refund at all does not."""
    one = await announced(agent, order, 3)
    await do(agent, one, "approve")
    line = str(one.lines[0].id)
    path = f"/api/returns/{one.id}/refunds"
    little = house.asked_by(a_caller(*MAY, PAYS, limits={PAYS: 5_000}))

    at_once = await little.post(path, json={})
    assert problem(at_once) == (403, "beyond_limit")
    assert at_once.json()["facts"]["limit_minor"] == 5_000
    some = await little.post(path, json={"lines": [{"line_id": line, "quantity": 2}]})
    assert (some.status_code, some.json()["amount_minor"]) == (201, 5_000)
    assert problem(await little.post(path, json={})) == (403, "beyond_limit")
    assert problem(await store.post(path, json={})) == (403, "permission_missing")
    assert (await agent.post(path, json={})).json()["amount_minor"] == 2_500


async def test_what_is_sent_again_under_its_key_counts_once(
    world: World, order: Order, agent: httpx.AsyncClient
) -> None:
    """PLT-01."""
    one = await announced(agent, order)
    key = {"idempotency-key": fresh_code("key")}
    path, body = f"/api/returns/{one.id}/receipts", goods(world, one, 1)

    first, again = [await agent.post(path, json=body, headers=key) for _ in range(2)]

    assert first.json() == again.json()
    assert (await agent.get(f"/api/returns/{one.id}")).json()["lines"][0]["received"] == 1


async def test_what_arrived_elsewhere_and_what_others_sold_is_not_seen(
    world: World, order: Order, house: House, agent: httpx.AsyncClient, store: httpx.AsyncClient
) -> None:
    """PLT-07, RET-09: a store takes back what any location sold, and sees what has arrived nowhere yet."""
    coming, there = await announced(agent, order, 1), await announced(agent, order, 1)
    await do(agent, there, "receipts", 201, **goods(world, there, 1, place="south"))

    listed = (await store.get("/api/returns", params={"order_id": str(order.id)})).json()["items"]
    assert [one["id"] for one in listed] == [str(coming.id)]
    for answer in (
        await store.get(f"/api/returns/{there.id}"),
        await store.post(f"/api/returns/{there.id}/cancel"),
        await store.post(f"/api/returns/{there.id}/receipts", json=goods(world, there, 1)),
    ):
        assert problem(answer) == (404, "unknown_return")
    away = await store.post(f"/api/returns/{coming.id}/receipts", json=goods(world, coming, 1, place="south"))
    assert problem(away) == (404, "unknown_location")

    elsewhere = house.asked_by(a_caller(*MAY, PAYS, channel_ids=frozenset({fresh_id()})))
    for answer, code in (
        (await elsewhere.get(f"/api/returns/{coming.id}"), "unknown_return"),
        (await elsewhere.post(f"/api/returns/{coming.id}/refunds", json={}), "unknown_return"),
        (await elsewhere.post("/api/returns", json=a_wish(order, 1)), "unknown_order"),
        (await elsewhere.get(f"/api/orders/{order.id}/returns"), "unknown_order"),
    ):
        assert problem(answer) == (404, code)
    assert (await elsewhere.get("/api/returns")).json()["items"] == []


async def test_pages_of_returns_neither_repeat_nor_skip(order: Order, agent: httpx.AsyncClient) -> None:
    made = [await announced(agent, order, 1) for _ in range(3)]
    params: dict[str, Any] = {"order_id": str(order.id), "limit": 2}

    first = (await agent.get("/api/returns", params=params)).json()
    second = (await agent.get("/api/returns", params=params | {"cursor": first["next"]})).json()

    found = [one["id"] for page in (first, second) for one in page["items"]]
    assert found == [str(one.id) for one in reversed(made)]
    assert second["next"] is None
    none = await agent.get("/api/returns", params=params | {"status": "received"})
    assert none.json()["items"] == []


async def test_more_than_was_delivered_does_not_come_back(order: Order, agent: httpx.AsyncClient) -> None:
    answer = await agent.post("/api/returns", json=a_wish(order, 4))

    assert problem(answer) == (409, "not_returnable")
    assert answer.json()["facts"]["left"] == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": [{"order_line_id": str(fresh_id()), "quantity": 0}]},
        {"lines": [{"order_line_id": str(fresh_id()), "quantity": 2**31}]},
        {"lines": [{"order_line_id": str(fresh_id()), "quantity": 1, "price": 3}]},
        {"lines": [{"order_line_id": str(fresh_id()), "quantity": 1}] * 201},
        {"order_id": "100018"},
        {"expires_at": "2026-01-01T00:00:00"},
        {"actor": "staff:boss"},
    ],
)
async def test_a_wish_that_does_not_fit_is_refused(
    order: Order, agent: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    assert (await agent.post("/api/returns", json=a_wish(order, 1, **changes))).status_code == 400


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_nothing_is_waited_for_until_yesterday_or_for_ever(
    order: Order, agent: httpx.AsyncClient, never: str
) -> None:
    answer = await agent.post("/api/returns", json=a_wish(order, 1, expires_at=never))

    assert problem(answer) == (409, "bad_end")


async def test_strange_receipts_gradings_and_refunds_are_problems_and_no_bugs(
    world: World, order: Order, agent: httpx.AsyncClient
) -> None:
    one = await announced(agent, order)
    line = str(one.lines[0].id)
    here = goods(world, one, 1)
    await do(agent, one, "receipts", 201, **here)

    asked: list[tuple[str, dict[str, Any], int]] = [
        ("receipts", here | {"location_id": str(fresh_id())}, 404),
        ("receipts", here | {"lines": [{"quantity": 1, "sku_id": str(fresh_id())}]}, 404),
        ("receipts", here | {"lines": [{"quantity": 100_001, "line_id": line}]}, 400),
        ("receipts", here | {"lines": []}, 400),
        ("gradings", {"line_id": str(fresh_id()), "grade": "A", "quantity": 1}, 404),
        ("gradings", {"line_id": line, "grade": "E", "quantity": 1}, 400),
        ("gradings", {"line_id": line, "grade": "A", "quantity": 3}, 409),
        ("gradings", {"line_id": line, "grade": "A", "quantity": 1, "location_id": str(fresh_id())}, 404),
        ("refunds", {"lines": [{"line_id": str(fresh_id()), "quantity": 1}]}, 404),
        ("refunds", {"lines": [{"line_id": line, "quantity": 3}]}, 409),
        ("refunds", {"fee_minor": 10**15}, 409),
        ("refunds", {"fee_minor": 10**15 + 1}, 400),
        ("refunds", {"shipping_minor": 10**15}, 409),
        ("label", {"tracking_number": ""}, 400),
    ]
    for verb, body, status in asked:
        answer = await agent.post(f"/api/returns/{one.id}/{verb}", json=body)
        assert answer.status_code == status, (verb, body, answer.text)
    for verb in ("approve", "cancel", "sent", "approve-kept"):
        assert problem(await agent.post(f"/api/returns/{fresh_id()}/{verb}")) == (404, "unknown_return")
