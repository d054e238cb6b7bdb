"""Several processes send to one endpoint while facts come in and people replay: each once, and in order."""

import asyncio
import random
from datetime import timedelta

import msgspec

from batuta.connectors.webhooks.commands import following, replay_stream
from batuta.connectors.webhooks.domain import Answer, Posting
from batuta.connectors.webhooks.jobs import deliver
from batuta.connectors.webhooks.queries import AUDIT
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from batuta.plumbing.events import react
from tests.connectors.webhooks.given import (
    TAKEN,
    an_endpoint,
    hear_all,
    send,
    status_of,
    tell,
    tell_accepted,
    tell_held,
)
from tests.connectors.webhooks.given import Receiver as Plain
from tests.making import NOW, fresh_id


class Slow:
    """A receiver whose answers take their time, so that others come in between."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []

    async def __call__(self, posting: Posting) -> Answer:
        body = msgspec.json.decode(posting.body)
        self.got.append((body["stream"], body["type"]))
        await asyncio.sleep(random.random() / 50)
        return TAKEN


async def test_four_senders_keep_the_order_of_each_stream_and_send_each_delivery_once(engine: Engine) -> None:
    """PLT-03"""
    endpoint, _ = await an_endpoint(engine)
    streams = [fresh_id() for _ in range(25)]
    receiver, is_over = Slow(), asyncio.Event()

    async def keep_sending() -> None:
        while await deliver(engine, endpoint_ids=[endpoint.id], post=receiver, now=NOW) or not is_over.is_set():
            pass

    async def keep_hearing() -> None:
        while not is_over.is_set():
            await react(engine, following(), now=NOW)

    tasks = [asyncio.create_task(keep_sending()) for _ in range(4)] + [asyncio.create_task(keep_hearing())]
    await tell(engine, *streams)
    for stream in streams:
        await tell_accepted(engine, stream)
    for stream in streams:
        await tell_held(engine, stream)
    is_over.set()
    await asyncio.gather(*tasks)
    await hear_all(engine)
    await keep_sending()

    for stream in streams:
        assert [type_ for about, type_ in receiver.got if about == str(stream)] == [
            "ordering.order_placed",
            "ordering.order_accepted",
            "ordering.hold_placed",
        ]
    assert await status_of(engine, endpoint) == {"delivered": 75}


async def test_replays_beside_sending_leave_every_lane_as_it_must_be(engine: Engine) -> None:
    endpoint, _ = await an_endpoint(engine)
    streams = [fresh_id() for _ in range(10)]
    await tell(engine, *streams)
    for stream in streams:
        await tell_accepted(engine, stream)
    await hear_all(engine)

    async def replay_some() -> None:
        for stream in streams:
            async with engine.begin() as db:
                await replay_stream(db, endpoint_id=endpoint.id, stream=stream, now=NOW)

    async def send_some() -> None:
        for _ in range(10):
            await deliver(engine, endpoint_ids=[endpoint.id], post=Slow(), now=NOW)

    await asyncio.gather(replay_some(), replay_some(), send_some(), send_some())
    await send(engine, endpoint, Plain(), after=timedelta(minutes=1))

    assert await status_of(engine, endpoint) == {"delivered": 20}
    async with engine.snapshot() as db:
        assert not [verdict for verdict in await examine(db, AUDIT) if verdict.broken]
