"""Sweeps: what time itself does (TTLs, expiries, time-outs), as commands over rows with a due time.

A sweep is called with `now` as long as its `due` finds something; correctness never depends on when it runs,
because every read compares due times with its own `now`.
"""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from batuta.plumbing.database import Connection, Engine

ROWS_PER_SWEEP = 500


class SweepCommand(Protocol):
    """Handle at most `limit` rows that are due at `now`; return how many."""

    def __call__(self, db: Connection, *, now: datetime, limit: int) -> Awaitable[int]: ...


class Sweep(msgspec.Struct, frozen=True):
    """A named sweep. due: SQL whose rows say that there may be something to do at `:now`; cheap, by an index."""

    name: str
    command: SweepCommand
    due: str


async def sweep(engine: Engine, due: Sequence[Sweep], *, now: datetime) -> int:
    """Run sweeps that have something due, one batch of each; return how much was done."""
    async with engine.begin() as db:
        return sum([await one.command(db, now=now, limit=ROWS_PER_SWEEP) for one in due])
