from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Engine
from tests.plumbing.batches import GROUND, Command, Wish
from tests.plumbing.places import reachable_place


@pytest.fixture
def place() -> Iterator[Path]:
    """A passing folder for a server and what belongs to it."""
    with reachable_place() as place:
        yield place


@pytest.fixture
def command() -> Command:
    return Command()


@pytest.fixture
async def ground(engine: Engine) -> None:
    async with engine.begin() as db:
        await db.run_script("SELECT pg_advisory_xact_lock(19)")
        await db.run_script(GROUND)


@pytest.fixture
async def batcher(engine: Engine, ground: None, command: Command) -> AsyncIterator[Batcher[Wish, UUID]]:  # noqa: ARG001 its tables
    made: Batcher[Wish, UUID] = Batcher(engine, command, name="test")
    yield made
    command.free.set()
    await made.close()


@pytest.fixture
async def at_commit(engine: Engine, ground: None) -> AsyncIterator[None]:  # noqa: ARG001 its tables
    """What a test makes PostgreSQL do while it commits ends with the test."""
    yield
    async with engine.begin() as db:
        await db.run_script("DROP TRIGGER IF EXISTS at_commit ON batching_test.done")
