"""Replays, secrets, tests, and what is told of an endpoint."""

import importlib
import random
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from batuta.connectors.webhooks.commands import (
    change_endpoint,
    delete_endpoint,
    forget_deliveries,
    move_endpoint,
    replay_deliveries,
    replay_stream,
    replay_time,
    rotate_secret,
    try_out,
)
from batuta.connectors.webhooks.commands.sending import KEPT
from batuta.connectors.webhooks.domain import (
    Answer,
    Content,
    EndpointStatus,
    EndpointTerms,
    Format,
    NothingListens,
    Posting,
    UnknownDelivery,
    UnknownEndpoint,
    new_secret,
)
from batuta.connectors.webhooks.queries import attempts_of, deliveries_by_id, endpoint_of, event_types
from batuta.kernel.events import Event, type_of
from batuta.plumbing.database import Engine
from tests.connectors.webhooks.given import (
    ANA,
    BROKEN,
    TAKEN,
    Receiver,
    an_endpoint,
    hear_all,
    send,
    status_of,
    tell,
    tell_accepted,
)
from tests.making import NOW, fresh_id

DAY = timedelta(days=1)
UNTOLD = ("identity.", "webhooks.", "tests.", "plumbing.")


async def test_a_delivery_that_was_given_up_is_sent_anew_with_the_same_id(engine: Engine) -> None:
    """PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    receiver = Receiver(lambda _: Answer(status=400, excerpt="no such order"))
    for hours in range(48):
        await send(engine, endpoint, receiver, after=timedelta(hours=hours))
    assert await status_of(engine, endpoint) == {"failed": 1}
    tries = len(receiver.got)

    receiver.answer = lambda _: TAKEN
    (id_,) = await delivery_ids(engine, endpoint.id)
    async with engine.begin() as db:
        await replay_deliveries(db, ids=[id_], now=NOW + 3 * DAY)
    assert await send(engine, endpoint, receiver, after=3 * DAY) == 1

    assert len(set(receiver.ids())) == 1
    async with engine.connect() as db:
        tried = (await attempts_of(db, [id_]))[id_]
        done = (await deliveries_by_id(db, [id_]))[id_]
    assert [one.number for one in tried] == list(range(1, tries + 2))
    assert ([one.status for one in tried][-2:], tried[0].excerpt) == ([400, 204], "no such order")
    assert (done.status, done.tries, done.last_status) == ("delivered", 1, 204)


async def test_a_delivery_that_waits_is_tried_now_also_while_its_endpoint_is_left_in_peace(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, *(fresh_id() for _ in range(6)))
    await hear_all(engine)
    receiver = Receiver(lambda _: BROKEN)
    await send(engine, endpoint, receiver)

    receiver.answer = lambda _: TAKEN
    soon = timedelta(seconds=1)
    assert await send(engine, endpoint, receiver, after=soon) == 0
    ids = await delivery_ids(engine, endpoint.id)
    async with engine.begin() as db:
        await replay_deliveries(db, ids=ids[:1], now=NOW + soon)
    assert await send(engine, endpoint, receiver, after=soon) == 1


async def test_replaying_what_is_not_there_or_not_listening_is_refused(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    await send(engine, endpoint, Receiver(lambda _: Answer(status=410)))
    (id_,) = await delivery_ids(engine, endpoint.id)

    async with engine.begin() as db:
        disabled, absent = await replay_deliveries(db, ids=[id_, fresh_id()], now=NOW)
        with pytest.raises(NothingListens):
            await replay_stream(db, endpoint_id=endpoint.id, stream=fresh_id(), now=NOW)
    assert isinstance(disabled, NothingListens)
    assert isinstance(absent, UnknownDelivery)


async def test_what_an_endpoint_missed_while_it_was_disabled_is_sent_by_a_replay_of_that_time(engine: Engine) -> None:
    """PLT-03: replay by time."""
    endpoint, _ = await an_endpoint(engine)
    receiver = Receiver(lambda _: Answer(status=410))
    heard, missed = fresh_id(), fresh_id()
    async with engine.connect() as db:
        beginning = await db.scalar(text("SELECT clock_timestamp()"))
    await tell(engine, heard)
    await hear_all(engine)
    await send(engine, endpoint, receiver)
    await tell(engine, missed)
    await tell_accepted(engine, missed)
    await hear_all(engine)
    async with engine.begin() as db:
        await move_endpoint(db, id_=endpoint.id, to=EndpointStatus.ENABLED, reason="", actor=ANA, now=NOW)
        end = await db.scalar(text("SELECT clock_timestamp()"))
        count = await replay_time(db, endpoint_id=endpoint.id, from_at=beginning, until_at=end, now=NOW)
    assert count == 3

    receiver = Receiver()
    await send(engine, endpoint, receiver)
    assert [body["type"] for body in bodies(receiver) if body["stream"] == str(missed)] == [
        "ordering.order_placed",
        "ordering.order_accepted",
    ]
    assert await status_of(engine, endpoint) == {"delivered": 3}


async def test_all_that_was_told_of_one_order_is_sent_anew_in_order(engine: Engine) -> None:
    """PLT-03: replay by aggregate."""
    endpoint, _ = await an_endpoint(engine)
    order_id = fresh_id()
    await tell(engine, order_id, fresh_id())
    await tell_accepted(engine, order_id)
    await hear_all(engine)
    await send(engine, endpoint, Receiver())
    async with engine.begin() as db:
        assert await replay_stream(db, endpoint_id=endpoint.id, stream=order_id, now=NOW) == 2

    receiver = Receiver()
    await send(engine, endpoint, receiver)
    assert [(one["type"], one["stream"]) for one in bodies(receiver)] == [
        ("ordering.order_placed", str(order_id)),
        ("ordering.order_accepted", str(order_id)),
    ]


async def test_while_secrets_change_messages_are_signed_with_both(engine: Engine) -> None:
    """PLT-04"""
    endpoint, old = await an_endpoint(engine)
    new = new_secret(random.SystemRandom())
    async with engine.begin() as db:
        await rotate_secret(
            db, id_=endpoint.id, secret_id=fresh_id(), text=new, overlap=DAY, actor=ANA, now=NOW + timedelta(hours=1)
        )
    receiver = Receiver()
    for hours in (2, 26):
        await tell(engine, fresh_id())
        await hear_all(engine)
        await send(engine, endpoint, receiver, after=timedelta(hours=hours))

    during, after = receiver.got
    at = NOW + timedelta(hours=2)
    assert during.headers["webhook-signature"].split() == [signed(during, new, at), signed(during, old, at)]
    assert after.headers["webhook-signature"].split() == [signed(after, new, NOW + timedelta(hours=26))]


async def test_a_cloudevent_has_what_a_cloudevent_needs(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine, format=Format.CLOUDEVENTS)
    order_id = fresh_id()
    await tell(engine, order_id)
    await hear_all(engine)
    receiver = Receiver()
    await send(engine, endpoint, receiver)

    (got,) = receiver.got
    event = msgspec.json.decode(got.body)
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert {name: event[name] for name in ("specversion", "type", "id", "subject", "partitionkey")} == {
        "specversion": "1.0",
        "type": "ordering.order_placed",
        "id": got.headers["webhook-id"],
        "subject": str(order_id),
        "partitionkey": str(order_id),
    }
    assert event["time"].startswith("2026-03-02T10:00:00")
    assert event["data"]["number"] == "A-0"


async def test_a_thin_message_holds_only_ids(engine: Engine) -> None:
    """PLT-04"""
    channel_id = fresh_id()
    endpoint, _ = await an_endpoint(engine, content=Content.THIN)
    await tell(engine, fresh_id(), channel_id=channel_id)
    await hear_all(engine)
    receiver = Receiver()
    await send(engine, endpoint, receiver)
    assert bodies(receiver)[0]["data"] == {"channel_id": str(channel_id)}


async def test_somebody_can_see_a_message_arrive_whatever_the_endpoint_wants(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine, "returns.*")
    other, _ = await an_endpoint(engine, "*")
    async with engine.begin() as db:
        await try_out(db, id_=endpoint.id, actor=ANA, now=NOW)
    await hear_all(engine)
    receiver, deaf = Receiver(), Receiver()
    await send(engine, endpoint, receiver)
    await send(engine, other, deaf)
    assert [body["type"] for body in bodies(receiver)] == ["webhooks.endpoint_tested"]
    assert not deaf.got


async def test_changed_terms_are_good_for_what_is_pending_too(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    terms = EndpointTerms(url="https://other.example.com/", event_types=("*",), format=Format.CLOUDEVENTS)
    async with engine.begin() as db:
        changed = await change_endpoint(db, id_=endpoint.id, terms=terms, is_private_allowed=False, actor=ANA, now=NOW)
    receiver = Receiver()
    await send(engine, endpoint, receiver)
    assert (receiver.got[0].url, changed.version) == ("https://other.example.com/", 2)


async def test_a_removed_endpoint_is_sent_nothing_and_not_found(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    async with engine.begin() as db:
        await delete_endpoint(db, id_=endpoint.id, actor=ANA, now=NOW)
        with pytest.raises(UnknownEndpoint):
            await endpoint_of(db, endpoint.id)
    assert await send(engine, endpoint, Receiver()) == 0
    async with engine.connect() as db:
        assert (
            await db.scalar(text("SELECT count(*) FROM webhooks.secret WHERE endpoint_id = :id"), {"id": endpoint.id})
            == 0
        )


async def test_deliveries_of_months_ago_are_forgotten_with_their_tries(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, *(fresh_id() for _ in range(3)))
    await hear_all(engine)
    await send(engine, endpoint, Receiver(refuse_first()))
    async with engine.begin() as db:
        while await forget_deliveries(db, now=NOW + KEPT, limit=500):
            pass
    assert await status_of(engine, endpoint) == {}
    async with engine.connect() as db:
        lanes = await db.scalar(text("SELECT count(*) FROM webhooks.lane WHERE endpoint_id = :id"), {"id": endpoint.id})
    assert lanes == 0


def test_every_fact_of_the_house_can_be_wanted() -> None:
    """A room whose facts are not listed would never be heard outside; who signed in is nobody's business there."""
    importlib.import_module("batuta.worker")
    ours = [kind for kind in leaves(Event) if kind.__module__.startswith("batuta.")]
    told = {type_of(kind) for kind in ours if vars(sys.modules.get(kind.__module__, str)).get(kind.__name__)}
    assert {name for name in told if not name.startswith(UNTOLD)} == set(event_types())


def leaves(kind: type[Event]) -> set[type[Event]]:
    below = kind.__subclasses__()
    return {leaf for one in below for leaf in leaves(one)} if below else {kind}


def refuse_first() -> Callable[[Posting], Answer]:
    seen: list[Posting] = []

    def answer(posting: Posting) -> Answer:
        seen.append(posting)
        return Answer(status=400) if len(seen) == 1 else TAKEN

    return answer


def bodies(receiver: Receiver) -> list[dict[str, object]]:
    return [msgspec.json.decode(one.body) for one in receiver.got]


def signed(posting: Posting, secret: str, at: datetime) -> str:
    return Webhook(secret).sign(posting.headers["webhook-id"], at, posting.body.decode())


async def delivery_ids(engine: Engine, endpoint_id: UUID) -> list[UUID]:
    async with engine.connect() as db:
        return list(
            await db.scalars(
                text("SELECT id FROM webhooks.delivery WHERE endpoint_id = :id ORDER BY fact_id"), {"id": endpoint_id}
            )
        )
