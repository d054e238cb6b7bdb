import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import text

from batuta.plumbing.database import Engine
from batuta.plumbing.jobs import TRIES_MAX, Job, enqueue, held_jobs, prune, replay, work
from tests.making import NOW, fresh_code, fresh_id


class Post:
    """An outside part that takes letters, and refuses those it is told to."""

    def __init__(self) -> None:
        self.entrypoint = fresh_code("letters")
        self.taken: list[str] = []
        self.refused: set[str] = set()
        self.batches: list[int] = []

    async def carry_out(self, _: Engine, payloads: Sequence[bytes], *, now: datetime) -> list[BaseException | None]:
        assert now == NOW
        letters = [msgspec.json.decode(payload, type=str) for payload in payloads]
        self.batches.append(len(letters))
        self.taken += [letter for letter in letters if letter not in self.refused]
        return [ConnectionError("the box is full") if letter in self.refused else None for letter in letters]

    def job(self, letter: str) -> Job:
        return Job(entrypoint=self.entrypoint, key=letter, payload=letter)


async def until_done(engine: Engine, post: Post) -> None:
    while await work(engine, {post.entrypoint: post.carry_out}, now=NOW, worker=fresh_id()):
        pass


async def make_due(engine: Engine) -> None:
    async with engine.begin() as db:
        await db.execute(text("UPDATE jobs.pgqueuer SET execute_after = now() - interval '1 hour'"))


async def test_a_job_is_carried_out_once_and_many_go_together(engine: Engine) -> None:
    post = Post()
    letters = [fresh_code("letter") for _ in range(30)]
    async with engine.begin() as db:
        await enqueue(db, [post.job(letter) for letter in letters])

    await until_done(engine, post)
    await until_done(engine, post)

    assert sorted(post.taken) == sorted(letters)
    assert post.batches == [30]


async def test_a_job_of_a_transaction_that_was_rolled_back_was_never_there(engine: Engine) -> None:
    post = Post()
    async with engine.connect() as db:
        await db.begin()
        await db.begin()
        await enqueue(db, [post.job("to nobody")])
        await db.rollback()

    await until_done(engine, post)

    assert post.taken == []


async def test_the_same_key_is_one_job_while_it_waits(engine: Engine) -> None:
    post = Post()
    letter = fresh_code("letter")
    for _ in range(3):
        async with engine.begin() as db:
            await enqueue(db, [post.job(letter), post.job(letter)])

    await until_done(engine, post)

    assert post.taken == [letter]


async def test_a_failed_job_is_tried_again_and_its_neighbours_are_done(engine: Engine) -> None:
    post = Post()
    bad, good = fresh_code("letter"), fresh_code("letter")
    post.refused = {bad}
    async with engine.begin() as db:
        await enqueue(db, [post.job(bad), post.job(good)])
    await until_done(engine, post)
    assert post.taken == [good]

    post.refused = set()
    await make_due(engine)
    await until_done(engine, post)

    assert post.taken == [good, bad]


async def test_a_job_that_fails_on_its_last_try_is_held_and_can_be_replayed(engine: Engine) -> None:
    post = Post()
    letter = fresh_code("letter")
    post.refused = {letter}
    async with engine.begin() as db:
        await enqueue(db, [post.job(letter)])
    for _ in range(TRIES_MAX):
        await until_done(engine, post)
        await make_due(engine)
    assert len(post.batches) == TRIES_MAX
    await until_done(engine, post)
    assert len(post.batches) == TRIES_MAX

    async with engine.begin() as db:
        (held,) = [job for job in await held_jobs(db) if job.entrypoint == post.entrypoint]
        await replay(db, [held.id])
    post.refused = set()
    await make_due(engine)
    await until_done(engine, post)

    assert post.taken == [letter]


async def test_a_handler_that_breaks_fails_its_jobs_and_not_the_worker(engine: Engine) -> None:
    post = Post()

    async def broken(*_: object, **__: object) -> list[BaseException | None]:
        raise ZeroDivisionError

    async with engine.begin() as db:
        await enqueue(db, [post.job("x")])

    assert await work(engine, {post.entrypoint: broken}, now=NOW, worker=fresh_id()) == 1
    await make_due(engine)
    await until_done(engine, post)

    assert post.taken == ["x"]


async def test_two_workers_never_take_the_same_job(engine: Engine) -> None:
    post = Post()
    letters = [fresh_code("letter") for _ in range(300)]
    async with engine.begin() as db:
        await enqueue(db, [post.job(letter) for letter in letters])
    handlers = {post.entrypoint: post.carry_out}

    await asyncio.gather(*(work(engine, handlers, now=NOW, worker=fresh_id(), batch=50) for _ in range(8)))

    assert sorted(post.taken) == sorted(letters)


async def test_a_job_whose_worker_was_killed_is_taken_by_another(engine: Engine) -> None:
    post = Post()
    letter = fresh_code("letter")
    async with engine.begin() as db:
        await enqueue(db, [post.job(letter)])
    started, killed = asyncio.Event(), asyncio.Event()

    async def hang(*_: object, **__: object) -> list[BaseException | None]:
        started.set()
        await killed.wait()
        return [None]

    dying = asyncio.create_task(work(engine, {post.entrypoint: hang}, now=NOW, worker=fresh_id()))
    await started.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    async with engine.begin() as db:
        await db.execute(text("UPDATE jobs.pgqueuer SET heartbeat = now() - interval '1 hour'"))

    await until_done(engine, post)

    assert post.taken == [letter]


async def test_the_log_of_ended_jobs_is_pruned(engine: Engine) -> None:
    post = Post()
    async with engine.begin() as db:
        await enqueue(db, [post.job(fresh_code("letter"))])
    await until_done(engine, post)

    async with engine.begin() as db:
        assert await prune(db, before=datetime.now(UTC) + timedelta(minutes=1)) >= 3
