"""Drafts in shadow over the API (SRC-13)."""

from typing import Any

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.rehearsal.api import ROUTES
from batuta.sourcing.api import ROUTES as SOURCING_ROUTES
from tests.asking import House, a_caller, problem
from tests.making import fresh_code, fresh_id

SHADOWS = "/api/sourcing/shadows"
STRATEGIES = "/api/sourcing/strategies"


@pytest.fixture
def client(engine: Engine) -> httpx.AsyncClient:
    return House(engine, [*ROUTES, *SOURCING_ROUTES]).asked_by(a_caller("orders.read", "sourcing.manage"))


async def drafted(client: httpx.AsyncClient) -> dict[str, Any]:
    document = {"code": fresh_code("tried"), "name": "Tried", "owner": "eva", "priority": fresh_id().int % 1_000_000}
    made = (await client.post(STRATEGIES, json=document)).json()
    return {"strategy_code": made["code"], "number": made["number"]}


async def test_a_draft_is_put_in_shadow_read_and_stopped(client: httpx.AsyncClient) -> None:
    wish = await drafted(client)
    begun = await client.post(SHADOWS, json=wish)
    assert (begun.status_code, begun.json()["strategy_code"]) == (201, wish["strategy_code"])
    assert problem(await client.post(SHADOWS, json=wish)) == (409, "in_shadow_already")

    one = f"{SHADOWS}/{begun.json()['id']}"
    found = (await client.get(one)).json()
    assert (found["orders"], found["waiting"], found["comparisons"], found["loads"]) == (0, 0, [], [])
    assert (await client.get(f"{one}/differences")).json() == {"items": [], "next": None}

    stopped = await client.post(f"{one}/stop")
    assert (stopped.status_code, stopped.json()["ended_by"]) == (200, begun.json()["begun_by"])
    listed = (await client.get(SHADOWS, params={"limit": 1})).json()["items"]
    assert len(listed) == 1


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    one = f"{SHADOWS}/{fresh_id()}"
    for answer in (
        await client.get(one),
        await client.get(f"{one}/differences"),
        await client.post(f"{one}/stop"),
    ):
        assert problem(answer) == (404, "unknown_shadow")
    assert problem(await client.post(SHADOWS, json={"strategy_code": "no-such", "number": 1})) == (409, "no_draft")
    assert problem(await client.get(SHADOWS, params={"cursor": "nonsense"})) == (409, "bad_cursor")


async def test_whoever_only_reads_orders_sees_none(engine: Engine) -> None:
    reader = House(engine, ROUTES).asked_by(a_caller("orders.read"))
    assert problem(await reader.get(SHADOWS))[0] == 403
