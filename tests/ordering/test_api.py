"""The routes of ordering, as clients meet them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import text

from batuta.inventory.queries import availability
from batuta.locations.commands import save_transfer_lanes
from batuta.locations.domain import TransferLane
from batuta.ordering.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.making import NOW, fresh_code, fresh_id
from tests.world import MADRID, Shop, build_carrier, build_shop, sound

EVERYTHING = ("orders.read", "orders.place", "orders.cancel", "orders.hold", "carts.write")
ADDRESS = msgspec.to_builtins(MADRID)
STOCK = {"chair": {"north": 50, "south": 10}, "lamp": {"north": 5}}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock=STOCK)


@pytest.fixture
async def web(house: House, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with house.asked_by(a_caller(*EVERYTHING, channel_ids=frozenset({shop.channel.id}))) as client:
        yield client


def body(shop: Shop, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    wanted = [{"sku_code": shop.skus[name].code, "quantity": units} for name, units in lines or (("chair", 1),)]
    return {"channel_code": shop.channel.code, "lines": wanted, "ship_to": ADDRESS, "email": "ana@example.com", **more}


async def place(client: httpx.AsyncClient, shop: Shop, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/orders", json=body(shop, *lines, **more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def left(engine: Engine, shop: Shop, name: str) -> int:
    async with engine.connect() as db:
        return sum(one.available for one in await availability(db, sku_ids=[shop.skus[name].id], now=NOW))


async def test_an_order_is_placed_and_read_with_its_money_and_its_timeline(web: httpx.AsyncClient, shop: Shop) -> None:
    means = [{"method": "card", "amount_minor": 5_490, "token": "tok_visa"}]
    placed = await place(web, shop, ("chair", 2), means=means)

    by_id = await web.get(f"/api/orders/{placed['order_id']}")
    by_number = await web.get(f"/api/orders/{placed['number']}")

    assert by_id.json() == by_number.json()
    whole = by_id.json()
    assert (whole["fulfillment"], whole["payment"]) == ("unfulfilled", "unpaid")
    assert whole["balance"]["due_minor"] == whole["order"]["gross_minor"] == placed["gross_minor"] == 5_490
    assert [fact["type"] for fact in whole["timeline"]] == ["ordering.order_placed"]
    assert whole["timeline"][0]["actor"] == "staff:ana@example.com"
    assert whole["payments"][0]["payment"]["amount_minor"] == 5_490
    assert by_id.headers["etag"] == '"1"'


async def test_the_same_key_is_the_same_order_and_another_body_is_refused(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PLT-01."""
    key = {"idempotency-key": fresh_code("key")}
    order = body(shop, ("chair", 1))

    first = await web.post("/api/orders", json=order, headers=key)
    again = await web.post("/api/orders", json=order, headers=key)
    other = await web.post("/api/orders", json=body(shop, ("chair", 2)), headers=key)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert problem(other) == (409, "idempotency_key_reused")
    assert await left(engine, shop, "chair") == 59


async def test_the_same_outside_number_is_the_same_order(web: httpx.AsyncClient, shop: Shop) -> None:
    """ORD-07."""
    external_id = fresh_code("shop")

    first, again = await asyncio.gather(
        place(web, shop, external_id=external_id), place(web, shop, external_id=external_id)
    )

    assert first == again


async def test_what_cannot_be_had_is_refused_with_what_is_left(web: httpx.AsyncClient, shop: Shop) -> None:
    """RES-01, RES-06."""
    refused = await web.post("/api/orders", json=body(shop, ("lamp", 6), ("chair", 1)))

    assert problem(refused) == (409, "out_of_stock")
    (line,) = refused.json()["facts"]["lines"]
    assert (line["asked"], line["left"]) == (6, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"lines": []},
        {"lines": [{"sku_code": "x", "quantity": 0}]},
        {"lines": [{"sku_code": "x", "quantity": 2**40}]},
        {"lines": [{"sku_code": "x", "quantity": 1, "colour": "red"}]},
        {"lines": [{"sku_code": "x", "quantity": 1, "given_unit_minor": 10**18}]},
        {"email": "nobody"},
        {"locale": "x" * 1_000},
        {"currency": "euro"},
        {"ship_to": {**ADDRESS, "planet": "Mars"}},
        {"adjustments": [{"name": "gift", "amount_minor": -(10**30)}]},
        {"means": [{"method": "card", "amount_minor": "1", "token": "t"}]},
        {"customer_id": "not an id"},
        {"on_behalf_of": "a\0b"},
    ],
)
async def test_an_order_that_does_not_fit_is_said_to_be_so(
    web: httpx.AsyncClient, shop: Shop, change: dict[str, Any]
) -> None:
    answer = await web.post("/api/orders", json=body(shop) | change)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"null"])
async def test_what_is_no_order_at_all_is_said_to_be_so(web: httpx.AsyncClient, content: bytes) -> None:
    answer = await web.post("/api/orders", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 400, answer.text


async def test_who_places_orders_sets_no_prices_of_their_own_unless_they_may(house: House, shop: Shop) -> None:
    """PLT-07."""
    cheap = {"lines": [{"sku_code": shop.skus["chair"].code, "quantity": 1, "given_unit_minor": 1}]}
    sale = {"lines": [{"sku_code": shop.skus["chair"].code, "quantity": 1, "discount_minor": 300}]}
    gift = {"adjustments": [{"name": "gift", "amount_minor": -300}]}
    both = sale | gift
    free = {"given_shipping_minor": 0}
    seller, agent, manager = (
        a_caller("orders.place"),
        a_caller("orders.place", "orders.discount", limits={"orders.discount": 500}),
        a_caller("orders.place", "orders.discount"),
    )

    async with house.asked_by(seller) as web:
        for change in (cheap, sale, gift, free):
            refused = await web.post("/api/orders", json=body(shop) | change)
            assert problem(refused) == (403, "not_your_prices")
        batch = b"\n".join(msgspec.json.encode(body(shop) | one) for one in (gift, {}))
        assert [one["status"] for one in lines_of(await web.post("/api/orders/batch", content=batch))] == [403, 201]
    async with house.asked_by(agent) as web:
        answers = [await web.post("/api/orders", json=body(shop) | one) for one in (sale, gift, both, cheap, free)]
        assert [answer.status_code for answer in answers] == [201, 201, 403, 403, 403]
        assert problem(answers[2]) == (403, "beyond_limit")
        assert answers[3].json()["facts"]["fields"] == ["lines[0].given_unit_minor"]
    async with house.asked_by(manager) as web:
        for change in (cheap, both, free):
            assert (await web.post("/api/orders", json=body(shop) | change)).status_code == 201


async def test_an_order_has_a_thousand_lines_and_not_one_more(web: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-12."""
    thousand = await web.post("/api/orders", json=body(shop, *[("service", 1)] * 1_000))
    more = await web.post("/api/orders", json=body(shop, *[("service", 1)] * 1_001))

    assert thousand.status_code == 201, thousand.text
    assert more.status_code == 400


async def test_another_channels_order_is_not_there(house: House, web: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-07: no answer tells that it exists."""
    placed = await place(web, shop)
    stranger = a_caller(*EVERYTHING, channel_ids=frozenset({fresh_id()}))
    nowhere = fresh_id()

    async with house.asked_by(stranger) as other:
        for method, path, content in (
            ("GET", "", None),
            ("POST", "/cancel", {"reason": "mine now"}),
            ("POST", "/holds", {"reason": "mine now"}),
        ):
            there = await other.request(method, f"/api/orders/{placed['order_id']}{path}", json=content)
            not_there = await other.request(method, f"/api/orders/{nowhere}{path}", json=content)
            assert problem(there) == problem(not_there) == (404, "unknown_order")
        assert (await other.get("/api/orders")).json()["items"] == []
        refused = await other.post("/api/orders", json=body(shop))
        assert problem(refused) == (409, "unknown_channel")


async def test_a_customer_sees_and_places_their_own_orders_only(
    house: House, web: httpx.AsyncClient, shop: Shop
) -> None:
    strangers = await place(web, shop)
    async with house.asked_by(a_caller(*EVERYTHING, customer_id=shop.customer_id)) as ana:
        own = await place(ana, shop)
        seen = (await ana.get("/api/orders")).json()["items"]

        assert [one["id"] for one in seen] == [own["order_id"]]
        assert problem(await ana.get(f"/api/orders/{strangers['order_id']}")) == (404, "unknown_order")


async def test_orders_are_listed_newest_first_page_by_page_and_by_what_is_known_of_them(
    web: httpx.AsyncClient, shop: Shop
) -> None:
    """PLT-09."""
    placed = [
        await place(web, shop, (name, 1), external_id=fresh_code("shop"), email=f"{name}@Example.com")
        for name in ("chair", "lamp", "chair")
    ]
    newest_first = [one["order_id"] for one in reversed(placed)]

    first = (await web.get("/api/orders", params={"limit": 2})).json()
    second = (await web.get("/api/orders", params={"limit": 2, "cursor": first["next"]})).json()
    assert [one["id"] for one in first["items"] + second["items"]] == newest_first
    assert second["next"] is None

    async def found(**params: str) -> list[str]:
        return [one["id"] for one in (await web.get("/api/orders", params=params)).json()["items"]]

    assert await found(sku=shop.skus["lamp"].code) == [placed[1]["order_id"]]
    assert await found(email="LAMP@example.com") == [placed[1]["order_id"]]
    assert await found(number=placed[0]["number"]) == [placed[0]["order_id"]]
    assert await found(status="placed", channel=shop.channel.code) == newest_first
    assert await found(status="completed") == []
    assert await found(placed_from="2999-01-01T00:00:00Z") == []
    assert await found(held="true") == []


async def test_a_made_up_cursor_is_refused(web: httpx.AsyncClient) -> None:
    assert problem(await web.get("/api/orders", params={"cursor": "abc"})) == (409, "bad_cursor")


async def test_units_are_cancelled_by_line_and_the_rest_goes_on(web: httpx.AsyncClient, shop: Shop) -> None:
    """ORD-04."""
    placed = await place(web, shop, ("chair", 3))
    whole = (await web.get(f"/api/orders/{placed['order_id']}")).json()
    line_id = whole["order"]["lines"][0]["id"]
    wish = {"reason": "one too many", "lines": [{"line_id": line_id, "quantity": 1}]}

    cancelled = await web.post(f"/api/orders/{placed['number']}/cancel", json=wish)

    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["lines"][0]["taken"] == [["reserved", 1]]
    after = (await web.get(f"/api/orders/{placed['order_id']}")).json()
    assert after["order"]["lines"][0]["buckets"]["cancelled"] == 1


async def test_a_whole_order_is_cancelled_once(web: httpx.AsyncClient, shop: Shop, engine: Engine) -> None:
    placed = await place(web, shop, ("lamp", 2))
    path, key = f"/api/orders/{placed['order_id']}/cancel", {"idempotency-key": fresh_code("key")}

    first = await web.post(path, json={"reason": "changed my mind"}, headers=key)
    again = await web.post(path, json={"reason": "changed my mind"}, headers=key)
    more = await web.post(path, json={"reason": "again"})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert problem(more) == (409, "nothing_to_cancel")
    assert await left(engine, shop, "lamp") == 5


async def test_an_order_that_changed_since_it_was_read_is_not_cancelled(web: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-02."""
    placed = await place(web, shop, ("chair", 2))
    path = f"/api/orders/{placed['order_id']}"

    refused = await web.post(f"{path}/cancel", json={"reason": "no"}, headers={"if-match": '"7"'})
    garbage = await web.post(f"{path}/cancel", json={"reason": "no"}, headers={"if-match": "yesterday"})
    done = await web.post(f"{path}/cancel", json={"reason": "no"}, headers={"if-match": '"1"'})

    assert problem(refused) == (409, "version_conflict")
    assert refused.json()["facts"]["present"] == 1
    assert problem(garbage) == (400, "bad_if_match")
    assert done.status_code == 200


async def test_a_held_order_is_let_go_by_a_person(web: httpx.AsyncClient, shop: Shop) -> None:
    placed = await place(web, shop)
    path = f"/api/orders/{placed['order_id']}/holds"

    held = await web.post(path, json={"reason": "call the customer"})
    assert held.status_code == 201, held.text
    assert (await web.get("/api/orders", params={"held": "true"})).json()["items"][0]["is_held"]
    released = await web.post(f"{path}/{held.json()['id']}/release", json={"reason": "all is well"})

    assert released.json()["status"] == "released"
    assert problem(await web.post(path, json={"reason": "x", "kind": "payment"})) == (409, "bad_hold_kind")
    assert problem(await web.post(f"{path}/{fresh_id()}/release", json={"reason": "x"})) == (404, "unknown_hold")


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


async def test_a_batch_answers_line_by_line_and_a_bad_line_hurts_no_other(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PLT-08."""
    good = msgspec.json.encode(body(shop, ("chair", 1)))
    short = msgspec.json.encode(body(shop, ("lamp", 99)))
    batch = b"\n".join([good, b"{nonsense", short, good, b"", good])

    outcomes = lines_of(await web.post("/api/orders/batch", content=batch))

    assert [(one["line"], one["status"]) for one in outcomes] == [(1, 201), (2, 400), (3, 409), (4, 201), (5, 201)]
    assert outcomes[2]["outcome"]["code"] == "out_of_stock"
    assert await left(engine, shop, "chair") == 57


async def test_a_batch_sent_again_under_its_key_places_nothing_new(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """PLT-01."""
    key = {"idempotency-key": fresh_code("key")}
    batch = b"\n".join(msgspec.json.encode(body(shop, ("service", 1), ("chair", 1))) for _ in range(12))

    first = lines_of(await web.post("/api/orders/batch", content=batch, headers=key))
    again = lines_of(await web.post("/api/orders/batch", content=batch, headers=key))
    other = lines_of(await web.post("/api/orders/batch", content=batch.replace(b"ana@", b"eva@"), headers=key))

    assert first == again
    assert {one["outcome"]["code"] for one in other} == {"idempotency_key_reused"}
    assert await left(engine, shop, "chair") == 48


async def test_a_batch_of_hundreds_comes_back_in_order(web: httpx.AsyncClient, shop: Shop) -> None:
    batch = b"\n".join(msgspec.json.encode(body(shop, ("service", 1))) for _ in range(250))

    outcomes = lines_of(await web.post("/api/orders/batch", content=batch))

    assert [one["line"] for one in outcomes] == list(range(1, 251))
    assert {one["status"] for one in outcomes} == {201}


async def open_cart(client: httpx.AsyncClient, shop: Shop, **more: Any) -> tuple[str, dict[str, str]]:
    answer = await client.post("/api/carts", json={"channel_code": shop.channel.code, **more})
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    return f"/api/carts/{opened['cart']['id']}", {"x-cart-token": opened["token"]}


async def test_a_guest_buys_a_cart_with_nothing_but_its_token(
    house: House, web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """RES-05."""
    async with engine.begin() as db:
        await build_carrier(db)
    cart, token = await open_cart(web, shop)
    async with house.client(**token) as guest:
        lines = [{"sku_code": shop.skus["chair"].code, "quantity": 2}]
        shown = (await guest.put(f"{cart}/lines", json={"lines": lines})).json()
        assert (shown["totals"]["gross_minor"], shown["lines"][0]["left"]) == (5_000, 60)
        await guest.put(f"{cart}/address", json={"ship_to": ADDRESS, "email": "ana@example.com"})
        options = (await guest.get(f"{cart}/delivery-options")).json()
        (standard,) = [one for one in options["shipping"] if one["service_kind"] == "standard"]
        assert (standard["charge_minor"], standard["total_minor"]) == (490, 5_490)
        assert [one["name"] for one in options["pickup"] if one["location_code"] == shop.locations["north"].code]
        shown = (await guest.put(f"{cart}/delivery", json={"service_kind": "standard"})).json()
        assert shown["totals"]["gross_minor"] == 5_490
        means = [{"method": "card", "amount_minor": 5_490, "token": "tok_visa"}]
        key = {"idempotency-key": fresh_code("key")}
        ordered = await guest.post(f"{cart}/order", json={"means": means}, headers=key)
        again = await guest.post(f"{cart}/order", json={"means": means})

    assert ordered.status_code == 201, ordered.text
    assert ordered.json() == again.json()
    whole = (await web.get(f"/api/orders/{ordered.json()['order_id']}")).json()
    assert whole["order"]["placed_by"] == "guest"
    assert whole["balance"]["due_minor"] == 5_490


async def test_a_cart_can_be_picked_up_where_all_of_it_lies(house: House, web: httpx.AsyncClient, shop: Shop) -> None:
    lines = [{"sku_code": shop.skus["lamp"].code, "quantity": 1}]
    cart, token = await open_cart(web, shop, lines=lines)
    north = shop.locations["north"].code
    async with house.client(**token) as guest:
        options = (await guest.get(f"{cart}/delivery-options")).json()
        assert [one["location_code"] for one in options["pickup"]] == [north]
        await guest.put(f"{cart}/address", json={"ship_to": ADDRESS})
        shown = (await guest.put(f"{cart}/delivery", json={"pickup_location_code": north})).json()
        assert (shown["method"], shown["totals"]["shipping_minor"]) == ("pickup", 0)
        ordered = await guest.post(f"{cart}/order", json={})

    whole = (await web.get(f"/api/orders/{ordered.json()['order_id']}")).json()
    assert whole["order"]["pickup_location_id"] == str(shop.locations["north"].id)


async def test_a_cart_can_be_picked_up_where_a_lane_brings_it(
    house: House, web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """FUL-12: held for the cart where it lies, and ordered."""
    north, south = shop.locations["north"], shop.locations["south"]
    lane = TransferLane(source_location_id=north.id, target_location_id=south.id, transit_days=1)
    async with engine.begin() as db:
        sound(await save_transfer_lanes(db, lanes=[lane], now=NOW))
    cart, token = await open_cart(web, shop, lines=[{"sku_code": shop.skus["lamp"].code, "quantity": 1}])
    async with house.client(**token) as guest:
        options = (await guest.get(f"{cart}/delivery-options")).json()
        assert {one["location_code"]: one["is_there"] for one in options["pickup"]} == {
            north.code: True,
            south.code: False,
        }
        await guest.put(f"{cart}/address", json={"ship_to": ADDRESS})
        await guest.put(f"{cart}/delivery", json={"pickup_location_code": south.code})
        held = await guest.post(f"{cart}/reservation", json={})
        ordered = await guest.post(f"{cart}/order", json={})

    assert held.status_code in {200, 201}, held.text
    assert ordered.status_code == 201, ordered.text


async def test_nobody_gets_at_a_cart_without_its_token(house: House, web: httpx.AsyncClient, shop: Shop) -> None:
    cart, token = await open_cart(web, shop)
    wrong = {"x-cart-token": "0" * 64}
    key = {"idempotency-key": fresh_code("key")}
    lines = {"lines": [{"sku_code": shop.skus["chair"].code, "quantity": 1}]}

    async with house.client() as stranger:
        assert (await stranger.put(f"{cart}/lines", json=lines, headers=token | key)).status_code == 200
        for headers in ({}, wrong):
            assert problem(await stranger.get(cart, headers=headers)) == (404, "unknown_cart")
            stolen = await stranger.put(f"{cart}/lines", json=lines, headers=headers | key)
            assert problem(stolen) == (404, "unknown_cart")
        assert problem(await stranger.post("/api/carts", json={"channel_code": "x"})) == (401, "not_signed_in")
    async with house.asked_by(a_caller("carts.write", channel_ids=frozenset({fresh_id()}))) as elsewhere:
        assert problem(await elsewhere.get(cart)) == (404, "unknown_cart")
    async with house.asked_by(a_caller("orders.read")) as clerk:
        assert problem(await clerk.get(cart)) == (404, "unknown_cart")


async def test_a_cart_that_changed_on_another_device_is_not_overwritten(web: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-02."""
    cart, _ = await open_cart(web, shop)
    lines = {"lines": [{"sku_code": shop.skus["chair"].code, "quantity": 1}]}
    seen = (await web.get(cart)).headers["etag"]

    first = await web.put(f"{cart}/lines", json=lines, headers={"if-match": seen})
    second = await web.put(f"{cart}/lines", json=lines, headers={"if-match": seen})

    assert first.json()["version"] == 2
    assert problem(second) == (409, "version_conflict")
    assert second.json()["facts"] == {"present": 2, "wanted": 1}


async def test_a_cart_holds_its_goods_for_a_while_and_gives_them_back(web: httpx.AsyncClient, shop: Shop) -> None:
    """RES-01, RES-03, RES-04."""
    lines = [{"sku_code": shop.skus["lamp"].code, "quantity": 5}]
    cart, _ = await open_cart(web, shop, lines=lines)
    other, _ = await open_cart(web, shop, lines=lines)

    held = await web.post(f"{cart}/reservation", json={})
    assert held.status_code == 201, held.text
    assert sum(held.json()["granted"].values()) == 5
    assert (await web.get(cart)).json()["reserved_until_at"] == held.json()["until_at"]
    refused = await web.post(f"{other}/reservation", json={})
    assert problem(refused) == (409, "out_of_stock")
    assert refused.json()["facts"]["lines"][0]["left"] == 0

    assert (await web.delete(f"{cart}/reservation")).status_code == 204
    assert (await web.post(f"{other}/reservation", json={})).status_code == 201


async def test_a_card_number_is_not_taken_and_not_repeated(web: httpx.AsyncClient, shop: Shop) -> None:
    """PAY-10."""
    number = "4111 1111 1111 1111"
    means = [{"method": "card", "amount_minor": 100, "token": number}]

    refused = await web.post("/api/orders", json=body(shop, means=means))

    assert problem(refused) == (400, "card_number_given")
    assert "4111" not in refused.text


async def test_many_buyers_at_once_share_a_few_transactions_and_sell_each_unit_once(
    web: httpx.AsyncClient, shop: Shop, engine: Engine
) -> None:
    """RES-02, RES-08."""
    async with engine.connect() as db:
        before = await db.scalar(text("SELECT count(*) FROM plumbing.event"))
    answers = await asyncio.gather(*(web.post("/api/orders", json=body(shop, ("lamp", 1))) for _ in range(40)))

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (5, 35)
    assert await left(engine, shop, "lamp") == 0
    async with engine.connect() as db:
        told = await db.scalar(text("SELECT count(DISTINCT xid) FROM plumbing.event WHERE id > :id"), {"id": before})
    assert told
    assert UUID(answers[statuses.index(201)].json()["order_id"])
