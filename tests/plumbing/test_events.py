import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from batuta.kernel.events import Event, type_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import BEHIND, Fact, Reaction, facts_of, publish, react
from batuta.plumbing.events.parked import (
    NothingParked,
    holder,
    parked_streams,
    rebase,
    retry,
    skip,
    standings,
)
from batuta.plumbing.events.reactions import RestoredElsewhere
from batuta.plumbing.events.tables import cluster, event
from batuta.plumbing.events.tables import reaction as reaction_table
from tests.hearing import is_behind
from tests.making import NOW, fresh_code, fresh_id


class Rang(Event, frozen=True):
    __module__ = "batuta.bells.events"
    times: int = 1


class Stopped(Event, frozen=True):
    __module__ = "batuta.bells.events"


def rang(stream: UUID, times: int = 1) -> Rang:
    return Rang(stream=stream, happened_at=NOW, actor="test:bell", times=times)


def stopped(stream: UUID) -> Stopped:
    return Stopped(stream=stream, happened_at=NOW, actor="test:bell")


class Listener:
    """Hears bells of its own streams; fails on those it is told to fail on."""

    def __init__(self, *streams: UUID) -> None:
        self.streams = set(streams)
        self.heard: list[tuple[str, UUID, int]] = []
        self.runs: list[int] = []
        self.poison: set[UUID] = set()

    async def on_rang(self, db: Connection, events: Sequence[Rang], _: datetime) -> None:
        mine = [one for one in events if one.stream in self.streams]
        if any(one.stream in self.poison for one in mine):
            raise RuntimeError("the clapper fell off")
        await db.execute(text("SELECT 1"))
        self.runs.append(len(mine))
        self.heard += [("rang", one.stream, one.times) for one in mine]

    async def on_stopped(self, _: Connection, events: Sequence[Stopped], __: datetime) -> None:
        self.heard += [("stopped", one.stream, 0) for one in events if one.stream in self.streams]

    def reaction(self) -> Reaction:
        return Reaction(fresh_code("listener"), {Rang: (self.on_rang,), Stopped: (self.on_stopped,)})


async def until_quiet(engine: Engine, to: Reaction) -> None:
    """Other tests' open transactions may hide facts for a moment."""
    while True:
        while (await react(engine, to, now=NOW)).facts:
            pass
        if not await is_behind(engine, to):
            return
        await asyncio.sleep(0.005)


async def until_past(engine: Engine, to: Reaction, stream: UUID) -> None:
    """Whoever listens to nothing is never behind: its position says what it has passed over."""
    is_past = text(
        "SELECT count(*) = 0 FROM plumbing.event e JOIN plumbing.reaction r ON r.name = :name"
        " WHERE e.stream = :stream AND (e.epoch, e.xid, e.id) > (r.epoch, r.xid, r.id)"
    )
    while True:
        await react(engine, to, now=NOW)
        async with engine.connect() as db:
            if await db.scalar(is_past, {"name": to.name, "stream": stream}):
                return
        await asyncio.sleep(0.005)


def test_a_fact_is_named_by_its_room_and_its_class() -> None:
    assert type_of(Rang) == "bells.rang"


async def test_facts_of_a_stream_are_its_timeline_in_order(db: Connection) -> None:
    bell, other = fresh_id(), fresh_id()

    await publish(db, [rang(bell, 1), rang(other, 9), stopped(bell)])
    timelines = await facts_of(db, [bell, other])

    assert [fact.name for fact in timelines[bell]] == ["bells.rang", "bells.stopped"]
    assert timelines[other][0].data == {"times": 9}
    assert timelines[other][0].as_event(Rang) == rang(other, 9)


async def test_a_reaction_hears_every_fact_once_and_in_order(engine: Engine) -> None:
    bell = fresh_id()
    listener = Listener(bell)
    reaction = listener.reaction()
    async with engine.begin() as db:
        await publish(db, [rang(bell, 1), rang(bell, 2), stopped(bell), rang(bell, 3)])

    await until_quiet(engine, reaction)
    await until_quiet(engine, reaction)

    assert listener.heard == [("rang", bell, 1), ("rang", bell, 2), ("stopped", bell, 0), ("rang", bell, 3)]


async def test_a_run_of_one_type_reaches_its_handler_together(engine: Engine) -> None:
    bells = [fresh_id() for _ in range(40)]
    listener = Listener(*bells)
    async with engine.begin() as db:
        await publish(db, [rang(bell) for bell in bells])

    await until_quiet(engine, listener.reaction())

    assert max(listener.runs) == 40


async def test_a_late_commit_is_never_skipped(engine: Engine) -> None:
    early, late = fresh_id(), fresh_id()
    listener = Listener(early, late)
    reaction = listener.reaction()
    async with engine.connect() as slow:
        await slow.begin()
        await publish(slow, [rang(late)])
        async with engine.begin() as quick:
            await publish(quick, [rang(early)])
        await react(engine, reaction, now=NOW)
        assert listener.heard == []
        async with engine.connect() as observer:
            assert await holder(observer) is not None
        await slow.commit()

    await until_quiet(engine, reaction)

    assert sorted(listener.heard) == sorted([("rang", late, 1), ("rang", early, 1)])


async def test_effects_of_a_failed_pass_are_taken_back_with_its_position(engine: Engine) -> None:
    bell = fresh_id()
    answers: list[int] = []

    async def answer_twice_and_fail_once(db: Connection, events: Sequence[Rang], now: datetime) -> None:
        if not any(one.stream == bell for one in events):
            return
        await publish(db, [Stopped(stream=bell, happened_at=now, actor="test:answer")])
        answers.append(1)
        if len(answers) == 1:
            raise RuntimeError("out of breath")

    reaction = Reaction(fresh_code("answer"), {Rang: (answer_twice_and_fail_once,)})
    async with engine.begin() as db:
        await publish(db, [rang(bell)])

    await until_quiet(engine, reaction)

    async with engine.connect() as db:
        names = [fact.name for fact in (await facts_of(db, [bell]))[bell]]
    assert names == ["bells.rang", "bells.stopped"]


async def test_a_poison_fact_parks_its_stream_and_the_others_go_on(engine: Engine) -> None:
    sick, well = fresh_id(), fresh_id()
    listener = Listener(sick, well)
    listener.poison = {sick}
    reaction = listener.reaction()
    async with engine.begin() as db:
        await publish(db, [rang(well, 1), rang(sick, 1), rang(well, 2), stopped(sick)])
    await until_quiet(engine, reaction)
    async with engine.begin() as db:
        await publish(db, [rang(sick, 2), rang(well, 3)])
    await until_quiet(engine, reaction)

    assert [heard for heard in listener.heard if heard[1] == well] == [("rang", well, n) for n in (1, 2, 3)]
    async with engine.connect() as db:
        (kept,) = [one for one in await parked_streams(db) if one.stream == sick]
        (standing,) = [one for one in await standings(db, now=NOW) if one.name == reaction.name]
    assert (kept.fact, kept.facts, kept.error) == ("bells.rang", 3, "RuntimeError: the clapper fell off")
    assert standing.parked_streams == 1

    with pytest.raises(RuntimeError):
        await retry(engine, reaction, sick, now=NOW)
    listener.poison = set()
    assert await retry(engine, reaction, sick, now=NOW) == 3
    assert [heard for heard in listener.heard if heard[1] == sick] == [
        ("rang", sick, 1),
        ("stopped", sick, 0),
        ("rang", sick, 2),
    ]
    with pytest.raises(NothingParked):
        await retry(engine, reaction, sick, now=NOW)


async def test_a_skipped_fact_is_left_out_for_a_reason_and_the_rest_is_done(engine: Engine) -> None:
    sick = fresh_id()
    listener = Listener(sick)
    listener.poison = {sick}
    reaction = listener.reaction()
    async with engine.begin() as db:
        await publish(db, [rang(sick, 1), stopped(sick)])
    await until_quiet(engine, reaction)

    assert await skip(engine, reaction, sick, reason="the bell was sold", actor="staff:ana", now=NOW) == 1

    assert listener.heard == [("stopped", sick, 0)]


async def test_two_workers_of_one_reaction_do_nothing_twice(engine: Engine) -> None:
    bells = [fresh_id() for _ in range(200)]
    listener = Listener(*bells)
    reaction = listener.reaction()
    for bell in bells:
        async with engine.begin() as db:
            await publish(db, [rang(bell)])

    await asyncio.gather(*(until_quiet(engine, reaction) for _ in range(4)))
    await until_quiet(engine, reaction)

    assert sorted(heard[1] for heard in listener.heard) == sorted(bells)


async def test_nothing_reacts_on_a_restored_copy_until_it_is_rebased_and_then_nothing_is_lost(
    engine: Engine,
) -> None:
    """A logical restore brings the old transaction ids into a cluster that counts from the beginning."""
    before, after = fresh_id(), fresh_id()
    listener = Listener(before, after)
    reaction = listener.reaction()
    async with engine.begin() as db:
        await publish(db, [rang(before)])
    await until_quiet(engine, reaction)
    async with engine.begin() as db:
        (known,) = (await db.execute(select(cluster.c.system_identifier))).one()
        await db.execute(update(cluster).values(system_identifier=known + 1))
        # The old cluster was far ahead of this one.
        far = text("xid = xid8(((xid::text)::bigint + 1000000000)::text)")
        await db.execute(text(f"UPDATE plumbing.event SET {far.text}"))
        await db.execute(text(f"UPDATE plumbing.reaction SET {far.text}"))
        await publish(db, [rang(after)])
    try:
        with pytest.raises(RestoredElsewhere):
            await react(engine, reaction, now=NOW)
        async with engine.begin() as db:
            await rebase(db)
        await until_quiet(engine, reaction)

        assert listener.heard == [("rang", before, 1), ("rang", after, 1)]
    finally:
        async with engine.begin() as db:
            await db.execute(text("DELETE FROM plumbing.cluster"))
            await db.execute(update(event).values(epoch=1, xid=text("'3'::xid8")))
            await db.execute(update(reaction_table).values(epoch=1, xid=text("'3'::xid8")))
            await rebase(db)


async def test_whether_there_are_facts_behind_a_position_costs_the_same_however_long_the_log_is(db: Connection) -> None:
    """PLT-03"""
    heard = [type_of(Rang), type_of(Stopped)]
    await db.execute(
        text(
            """
            INSERT INTO plumbing.event (epoch, stream, type, data, actor, happened_at)
            SELECT 0, :stream, :heard, '{}', 'test:bell', now() FROM generate_series(1, 20000)
            """
        ),
        {"stream": fresh_id(), "heard": heard[0]},
    )
    name = fresh_code("listener")
    await db.execute(text("INSERT INTO plumbing.reaction SELECT :name, 0, '1', 0"), {"name": name})
    await db.execute(text("ANALYZE plumbing.event"))
    asked = "EXPLAIN SELECT " + BEHIND.format(name=":name", types=":types", listeners="SELECT")
    plan = "\n".join(await db.scalars(text(asked), {"name": name, "types": heard}))
    assert "Index Scan using event_pkey" in plan, plan
    assert "Seq Scan on event" not in plan, plan


async def test_a_follower_is_handed_facts_as_they_stand_in_the_log_and_passes_them_over_while_nobody_listens(
    engine: Engine,
) -> None:
    bell, nobody_yet = fresh_id(), fresh_code("nobody")
    heard: list[object] = []

    async def follow(_: Connection, facts: Sequence[Fact], __: datetime) -> None:
        heard.extend((fact.name, fact.position) for fact in facts if fact.stream == bell)

    listeners = f"SELECT FROM plumbing.reaction WHERE name = '{nobody_yet}'"
    to = Reaction(fresh_code("follower"), {Rang: (), Stopped: ()}, follow=follow, listeners=listeners)
    async with engine.begin() as db:
        await publish(db, [rang(bell)])
    await until_past(engine, to, bell)
    assert not heard

    async with engine.begin() as db:
        await db.execute(reaction_table.insert().values(name=nobody_yet, epoch=0, xid=0, id=0))
    async with engine.begin() as db:
        await publish(db, [rang(bell), stopped(bell)])
    await until_quiet(engine, to)
    async with engine.connect() as db:
        told = (await facts_of(db, [bell]))[bell][1:]
        assert heard == [(fact.name, fact.position) for fact in told]
        await db.execute(reaction_table.delete().where(reaction_table.c.name == nobody_yet))


async def test_no_fact_of_after_a_listener_came_is_passed_over(engine: Engine) -> None:
    """Whether anybody listens and how far the log can be read are seen in one look: no fact falls between the two."""
    bells, listener = [fresh_id() for _ in range(30)], fresh_code("late")
    heard: list[UUID] = []

    async def follow(_: Connection, facts: Sequence[Fact], __: datetime) -> None:
        heard.extend(fact.stream for fact in facts)

    listeners = f"SELECT FROM plumbing.reaction WHERE name = '{listener}'"
    to = Reaction(fresh_code("follower"), {Rang: ()}, follow=follow, listeners=listeners)
    is_over = asyncio.Event()

    async def keep_reacting() -> None:
        while not is_over.is_set():
            await react(engine, to, now=NOW)

    reacting = asyncio.create_task(keep_reacting())
    async with engine.begin() as db:
        await db.execute(reaction_table.insert().values(name=listener, epoch=0, xid=0, id=0))
    for bell in bells:
        async with engine.begin() as db:
            await publish(db, [rang(bell)])
    is_over.set()
    await reacting
    await until_quiet(engine, to)
    assert [stream for stream in heard if stream in bells] == bells
    async with engine.begin() as db:
        await db.execute(reaction_table.delete().where(reaction_table.c.name == listener))
