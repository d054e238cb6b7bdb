"""What is made to order, through the API: its recipe, its order, and the work (SRC-14, FUL-14)."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from batuta.catalog.api import ROUTES as CATALOG
from batuta.catalog.commands import set_recipes
from batuta.fulfillment.api import ROUTES as FULFILLMENT
from batuta.ordering.api import ROUTES as ORDERING
from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES as SOURCING
from tests.asking import House, a_caller, at, problem
from tests.journeys.conftest import OpenShop
from tests.journeys.test_made_to_order import PROOF, RECIPE, SAID, Workshop, opened
from tests.making import fresh_id
from tests.world import MADRID

CATALOG_MAY = ("catalog.read", "catalog.write")
WORK_MAY = ("fulfillment.read", "fulfillment.work")
AGENT_MAY = ("orders.read", "orders.cancel", "orders.place", "inventory.read")


@pytest.fixture
async def workshop(open_shop: OpenShop) -> Workshop:
    return await opened(open_shop)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, [*CATALOG, *FULFILLMENT, *ORDERING, *SOURCING])


async def test_a_recipe_is_said_of_what_is_made_to_order(house: House, workshop: Workshop) -> None:
    """FUL-14: abilities, steps in both languages with pictures, fields; and what contradicts itself."""
    clerk = house.asked_by(a_caller(*CATALOG_MAY))
    path = f"/api/skus/{workshop.id('watch')}/recipe"
    known = (await clerk.get(path)).json()
    assert known["abilities"] == ["engrave"]
    assert known["steps"][0]["text"]["es"] == "Graba la tapa"
    changed = await clerk.put(path, json=known | {"needs_proof": False})
    assert changed.status_code == 200, changed.text
    assert (await clerk.get(path)).json()["needs_proof"] is False

    field = {"code": "text", "name": {"en": "Text"}}
    assert problem(await clerk.put(path, json={"fields": [field, field]})) == (409, "bad_recipe")
    assert problem(await clerk.put(path, json={"fields": [field | {"kind": "choice"}]})) == (409, "bad_recipe")
    assert (await clerk.put(path, json={"abilities": ["juggle"]})).status_code == 400
    assert (await clerk.put(path, json={"steps": [{"text": {"en": "x"}, "links": ["http://a.b"]}]})).status_code == 400
    case = f"/api/skus/{workshop.id('case')}/recipe"
    assert problem(await clerk.put(case, json={})) == (409, "not_made_to_order")
    assert problem(await clerk.get(case)) == (404, "unknown_recipe")
    watch = {"parts": [{"sku_id": str(workshop.id("watch")), "quantity": 1}]}
    assert problem(await clerk.put(f"/api/skus/{workshop.id('case')}/kit-parts", json=watch)) == (409, "bad_part")
    bundle = {"components": watch["parts"]}
    assert problem(await clerk.put(f"/api/skus/{workshop.id('set')}/components", json=bundle)) == (409, "bad_component")
    instead = {"substitutes": [{"sku_id": str(workshop.id("watch")), "rank": 1}]}
    path = f"/api/skus/{workshop.id('case')}/substitutes"
    assert problem(await clerk.put(path, json=instead)) == (409, "bad_substitute")


async def test_it_is_ordered_and_promised_with_what_it_takes(house: House, workshop: Workshop) -> None:
    """SRC-14: personalisation comes with the line; a promise is made of parts, by who can."""
    agent = house.asked_by(a_caller(*AGENT_MAY))
    shop = workshop.journey.shop
    code = shop.skus["watch"].code
    order = {"channel_code": shop.channel.code, "ship_to": msgspec.to_builtins(MADRID)}
    line = {"sku_code": code, "quantity": 1}
    missing = await agent.post("/api/orders", json=order | {"lines": [line]})
    assert problem(missing) == (409, "wrong_personalisation")

    placed = await agent.post("/api/orders", json=order | {"lines": [line | {"personalisation": SAID}]})
    assert placed.status_code == 201, placed.text
    whole = (await agent.get(f"/api/orders/{placed.json()['number']}")).json()
    assert [one["personalisation"] for one in whole["made"]] == [SAID]
    parts = whole["order"]["lines"][0]["components"]
    assert sorted(part["quantity"] for part in parts) == [1, 2]

    asked = {
        "channel_code": shop.channel.code,
        "lines": [line],
        "destination": {"country": "ES", "postal_code": "28014"},
    }
    promised = await agent.post("/api/promises", json=asked)
    plans = [plan for one in promised.json()["options"] for plan in one["shipments"]]
    assert {plan["location_code"] for plan in plans} == {shop.locations["atelier"].code}
    slow = msgspec.structs.replace(RECIPE, minutes=3 * 24 * 60)
    await workshop.journey.do(set_recipes, recipes={workshop.id("watch"): slow})
    later = (await agent.post("/api/promises", json=asked)).json()["options"]
    sooner = {one["service_kind"]: one for one in promised.json()["options"]}
    waits = [_day(one["p50_at"]) - _day(sooner[one["service_kind"]]["p50_at"]) for one in later]
    assert waits
    assert all(timedelta(days=3) <= one for one in waits)


async def test_it_is_put_into_a_cart_once_for_each_buyer_of_it(house: House, workshop: Workshop) -> None:
    """SRC-14, FUL-14: checked when it is put there; each personalisation is a line of its own, and is what is made."""
    web = house.asked_by(a_caller("carts.write", "orders.read"))
    shop = workshop.journey.shop
    watch = {"sku_code": shop.skus["watch"].code, "quantity": 1}
    field = next(iter(SAID))
    other = SAID | {field: "Para Luz"}
    opened = await web.post("/api/carts", json={"channel_code": shop.channel.code})
    path = f"/api/carts/{opened.json()['cart']['id']}"

    async def put(*lines: dict[str, Any]) -> httpx.Response:
        return await web.put(f"{path}/lines", json={"lines": list(lines)})

    assert problem(await put(watch)) == (409, "wrong_personalisation")
    both = await put(watch | {"personalisation": SAID}, watch | {"personalisation": other})
    assert [one["personalisation"] for one in both.json()["lines"]] == [SAID, other], both.text
    twice = await put(watch | {"personalisation": SAID, "quantity": 2})
    assert [one["quantity"] for one in twice.json()["lines"]] == [2, 1]
    one_less = await put(watch | {"personalisation": SAID, "quantity": 0})
    assert [one["personalisation"] for one in one_less.json()["lines"]] == [other]
    assert (await put(watch | {"quantity": 0})).json()["lines"] == []

    await put(watch | {"personalisation": other})
    await web.put(f"{path}/address", json={"ship_to": msgspec.to_builtins(MADRID)})
    placed = await web.post(f"{path}/order", json={})
    assert placed.status_code == 201, placed.text
    whole = (await web.get(f"/api/orders/{placed.json()['number']}")).json()
    assert [one["personalisation"] for one in whole["made"]] == [other]


async def test_a_work_order_is_done_by_those_who_see_it(house: House, workshop: Workshop) -> None:
    """FUL-14, PLT-07: the list of a location, the proof and its answer, signatures, and strangers see none of it."""
    journey = workshop.journey
    order_id = await workshop.buy()
    id_ = await workshop.accept(order_id)
    shop = journey.shop
    maker = house.asked_by(a_caller(*WORK_MAY, **at(shop.locations["atelier"].id)))
    stranger = house.asked_by(a_caller(*WORK_MAY, **at(shop.locations["plain"].id)))
    agent = house.asked_by(a_caller(*AGENT_MAY))

    assert (await stranger.get("/api/work-orders", params={"order_id": str(order_id)})).json()["items"] == []
    (work,) = (
        await maker.get("/api/work-orders", params={"status": "awaiting_proof", "order_id": str(order_id)})
    ).json()["items"]
    path = f"/api/work-orders/{work['id']}"
    assert problem(await stranger.get(path)) == (404, "unknown_work_order")
    assert problem(await maker.post(f"{path}/proof/answer", json={"proof": PROOF, "answer": "approve"})) == (
        403,
        "permission_missing",
    )
    assert (await maker.post(f"{path}/proof", json={"proof": "http://x.y/z"})).status_code == 400
    sent = await maker.post(f"{path}/proof", json={"proof": PROOF})
    assert sent.json()["status"] == "proof_sent", sent.text
    said = {"proof": PROOF, "answer": "approve"}
    assert problem(await agent.post(f"{path}/proof/answer", json=said, headers={"if-match": '"1"'})) == (
        409,
        "version_conflict",
    )
    assert (await agent.post(f"{path}/proof/answer", json=said)).json()["status"] == "open"

    await workshop.picked(id_)
    assert problem(await maker.post(f"{path}/finish")) == (409, "illegal_move")
    assert problem(await maker.post(f"{path}/steps/0/sign", json={})) == (409, "not_begun")
    assert (await maker.post(f"{path}/start")).json()["status"] == "started"
    assert problem(await maker.post(f"{path}/steps/2/sign", json={})) == (404, "unknown_step")
    await _sign_all(maker, path)
    assert problem(await maker.post(f"/api/fulfillment-orders/{id_}/pack", json={})) == (409, "not_made")
    done = (await maker.post(f"{path}/finish")).json()
    assert done["status"] == "done"
    assert [mark["kind"] for mark in done["marks"]][-3:] == ["signed", "signed", "done"]
    failed = await maker.post(f"{path}/fail", json={"reason": "crooked"})
    assert failed.json()["status"] == "started"
    await _sign_all(maker, path)
    await maker.post(f"{path}/finish")
    box = [{"line_id": work["line_id"], "sku_id": work["sku_id"], "quantity": 1}]
    packed = await maker.post(f"/api/fulfillment-orders/{id_}/pack", json={"parcels": [{"contents": box}]})
    assert packed.json()["status"] == "packed", packed.text
    assert problem(await maker.get(f"/api/work-orders/{fresh_id()}")) == (404, "unknown_work_order")


def _day(said: str) -> date:
    return datetime.fromisoformat(said).date()


async def _sign_all(maker: httpx.AsyncClient, path: str) -> None:
    for step in range(2):
        signed: Any = await maker.post(f"{path}/steps/{step}/sign", json={"note": "ok"})
        assert signed.status_code == 200, signed.text
