"""Sweeps: what time itself does (TTLs, expiries, time-outs), as commands over rows with a due time.

A sweep is called with `now` as long as its `due` finds something; correctness never depends on when it runs,
because every read compares due times with its own `now`. Each runs in a transaction of its own: one that fails is
noted and pauses, longer each time, and the others go on. So does one whose `due` cannot even be asked.
"""

from collections.abc import Awaitable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import msgspec
import structlog
from sqlalchemy import Column, Integer, Named, Table, Text, TextClause, TypedColumns, bindparam, delete, select, text

from batuta.plumbing.database import Connection, Engine, Instant, metadata
from batuta.plumbing.outage import DatabaseAway, DatabaseDiskFull, outage

ROWS_PER_SWEEP = 500

_log = structlog.get_logger()


class SweepCommand(Protocol):
    """Handle at most `limit` rows that are due at `now`; return how many."""

    def __call__(self, db: Connection, *, now: datetime, limit: int) -> Awaitable[int]: ...


class Sweep(msgspec.Struct, frozen=True):
    """A named sweep. due: SQL whose rows say that there may be something to do at `:now`; cheap, by an index."""

    name: str
    command: SweepCommand
    due: str


class FailedSweepColumns(TypedColumns):
    """Sweeps that failed on their last try. since_at: when the first of its failures in a row was."""

    name: Named[str] = Column(Text, primary_key=True)
    failures: Named[int] = Column(Integer, nullable=False)
    error: Named[str] = Column(Text, nullable=False)
    since_at: Named[datetime] = Column(Instant, nullable=False)
    failed_at: Named[datetime] = Column(Instant, nullable=False)
    again_at: Named[datetime] = Column(Instant, nullable=False)


failed_sweep = Table("failed_sweep", metadata, FailedSweepColumns, schema="plumbing")


class FailedSweep(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that failed on its last try: how often in a row since when, with what, and when it is tried again."""

    name: str
    failures: int
    error: str
    since_at: datetime
    again_at: datetime


# A failure that lies ahead is of another time than this one, and keeps nobody waiting.
FAILED = "SELECT name FROM plumbing.failed_sweep WHERE name = ANY(:sweeps)"
PAUSED = f"{FAILED} AND failed_at <= :now AND again_at > :now"
"""SQL: which of these sweeps failed on their last try, and which of those are not to be tried again yet."""

_PAUSED = text(PAUSED).bindparams(bindparam("now", type_=Instant))

# Two seconds, four, eight …, ten minutes at most.
_NOTE = text(
    """
    INSERT INTO plumbing.failed_sweep AS f (name, failures, error, since_at, failed_at, again_at)
    VALUES (:name, 1, :error, :now, :now, CAST(:now AS timestamptz) + interval '2 seconds')
    ON CONFLICT (name) DO UPDATE SET failures = f.failures + 1, error = excluded.error, failed_at = excluded.failed_at,
        again_at = excluded.failed_at + least(2 ^ least(f.failures + 1, 10), 600) * interval '1 second'
    RETURNING failures, again_at
    """
).bindparams(bindparam("now", type_=Instant))


async def sweep(engine: Engine, due: Sequence[Sweep], *, failed: Collection[str] = (), now: datetime) -> int:
    """Run sweeps that have something due, one batch of each; return how much was done.

    failed: the names of those that failed on their last try and may be tried again. Those that now go well, or have
    nothing to do any more, are noted no longer.

    Raises:
        DatabaseAway, DatabaseDiskFull: nothing can be done, by whatever sweep.
    """
    done, well = 0, set(failed)
    for one in due:
        try:
            async with engine.begin() as db:
                done += await one.command(db, now=now, limit=ROWS_PER_SWEEP)
        except Exception as problem:
            if isinstance(outage(problem), DatabaseAway | DatabaseDiskFull):
                raise
            await _note(engine, one, problem, now=now)
            well.discard(one.name)
    if well:
        async with engine.begin() as db:
            await db.execute(delete(failed_sweep).where(failed_sweep.c.name.in_(well)))
    return done


async def askable(engine: Engine, sweeps: Sequence[Sweep], *, now: datetime) -> tuple[Sweep, ...]:
    """Ask sweeps one by one whether they have something to do, and return those that can be asked.

    Those that cannot have failed: they are noted and pause. What pauses is not asked.

    Raises:
        DatabaseAway, DatabaseDiskFull: nothing can be asked.
    """
    async with engine.connect() as db:
        paused = set(await db.scalars(_PAUSED, {"sweeps": [one.name for one in sweeps], "now": now}))
    sound: list[Sweep] = []
    for one in sweeps:
        if one.name in paused:
            continue
        try:
            async with engine.connect() as db:
                await db.execute(_asking(one.due), {"now": now})
        except Exception as problem:
            if isinstance(outage(problem), DatabaseAway | DatabaseDiskFull):
                raise
            await _note(engine, one, problem, now=now)
        else:
            sound.append(one)
    return tuple(sound)


@lru_cache(maxsize=100)
def _asking(due: str) -> TextClause:
    asking = text(f"SELECT EXISTS ({due}), CAST(:now AS timestamptz)")
    return asking.bindparams(bindparam("now", type_=Instant))


async def _note(engine: Engine, one: Sweep, problem: Exception, *, now: datetime) -> None:
    error = f"{type(problem).__name__}: {problem}"
    async with engine.begin() as db:
        noted = (await db.execute(_NOTE, {"name": one.name, "error": error, "now": now})).one()
    _log.error("sweep_failed", sweep=one.name, failures=noted.failures, again_at=noted.again_at, exc_info=problem)


async def failed_sweeps(db: Connection) -> list[FailedSweep]:
    """The sweeps that failed on their last try, the oldest trouble first."""
    rows = await db.execute(select(failed_sweep).order_by(failed_sweep.c.since_at, failed_sweep.c.name))
    return [
        FailedSweep(name=row.name, failures=row.failures, error=row.error, since_at=row.since_at, again_at=row.again_at)
        for row in rows
    ]


async def forget_absent(db: Connection, *, present: Collection[str]) -> None:
    """Note failures no longer of sweeps that this version does not have."""
    await db.execute(delete(failed_sweep).where(failed_sweep.c.name.not_in(present)))
