import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.composition.databases import (
    copy_database,
    drop_constraints,
    drop_database,
    engine_on,
    migrated_database,
)
from tests.composition.playing import play
from tests.plumbing.places import reachable_place


@pytest.fixture
def place() -> Iterator[Path]:
    """A passing folder where batuta is run."""
    with reachable_place() as place:
        yield place


@pytest.fixture(scope="session")
def played(server_url: str, worker_id: str) -> str:
    """The address of a migrated database in which a whole day has been played. Copy it; do not change it."""

    async def make() -> str:
        url = await migrated_database(server_url, f"played_{worker_id}_{os.getpid()}")
        async with engine_on(url) as engine:
            await play(engine)
        return url

    return asyncio.run(make())


@pytest.fixture(scope="session")
def unguarded(server_url: str, played: str, worker_id: str) -> str:
    """The same day in a database that has no constraints. Copy it; do not change it."""

    async def make() -> str:
        url = await copy_database(server_url, f"unguarded_{worker_id}_{os.getpid()}", of=played)
        await drop_constraints(url)
        return url

    return asyncio.run(make())


@pytest.fixture
def copy(server_url: str, worker_id: str) -> Iterator[Callable[[str], str]]:
    """Copies of a database, dropped after the test."""
    made: list[str] = []

    def make(url: str) -> str:
        name = f"copy_{worker_id}_{os.getpid()}_{len(made)}"
        made.append(asyncio.run(copy_database(server_url, name, of=url)))
        return made[-1]

    yield make
    for url in made:
        asyncio.run(drop_database(server_url, url))
