"""What time does is done by sweeps that stand alone."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.stepping import Clockwork, settle, settle_wholly
from batuta.plumbing.sweeps import FailedSweep, Sweep, failed_sweeps, forget_absent
from tests.counting import statements_of
from tests.making import NOW, fresh_code, fresh_id

GROUND = """
CREATE SCHEMA IF NOT EXISTS sweeping_test;
CREATE TABLE IF NOT EXISTS sweeping_test.dust (lies_on text NOT NULL, due_at timestamptz NOT NULL);
"""


class Broom:
    """Sweeps the dust of its own floor, until it breaks."""

    def __init__(self) -> None:
        self.floor = fresh_code("floor")
        self.is_broken = False
        self.tried = 0
        self.due: str | None = None

    async def __call__(self, db: Connection, *, now: datetime, limit: int) -> int:
        self.tried += 1
        gone = await db.execute(
            text("DELETE FROM sweeping_test.dust WHERE lies_on = :floor AND due_at <= :now RETURNING 1"),
            {"floor": self.floor, "now": now},
        )
        if self.is_broken:
            raise RuntimeError("the broom broke")
        return min(limit, len(gone.all()))

    def sweep(self) -> Sweep:
        due = f"SELECT FROM sweeping_test.dust WHERE lies_on = '{self.floor}' AND due_at <= :now"
        return Sweep(self.floor, self, due=self.due or due)

    async def litter(self, engine: Engine) -> None:
        async with engine.begin() as db:
            await db.execute(
                text("INSERT INTO sweeping_test.dust VALUES (:floor, :now)"), {"floor": self.floor, "now": NOW}
            )

    async def is_clean(self, engine: Engine) -> bool:
        async with engine.connect() as db:
            asked = text("SELECT count(*) FROM sweeping_test.dust WHERE lies_on = :floor")
            return bool(await db.scalar(asked, {"floor": self.floor}) == 0)


@pytest.fixture
async def brooms(engine: Engine) -> AsyncIterator[list[Broom]]:
    """Three of them, with something to sweep each; what failed is forgotten in the end."""
    async with engine.begin() as db:
        await db.run_script(GROUND)
    made = [Broom() for _ in range(3)]
    for one in made:
        await one.litter(engine)
    yield made
    async with engine.begin() as db:
        await forget_absent(db, present=[])


def house_of(brooms: list[Broom]) -> Clockwork:
    return Clockwork(reactions=(), sweeps=tuple(one.sweep() for one in brooms), handlers={})


async def step(engine: Engine, brooms: list[Broom], *, now: datetime) -> None:
    await settle(engine, house_of(brooms), clock=lambda: now, worker=fresh_id())


async def failures(engine: Engine) -> list[FailedSweep]:
    async with engine.connect() as db:
        return await failed_sweeps(db)


async def test_a_sweep_that_fails_is_undone_and_noted_and_the_others_go_on(engine: Engine, brooms: list[Broom]) -> None:
    first, bad, last = brooms
    bad.is_broken = True

    await step(engine, brooms, now=NOW)

    assert [await one.is_clean(engine) for one in (first, bad, last)] == [True, False, True]
    (noted,) = await failures(engine)
    assert (noted.name, noted.failures, noted.error) == (bad.floor, 1, "RuntimeError: the broom broke")
    assert (noted.since_at, noted.again_at) == (NOW, NOW + timedelta(seconds=2))


async def test_a_sweep_that_fails_is_tried_again_after_pauses_that_grow_to_ten_minutes(
    engine: Engine, brooms: list[Broom]
) -> None:
    (bad, *_) = brooms
    bad.is_broken = True
    now, pauses = NOW, []
    for tries in range(1, 13):
        await step(engine, brooms, now=now)
        await step(engine, brooms, now=now + timedelta(seconds=1))
        assert bad.tried == tries
        (noted,) = await failures(engine)
        assert (noted.failures, noted.since_at) == (tries, NOW)
        pauses.append((noted.again_at - now).total_seconds())
        now = noted.again_at

    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]


async def test_a_sweep_that_goes_well_again_is_noted_no_longer(engine: Engine, brooms: list[Broom]) -> None:
    (bad, *_) = brooms
    bad.is_broken = True
    await step(engine, brooms, now=NOW)
    bad.is_broken = False

    await step(engine, brooms, now=NOW + timedelta(seconds=2))

    assert await bad.is_clean(engine)
    assert await failures(engine) == []


async def test_a_sweep_whose_work_somebody_else_did_is_noted_no_longer(engine: Engine, brooms: list[Broom]) -> None:
    (bad, *_) = brooms
    bad.is_broken = True
    await step(engine, brooms, now=NOW)
    async with engine.begin() as db:
        await db.execute(text("DELETE FROM sweeping_test.dust"))

    await step(engine, brooms, now=NOW + timedelta(seconds=2))

    assert bad.tried == 1
    assert await failures(engine) == []


@pytest.mark.parametrize("due", ["SELECT FROM sweeping_test.dust WHERE 1 / length(left(lies_on, 0)) > 0", "SELECT FRM"])
async def test_a_sweep_that_cannot_be_asked_is_noted_and_the_others_go_on(
    engine: Engine, brooms: list[Broom], due: str
) -> None:
    first, bad, last = brooms
    bad.due = due

    await step(engine, brooms, now=NOW)

    assert [await one.is_clean(engine) for one in (first, bad, last)] == [True, False, True]
    (noted,) = await failures(engine)
    assert (noted.name, noted.failures, noted.again_at) == (bad.floor, 1, NOW + timedelta(seconds=2))
    await step(engine, brooms, now=noted.again_at)
    (noted,) = await failures(engine)
    assert (noted.failures, noted.again_at) == (2, NOW + timedelta(seconds=2 + 4))

    bad.due = None
    await step(engine, brooms, now=noted.again_at)
    assert await bad.is_clean(engine)
    assert await failures(engine) == []


async def test_a_sweep_that_could_not_be_asked_is_left_in_peace_while_it_pauses(
    engine: Engine, brooms: list[Broom]
) -> None:
    brooms[1].due = "SELECT FROM sweeping_test.dust WHERE 1 / length(left(lies_on, 0)) > 0"
    await step(engine, brooms, now=NOW)

    with statements_of(engine) as statements:
        await step(engine, brooms, now=NOW + timedelta(seconds=1))

    assert len(statements) == 1


async def test_a_replay_comes_to_its_end_though_a_sweep_fails(engine: Engine, brooms: list[Broom]) -> None:
    (bad, *_) = brooms
    bad.is_broken = True

    await settle_wholly(engine, house_of(brooms), now=NOW, worker=fresh_id())

    assert bad.tried == 1


async def test_a_failure_that_lies_ahead_keeps_nobody_waiting(engine: Engine, brooms: list[Broom]) -> None:
    (bad, *_) = brooms
    bad.is_broken = True
    await step(engine, brooms, now=NOW + timedelta(days=1))
    bad.is_broken = False

    await step(engine, brooms, now=NOW)

    assert await bad.is_clean(engine)


async def test_a_step_in_which_nothing_is_due_is_one_statement(engine: Engine, brooms: list[Broom]) -> None:
    await step(engine, brooms, now=NOW)

    with statements_of(engine) as statements:
        await step(engine, brooms, now=NOW)

    assert len(statements) == 1
