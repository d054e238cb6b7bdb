"""Facts become deliveries, and deliveries arrive: in order, at least once, or are given up after a day."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from batuta.connectors.webhooks.commands import book, move_endpoint, take
from batuta.connectors.webhooks.commands.sending import LEASE, Sent
from batuta.connectors.webhooks.domain import Answer, EndpointStatus, Posting
from batuta.connectors.webhooks.queries import AUDIT, endpoints_by_id
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from tests.composition.shopping import order_chair
from tests.connectors.webhooks.given import (
    ANA,
    BROKEN,
    TAKEN,
    Receiver,
    an_endpoint,
    hear_all,
    pass_days,
    send,
    status_of,
    tell,
    tell_accepted,
    tell_held,
)
from tests.making import NOW, fresh_id
from tests.world import build_shop

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def _sound(engine: Engine) -> AsyncIterator[None]:
    yield
    async with engine.snapshot() as db:
        assert not [verdict for verdict in await examine(db, AUDIT) if verdict.broken]


async def test_what_an_endpoint_wants_is_sent_once_and_signed(engine: Engine) -> None:
    """PLT-04"""
    endpoint, secret = await an_endpoint(engine, "ordering.order_placed")
    order_id = fresh_id()
    await tell(engine, order_id)
    await tell_accepted(engine, order_id)
    await hear_all(engine)
    await hear_all(engine)

    receiver = Receiver()
    await send(engine, endpoint, receiver)
    await send(engine, endpoint, receiver, after=HOUR)

    (got,) = [one for one in receiver.got if str(order_id).encode() in one.body]
    body = msgspec.json.decode(got.body)
    assert (body["type"], body["stream"], body["data"]["gross_minor"]) == ("ordering.order_placed", str(order_id), 1000)
    assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    expected = Webhook(secret).sign(got.headers["webhook-id"], NOW, got.body.decode())
    assert got.headers["webhook-signature"] == expected


async def test_facts_that_nobody_wants_are_not_kept(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine, "payments.*")
    await tell(engine, fresh_id())
    await hear_all(engine)
    assert await status_of(engine, endpoint) == {}


async def test_an_endpoint_of_a_channel_hears_only_of_its_orders(engine: Engine) -> None:
    async with engine.begin() as db:
        web = await build_shop(db, stock={"chair": {"north": 9}})
        app = await build_shop(db, stock={"chair": {"north": 9}})
    endpoint, _ = await an_endpoint(engine, "ordering.order_placed", channel_id=web.channel.id)
    ours = await order_chair(engine, web)
    await order_chair(engine, app)
    await hear_all(engine)

    receiver = Receiver()
    await send(engine, endpoint, receiver)

    assert [msgspec.json.decode(one.body)["stream"] for one in receiver.got] == [str(ours)]


async def test_deliveries_of_one_stream_go_in_order_and_a_failing_one_holds_only_its_own_stream_back(
    engine: Engine,
) -> None:
    """PLT-03, PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    stuck, fine = fresh_id(), fresh_id()
    await tell(engine, stuck, fine)
    await tell_accepted(engine, stuck)
    await tell_accepted(engine, fine)
    await tell_held(engine, stuck)
    await hear_all(engine)

    def refuse_stuck(posting: Posting) -> Answer:
        return Answer(status=422) if str(stuck).encode() in posting.body else TAKEN

    receiver = Receiver(refuse_stuck)
    await send(engine, endpoint, receiver)
    assert types_about(receiver, fine) == ["ordering.order_placed", "ordering.order_accepted"]
    assert types_about(receiver, stuck) == ["ordering.order_placed"]

    receiver.answer = lambda _: TAKEN
    await send(engine, endpoint, receiver, after=MINUTE)
    assert types_about(receiver, stuck) == [
        "ordering.order_placed",
        "ordering.order_placed",
        "ordering.order_accepted",
        "ordering.hold_placed",
    ]
    assert await status_of(engine, endpoint) == {"delivered": 5}


async def test_two_processes_never_send_two_deliveries_of_one_stream_at_the_same_time(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    order_id = fresh_id()
    await tell(engine, order_id)
    await tell_accepted(engine, order_id)
    await hear_all(engine)

    async with engine.begin() as db:
        first = await take(db, endpoint_ids=[endpoint.id], now=NOW)
    async with engine.begin() as db:
        second = await take(db, endpoint_ids=[endpoint.id], now=NOW)
    assert ([one.told.type for one in first], second) == (["ordering.order_placed"], [])

    async with engine.begin() as db:
        await book(db, sent=[Sent(first[0], TAKEN)], now=NOW)
        second = await take(db, endpoint_ids=[endpoint.id], now=NOW)
        await book(db, sent=[Sent(second[0], TAKEN)], now=NOW)
    assert [one.told.type for one in second] == ["ordering.order_accepted"]


async def test_what_was_taken_by_a_process_that_was_killed_is_sent_by_another(engine: Engine) -> None:
    """PLT-03: nothing that was committed is lost."""
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    async with engine.begin() as db:
        (dead,) = await take(db, endpoint_ids=[endpoint.id], now=NOW)

    receiver = Receiver()
    assert await send(engine, endpoint, receiver, after=LEASE / 2) == 0
    assert await send(engine, endpoint, receiver, after=LEASE) == 1
    assert receiver.ids() == [str(dead.told.id)]

    async with engine.begin() as db:
        await book(db, sent=[Sent(dead, BROKEN)], now=NOW + LEASE)
    assert await status_of(engine, endpoint) == {"delivered": 1}


async def test_a_receiver_that_is_down_for_hours_misses_nothing(engine: Engine) -> None:
    """PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    orders = [fresh_id() for _ in range(40)]
    await tell(engine, *orders)
    for order_id in orders[:10]:
        await tell_accepted(engine, order_id)
    await hear_all(engine)
    receiver = Receiver(lambda _: BROKEN)
    for minutes in range(0, 600, 7):
        await send(engine, endpoint, receiver, after=minutes * MINUTE)
    assert len(receiver.got) < 150

    receiver.answer = lambda _: TAKEN
    for minutes in range(600, 840, 7):
        await send(engine, endpoint, receiver, after=minutes * MINUTE)

    assert await status_of(engine, endpoint) == {"delivered": 50}


async def test_a_delivery_is_given_up_after_more_than_a_day_and_the_next_of_its_stream_goes_on(engine: Engine) -> None:
    """PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    order_id = fresh_id()
    await tell(engine, order_id)
    await tell_accepted(engine, order_id)
    await hear_all(engine)

    def refuse_placed(posting: Posting) -> Answer:
        return Answer(status=400) if b"order_placed" in posting.body else TAKEN

    receiver = Receiver(refuse_placed)
    hours = 0
    while await status_of(engine, endpoint) == {"pending": 2}:
        await send(engine, endpoint, receiver, after=hours * HOUR)
        hours += 1

    assert hours > 24
    assert await status_of(engine, endpoint) == {"failed": 1, "delivered": 1}
    assert len(set(receiver.ids())) == 2


async def test_an_endpoint_that_does_not_answer_is_left_in_peace_and_then_tried_with_one_delivery(
    engine: Engine,
) -> None:
    """PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, *(fresh_id() for _ in range(40)))
    await hear_all(engine)

    receiver = Receiver(lambda _: Answer(problem="nobody is there"))
    first = await send(engine, endpoint, receiver)
    assert first == 16
    assert await send(engine, endpoint, receiver, after=timedelta(seconds=10)) == 0
    assert await send(engine, endpoint, receiver, after=timedelta(seconds=16)) == 1
    assert await send(engine, endpoint, receiver, after=timedelta(seconds=32)) == 0

    receiver.answer = lambda _: TAKEN
    assert await send(engine, endpoint, receiver, after=2 * MINUTE) == 40
    assert await status_of(engine, endpoint) == {"delivered": 40}


async def test_an_endpoint_that_is_gone_is_disabled_and_what_it_did_not_take_waits(engine: Engine) -> None:
    """PLT-04"""
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)

    receiver = Receiver(lambda _: Answer(status=410))
    assert await send(engine, endpoint, receiver) == 1
    assert await send(engine, endpoint, receiver, after=24 * HOUR) == 0
    async with engine.begin() as db:
        gone = (await endpoints_by_id(db, [endpoint.id]))[endpoint.id]
        assert (gone.status, gone.version) == (EndpointStatus.GONE, 2)
        await move_endpoint(db, id_=endpoint.id, to=EndpointStatus.ENABLED, reason="", actor=ANA, now=NOW)

    receiver.answer = lambda _: TAKEN
    await send(engine, endpoint, receiver, after=24 * HOUR)
    assert await status_of(engine, endpoint) == {"delivered": 1}


async def test_an_endpoint_that_failed_for_days_is_disabled_and_somebody_can_see_why(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, *(fresh_id() for _ in range(10)))
    await hear_all(engine)

    await pass_days(engine, endpoint, Receiver(lambda _: BROKEN), days=6, each=2 * HOUR)

    async with engine.connect() as db:
        out = (await endpoints_by_id(db, [endpoint.id]))[endpoint.id]
        told = text("SELECT data ->> 'status' FROM plumbing.event WHERE stream = :id AND type LIKE '%disabled'")
        assert (out.status, await db.scalar(told, {"id": endpoint.id})) == ("unreachable", "unreachable")
    assert out.reason


async def test_a_paused_endpoint_gets_what_was_told_meanwhile_when_it_goes_on(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    async with engine.begin() as db:
        await move_endpoint(db, id_=endpoint.id, to=EndpointStatus.PAUSED, reason="deploying", actor=ANA, now=NOW)
    await tell(engine, fresh_id())
    await hear_all(engine)
    receiver = Receiver()
    assert await send(engine, endpoint, receiver) == 0

    async with engine.begin() as db:
        await move_endpoint(db, id_=endpoint.id, to=EndpointStatus.ENABLED, reason="", actor=ANA, now=NOW)
    assert await send(engine, endpoint, receiver) == 1


async def test_an_endpoint_that_asks_to_wait_is_left_alone_for_that_long(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    await tell(engine, fresh_id())
    await hear_all(engine)
    receiver = Receiver(lambda _: Answer(status=429, retry_after=10 * MINUTE))
    assert await send(engine, endpoint, receiver) == 1
    assert await send(engine, endpoint, receiver, after=9 * MINUTE) == 0
    assert await send(engine, endpoint, receiver, after=12 * MINUTE) == 1


def types_about(receiver: Receiver, stream: UUID) -> list[str]:
    bodies = [msgspec.json.decode(one.body) for one in receiver.got]
    return [body["type"] for body in bodies if body["stream"] == str(stream)]
