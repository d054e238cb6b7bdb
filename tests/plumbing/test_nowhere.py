"""Addresses of the API where nothing is: whoever mistypes one is told what is near, in their language."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from litestar import delete, get, post
from litestar.params import FromPath

from batuta.plumbing.database import create_engine
from batuta.plumbing.web import anyone, create_shell
from batuta.plumbing.web.nowhere import likeness


@get("/api/orders", guards=[anyone()])
async def list_orders() -> None: ...


@post("/api/orders", guards=[anyone()])
async def place_order() -> None: ...


@get("/api/orders/{order_id:uuid}", guards=[anyone()])
async def get_order(order_id: FromPath[UUID]) -> None: ...


@delete("/api/orders/{order_id:uuid}/slot", guards=[anyone()])
async def give_slot_back(order_id: FromPath[UUID]) -> None: ...


@get("/api/shipping/rates", guards=[anyone()])
async def get_rates() -> None: ...


ROUTES = (list_orders, place_order, get_order, give_slot_back, get_rates)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    engine = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    transport = httpx.ASGITransport(create_shell(ROUTES, engine=engine))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://batuta.test") as client:
        yield client
    await engine.dispose()


@pytest.mark.parametrize(
    ("asked", "likest"),
    [
        ("/api/order", "GET, POST /api/orders"),
        ("/api/Orders/", "GET, POST /api/orders"),
        ("/api/orders/1000015", "GET /api/orders/{order_id}"),
        ("/api/orders/1000015/slots", "DELETE /api/orders/{order_id}/slot"),
        ("/api/shiping/rate", "GET /api/shipping/rates"),
    ],
)
async def test_a_mistyped_address_is_told_what_is_near(client: httpx.AsyncClient, asked: str, likest: str) -> None:
    """PLT-03."""
    answer = await client.get(asked)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["facts"]["near"][0] == likest
    assert answer.json()["facts"]["documentation"] == "/api/docs"


@pytest.mark.parametrize("asked", ["/api", "/api/xyz", "/api/" + "order/" * 500, "/api/%00"])
async def test_an_address_like_nothing_is_told_where_to_read(client: httpx.AsyncClient, asked: str) -> None:
    answer = await client.get(asked)

    assert answer.status_code == 404
    assert answer.json()["facts"] == {"near": [], "documentation": "/api/docs"}


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    """PLT-03."""
    answer = await client.delete("/api/orders")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.json()["facts"] == {"methods": ["GET", "POST"], "documentation": "/api/docs"}
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


async def test_of_other_addresses_nothing_is_told(client: httpx.AsyncClient) -> None:
    assert (await client.get("/order")).json()["facts"] == {}


async def test_what_is_not_there_is_told_in_spanish(client: httpx.AsyncClient) -> None:
    """PLT-14."""
    answer = await client.get("/api/order", headers={"accept-language": "es-ES,es;q=0.9,en;q=0.8"})

    assert (answer.json()["title"], answer.json()["code"]) == ("No existe", "not_found")
    assert answer.json()["detail"] == "Aquí no hay nada con esa dirección."


def test_another_first_word_is_like_nothing() -> None:
    assert likeness(("skus", "1"), ("orders", "{order_id}")) == 0
    assert likeness(("orders", "1"), ("orders", "{order_id}")) > likeness(("orders", "1"), ("orders", "batch"))
