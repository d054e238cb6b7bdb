"""Group commit when connections, servers and commits break."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from batuta.kernel.errors import BatutaError
from batuta.plumbing import batching
from batuta.plumbing.batching import Batcher, OutcomeUnknown
from batuta.plumbing.database import Connection, Engine, create_engine
from batuta.plumbing.outage import DatabaseAway
from tests.plumbing.batches import (
    WRITE,
    Command,
    Wish,
    all_of,
    do_at_commit,
    encode,
    key_for,
    wishes,
    written,
)
from tests.plumbing.severing import wire_to

pytestmark = pytest.mark.usefixtures("ground")


@pytest.mark.usefixtures("at_commit")
async def test_a_server_that_dies_in_commit_before_it_committed_is_asked_again(
    batcher: Batcher[Wish, UUID], command: Command, engine: Engine
) -> None:
    await do_at_commit(
        engine,
        "IF nextval('batching_test.commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;",
    )
    items = wishes(8)

    assert await all_of(batcher, items) == [item.id for item in items]
    assert len(command.batches) == 2
    assert await written(engine, items) == 8


@pytest.mark.parametrize(("passes_on", "waits", "runs"), [(True, True, 1), (True, False, 1), (False, False, 2)])
@pytest.mark.usefixtures("at_commit")
async def test_a_connection_lost_in_commit_is_settled_before_anyone_is_answered(
    engine: Engine, database_url: str, command: Command, *, passes_on: bool, waits: bool, runs: int
) -> None:
    """The reply is lost; or batuta hears nothing while the database still commits; or the database never heard."""
    items, key = wishes(16), key_for()
    async with wire_to(database_url) as (wire, url):
        far = create_engine(url, pool_size=4)
        batcher: Batcher[Wish, UUID] = Batcher(far, command, name="test")
        await batcher.submit(Wish(uuid4()))
        if not waits:
            await do_at_commit(engine, "IF nextval('batching_test.commits') = 1 THEN PERFORM pg_sleep(0.5); END IF;")
        command.batches.clear()
        wire.cut_at, wire.passes_on, wire.waits = b"COMMIT", passes_on, waits

        keyed = asyncio.create_task(batcher.answer(items[0], key=key, encode=encode))
        answers = await all_of(batcher, items[1:])

        assert wire.cuts == 1
        assert (await keyed).body == str(items[0].id).encode()
        assert answers == [item.id for item in items[1:]]
        assert len(command.batches) == runs
        assert await written(engine, items) == 16
        assert (await batcher.answer(items[0], key=key, encode=encode)).body == str(items[0].id).encode()
        await far.dispose()


async def test_a_commit_that_cannot_be_settled_in_time_is_told_as_unknown(
    database_url: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "SETTLE_WITHIN_S", 0.3)
    async with wire_to(database_url) as (wire, url):
        far = create_engine(url, pool_size=4)
        batcher: Batcher[Wish, UUID] = Batcher(far, command, name="test")
        await batcher.submit(Wish(uuid4()))
        wire.cut_at, wire.stays_cut = b"COMMIT", True
        with pytest.raises(OutcomeUnknown):
            await batcher.submit(Wish(uuid4()))
        await far.dispose()


async def test_a_server_process_that_dies_in_the_middle_costs_nobody_an_answer(engine: Engine) -> None:
    deaths = 1

    async def run(db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        nonlocal deaths
        for item in items:
            await db.execute(WRITE, {"id": item.id})
        if deaths:
            deaths -= 1
            await db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return [item.id for item in items]

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    items = wishes(8)
    assert await all_of(batcher, items) == [item.id for item in items]
    assert await written(engine, items) == 8


async def test_without_a_database_everyone_is_told_so_soon() -> None:
    engine = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    batcher: Batcher[Wish, UUID] = Batcher(engine, Command(), name="test")
    async with asyncio.timeout(3):
        answers = await all_of(batcher, wishes(64))
    assert {type(answer) for answer in answers} == {DatabaseAway}
    await engine.dispose()
