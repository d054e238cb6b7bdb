"""The shops of the stories; whatever happens in one, every law of the house holds afterwards."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from batuta.plumbing.database import Engine
from batuta.plumbing.settings import Settings
from tests.conftest import create_database
from tests.journeys.journey import Journey, broken_laws
from tests.world import build_carrier, build_shop


@pytest.fixture(scope="session")
def database_url(server_url: str, worker_id: str) -> str:
    """A database for stories alone: the audit speaks of all of it, and other tests leave theirs as they please."""
    name = f"stories_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


OpenShop = Callable[..., Awaitable[Journey]]


@pytest.fixture
async def open_shop(engine: Engine) -> AsyncIterator[OpenShop]:
    """Open a shop with a stock, and policies and prices where the story needs its own."""

    async def opened(
        stock: Mapping[str, Mapping[str, int]], *, settings: Settings | None = None, **changes: Any
    ) -> Journey:
        async with engine.begin() as db:
            shop = await build_shop(db, stock=stock, **changes)
            await build_carrier(db)
        return Journey(engine, shop, settings)

    yield opened
    assert await broken_laws(engine) == []


@pytest.fixture
async def journey(open_shop: OpenShop) -> Journey:
    return await open_shop({"chair": {"north": 5, "south": 5}, "table": {"south": 1}})
