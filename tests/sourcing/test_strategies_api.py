"""Strategies over the API (SRC-07)."""

import json
from typing import Any

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller
from batuta.sourcing.api import ROUTES
from tests.asking import House, problem
from tests.making import fresh_code, fresh_id

STRATEGIES = "/api/sourcing/strategies"
NOBODY = {"field": "order.channel", "is": "equals", "value": "no such channel"}


@pytest.fixture
def client(engine: Engine) -> httpx.AsyncClient:
    permissions = frozenset({"orders.read", "sourcing.manage"})
    return House(engine, ROUTES).asked_by(Caller(id=fresh_id(), actor="staff:maria", permissions=permissions))


def a_document(**said: Any) -> dict[str, Any]:
    code = fresh_code("strategy")
    return {"code": code, "name": "Península", "owner": "maria", "priority": fresh_id().int % 1_000_000, **said}


async def test_a_strategy_is_drafted_published_and_withdrawn(client: httpx.AsyncClient) -> None:
    document = a_document(when=NOBODY)
    made = await client.post(STRATEGIES, json=document)
    assert (made.status_code, made.json()["status"], made.json()["number"]) == (201, "draft", 1)
    one = f"{STRATEGIES}/{document['code']}/versions/1"
    assert (await client.put(one, json={**document, "name": "Otra"})).json()["document"]["name"] == "Otra"
    published = await client.post(f"{one}/publish")
    assert (published.status_code, published.json()["published_by"]) == (200, "staff:maria")
    assert problem(await client.put(one, json=document)) == (409, "published_is_fixed")
    second = await client.post(STRATEGIES, json={**document, "max_splits": 2})
    assert second.json()["number"] == 2
    found = await client.get(f"{STRATEGIES}/{document['code']}/diff", params={"before": 1, "after": 2})
    assert {row["path"]: row.get("after") for row in found.json()["differences"]} == {
        "name": "Península",
        "max_splits": 2,
    }
    assert (await client.post(f"{one}/withdraw")).json()["status"] == "withdrawn"
    listed = (await client.get(STRATEGIES)).json()["versions"]
    assert [row["number"] for row in listed if row["code"] == document["code"]] == [1, 2]
    assert problem(await client.get(f"{STRATEGIES}/{document['code']}/versions/3")) == (404, "unknown_strategy")


async def test_what_is_wrong_is_told_before_it_is_kept(client: httpx.AsyncClient) -> None:
    """Bad input: each clause with its reason."""
    bad = a_document(when={"all": [NOBODY, {"field": "order.colour", "is": "equals", "value": "red"}]})
    checked = await client.post(f"{STRATEGIES}/check", json=bad)
    assert [row["path"] for row in checked.json()["problems"]] == ["when.all[1].field"]
    refused = await client.post(STRATEGIES, json=bad)
    assert problem(refused) == (400, "bad_strategy")
    assert refused.json()["facts"]["problems"][0]["reason"] == "there is no such field"
    assert (await client.post(f"{STRATEGIES}/check", json=a_document())).json()["problems"] == []


async def test_what_is_nested_a_thousand_deep_is_refused(client: httpx.AsyncClient) -> None:
    for depth in (50, 400, 700, 800, 850, 900, 950, 1_000, 20_000):
        text = json.dumps(a_document(when="DEEP")).replace(
            '"DEEP"', '{"not":' * depth + json.dumps(NOBODY) + "}" * depth
        )
        answer = await client.post(STRATEGIES, content=text, headers={"content-type": "application/json"})
        assert answer.status_code == 400, answer.text


async def test_the_fields_are_listed_with_their_words(client: httpx.AsyncClient) -> None:
    known = {row["name"]: row for row in (await client.get("/api/sourcing/fields")).json()["fields"]}
    assert known["location.kind"]["words"] == ["store", "supplier", "third_party", "warehouse"]
    assert known["item.categories"]["is_of_line"]
