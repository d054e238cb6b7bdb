"""Pages of a shop of their own, and browsers that read them."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy.engine import make_url

from batuta.identity.api import ROUTES as IDENTITY
from batuta.identity.api import guard_of
from batuta.plumbing.database import Engine
from batuta.plumbing.web import create_shell
from batuta.web.api import ROUTES
from batuta.web.problems import refuse_http
from tests.conftest import create_database
from tests.journeys.journey import Journey
from tests.journeys.test_rerouted import ASKING
from tests.web.reading import reader
from tests.world import build_carrier, build_shop


@pytest.fixture(scope="session")
def database_url(server_url: str, worker_id: str) -> str:
    """A database for pages alone: a worker takes on all of it."""
    name = f"pages_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def shell(engine: Engine) -> Litestar:
    return create_shell([*IDENTITY, *ROUTES], engine=engine, guard=guard_of(engine), explain_nowhere=refuse_http)


@pytest.fixture
async def journey(engine: Engine) -> Journey:
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 5, "south": 5}, "table": {"south": 3}})
        await build_carrier(db)
    return Journey(engine, shop)


@pytest.fixture
async def story(engine: Engine) -> Journey:
    """A shop of today that asks customers whose store cannot serve them; links end by the clock of who opens them."""
    stock = {"chair": {"north": 2, "south": 4, "east": 1}, "table": {"north": 1, "east": 1, "west": 1}}
    async with engine.begin() as db:
        shop = await build_shop(db, stock=stock, policies=msgspec.structs.replace(ASKING, are_messages_muted=True))
        await build_carrier(db)
    journey = Journey(engine, shop)
    journey.now = datetime.now(UTC) - timedelta(minutes=1)
    return journey


@pytest.fixture
async def ana(shell: Litestar, engine: Engine, journey: Journey) -> AsyncIterator[httpx.AsyncClient]:
    """An agent of the shop's channel, signed in, who reads Spanish."""
    async with reader(shell, engine, channel_ids={journey.shop.channel.id}) as client:
        yield client
