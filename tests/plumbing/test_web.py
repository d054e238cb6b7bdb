import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import text

from batuta.kernel.errors import Forbidden, Invalid, NotFound, Refused, Unavailable
from batuta.plumbing.database import Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.web import anyone, create_shell
from tests.plumbing.places import reachable_place


class OutOfStock(Refused):
    """Fewer units are available than were asked for."""


class Wanted(msgspec.Struct):
    sku: str
    quantity: Annotated[int, msgspec.Meta(ge=1)]


KINDS = {"invalid": Invalid, "refused": OutOfStock, "missing": NotFound, "forbidden": Forbidden, "away": Unavailable}


@get("/kinds/{kind:str}", guards=[anyone()])
async def raise_kind(kind: FromPath[str]) -> None:
    raise KINDS[kind]("a sentence", sku="LAMP-1", left=2)


@get("/bug", guards=[anyone()])
async def bug() -> None:
    raise RuntimeError("a secret of the house")


@get("/strange-facts", guards=[anyone()])
async def strange_facts() -> None:
    raise Refused("a sentence", path=Path("shop"), kind=int)


@post("/wanted", guards=[anyone()])
async def want(data: JSONBody[Wanted]) -> Wanted:
    return data


@get("/slow", guards=[anyone()])
async def slow(engine: NamedDependency[Engine]) -> None:
    async with engine.connect() as db:
        await db.execute(text("SET statement_timeout = 50"))
        await db.execute(text("SELECT pg_sleep(1)"))


@get("/one", guards=[anyone()])
async def one(engine: NamedDependency[Engine]) -> int:
    async with engine.connect() as db:
        return int(await db.scalar(text("SELECT 1")) or 0)


ROUTES = (raise_kind, bug, strange_facts, want, slow, one)


def client_of(shell: Litestar) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(shell), base_url="http://batuta.test")  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A shell whose database was never there."""
    engine = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    async with client_of(create_shell(ROUTES, engine=engine)) as client:
        yield client
    await engine.dispose()


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("invalid", 400, "invalid"),
        ("forbidden", 403, "forbidden"),
        ("missing", 404, "not_found"),
        ("refused", 409, "out_of_stock"),
        ("away", 503, "unavailable"),
    ],
)
async def test_each_kind_of_error_has_its_status_and_each_class_its_code(
    client: httpx.AsyncClient, kind: str, status: int, code: str
) -> None:
    answer = await client.get(f"/kinds/{kind}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:batuta:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": "a sentence",
        "instance": f"/kinds/{kind}",
        "code": code,
        "facts": {"sku": "LAMP-1", "left": 2},
    }
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_bug_is_500_and_tells_nothing_of_the_house(client: httpx.AsyncClient) -> None:
    answer = await client.get("/bug")

    assert answer.status_code == 500
    assert answer.json()["code"] == "bug"
    assert "secret" not in answer.text


async def test_facts_of_any_type_are_told(client: httpx.AsyncClient) -> None:
    assert (await client.get("/strange-facts")).json()["facts"] == {"path": "shop", "kind": "<class 'int'>"}


@pytest.mark.parametrize("body", [b'{"sku": "LAMP-1", "quantity": 0}', b'{"sku": "LAMP-1"}', b"{", b""])
async def test_a_body_that_does_not_fit_is_invalid(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/wanted", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


async def test_nul_is_refused_in_body_path_and_query_and_its_written_form_is_not(client: httpx.AsyncClient) -> None:
    assert (await client.post("/wanted", json={"sku": "a\0b", "quantity": 1})).json()["code"] == "nul_in_text"
    assert (await client.get("/kinds/a%00b")).json()["code"] == "nul_in_text"
    assert (await client.get("/health/live?q=%00")).json()["code"] == "nul_in_text"
    assert (await client.post("/wanted", json={"sku": "a\\u0000b", "quantity": 1})).status_code == 201


async def test_an_unknown_route_and_method_are_problems_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).json()["code"] == "not_found"
    assert (await client.delete("/one")).json()["code"] == "method_not_allowed"


async def test_a_request_keeps_the_id_it_came_with_unless_it_is_strange(client: httpx.AsyncClient) -> None:
    assert (await client.get("/bug", headers={"x-request-id": "a-1"})).headers["x-request-id"] == "a-1"
    assert len((await client.get("/health/live", headers={"x-request-id": "a b"})).headers["x-request-id"]) == 32


async def test_metrics_count_requests_by_route(client: httpx.AsyncClient) -> None:
    await client.get("/kinds/refused")
    answer = await client.get("/metrics")

    counted = 'batuta_http_request_seconds_count{method="GET",route="/kinds/{kind}",status="409"}'
    assert counted in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_without_a_database_batuta_lives_but_is_not_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).status_code == 200
    answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert "Connect call failed" in answer.json()["facts"]["reason"]
    assert (await client.get("/one")).status_code == 503


async def test_a_statement_that_takes_too_long_is_no_bug_and_the_database_that_comes_back_is_ready() -> None:
    options = {"fsync": "off", "shared_buffers": "16MB"}
    with reachable_place() as place:
        async with EmbeddedServer(place / "shop", options=options, home=place / "home") as server:
            engine = create_engine(server.url)
            shell = create_shell(ROUTES, engine=engine, database_problem=lambda: server.problem)
            async with client_of(shell) as client:
                assert (await client.get("/slow")).json()["code"] == "database_busy"
                assert (await client.get("/health/ready")).status_code == 200

                pid = int((place / "shop" / "postgres" / "postmaster.pid").read_text().split(maxsplit=1)[0])
                os.kill(pid, signal.SIGKILL)
                answer = await client.get("/one")
                # A server process lives on a little without its postmaster.
                assert answer.json() == 1 or (answer.status_code, answer.json()["code"]) == (503, "database_away")
                assert await ready_again(client)
                assert (await client.get("/one")).json() == 1
            await engine.dispose()


async def ready_again(client: httpx.AsyncClient) -> bool:
    for _ in range(100):
        if (await client.get("/health/ready")).status_code == 200:
            return True
        await asyncio.sleep(0.1)
    return False
