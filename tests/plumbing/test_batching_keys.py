"""Group commit: the same key is decided once (PLT-01)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from batuta.kernel.errors import BatutaError
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine, create_engine
from batuta.plumbing.keys import IdempotencyKeyReused, Kept, forget_old
from tests.plumbing.batches import (
    Command,
    InTheWay,
    Wish,
    encode,
    key_for,
    wishes,
    written,
)

pytestmark = pytest.mark.usefixtures("ground")


async def test_who_sent_a_request_again_is_answered_though_the_first_has_gone(
    batcher: Batcher[Wish, UUID], command: Command
) -> None:
    command.free.clear()
    item, key = Wish(uuid4()), key_for()
    first, second = (asyncio.create_task(batcher.answer(item, key=key, encode=encode)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.sleep(0)
    command.free.set()

    assert (await second).status == 201


async def test_the_same_key_twice_in_a_batch_is_decided_once_and_answered_twice(
    batcher: Batcher[Wish, UUID], command: Command, engine: Engine
) -> None:
    item, key = Wish(uuid4()), key_for()

    first, second = await asyncio.gather(*(batcher.answer(item, key=key, encode=encode) for _ in range(2)))

    assert first == second == Kept(201, str(item.id).encode())
    assert [len(batch) for batch in command.batches] == [1]
    assert await written(engine, [item]) == 1


async def test_a_key_that_comes_again_later_is_answered_as_before_and_nothing_is_done(
    batcher: Batcher[Wish, UUID], command: Command
) -> None:
    item, key, refused, its_key = Wish(uuid4()), key_for(), Wish(uuid4(), refused=True), key_for()
    first = await batcher.answer(item, key=key, encode=encode)
    refusal = await batcher.answer(refused, key=its_key, encode=encode)

    again = await batcher.answer(Wish(uuid4()), key=key, encode=encode)
    refusal_again = await batcher.answer(Wish(uuid4()), key=its_key, encode=encode)

    assert (again.status, again.body) == (first.status, first.body) == (201, str(item.id).encode())
    assert (refusal_again.status, refusal_again.body) == (refusal.status, refusal.body) == (409, b"no_such_thing")
    assert len(command.batches) == 2


async def test_a_key_used_for_another_request_is_refused_in_the_same_batch_and_later(
    batcher: Batcher[Wish, UUID], command: Command
) -> None:
    name = uuid4().hex
    asked = [batcher.answer(Wish(uuid4()), key=key_for(name, body=body), encode=encode) for body in (b"a", b"b")]

    first, second = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(first, Kept)
    assert isinstance(second, IdempotencyKeyReused)
    with pytest.raises(IdempotencyKeyReused):
        await batcher.answer(Wish(uuid4()), key=key_for(name, body=b"b"), encode=encode)
    assert [len(batch) for batch in command.batches] == [1]


async def test_two_callers_may_use_the_same_key(batcher: Batcher[Wish, UUID]) -> None:
    name, items = uuid4().hex, wishes(2)
    keys = [key_for(name, scope=uuid4()) for _ in items]

    answers = [await batcher.answer(item, key=key, encode=encode) for item, key in zip(items, keys, strict=True)]

    assert [kept.body for kept in answers] == [str(item.id).encode() for item in items]


async def test_the_same_key_in_two_processes_at_once_is_decided_once(
    batcher: Batcher[Wish, UUID], command: Command, engine: Engine, database_url: str
) -> None:
    other_engine, other_command = create_engine(database_url), Command()
    elsewhere: Batcher[Wish, UUID] = Batcher(other_engine, other_command, name="test")
    command.free.clear()
    other_command.free.clear()
    items, neighbours, keys = wishes(2), wishes(2), [key_for() for _ in range(2)]
    asked = [
        asyncio.create_task(where.answer(item, key=key, encode=encode))
        for where, own in ((batcher, items), (elsewhere, [items[0], neighbours[1]]))
        for item, key in zip(own, (keys[0], key_for()), strict=True)
    ]
    await asyncio.sleep(0.1)
    command.free.set()
    other_command.free.set()
    here, _, there, neighbour = await asyncio.gather(*asked)

    assert here.body == there.body == str(items[0].id).encode()
    assert neighbour.body == str(neighbours[1].id).encode()
    assert await written(engine, [items[0]]) == 1
    assert await written(engine, [neighbours[1]]) == 1
    await other_engine.dispose()


async def test_what_passes_by_itself_is_told_in_the_end_and_not_kept(engine: Engine) -> None:
    is_free = False

    async def run(_: Connection, items: Sequence[Wish], __: datetime) -> list[UUID | BatutaError]:
        return [item.id if is_free else InTheWay("somebody else is at it") for item in items]

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    item, key = Wish(uuid4()), key_for()
    with pytest.raises(InTheWay):
        await batcher.answer(item, key=key, encode=encode)
    is_free = True
    assert (await batcher.answer(item, key=key, encode=encode)).status == 201


async def test_kept_answers_are_forgotten_after_a_day(
    batcher: Batcher[Wish, UUID], engine: Engine, command: Command
) -> None:
    old, new = key_for(), key_for()
    for key in (old, new):
        await batcher.answer(Wish(uuid4()), key=key, encode=encode)
    async with engine.begin() as db:
        aged = "UPDATE plumbing.idempotency SET created_at = now() - interval '24 hours' WHERE key = :key"
        await db.execute(text(aged), {"key": old.key})
        now = await db.scalar(text("SELECT now()"))
        assert await forget_old(db, now=now, limit=500) == 1

    for key in (old, new):
        await batcher.answer(Wish(uuid4()), key=key, encode=encode)
    assert len(command.batches) == 3
