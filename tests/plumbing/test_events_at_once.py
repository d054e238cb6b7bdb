"""What a step tells may be reacted to in the transaction that tells it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import Reaction, facts_of, publish, react
from batuta.plumbing.events.parked import parked_streams
from tests.hearing import is_behind
from tests.making import NOW, fresh_code, fresh_id
from tests.plumbing.test_events import Rang, Stopped, rang, stopped

BELLS_MAX = 200


class Ringer:
    """Stops a bell that rang, and notes in which transactions it heard what."""

    def __init__(self, *bells: UUID) -> None:
        self.bells = set(bells)
        self.heard: list[tuple[str, UUID]] = []
        self.transactions: list[int] = []
        self.is_broken = False
        self.reaction = Reaction(
            fresh_code("ringer"),
            {Rang: (self.on_rang,), Stopped: (self.on_stopped,)},
            at_once=frozenset({Stopped}),
        )

    async def on_rang(self, db: Connection, events: Sequence[Rang], _: datetime) -> None:
        await self.hear(db, "rang", [one.stream for one in events if one.stream in self.bells])
        await publish(db, [stopped(one.stream) for one in events if one.stream in self.bells])

    async def on_stopped(self, db: Connection, events: Sequence[Stopped], _: datetime) -> None:
        mine = [one.stream for one in events if one.stream in self.bells]
        if mine and self.is_broken:
            raise RuntimeError("the rope tore")
        await self.hear(db, "stopped", mine)

    async def hear(self, db: Connection, what: str, bells: Sequence[UUID]) -> None:
        self.heard += [(what, bell) for bell in bells]
        if bells:
            self.transactions.append(await db.scalar(text("SELECT pg_current_xact_id()::text::bigint")))

    async def listen(self, engine: Engine) -> None:
        while await is_behind(engine, self.reaction):
            await react(engine, self.reaction, now=NOW)
            await asyncio.sleep(0)


async def ring(engine: Engine, bell: UUID) -> None:
    async with engine.begin() as db:
        await publish(db, [rang(bell)])


async def test_what_a_step_tells_is_heard_in_the_transaction_that_tells_it(engine: Engine) -> None:
    # Others' open transactions may put it off to the next pass, now and then.
    for _ in range(BELLS_MAX):
        bell = fresh_id()
        ringer = Ringer(bell)
        await ring(engine, bell)

        await ringer.listen(engine)

        assert ringer.heard == [("rang", bell), ("stopped", bell)]
        if len(set(ringer.transactions)) == 1:
            return
    raise AssertionError("every bell was stopped in another transaction than the one that heard it")


async def test_what_others_are_about_to_tell_is_heard_before_what_a_step_tells(engine: Engine) -> None:
    bell, other = fresh_id(), fresh_id()
    ringer = Ringer(bell)
    await ring(engine, bell)
    async with engine.connect() as older:
        await older.begin()
        await publish(older, [rang(other)])
        ringer.bells.add(other)
        while not ringer.heard:
            await react(engine, ringer.reaction, now=NOW)
        assert ringer.heard == [("rang", bell)]
        await older.commit()

    await ringer.listen(engine)

    assert ringer.heard[1] == ("rang", other)
    assert sorted(ringer.heard[2:]) == sorted([("stopped", bell), ("stopped", other)])


async def test_a_step_stands_though_what_follows_it_at_once_fails(engine: Engine) -> None:
    bell = fresh_id()
    ringer = Ringer(bell)
    ringer.is_broken = True
    await ring(engine, bell)

    await ringer.listen(engine)

    async with engine.connect() as db:
        assert [fact.name for fact in (await facts_of(db, [bell]))[bell]] == ["bells.rang", "bells.stopped"]
        (kept,) = [one for one in await parked_streams(db) if one.stream == bell]
    assert (kept.fact, kept.facts, kept.error) == ("bells.stopped", 1, "RuntimeError: the rope tore")
