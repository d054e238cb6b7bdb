"""Shared reads: who asks while others are being answered is answered with the next."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from batuta.kernel.errors import BatutaError, Refused
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.shared_reads import AT_ONCE_MAX, SharedRead


class Reader:
    """Doubles numbers, refuses negative ones, and fails when told so; notes what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.fails = False
        self.beside = 0

    async def __call__(self, _: Connection, questions: Sequence[int], __: datetime) -> list[int | BatutaError]:
        self.asked.append(list(questions))
        self.beside += 1
        assert self.beside == 1
        try:
            await self.free.wait()
            if self.fails:
                raise RuntimeError("the database is away")
            return [2 * one if one >= 0 else Refused("not below nothing") for one in questions]
        finally:
            self.beside -= 1


@pytest.fixture
def reader() -> Reader:
    return Reader()


async def asking(shared: SharedRead[int, int], *questions: int) -> list["asyncio.Task[int]"]:
    tasks = [asyncio.create_task(shared.ask(one)) for one in questions]
    await asyncio.sleep(0.05)
    return tasks


async def test_questions_that_come_while_one_is_answered_share_the_next_read(engine: Engine, reader: Reader) -> None:
    shared: SharedRead[int, int] = SharedRead(engine, reader)
    reader.free.clear()
    first = await asking(shared, 1)
    others = await asking(shared, *range(2, 2 + AT_ONCE_MAX + 5))
    reader.free.set()

    assert await asyncio.gather(*first, *others) == [2 * one for one in range(1, 2 + AT_ONCE_MAX + 5)]
    assert [len(one) for one in reader.asked] == [1, AT_ONCE_MAX, 5]


async def test_a_refusal_is_told_to_its_asker_alone(engine: Engine, reader: Reader) -> None:
    shared: SharedRead[int, int] = SharedRead(engine, reader)

    good, bad = await asyncio.gather(*await asking(shared, 4, -1), return_exceptions=True)

    assert good == 8
    assert isinstance(bad, Refused)


async def test_a_read_that_fails_is_told_to_all_who_shared_it_and_the_next_is_tried(
    engine: Engine, reader: Reader
) -> None:
    shared: SharedRead[int, int] = SharedRead(engine, reader)
    reader.fails = True
    failed = await asyncio.gather(*await asking(shared, 1, 2), return_exceptions=True)
    reader.fails = False

    assert [str(one) for one in failed] == ["the database is away"] * 2
    assert await shared.ask(3) == 6


async def test_an_asker_who_goes_away_takes_nobody_along(engine: Engine, reader: Reader) -> None:
    shared: SharedRead[int, int] = SharedRead(engine, reader)
    reader.free.clear()
    gone, other = await asking(shared, 1, 2)
    gone.cancel()
    reader.free.set()

    assert await other == 4
    assert gone.cancelled() or gone.cancelling()
