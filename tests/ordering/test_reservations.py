"""Orders that take what was reserved by the API (RES-01, RES-05, RES-06)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import text

from batuta.inventory.api import ROUTES as INVENTORY_ROUTES
from batuta.inventory.queries import AUDIT, availability, claims_of
from batuta.ordering.api import ROUTES
from batuta.ordering.queries import AUDIT as ORDER_LAWS
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.making import NOW, fresh_id
from tests.world import MADRID, Shop, build_shop

ADDRESS = msgspec.to_builtins(MADRID)


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 4, "south": 2}, "table": {"north": 2}})


@pytest.fixture
async def web(engine: Engine, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    caller = a_caller("inventory.reserve", "orders.place", channel_ids=frozenset({shop.channel.id}))
    async with House(engine, [*ROUTES, *INVENTORY_ROUTES]).asked_by(caller) as client:
        yield client


def lines(shop: Shop, *wanted: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"sku_code": shop.skus[name].code, "quantity": units} for name, units in wanted]


async def reserve(client: httpx.AsyncClient, shop: Shop, *wanted: tuple[str, int], **more: Any) -> str:
    body = {"channel_code": shop.channel.code, "lines": lines(shop, *wanted)} | more
    answer = await client.post("/api/reservations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def order(client: httpx.AsyncClient, shop: Shop, *wanted: tuple[str, int], **more: Any) -> httpx.Response:
    body = {"channel_code": shop.channel.code, "lines": lines(shop, *wanted), "ship_to": ADDRESS} | more
    return await client.post("/api/orders", json=body)


async def held(engine: Engine, holder_id: str) -> list[int]:
    async with engine.connect() as db:
        return sorted(one.held for one in (await claims_of(db, [UUID(holder_id)], now=NOW))[UUID(holder_id)])


async def left(engine: Engine, shop: Shop, name: str) -> int:
    async with engine.connect() as db:
        return sum(one.available for one in await availability(db, sku_ids=[shop.skus[name].id], now=NOW))


async def hold_the_laws(engine: Engine) -> None:
    async with engine.connect() as db:
        assert [one for one in await examine(db, [*AUDIT, *ORDER_LAWS]) if one.broken] == []


async def test_an_order_gets_what_was_reserved_for_it_though_all_else_is_sold(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    """RES-05: the last units are reserved; whoever names the reservation has them, a stranger never."""
    reservation = await reserve(web, shop, ("chair", 6), ("table", 1))

    refused = await order(web, shop, ("chair", 1))
    placed = await order(web, shop, ("table", 1), ("chair", 6), reservation_id=reservation)

    assert problem(refused) == (409, "out_of_stock")
    assert placed.status_code == 201
    assert sum(await held(engine, placed.json()["order_id"])) == 7
    assert await held(engine, reservation) == []
    await hold_the_laws(engine)


async def test_what_the_order_does_not_want_goes_back_and_what_it_lacks_is_taken(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    """RES-05, RES-06."""
    reservation = await reserve(web, shop, ("chair", 5))

    placed = await order(web, shop, ("chair", 1), ("chair", 1), ("table", 2), reservation_id=reservation)

    assert placed.status_code == 201
    assert sum(await held(engine, placed.json()["order_id"])) == 4
    assert (await left(engine, shop, "chair"), await left(engine, shop, "table")) == (4, 0)
    await hold_the_laws(engine)


async def test_a_reservation_that_ended_is_made_anew_or_refused(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    """RES-06."""
    reservation = await reserve(web, shop, ("table", 2))
    async with engine.begin() as db:
        ended = {"at": NOW - timedelta(days=400), "id": reservation}
        await db.execute(
            text("UPDATE inventory.reservation SET expires_at = :at WHERE holder_id = CAST(:id AS uuid)"), ended
        )
        await db.execute(text("UPDATE inventory.stock SET first_expiry_at = :at WHERE first_expiry_at > :at"), ended)

    first = await order(web, shop, ("table", 2), reservation_id=reservation)
    second = await order(web, shop, ("table", 2), reservation_id=reservation)

    assert first.status_code == 201
    assert problem(second) == (409, "out_of_stock")
    await hold_the_laws(engine)


async def test_ten_orders_at_once_that_name_one_reservation_sell_it_once(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    """RES-05, RES-08."""
    reservation = await reserve(web, shop, ("chair", 6))

    answers = await asyncio.gather(*(order(web, shop, ("chair", 6), reservation_id=reservation) for _ in range(10)))

    assert sorted(one.status_code for one in answers) == [201] + [409] * 9
    assert await left(engine, shop, "chair") == 0
    await hold_the_laws(engine)


async def test_a_reservation_of_another_channel_or_of_nobody_is_unknown(
    engine: Engine, web: httpx.AsyncClient, shop: Shop
) -> None:
    """RES-05: nobody takes what others hold."""
    async with engine.begin() as db:
        other = await build_shop(db, stock={"chair": {"north": 1}})
    caller = a_caller("inventory.reserve", channel_ids=frozenset({other.channel.id}))
    async with House(engine, INVENTORY_ROUTES).asked_by(caller) as stranger:
        theirs = await reserve(stranger, other, ("chair", 1))

    for named in (theirs, str(fresh_id())):
        answer = await order(web, shop, ("chair", 1), reservation_id=named)
        assert problem(answer) == (404, "unknown_reservation")
    assert await held(engine, theirs) == [1]
