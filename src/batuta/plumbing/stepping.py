"""One step of the house's time: sweeps, then reactions and jobs until all is quiet.

The worker takes a step each second; a replay of the past takes one for each moment
of its data. Both are the same step, so what is tested is what runs.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.plumbing.database import Engine
from batuta.plumbing.events import Reaction, is_behind, react
from batuta.plumbing.jobs import JOBS_PER_BATCH, Handler, are_waiting, work
from batuta.plumbing.sweeps import Sweep, sweep

LOOK_AGAIN_S = 0.005


class Clockwork(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens by itself: what follows facts, what follows time, and what leaves the house."""

    reactions: tuple[Reaction, ...]
    sweeps: tuple[Sweep, ...]
    handlers: Mapping[str, Handler]


async def settle(engine: Engine, clockwork: Clockwork, *, now: datetime, worker: UUID) -> int:
    """Take one step and return how much was done: all that is due at `now` and that no open transaction hides."""
    done = await sweep(engine, clockwork.sweeps, now=now)
    while True:
        # A reaction that told nothing new is quiet until a job has told something.
        done += await _react_all(engine, clockwork, now=now)
        carried = await _work_all(engine, clockwork, now=now, worker=worker)
        if not carried:
            return done
        done += carried


async def settle_wholly(engine: Engine, clockwork: Clockwork, *, now: datetime, worker: UUID) -> int:
    """Take steps until no reaction has a fact behind its position and no job waits, not even for its next try.

    For replays and tests, whose next moment must not begin before this one is over; a worker just takes another step.
    """
    done = 0
    while True:
        done += await settle(engine, clockwork, now=now, worker=worker)
        async with engine.connect() as db:
            behind = await is_behind(db, [reaction.name for reaction in clockwork.reactions])
            if not behind and not await are_waiting(db, list(clockwork.handlers)):
                return done
        await asyncio.sleep(LOOK_AGAIN_S)


async def _react_all(engine: Engine, clockwork: Clockwork, *, now: datetime) -> int:
    """Let every reaction read until none has anything left; one may tell what another one hears."""
    read = 0
    while True:
        before = read
        is_quiet = True
        for reaction in clockwork.reactions:
            while True:
                one = await react(engine, reaction, now=now)
                read += one.facts
                if one.is_last:
                    break
                is_quiet = False
        if is_quiet or (len(clockwork.reactions) == 1) or read == before:
            return read


async def _work_all(engine: Engine, clockwork: Clockwork, *, now: datetime, worker: UUID) -> int:
    carried = 0
    while taken := await work(engine, clockwork.handlers, now=now, worker=worker):
        carried += taken
        if taken < JOBS_PER_BATCH:
            break
    return carried
