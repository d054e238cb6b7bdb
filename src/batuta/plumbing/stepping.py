"""One step of the house's time: reactions and jobs until all is quiet, sweeps, and what follows from those.

The worker takes a step each second; a replay of the past takes one for each moment
of its data. Both are the same step, so what is tested is what runs.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, bindparam, text

from batuta.plumbing.database import Engine, Instant
from batuta.plumbing.events import BEHIND, Reaction, react
from batuta.plumbing.jobs import JOBS_PER_BATCH, WAITING, Handler, work
from batuta.plumbing.outage import DatabaseAway, DatabaseDiskFull, outage
from batuta.plumbing.sweeps import FAILED, PAUSED, Sweep, askable, sweep

LOOK_AGAIN_S = 0.005

Clock = Callable[[], datetime]


class Clockwork(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens by itself: what follows facts, what follows time, and what leaves the house."""

    reactions: tuple[Reaction, ...]
    sweeps: tuple[Sweep, ...]
    handlers: Mapping[str, Handler]


class _Look(msgspec.Struct, frozen=True):
    """What there is to do: sweeps with something due, reactions with facts they have not heard, jobs not done.

    failed: the names of sweeps that failed on their last try and may be tried again.
    """

    due: tuple[Sweep, ...]
    failed: frozenset[str]
    behind: tuple[Reaction, ...]
    has_jobs: bool

    def __bool__(self) -> bool:
        return bool(self.due or self.failed or self.behind or self.has_jobs)


async def settle(engine: Engine, clockwork: Clockwork, *, clock: Clock, worker: UUID) -> int:
    """Take one step and return how much was done: all that is due and that no open transaction hides.

    clock: is read before each part of the step, so that what follows a fact does not happen long before it, however
    long the step takes.
    """
    # Without looking, for a pass also moves a position past facts that its reaction does not hear.
    done, _ = await _react_all(engine, clockwork.reactions, clock)
    more, _ = await _settle(engine, clockwork, clock, worker=worker)
    return done + more


async def settle_wholly(engine: Engine, clockwork: Clockwork, *, now: datetime, worker: UUID) -> int:
    """Take steps until no reaction has a fact behind its position and no job waits, not even for its next try.

    For replays and tests, whose next moment must not begin before this one is over; a worker just takes another step.
    """
    done = 0
    while True:
        done += await _follow(engine, clockwork, lambda: now, worker=worker)
        more, is_quiet = await _settle(engine, clockwork, lambda: now, worker=worker)
        done += more
        if is_quiet:
            return done
        await asyncio.sleep(LOOK_AGAIN_S)


async def _settle(engine: Engine, clockwork: Clockwork, clock: Clock, *, worker: UUID) -> tuple[int, bool]:
    """Do what there is to do until there is nothing, or nothing that can be done now; say how much, and which."""
    done = 0
    while seen := await _look(engine, clockwork, now=clock()):
        more = await sweep(engine, seen.due, failed=seen.failed, now=clock())
        more += await _follow(engine, clockwork, clock, worker=worker)
        if not more:
            return done, not (seen.behind or seen.has_jobs)
        done += more
    return done, True


async def _follow(engine: Engine, clockwork: Clockwork, clock: Clock, *, worker: UUID) -> int:
    """React to facts and carry out jobs until none is left that can be now; return how much was done.

    Time is not asked: that question is put to every room, and takes longer than any other of a step.
    """
    done = 0
    timeless = msgspec.structs.replace(clockwork, sweeps=())
    while seen := await _look(engine, timeless, now=clock()):
        read, has_queued = await _react_all(engine, seen.behind, clock)
        carried = await _work_all(engine, clockwork, clock, worker=worker) if seen.has_jobs or has_queued else 0
        done += read + carried
        if not carried:
            # Reactions know when they have told nothing that one of them hears; what jobs tell has to be looked for.
            break
    return done


async def _look(engine: Engine, clockwork: Clockwork, *, now: datetime) -> _Look:
    """See what there is to do; sweeps that cannot be asked are noted and left out, and the others go on."""
    try:
        return await _see(engine, clockwork, now=now)
    except Exception as problem:
        if not clockwork.sweeps or isinstance(outage(problem), DatabaseAway | DatabaseDiskFull):
            raise
        sweeps = await askable(engine, clockwork.sweeps, now=now)
        if len(sweeps) == len(clockwork.sweeps):
            raise
        return await _see(engine, msgspec.structs.replace(clockwork, sweeps=sweeps), now=now)


async def _see(engine: Engine, clockwork: Clockwork, *, now: datetime) -> _Look:
    """See by one statement what there is to do, so that a step in which nothing is costs next to nothing."""
    sweeps, reactions = clockwork.sweeps, clockwork.reactions
    named = [one.name for one in sweeps]
    given: dict[str, object] = {"entrypoints": list(clockwork.handlers), "sweeps": named, "now": now}
    for i, one in enumerate(reactions):
        given |= {f"name_{i}": one.name, f"types_{i}": list(one.kinds())}
    async with engine.connect() as db:
        looking = _looking(tuple(one.due for one in sweeps), tuple(one.listeners for one in reactions))
        *answers, has_jobs, failed, paused = tuple((await db.execute(looking, given)).one())
    are_due, are_behind = answers[: len(sweeps)], answers[len(sweeps) :]
    return _Look(
        tuple(one for one, is_so in zip(sweeps, are_due, strict=True) if is_so),
        frozenset(failed) - frozenset(paused),
        tuple(one for one, is_so in zip(reactions, are_behind, strict=True) if is_so),
        has_jobs,
    )


@lru_cache(maxsize=100)
def _looking(dues: tuple[str, ...], listeners: tuple[str, ...]) -> TextClause:
    behind = [
        BEHIND.format(name=f"CAST(:name_{i} AS text)", types=f":types_{i}", listeners=listening)
        for i, listening in enumerate(listeners)
    ]
    # What is paused is not asked: the question itself may be what fails.
    asked = [
        *(f"CASE WHEN named[{i}] = ANY (paused) THEN false ELSE EXISTS ({due}) END" for i, due in enumerate(dues, 1)),
        *(f"({one})" for one in behind),
        f"EXISTS ({WAITING})",
        "failed",
        "paused",
    ]
    looking = text(
        f"WITH known AS MATERIALIZED (SELECT CAST(:sweeps AS text[]) AS named, ARRAY({FAILED}) AS failed,"
        f" ARRAY({PAUSED}) AS paused)"
        f" SELECT {', '.join(f'{one} AS seen_{i}' for i, one in enumerate(asked))} FROM known"
    )
    return looking.bindparams(bindparam("now", type_=Instant))


async def _react_all(engine: Engine, reactions: Sequence[Reaction], clock: Clock) -> tuple[int, bool]:
    """Let every reaction read until none has anything left; one may tell what another one hears.

    Return how many facts were read, and whether jobs follow them.
    """
    read, has_queued = 0, False
    while True:
        before = read
        is_quiet = True
        for reaction in reactions:
            while True:
                one = await react(engine, reaction, now=clock())
                read += one.facts
                has_queued = has_queued or one.has_queued
                if one.is_last:
                    break
                is_quiet = False
        if is_quiet or len(reactions) <= 1 or read == before:
            return read, has_queued


async def _work_all(engine: Engine, clockwork: Clockwork, clock: Clock, *, worker: UUID) -> int:
    carried = 0
    while taken := await work(engine, clockwork.handlers, now=clock(), worker=worker):
        carried += taken
        if taken < JOBS_PER_BATCH:
            break
    return carried
