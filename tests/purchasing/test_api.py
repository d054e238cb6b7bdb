"""What a supplier, and who buys from it, do through the API."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest

from batuta.fulfillment.domain import FulfillmentOrder
from batuta.locations.commands import save_locations
from batuta.locations.domain import LocationKind
from batuta.plumbing.database import Engine
from batuta.purchasing.api import ROUTES
from batuta.purchasing.commands import order_from_suppliers
from tests.asking import House, a_caller, at, problem, told
from tests.fulfillment.orders import World, build_world
from tests.making import NOW, fresh_code, fresh_id
from tests.world import sound

WHERE: Mapping[str, dict[str, int]] = {"chair": {"north": 100}, "table": {"south": 100}}


@pytest.fixture
async def world(engine: Engine) -> World:
    """A shop whose `north` is a supplier."""
    async with engine.begin() as db:
        world = await build_world(db, **WHERE)
        maker = msgspec.structs.replace(world.shop.locations["north"], kind=LocationKind.SUPPLIER)
        sound(await save_locations(db, locations=[maker], now=NOW))
    return world


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def buyer(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("purchasing.read", "purchasing.manage"))


@pytest.fixture
def maker(house: House, world: World) -> httpx.AsyncClient:
    """Somebody of the supplier."""
    here = at(world.shop.locations["north"].id)
    return house.asked_by(a_caller("purchasing.read", "fulfillment.work", **here))


async def terms(buyer: httpx.AsyncClient, world: World, **body: Any) -> str:
    """Make the north a supplier; answer with its address."""
    path = f"/api/suppliers/{world.shop.locations['north'].code}"
    answer = await buyer.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return path


async def bought(engine: Engine, world: World) -> FulfillmentOrder:
    async with engine.begin() as db:
        [work] = await world.offered(db, ("chair", 2), expires_at=None)
        await order_from_suppliers(db, work={work.id: work.location_id}, actor="test:score", now=NOW)
        await order_from_suppliers(db, work={work.id: work.location_id}, actor="test:score", now=NOW)
    return work


async def do(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_supplier_works_its_purchase_order_and_is_invoiced(
    engine: Engine, world: World, buyer: httpx.AsyncClient, maker: httpx.AsyncClient
) -> None:
    """FUL-13."""
    path = await terms(buyer, world, price_tolerance_bp=50)
    costs = await buyer.put(
        f"{path}/costs", json={"costs": [{"sku_code": world.shop.skus["chair"].code, "cost_minor": 1_200}]}
    )
    assert costs.status_code == 200, costs.text
    listed = (await buyer.get(f"{path}/costs")).json()["items"]
    assert [one["cost_minor"] for one in listed] == [1_200]
    work = await bought(engine, world)

    found = (await maker.get("/api/purchase-orders", params={"order_id": str(work.order_id)})).json()["items"]
    assert [(one["status"], one["cost_minor"]) for one in found] == [("sent", 2_400)]
    one = f"/api/purchase-orders/{found[0]['id']}"
    assert (await do(maker, f"{one}/acknowledge", note="tomorrow"))["status"] == "acknowledged"
    number = fresh_code("MK")
    assert (await do(maker, f"{one}/ship", tracking_number=number))["status"] == "shipped"
    (line,) = (await buyer.get(one)).json()["lines"]
    asked = [{"purchase_line_id": line["id"], "quantity": 2, "unit_price_minor": 1_300}]
    invoice = await do(buyer, f"{one}/invoices", number="F-9", currency="EUR", lines=asked)
    assert (invoice["status"], invoice["differences"][0]["kind"]) == ("disputed", "price")
    taken = await do(buyer, f"{one}/invoices/{invoice['id']}/accept", reason="dearer wood")
    assert taken["status"] == "accepted"
    assert len((await maker.get(f"{one}/invoices")).json()["invoices"]) == 1
    again = await buyer.post(f"{one}/invoices/{invoice['id']}/accept", json={"reason": "twice"})
    assert problem(again) == (409, "nothing_to_accept")


async def test_a_draft_is_approved_with_its_costs(
    engine: Engine, world: World, buyer: httpx.AsyncClient, maker: httpx.AsyncClient
) -> None:
    await terms(buyer, world)
    work = await bought(engine, world)
    (draft,) = (await buyer.get("/api/purchase-orders", params={"order_id": str(work.order_id)})).json()["items"]
    one = f"/api/purchase-orders/{draft['id']}"
    assert problem(await maker.post(f"{one}/acknowledge", json={})) == (409, "not_sent_yet")
    assert problem(await maker.post(f"{one}/approve", json={})) == (403, "permission_missing")
    costs = [{"purchase_line_id": draft["lines"][0]["id"], "unit_cost_minor": 900}]
    assert (await do(buyer, f"{one}/approve", costs=costs))["status"] == "sent"
    refused = await do(maker, f"{one}/reject", reason="cannot_serve", note="no wood")
    assert (refused["status"], refused["steps"][-1]["note"]) == ("rejected", "no wood")


async def test_a_supplier_sees_nothing_of_another(
    engine: Engine, world: World, house: House, buyer: httpx.AsyncClient
) -> None:
    """PLT-07."""
    path = await terms(buyer, world)
    work = await bought(engine, world)
    (draft,) = (await buyer.get("/api/purchase-orders", params={"order_id": str(work.order_id)})).json()["items"]
    stranger = house.asked_by(a_caller("purchasing.read", "fulfillment.work", **at(world.shop.locations["south"].id)))
    one = f"/api/purchase-orders/{draft['id']}"
    assert (await stranger.get("/api/purchase-orders")).json()["items"] == []
    assert problem(await stranger.get(one)) == (404, "unknown_purchase")
    assert problem(await stranger.post(f"{one}/ship", json={})) == (404, "unknown_purchase")
    assert problem(await stranger.get(f"{path}/costs")) == (404, "unknown_location")
    ours = world.shop.locations["north"].id
    seen = (await stranger.get("/api/suppliers")).json()["suppliers"]
    assert str(ours) not in {each["location_id"] for each in seen}


async def test_bad_input_is_refused(world: World, buyer: httpx.AsyncClient) -> None:
    path = await terms(buyer, world)
    south = f"/api/suppliers/{world.shop.locations['south'].code}"
    strange = {"costs": [{"sku_code": "no such", "cost_minor": 1}]}
    assert problem(await buyer.put(south, json={})) == (409, "not_a_supplier")
    assert problem(await buyer.put(f"{path}/costs", json=strange)) == (404, "unknown_goods")
    assert (await buyer.put(path, json={"commission_bp": 10_001})).status_code == 400
    assert problem(await buyer.get(f"/api/purchase-orders/{fresh_id()}")) == (404, "unknown_purchase")
    assert (await buyer.get("/api/purchase-orders", params={"due_before": "yesterday"})).status_code == 400


async def test_who_changed_the_terms_of_a_supplier_is_told_with_those_before(
    engine: Engine, world: World, buyer: httpx.AsyncClient
) -> None:
    """PLT-06"""
    for commission_bp in (1_500, 1_500, 1_200):
        await terms(buyer, world, commission_bp=commission_bp)

    facts = await told(engine, world.shop.locations["north"].id)

    first, last = [one for one in facts if one[0] == "purchasing.supplier_saved"]
    assert first[1] == last[1] == "staff:ana@example.com"
    assert last[2]["changes"] == {"commission_bp": {"before": 1_500, "after": 1_200}}
