"""What a location does through the API."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from batuta.fulfillment.api import ROUTES
from batuta.fulfillment.commands import request_cancellations
from batuta.fulfillment.domain import FulfillmentOrder, Method, RequestCancellation
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.ordering.commands import add_holds
from batuta.ordering.domain import HoldKind, NewHold, Stage
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.fulfillment.orders import World, build_world, facts
from tests.making import NOW, fresh_code, fresh_id

MAY = ("fulfillment.read", "fulfillment.work")
WHERE = {"chair": {"north": 100}, "table": {"south": 100}}
SOLD_IN = {"north": "chair", "south": "table"}


@pytest.fixture
async def world(engine: Engine) -> World:
    async with engine.begin() as db:
        return await build_world(db, **WHERE)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def picker(house: House, world: World) -> httpx.AsyncClient:
    """Somebody who works in the north."""
    return house.asked_by(a_caller(*MAY, **at(world.shop.locations["north"].id)))


async def offered(
    engine: Engine, world: World, units: int = 2, place: str = "north", **changes: Any
) -> FulfillmentOrder:
    async with engine.begin() as db:
        [one] = await world.offered(db, (SOLD_IN[place], units), expires_at=None, place=place, **changes)
        return one


def path(one: FulfillmentOrder, verb: str = "") -> str:
    return f"/api/fulfillment-orders/{one.id}{'/' if verb else ''}{verb}"


async def do(client: httpx.AsyncClient, one: FulfillmentOrder, verb: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path(one, verb), json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_picker_works_an_order_from_the_list_to_the_carrier(
    engine: Engine, world: World, picker: httpx.AsyncClient
) -> None:
    """FUL-10: one associate, a simple list, and each verb says how it stands then."""
    one = await offered(engine, world)
    listed = (await picker.get("/api/fulfillment-orders", params={"status": "offered"})).json()
    assert [row["id"] for row in listed["items"]] == [str(one.id)]

    statuses = [(await do(picker, one, verb))["status"] for verb in ("accept", "start-picking", "pick", "pack")]
    assert statuses == ["accepted", "picking", "picked", "packed"]
    gone = await do(picker, one, "hand-over")

    assert gone["status"] == "handed_over"
    assert gone["packages"][0]["handed_over_at"]
    async with engine.connect() as db:
        told = await facts(db, one.order_id)
    assert [fact.removeprefix("fulfillment.") for fact in told] == [
        "offered", "accepted", "picking_started", "picked", "packed", "handed_over",
    ]  # fmt: skip


async def test_everything_in_one_go(engine: Engine, world: World, picker: httpx.AsyncClient) -> None:
    one = await offered(engine, world)

    assert (await do(picker, one, "dispatch", label_format="zpl"))["status"] == "handed_over"
    assert (await do(picker, one, "dispatch"))["status"] == "handed_over"


async def test_a_shortage_and_boxes_of_ones_own(engine: Engine, world: World, picker: httpx.AsyncClient) -> None:
    """FUL-03, FUL-05: the actual boxes are recorded; saying it again changes nothing."""
    one = await offered(engine, world, units=3)
    line = one.lines[0]
    await do(picker, one, "accept")
    await do(picker, one, "pick", lines=[{"line_id": str(line.line_id), "quantity": 2}])
    short = await do(picker, one, "short", lines=[{"line_id": str(line.line_id), "quantity": 1}])
    assert (short["status"], short["lines"][0]["short"]) == ("picked", 1)

    content = {"line_id": str(line.line_id), "sku_id": str(line.sku_id), "quantity": 1}
    boxes = [{"contents": [content], "weight_g": 1_300}, {"contents": [content]}]
    packed = await do(picker, one, "pack", parcels=boxes)
    assert len(packed["packages"]) == 2
    assert await do(picker, one, "pack", parcels=boxes) == packed
    wrong = await picker.post(path(one, "pack"), json={"parcels": boxes[:1]})
    assert problem(wrong) == (409, "already_packed")


async def test_a_rejected_offer_says_why(engine: Engine, world: World, picker: httpx.AsyncClient) -> None:
    one = await offered(engine, world)

    rejected = await do(picker, one, "reject", reason="no_capacity")

    assert (rejected["status"], rejected["reason"]) == ("rejected", "no_capacity")
    assert problem(await picker.post(path(one, "accept"))) == (409, "illegal_move")


async def test_nobody_works_or_sees_another_locations_orders(
    engine: Engine, world: World, house: House, picker: httpx.AsyncClient
) -> None:
    """PLT-07: what is elsewhere is told as not being there."""
    elsewhere = await offered(engine, world, place="south")
    south = world.shop.locations["south"].id

    for answer in (
        await picker.get(path(elsewhere)),
        await picker.post(path(elsewhere, "accept")),
        await picker.post(path(elsewhere, "dispatch"), json={}),
        await picker.post(path(elsewhere, f"cancellations/{fresh_id()}/agree"), json={}),
    ):
        assert problem(answer) == (404, "unknown_fulfillment_order")
    assert problem(await picker.get(f"/api/orders/{elsewhere.order_id}/fulfillments")) == (404, "unknown_order")
    listed = (await picker.get("/api/fulfillment-orders", params={"location_id": [str(south)]})).json()
    assert listed == {"items": [], "next": None}

    other_shop = house.asked_by(a_caller(*MAY, channel_ids=frozenset({fresh_id()})))
    assert problem(await other_shop.get(path(elsewhere))) == (404, "unknown_fulfillment_order")
    own_shop = house.asked_by(a_caller(*MAY, channel_ids=frozenset({world.shop.channel.id})))
    seen = (await own_shop.get(f"/api/orders/{elsewhere.order_id}/fulfillments")).json()
    assert [one["id"] for one in seen["items"]] == [str(elsewhere.id)]
    assert [one["id"] for one in (await own_shop.get("/api/fulfillment-orders")).json()["items"]] == [str(elsewhere.id)]


async def test_a_parcel_of_elsewhere_is_not_taken_back_here(
    engine: Engine, world: World, house: House, picker: httpx.AsyncClient
) -> None:
    everywhere = house.asked_by(a_caller(*MAY))
    elsewhere, here = await offered(engine, world, place="south"), await offered(engine, world)
    parcels = [(await do(everywhere, one, "dispatch"))["packages"][0]["parcel_id"] for one in (elsewhere, here)]

    assert problem(await picker.post(f"/api/parcels/{parcels[0]}/take-back", json={})) == (404, "unknown_package")
    south = {"location_id": str(world.shop.locations["south"].id)}
    assert problem(await picker.post(f"/api/parcels/{parcels[1]}/take-back", json=south)) == (404, "unknown_location")
    nowhere = {"location_id": str(fresh_id())}
    answer = await everywhere.post(f"/api/parcels/{parcels[1]}/take-back", json=nowhere)
    assert problem(answer) == (404, "unknown_location")
    back = await picker.post(f"/api/parcels/{parcels[1]}/take-back", json={"reason": "refused at the door"})
    assert back.json()["packages"][0]["taken_back_at"]


async def test_a_lost_parcel_is_written_off_by_whoever_may_cancel(
    engine: Engine, world: World, house: House, picker: httpx.AsyncClient
) -> None:
    one = await offered(engine, world)
    parcel_id = (await do(picker, one, "dispatch"))["packages"][0]["parcel_id"]
    path, body = f"/api/parcels/{parcel_id}/write-off", {"reason": "claim 12"}
    agent = house.asked_by(a_caller("orders.cancel"))
    stranger = house.asked_by(a_caller("orders.cancel", channel_ids=frozenset({fresh_id()})))

    assert problem(await picker.post(path, json=body)) == (403, "permission_missing")
    assert problem(await stranger.post(path, json=body)) == (404, "unknown_package")
    assert (await agent.post(path, json={})).status_code == 400
    lost = await agent.post(path, json=body)
    assert lost.json()["packages"][0]["written_off_at"]
    assert problem(await picker.post(f"/api/parcels/{parcel_id}/take-back", json={})) == (409, "already_written_off")


async def test_pages_of_the_work_list_neither_repeat_nor_skip(
    engine: Engine, world: World, picker: httpx.AsyncClient
) -> None:
    async with engine.begin() as db:
        work = await world.offered(db, ("chair", 1), count=5, expires_at=None)
    found: list[str] = []
    cursor: str | None = None
    for size in (2, 2, 1):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await picker.get("/api/fulfillment-orders", params=params)).json()
        assert len(page["items"]) == size
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]

    assert cursor is None
    assert sorted(found) == sorted(str(one.id) for one in work)


async def test_whoever_read_an_older_version_is_told_the_present_one(
    engine: Engine, world: World, picker: httpx.AsyncClient
) -> None:
    """PLT-02."""
    one = await offered(engine, world)
    read = await picker.get(path(one))
    await do(picker, one, "accept")

    answer = await picker.post(path(one, "start-picking"), headers={"if-match": read.headers["etag"]})
    assert problem(answer) == (409, "version_conflict")
    present = f'"{answer.json()["facts"]["present"]}"'
    again = await picker.post(path(one, "start-picking"), headers={"if-match": present})
    assert again.status_code == 200
    assert again.headers["etag"] != present


async def test_a_verb_with_a_key_is_done_once(engine: Engine, world: World, picker: httpx.AsyncClient) -> None:
    """PLT-01: also when the answer would be another one by now."""
    one = await offered(engine, world)
    key = {"idempotency-key": fresh_code("key")}
    first = await picker.post(path(one, "accept"), headers=key)
    await do(picker, one, "start-picking")

    again = await picker.post(path(one, "accept"), headers=key)
    assert again.json() == first.json()
    other = await picker.post(path(one, "pick"), headers=key, json={})
    assert problem(other) == (409, "idempotency_key_reused")


async def ready_at_the_counter(engine: Engine, world: World, picker: httpx.AsyncClient) -> tuple[Any, str]:
    one = await offered(engine, world, method=Method.PICKUP, service_id=None, ship_to=None)
    for verb in ("accept", "pack", "ready"):
        told = await do(picker, one, verb)
        assert told["pickup_code"] is None
    async with engine.connect() as db:
        code = (await fulfillment_orders_by_id(db, [one.id]))[one.id].pickup_code
    assert code is not None
    return one, code


async def test_goods_at_the_counter_are_given_to_whoever_knows_the_code(
    engine: Engine, world: World, picker: httpx.AsyncClient
) -> None:
    """FUL-11: the code is the customer's alone; the location is never told it."""
    one, code = await ready_at_the_counter(engine, world, picker)
    await do(picker, one, "ready")
    guessed = "22222222" if code != "22222222" else "33333333"

    assert problem(await picker.post(path(one, "collect"), json={"code": guessed})) == (409, "wrong_code")
    for never in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        assert problem(await picker.post(path(one, "extend"), json={"until_at": never})) == (409, "bad_time")
    given = await do(picker, one, "collect", code=code.lower(), collected_by="Ana Ruiz")
    assert (given["status"], given["collected_by"]) == ("closed", "Ana Ruiz")


async def test_only_who_releases_holds_lets_goods_of_a_held_order_leave(
    engine: Engine, world: World, house: House, picker: httpx.AsyncClient
) -> None:
    """PAY-04: an explicit override by a role that may."""
    one = await offered(engine, world)
    await do(picker, one, "accept")
    await do(picker, one, "pack")
    hold = NewHold(
        id=fresh_id(),
        order_id=one.order_id,
        kind=HoldKind.MANUAL,
        reason="address looks wrong",
        actor="staff:bo",
        blocks=Stage.SHIP,
    )
    async with engine.begin() as db:
        await add_holds(db, holds=[hold], now=NOW)

    assert problem(await picker.post(path(one, "hand-over"), json={})) == (409, "order_held")
    despite = {"despite_hold": "the customer called"}
    assert problem(await picker.post(path(one, "hand-over"), json=despite)) == (403, "permission_missing")
    agent = house.asked_by(a_caller(*MAY, "orders.hold"))
    assert (await do(agent, one, "hand-over", **despite))["status"] == "handed_over"


@pytest.mark.parametrize(("verb", "status"), [("agree", "cancelled"), ("refuse", "refused")])
async def test_a_location_that_is_asked_to_stop_answers(
    engine: Engine, world: World, picker: httpx.AsyncClient, verb: str, status: str
) -> None:
    """ORD-04."""
    one = await offered(engine, world)
    await do(picker, one, "accept")
    await do(picker, one, "start-picking")
    wish = RequestCancellation(id=fresh_id(), order_id=one.order_id, actor="customer:ana")
    async with engine.begin() as db:
        await request_cancellations(db, requests=[wish], now=NOW)
    asked = (await picker.get(f"/api/orders/{one.order_id}/fulfillments")).json()
    assert [part["status"] for part in asked["cancellations"][0]["parts"]] == ["requested"]

    answered = await do(picker, one, f"cancellations/{wish.id}/{verb}", reason="as they wish")
    assert answered["status"] == status
    assert problem(await picker.post(path(one, f"cancellations/{fresh_id()}/agree"), json={})) == (
        404,
        "unknown_cancellation",
    )


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("pick", {"lines": [{"line_id": str(fresh_id()), "quantity": 2**31}]}),
        ("pick", {"lines": [{"line_id": str(fresh_id()), "quantity": 1, "colour": "red"}]}),
        ("pick", {"lines": [{"line_id": "x", "quantity": 1}]}),
        ("pick", {"lines": [{"line_id": str(fresh_id()), "quantity": 1}] * 1_001}),
        ("pick", []),
        ("short", {"lines": []}),
        ("short", {}),
        ("reject", {"reason": "laziness"}),
        ("reject", {"reason": "other", "actor": "staff:boss"}),
        ("pack", {"parcels": [{"contents": []}]}),
        ("pack", {"label_format": "svg"}),
        ("ready", {"until_at": "2026-01-01T00:00:00"}),
        ("collect", {"code": "'; DROP TABLE"}),
        ("collect", {}),
        ("hand-over", {"despite_hold": ""}),
        ("hand-over", {"parcel_ids": []}),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_and_nothing_happens(
    engine: Engine, world: World, picker: httpx.AsyncClient, verb: str, body: Any
) -> None:
    one = await offered(engine, world)

    answer = await picker.post(path(one, verb), json=body)

    assert answer.status_code == 400, answer.text
    assert (await picker.get(path(one))).json()["version"] == one.version


@pytest.mark.parametrize(
    "params",
    [
        {"status": "sleeping"},
        {"location_id": "north"},
        {"limit": "0"},
        {"limit": "201"},
        {"cursor": "ñ"},
        {"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgIngiXQ"},
        {"method": "pigeon"},
    ],
)
async def test_a_strange_list_is_refused(picker: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await picker.get("/api/fulfillment-orders", params=params)).status_code in {400, 409}


async def test_without_permission_nothing_is_read_or_done(engine: Engine, world: World, house: House) -> None:
    one = await offered(engine, world)
    reader = house.asked_by(a_caller("fulfillment.read"))

    assert problem(await reader.post(path(one, "accept"))) == (403, "permission_missing")
    assert problem(await house.client().get(path(one))) == (401, "not_signed_in")
    assert problem(await house.asked_by(a_caller()).get("/api/fulfillment-orders")) == (403, "permission_missing")


async def test_what_is_not_there_is_not_found(house: House) -> None:
    everywhere = house.asked_by(a_caller(*MAY))
    nothing = UUID(int=1)

    for verb in ("accept", "start-picking"):
        answer = await everywhere.post(f"/api/fulfillment-orders/{nothing}/{verb}")
        assert problem(answer) == (404, "unknown_fulfillment_order")
    for verb in ("pick", "pack", "ready", "dispatch", "hand-over"):
        answer = await everywhere.post(f"/api/fulfillment-orders/{nothing}/{verb}", json={})
        assert problem(answer) == (404, "unknown_fulfillment_order")
    answer = await everywhere.post(f"/api/fulfillment-orders/{nothing}/accept", headers={"if-match": '"3"'})
    assert problem(answer) == (404, "unknown_fulfillment_order")
    assert problem(await everywhere.get(f"/api/fulfillment-orders/{nothing}")) == (404, "unknown_fulfillment_order")
    assert problem(await everywhere.get(f"/api/orders/{nothing}/fulfillments")) == (404, "unknown_order")
    assert (await everywhere.get("/api/fulfillment-orders/xyz")).status_code == 404
