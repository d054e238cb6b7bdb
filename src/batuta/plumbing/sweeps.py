"""Sweeps: what time itself does (TTLs, expiries, time-outs), as commands over rows with a due time.

A sweep is called with `now` until it finds nothing more due; correctness never depends on when it runs,
because every read compares due times with its own `now`.
"""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import msgspec
from sqlalchemy import TextClause, bindparam, text

from batuta.plumbing.database import Connection, Engine, Instant

ROWS_PER_SWEEP = 500


class SweepCommand(Protocol):
    """Handle at most `limit` rows that are due at `now`; return how many."""

    def __call__(self, db: Connection, *, now: datetime, limit: int) -> Awaitable[int]: ...


class Sweep(msgspec.Struct, frozen=True):
    """A named sweep. due: SQL whose rows say that there may be something to do at `:now`; cheap, by an index."""

    name: str
    command: SweepCommand
    due: str


async def sweep(engine: Engine, sweeps: Sequence[Sweep], *, now: datetime) -> int:
    """Run the sweeps that have something due, until they have not; return how much was done.

    One statement asks for all of them, so that a step in which nothing is due costs next to nothing.
    """
    handled = 0
    while due := await _due(engine, sweeps, now=now):
        async with engine.begin() as db:
            done = [await one.command(db, now=now, limit=ROWS_PER_SWEEP) for one in due]
        handled += sum(done)
        if max(done) < ROWS_PER_SWEEP:
            break
    return handled


async def _due(engine: Engine, sweeps: Sequence[Sweep], *, now: datetime) -> list[Sweep]:
    if not sweeps:
        return []
    async with engine.connect() as db:
        answers = (await db.execute(_asking(tuple(one.due for one in sweeps)), {"now": now})).one()
    return [one for one, is_due in zip(sweeps, answers, strict=True) if is_due]


@lru_cache(maxsize=100)
def _asking(dues: tuple[str, ...]) -> TextClause:
    asked = text("SELECT " + ", ".join(f"EXISTS ({due}) AS due_{i}" for i, due in enumerate(dues)))
    return asked.bindparams(bindparam("now", type_=Instant))
