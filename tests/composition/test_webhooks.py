"""Webhooks of a whole house: the worker that sends them, real receivers, and what happens when it is killed."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from standardwebhooks import Webhook

from batuta.connectors.webhooks.adapters.http import Sender
from batuta.connectors.webhooks.commands import create_endpoint
from batuta.connectors.webhooks.domain import EndpointTerms, new_secret
from batuta.plumbing.database import Engine
from batuta.plumbing.settings import Settings
from batuta.worker import clockwork, working
from tests.composition.databases import drop_database, engine_on, migrated_database
from tests.composition.shopping import open_shop, order_chair
from tests.connectors.webhooks.receivers import Got, Stranger, silent
from tests.making import fresh_code, fresh_id

PATIENCE_S = 60


@pytest.fixture
async def engine(server_url: str) -> AsyncIterator[Engine]:
    """A house of its own."""
    url = await migrated_database(server_url, fresh_code("webhooks"))
    async with engine_on(url) as engine:
        yield engine
    await drop_database(server_url, url)


async def test_a_whole_order_is_told_in_order_and_a_silent_endpoint_keeps_nobody_waiting(
    engine: Engine,
) -> None:
    """PLT-03, PLT-04, PLT-05"""
    async with Stranger().listening() as shop, Stranger(silent).listening() as void:
        secret = await tell_to(engine, f"http://127.0.0.1:{shop.port}/")
        await tell_to(engine, f"http://127.0.0.1:{void.port}/")
        async with working(engine, clockwork(Settings()), sender=Sender(is_private_allowed=True)):
            chairs = await open_shop(engine)
            orders = [await order_chair(engine, chairs) for _ in range(3)]
            await until_offered(shop, orders)
        assert void.connections

    for got in shop.got:
        Webhook(secret).verify(got.body, got.headers)
    for order_id in orders:
        told = types_about(shop.got, order_id)
        assert told[0] == "ordering.order_placed"
        assert told.index("payments.payment_authorised") < told.index("ordering.order_accepted")
        assert told.index("ordering.order_accepted") < told.index("fulfillment.offered")


async def test_what_was_told_while_nobody_sent_is_sent_by_the_next_worker(engine: Engine) -> None:
    """PLT-03: a worker that dies between the commit and the sending loses nothing."""
    async with Stranger().listening() as shop:
        chairs = await open_shop(engine)
        await tell_to(engine, f"http://127.0.0.1:{shop.port}/")
        async with working(engine, clockwork(Settings())):
            first = await order_chair(engine, chairs)
            await asyncio.sleep(2)
        second = await order_chair(engine, chairs)
        assert not shop.connections

        async with working(engine, clockwork(Settings()), sender=Sender(is_private_allowed=True)):
            await until_offered(shop, [first, second])


async def tell_to(engine: Engine, url: str) -> str:
    """Name an endpoint that hears everything; return its secret."""
    secret = new_secret(random.SystemRandom())
    async with engine.begin() as db:
        await create_endpoint(
            db,
            id_=fresh_id(),
            terms=EndpointTerms(url=url, event_types=("*",)),
            secret_id=fresh_id(),
            text=secret,
            is_private_allowed=True,
            actor="staff:ana",
            now=datetime.now(UTC),
        )
    return secret


async def until_offered(shop: Stranger, orders: Sequence[UUID]) -> None:
    """Wait until the shop was told of each order that a location is asked to send it."""
    async with asyncio.timeout(PATIENCE_S):
        for order_id in orders:
            while "fulfillment.offered" not in types_about(shop.got, order_id):  # noqa: ASYNC110 - a server, no event
                await asyncio.sleep(0.1)


def types_about(got: Sequence[Got], stream: UUID) -> list[str]:
    bodies = [msgspec.json.decode(one.body) for one in got]
    return [body["type"] for body in bodies if body["stream"] == str(stream)]
