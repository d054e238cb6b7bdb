"""One step of the house's time: sweeps, then reactions and jobs until all is quiet.

The worker takes a step whenever it is woken or a second has passed; a replay of the past takes one for each moment
of its data. Both are the same step, so what is tested is what runs.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from batuta.plumbing.events import Reaction, react
from batuta.plumbing.jobs import Handler, work
from batuta.plumbing.sweeps import Sweep, sweep


class Clockwork(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens by itself: what follows facts, what follows time, and what leaves the house."""

    reactions: tuple[Reaction, ...]
    sweeps: tuple[Sweep, ...]
    handlers: Mapping[str, Handler]


async def settle(engine: AsyncEngine, clockwork: Clockwork, *, now: datetime, worker: UUID) -> int:
    """Take one step and return how much was done; when it returns, nothing is left that could be done at `now`."""
    done = await sweep(engine, clockwork.sweeps, now=now)
    while True:
        moved = 0
        for reaction in clockwork.reactions:
            while read := await react(engine, reaction, now=now):
                moved += read
        while taken := await work(engine, clockwork.handlers, now=now, worker=worker):
            moved += taken
        if not moved:
            return done
        done += moved
