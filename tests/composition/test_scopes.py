"""A store user sees only its location, a channel's key only its channel (PLT-07), after a whole day."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from batuta.app import create_app
from batuta.identity.domain import PERMISSIONS, Role
from batuta.plumbing.database import Engine
from batuta.plumbing.opening import OpenDatabase
from tests.composition.databases import engine_on
from tests.identity.given import a_key, browser, fresh_address, sign_in, somebody, with_key
from tests.making import fresh_id


def places_in(path: str, one: dict[str, Any]) -> set[str]:
    """The locations that an item of a list names."""
    if path == "/api/locations":
        return {one["id"]}
    if path == "/api/stock/movements":
        sides = (one.get("source") or {}, one.get("target") or {})
        return {side["location_id"] for side in sides if side.get("location_id")}
    return {one["location_id"]}


LISTS = ("/api/locations", "/api/stock", "/api/stock/movements", "/api/fulfillment-orders")


@pytest.fixture
def url(played: str, copy: Callable[[str], str]) -> str:
    return copy(played)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[Engine]:
    async with engine_on(url) as engine:
        yield engine


@pytest.fixture
def app(engine: Engine) -> Litestar:
    return create_app(OpenDatabase(engine, engine.url, None))


async def items(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    answer = await client.get(path, params={"limit": 200})
    assert answer.status_code == 200, f"{path}: {answer.text}"
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_store_user_sees_only_its_location(engine: Engine, app: Litestar) -> None:
    """PLT-07."""
    async with engine.connect() as db:
        busy = await db.scalar(text("SELECT location_id FROM fulfillment.fulfillment_order LIMIT 1"))
        idle = await db.scalar(
            text("SELECT location_id FROM inventory.stock WHERE location_id <> :busy"), {"busy": busy}
        )
    admin, worker = await somebody(engine), await somebody(engine, Role.STORE, location_ids=[busy])
    other = await somebody(engine, Role.STORE, location_ids=[idle])
    async with (
        browser(app, address=fresh_address()) as all_seeing,
        browser(app, address=fresh_address()) as here,
        browser(app, address=fresh_address()) as there,
    ):
        await sign_in(all_seeing, admin)
        await sign_in(here, worker)
        await sign_in(there, other)
        for path in LISTS:
            everything = [places_in(path, one) for one in await items(all_seeing, path)]
            for client, place in ((here, str(busy)), (there, str(idle))):
                theirs = [places_in(path, one) for one in await items(client, path)]
                assert all(place in named for named in theirs), path
                assert len(theirs) == sum(place in named for named in everything), path

        orders = [one["id"] for one in await items(all_seeing, "/api/orders")]
        works = {one["id"]: one["location_id"] for one in await items(all_seeing, "/api/fulfillment-orders")}
        for client, place in ((here, str(busy)), (there, str(idle))):
            visible = {one["id"] for one in await items(client, "/api/orders")}
            assert len(visible) < len(orders)
            for order_id in orders:
                answer = await client.get(f"/api/orders/{order_id}")
                assert answer.status_code == (200 if order_id in visible else 404)
            for work_id, worked_at in works.items():
                seen = await client.get(f"/api/fulfillment-orders/{work_id}")
                assert seen.status_code == (200 if worked_at == place else 404)
                if worked_at != place:
                    acted = await client.post(f"/api/fulfillment-orders/{work_id}/accept", json={})
                    assert acted.status_code == 404
                else:
                    assert seen.json()["order_id"] in visible
        assert (await here.get(f"/api/locations/{idle}")).status_code == 404


async def test_the_key_of_a_channel_sees_only_its_orders(engine: Engine, app: Litestar) -> None:
    """PLT-07."""
    async with engine.connect() as db:
        channel_id = await db.scalar(text('SELECT channel_id FROM ordering."order" LIMIT 1'))
    own = await a_key(engine, *PERMISSIONS, channel_ids=[channel_id])
    other = await a_key(engine, *PERMISSIONS, channel_ids=[fresh_id()])
    async with with_key(app, own.secret) as here, with_key(app, other.secret) as elsewhere:
        orders = await items(here, "/api/orders")
        assert {one["channel_id"] for one in orders} == {str(channel_id)}
        assert await items(elsewhere, "/api/orders") == []
        for path in ("", "/fulfillments", "/returns", "/payments", "/messages"):
            address = f"/api/orders/{orders[0]['id']}{path}"
            assert (await here.get(address)).status_code == 200, address
            assert (await elsewhere.get(address)).status_code == 404, address
