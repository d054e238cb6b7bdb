"""Reactions: what is done on which fact, in order, exactly once.

A pass reads the facts behind the position, hands runs of one type to their handlers, and moves the position, all in
one transaction. When a handler fails, the pass is rolled back and tried again with half the facts, down to the one
that fails alone; five such failures park its stream and the others go on.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import msgspec
import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from batuta.kernel.errors import Unavailable
from batuta.kernel.events import Event, type_of
from batuta.plumbing.database import insert_rows
from batuta.plumbing.events.log import Fact, Position, current_epoch, read, settled_after
from batuta.plumbing.events.tables import cluster, parked, reaction

Handler = Callable[[AsyncConnection, Sequence[Any], datetime], Awaitable[None]]

FACTS_PER_PASS = 500
FAILURES_BEFORE_PARKING = 5

_log = structlog.get_logger()


class RestoredElsewhere(Unavailable):
    """The log was restored into another database cluster; nothing reacts until a person says so."""


class Reaction(msgspec.Struct, frozen=True):
    """A named reader of the log and its table: on this fact, these handlers, in this order."""

    name: str
    steps: Mapping[type[Event], Sequence[Handler]]

    def kinds(self) -> dict[str, type[Event]]:
        return {type_of(kind): kind for kind in self.steps}


class Failed(Exception):
    """A handler failed on a run of facts; `facts` are all the pass had read."""

    def __init__(self, facts: list[Fact], cause: BaseException) -> None:
        super().__init__(str(cause))
        self.facts = facts
        self.cause = cause


async def react(engine: AsyncEngine, to: Reaction, *, now: datetime, limit: int = FACTS_PER_PASS) -> int:
    """Run one pass of a reaction and return how many facts it left behind it; 0 means all is quiet.

    Raises:
        RestoredElsewhere: the database is a restored copy; `rebase` says that this copy is the one that acts.
    """
    size = limit
    while True:
        try:
            return await _pass(engine, to, now=now, limit=size)
        except Failed as failure:
            if len(failure.facts) > 1:
                size = len(failure.facts) // 2
                continue
            return await _blame(engine, to, failure, now=now)


async def _pass(engine: AsyncEngine, to: Reaction, *, now: datetime, limit: int) -> int:
    async with engine.begin() as db:
        # An effect that a crash takes back is done again with its position; no answer waits for this commit.
        await db.execute(text("SET LOCAL synchronous_commit = off"))
        position = await _lock_position(db, to.name)
        facts = [read(row) for row in await db.execute(settled_after(position, limit=limit))]
        if not facts:
            return 0
        free = await _set_aside(db, to, facts, now=now)
        try:
            await perform(db, to, free, now=now)
        except Exception as problem:
            raise Failed(facts, problem) from problem
        await _move_position(db, to.name, facts[-1].position)
        return len(facts)


async def perform(db: AsyncConnection, to: Reaction, facts: Sequence[Fact], *, now: datetime) -> None:
    """Hand consecutive runs of one type to their handlers; order across types is kept."""
    kinds = to.kinds()
    heard = (fact for fact in facts if fact.name in kinds)
    for name, run in groupby(heard, key=lambda fact: fact.name):
        kind = kinds[name]
        events = [fact.as_event(kind) for fact in run]
        for handler in to.steps[kind]:
            await handler(db, events, now)


async def _lock_position(db: AsyncConnection, name: str) -> Position:
    known = select(func.count()).select_from(cluster).where(cluster.c.epoch == current_epoch).scalar_subquery()
    place = (
        select(reaction.c.epoch, reaction.c.xid, reaction.c.id, known.label("known"))
        .where(reaction.c.name == name)
        .with_for_update()
    )
    found = (await db.execute(place)).one_or_none()
    if found is None:
        await db.execute(
            insert(reaction).values(name=name, epoch=0, xid=text("'0'::xid8"), id=0).on_conflict_do_nothing()
        )
        found = (await db.execute(place)).one()
    if not found.known:
        raise RestoredElsewhere(
            "this log was restored into another database; nothing reacts until `batuta events rebase`", reaction=name
        )
    return found.epoch, found.xid, found.id


async def _move_position(db: AsyncConnection, name: str, position: Position) -> None:
    epoch, xid, id_ = position
    await db.execute(
        update(reaction).where(reaction.c.name == name).values(epoch=epoch, xid=func.xid8(str(xid)), id=id_, failures=0)
    )


async def _set_aside(db: AsyncConnection, to: Reaction, facts: Sequence[Fact], *, now: datetime) -> list[Fact]:
    """Queue the facts of parked streams behind the one that failed; return the others."""
    streams = {fact.stream for fact in facts}
    held = set(
        await db.scalars(select(parked.c.stream).where(parked.c.reaction == to.name, parked.c.stream.in_(streams)))
    )
    if held:
        await park(db, to.name, [fact for fact in facts if fact.stream in held], error=None, now=now)
    return [fact for fact in facts if fact.stream not in held]


async def park(db: AsyncConnection, name: str, facts: Sequence[Fact], *, error: str | None, now: datetime) -> None:
    """Keep facts back from a reaction until a person retries or skips them."""
    await insert_rows(
        db,
        parked,
        [
            {
                "reaction": name,
                "stream": fact.stream,
                "epoch": fact.position[0],
                "xid": fact.position[1],
                "id": fact.position[2],
                "error": error,
                "parked_at": now,
            }
            for fact in facts
        ],
    )


async def _blame(engine: AsyncEngine, to: Reaction, failure: Failed, *, now: datetime) -> int:
    fact = failure.facts[0]
    error = f"{type(failure.cause).__name__}: {failure.cause}"
    async with engine.begin() as db:
        if await _lock_position(db, to.name) >= fact.position:
            return 1
        failures = cast(
            "int",
            await db.scalar(
                update(reaction)
                .where(reaction.c.name == to.name)
                .values(failures=reaction.c.failures + 1)
                .returning(reaction.c.failures)
            ),
        )
        if failures >= FAILURES_BEFORE_PARKING:
            await park(db, to.name, [fact], error=error, now=now)
            await _move_position(db, to.name, fact.position)
    _log.error(
        "reaction_failed", reaction=to.name, fact=fact.name, stream=str(fact.stream), failures=failures, error=error
    )
    return 1
