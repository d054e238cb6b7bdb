"""The feed of facts through the API."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from batuta.inventory.events import FellShort, ReservationExpired
from batuta.kernel.events import Event
from batuta.plumbing.api import ROUTES
from batuta.plumbing.database import Engine
from batuta.plumbing.events import feed, publish
from batuta.plumbing.web import cursor_of
from tests.asking import House, a_caller, problem
from tests.making import NOW, fresh_id

WAIT = {"wait": "25"}
"""Transactions of other tests may still hide what was told."""


@pytest.fixture
def follower(engine: Engine) -> httpx.AsyncClient:
    return House(engine, ROUTES).asked_by(a_caller("events.read"))


def ended(stream: UUID, units: int) -> ReservationExpired:
    return ReservationExpired(stream=stream, happened_at=NOW, actor="test:ana", units=units)


def short(stream: UUID) -> FellShort:
    return FellShort(
        stream=stream, happened_at=NOW, actor="test:ana", sku_id=stream, location_id=fresh_id(), lot="", missing=1
    )


async def tell(engine: Engine, *facts: Event) -> None:
    async with engine.begin() as db:
        await publish(db, facts)


async def read(follower: httpx.AsyncClient, **where: Any) -> tuple[list[dict[str, Any]], str]:
    answer = await follower.get("/api/events", params=where, timeout=40)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"], answer.json()["next"]


async def end(follower: httpx.AsyncClient) -> str:
    _, position = await read(follower, after="end")
    return position


async def test_facts_are_told_in_order_once_to_who_follows(engine: Engine, follower: httpx.AsyncClient) -> None:
    """PLT-03"""
    stream, after = fresh_id(), await end(follower)
    await tell(engine, *(ended(stream, units) for units in range(5)))

    told: list[int] = []
    for _ in range(3):
        items, after = await read(follower, after=after, stream=str(stream), limit=2, **WAIT)
        told += [one["data"]["units"] for one in items]

    assert told == [0, 1, 2, 3, 4]
    assert (await read(follower, after=after, stream=str(stream)))[0] == []


async def test_a_fact_says_what_who_and_when_and_its_position_leads_on(
    engine: Engine, follower: httpx.AsyncClient
) -> None:
    stream = fresh_id()
    await tell(engine, ended(stream, 1), ended(stream, 2))

    (first, second), _ = await read(follower, stream=str(stream), **WAIT)

    assert first | {"position": "", "recorded_at": ""} == {
        "position": "",
        "type": "inventory.reservation_expired",
        "stream": str(stream),
        "actor": "test:ana",
        "happened_at": "2026-03-02T10:00:00Z",
        "recorded_at": "",
        "data": {"units": 1},
    }
    assert (await read(follower, stream=str(stream), after=first["position"]))[0] == [second]


async def test_only_the_types_asked_for_are_told_and_the_others_passed(
    engine: Engine, follower: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WINDOW", 2)
    stream, after = fresh_id(), await end(follower)
    await tell(engine, *(ended(stream, units) for units in range(4)), short(stream), ended(stream, 9))

    items, after = await read(follower, after=after, type="inventory.fell_short", **WAIT)
    rest, _ = await read(follower, after=after, type="inventory.fell_short")

    assert [one["stream"] for one in items] == [str(stream)]
    assert rest == []
    both = ["inventory.fell_short", "inventory.reservation_expired"]
    assert len((await read(follower, stream=str(stream), type=both))[0]) == 6


async def test_who_waits_is_told_when_it_happens(engine: Engine, follower: httpx.AsyncClient) -> None:
    stream, after = fresh_id(), await end(follower)
    waiting = asyncio.create_task(read(follower, after=after, stream=str(stream), **WAIT))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    await tell(engine, ended(stream, 3))

    items, _ = await waiting
    assert [one["data"] for one in items] == [{"units": 3}]


async def test_a_fact_of_an_open_transaction_is_not_skipped(engine: Engine, follower: httpx.AsyncClient) -> None:
    """PLT-03: whoever commits late is not overtaken."""
    stream, after = fresh_id(), await end(follower)
    async with engine.begin() as late:
        await publish(late, [ended(stream, 1)])
        await tell(engine, ended(stream, 2))
        assert (await read(follower, after=after, stream=str(stream)))[0] == []

    items, _ = await read(follower, after=after, stream=str(stream), **WAIT)

    assert [one["data"]["units"] for one in items] == [1, 2]


async def test_whoever_sees_only_a_part_follows_nothing(engine: Engine) -> None:
    """PLT-07"""
    house = House(engine, ROUTES)

    for scope in ({"channel_ids": frozenset({fresh_id()})}, {"location_ids": frozenset[UUID]()}):
        answer = await house.asked_by(a_caller("events.read", **scope)).get("/api/events")
        assert problem(answer) == (403, "feed_is_for_all")


@pytest.mark.parametrize(
    "after",
    ["nonsense", *(cursor_of(place) for place in ((2**31, 0, 0), (1, -1, 0), (1, 2**64, 0), ("a", "b")))],
)
async def test_a_position_that_nobody_gave_is_a_clear_problem(follower: httpx.AsyncClient, after: str) -> None:
    answer = await follower.get("/api/events", params={"after": after})

    assert problem(answer) == (409, "bad_cursor")


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"wait": 26}, "invalid"),
        ({"limit": 0}, "invalid"),
        ({"stream": "nothing"}, "bad_parameter"),
        ({"steam": "nothing"}, "unknown_parameter"),
        ({"type": ["a" * 101]}, "bad_parameter"),
    ],
)
async def test_what_the_feed_does_not_take_is_a_clear_problem(
    follower: httpx.AsyncClient, where: dict[str, Any], code: str
) -> None:
    assert problem(await follower.get("/api/events", params=where)) == (400, code)
