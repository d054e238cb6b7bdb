"""Group commit, sentence by sentence of the architecture."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from batuta.kernel.errors import BatutaError
from batuta.plumbing.batching import Batcher, QueueFull
from batuta.plumbing.database import Connection, Engine, create_engine
from batuta.plumbing.outage import DatabaseBusy
from tests.plumbing.batches import (
    WRITE,
    Command,
    InTheWay,
    NoSuchThing,
    Wish,
    all_of,
    do_at_commit,
    encode,
    key_for,
    wishes,
    written,
)

pytestmark = pytest.mark.usefixtures("ground")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    """As impatient as in the house."""
    made = create_engine(database_url, pool_size=20)
    yield made
    await made.dispose()


async def test_requests_that_arrive_while_a_transaction_runs_share_the_next_one(
    engine: Engine, command: Command
) -> None:
    batcher: Batcher[Wish, UUID] = Batcher(engine, command, name="test", in_flight=1)
    command.free.clear()
    first = asyncio.create_task(batcher.submit(Wish(uuid4())))
    await asyncio.sleep(0.05)
    others = wishes(63)
    rest = asyncio.create_task(all_of(batcher, others))
    await asyncio.sleep(0.05)
    command.free.set()

    await first
    assert await rest == [item.id for item in others]
    assert [len(batch) for batch in command.batches] == [1, 63]


async def test_a_batch_is_at_most_a_hundred_items_and_two_thousand_lines(engine: Engine, command: Command) -> None:
    weights = {item.id: 1 for item in wishes(150)} | {uuid4(): 900 for _ in range(3)} | {uuid4(): 5_000}
    batcher: Batcher[Wish, UUID] = Batcher(
        engine, command, name="test", in_flight=1, weight=lambda item: weights[item.id]
    )

    assert len(await all_of(batcher, [Wish(id_) for id_ in weights])) == 154
    assert [len(batch) for batch in command.batches] == [100, 52, 1, 1]


async def test_at_most_two_batches_of_a_command_are_in_flight_and_the_second_only_for_many(
    batcher: Batcher[Wish, UUID], command: Command
) -> None:
    command.free.clear()
    asked = []
    for arriving in (1, 5, 20, 30):
        asked.append(asyncio.create_task(all_of(batcher, wishes(arriving))))
        await asyncio.sleep(0.05)
    command.free.set()
    await asyncio.gather(*asked)

    assert command.running_most == 2
    assert [len(batch) for batch in command.batches] == [1, 25, 30]


async def test_a_request_that_comes_as_a_batch_ends_is_not_left_lying(batcher: Batcher[Wish, UUID]) -> None:
    async with asyncio.timeout(10):
        for item in wishes(50):
            assert await batcher.submit(item) == item.id


async def test_past_a_full_queue_a_request_is_told_to_come_back(engine: Engine, command: Command) -> None:
    batcher: Batcher[Wish, UUID] = Batcher(engine, command, name="test", in_flight=1, queue_max=1_000)
    command.free.clear()
    first = asyncio.create_task(batcher.submit(Wish(uuid4())))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(all_of(batcher, wishes(1_000)))
    await asyncio.sleep(0.05)

    with pytest.raises(QueueFull) as refusal:
        await batcher.submit(Wish(uuid4()))
    assert refusal.value.facts == {"waiting": 1_000}
    command.free.set()
    await first
    assert len(await waiting) == 1_000


async def test_one_bad_item_fails_alone_among_63_good_ones(batcher: Batcher[Wish, UUID], engine: Engine) -> None:
    items = wishes(64)
    items[41] = Wish(uuid4(), broken=True)

    answers = await all_of(batcher, items)

    assert isinstance(answers.pop(41), asyncpg.DivisionByZeroError)
    del items[41]
    assert answers == [item.id for item in items]
    assert await written(engine, items) == 63


async def test_an_item_that_is_refused_is_no_failure_of_its_batch(
    batcher: Batcher[Wish, UUID], command: Command
) -> None:
    good, bad = Wish(uuid4()), Wish(uuid4(), refused=True)

    answers = await all_of(batcher, [good, bad])

    assert answers[0] == good.id
    assert isinstance(answers[1], NoSuchThing)
    assert len(command.batches) == 1


async def test_a_refusal_that_is_raised_is_the_answer_of_the_item_that_raises_it_alone(engine: Engine) -> None:
    async def run(db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        for item in items:
            await db.execute(WRITE, {"id": item.id})
            if item.refused:
                raise NoSuchThing("there is none")
        return [item.id for item in items]

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    key, items = key_for(), [*wishes(3), Wish(uuid4(), refused=True)]
    asked = [batcher.answer(item, key=key if item.refused else None, encode=encode) for item in items]

    assert [kept.status for kept in await asyncio.gather(*asked)] == [201, 201, 201, 409]
    assert await written(engine, items) == 3
    assert (await batcher.answer(items[3], key=key, encode=encode)).body == b"no_such_thing"


async def test_sessions_read_what_is_committed_and_wait_two_seconds_for_a_lock_and_five_for_a_statement(
    engine: Engine,
) -> None:
    async def run(db: Connection, _: Sequence[Wish], __: datetime) -> list[tuple[str, str, str] | BatutaError]:
        names = ("transaction_isolation", "lock_timeout", "statement_timeout")
        isolation, lock, statement = [await db.scalar(text(f"SHOW {name}")) for name in names]
        return [(isolation, lock, statement)]

    batcher: Batcher[Wish, tuple[str, str, str]] = Batcher(engine, run, name="test")
    assert await batcher.submit(Wish(uuid4())) == ("read committed", "2s", "5s")


async def test_an_item_whose_row_somebody_keeps_is_busy_and_its_neighbours_are_not(engine: Engine) -> None:
    kept = Wish(uuid4())
    async with engine.begin() as db:
        await db.execute(text("INSERT INTO batching_test.row VALUES (:id)"), {"id": kept.id})

    async def run(db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        ids = {"ids": [item.id for item in items]}
        await db.execute(text("SELECT FROM batching_test.row WHERE id = ANY (:ids) FOR UPDATE"), ids)
        return [item.id for item in items]

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    items = [*wishes(7), kept]
    async with engine.begin() as db:
        await db.execute(text("SELECT FROM batching_test.row WHERE id = :id FOR UPDATE"), {"id": kept.id})
        answers = await all_of(batcher, items)

    assert isinstance(answers.pop(), DatabaseBusy)
    assert answers == [item.id for item in items[:7]]


@pytest.mark.parametrize("state", ["40P01", "40001"])
async def test_a_deadlock_or_serialization_failure_is_tried_three_times_more(engine: Engine, state: str) -> None:
    tries = 0
    clashes = 3

    async def run(db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        nonlocal tries
        tries += 1
        if tries <= clashes:
            await db.run_script(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")
        return [item.id for item in items]

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    items = wishes(64)
    assert await all_of(batcher, items) == [item.id for item in items]
    assert tries == 4

    tries, clashes = 0, 4
    (answer,) = await all_of(batcher, wishes(1))
    assert tries == 4
    assert isinstance(answer, DatabaseBusy)


async def test_answers_are_given_after_commit(batcher: Batcher[Wish, UUID], engine: Engine) -> None:
    items = wishes(3)
    for item in items:
        await batcher.submit(item)
        assert await written(engine, [item]) == 1


async def test_a_cancelled_request_does_not_cancel_its_item(
    batcher: Batcher[Wish, UUID], command: Command, engine: Engine
) -> None:
    command.free.clear()
    gone, waiting = wishes(2)
    leaving = asyncio.create_task(batcher.submit(gone))
    staying = asyncio.create_task(batcher.submit(waiting))
    await asyncio.sleep(0.05)
    leaving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaving
    command.free.set()

    assert await staying == waiting.id
    assert await written(engine, [gone, waiting]) == 2


async def test_an_item_that_meets_others_work_is_run_again_alone(engine: Engine) -> None:
    batches: list[int] = []

    async def run(db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        batches.append(len(items))
        in_the_way = len(batches) < 3
        outcomes: list[UUID | BatutaError] = []
        for item in items:
            if item.refused and in_the_way:
                outcomes.append(InTheWay("somebody else is at it"))
            else:
                await db.execute(WRITE, {"id": item.id})
                outcomes.append(item.id)
        return outcomes

    batcher: Batcher[Wish, UUID] = Batcher(engine, run, name="test")
    items = [Wish(uuid4(), refused=True), *wishes(4)]

    assert await all_of(batcher, items) == [item.id for item in items]
    assert batches == [5, 1, 1]
    assert await written(engine, items) == 5


@pytest.mark.usefixtures("at_commit")
async def test_a_commit_that_the_database_refuses_is_the_fault_of_one_item(
    batcher: Batcher[Wish, UUID], engine: Engine
) -> None:
    items = wishes(8)
    bad = items.pop(3)
    await do_at_commit(engine, f"IF NEW.id = '{bad.id}' THEN RAISE check_violation; END IF;")

    answers = await all_of(batcher, [*items, bad])

    assert isinstance(answers.pop(), asyncpg.CheckViolationError)
    assert answers == [item.id for item in items]
    assert await written(engine, [*items, bad]) == 7


async def test_a_batcher_that_closes_answers_everyone_first(batcher: Batcher[Wish, UUID], command: Command) -> None:
    command.free.clear()
    items = wishes(10)
    asked = asyncio.create_task(all_of(batcher, items))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    command.free.set()
    await closing

    assert await asked == [item.id for item in items]
