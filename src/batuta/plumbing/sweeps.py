"""Sweeps: what time itself does (TTLs, expiries, time-outs), as commands over rows with a due time.

A sweep is called with `now` until it finds nothing more due; correctness never depends on when it runs,
because every read compares due times with its own `now`.
"""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ROWS_PER_SWEEP = 500


class SweepCommand(Protocol):
    """Handle at most `limit` rows that are due at `now`; return how many."""

    def __call__(self, db: AsyncConnection, *, now: datetime, limit: int) -> Awaitable[int]: ...


class Sweep(msgspec.Struct, frozen=True):
    """A named sweep."""

    name: str
    command: SweepCommand


async def sweep(engine: AsyncEngine, sweeps: Sequence[Sweep], *, now: datetime) -> int:
    """Run every sweep until nothing is due, all that is due at once in one transaction; return how much was done."""
    handled = 0
    while True:
        async with engine.begin() as db:
            done = [await one.command(db, now=now, limit=ROWS_PER_SWEEP) for one in sweeps]
        handled += sum(done)
        if max(done, default=0) < ROWS_PER_SWEEP:
            return handled
