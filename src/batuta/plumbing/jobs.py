"""Jobs: the calls that leave the database (mail, captures, labels, webhooks), durable until they have been made.

Kept by pgqueuer's tables. A job is enqueued in the transaction that decided it, with a key that makes it one job;
its handler takes many, begins by reading the state, and says per job: done (None) or failed (the exception).
A failed job is tried again with back-off, and held for a person after the last try.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog
from asyncpg import UniqueViolationError
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain import models
from pgqueuer.domain.settings import DBSettings
from pgqueuer.ports.repository import EntrypointExecutionParameter
from sqlalchemy import text

from batuta.kernel.errors import NotFound, Refused
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.driver import QUEUED

Handler = Callable[..., Awaitable[list[BaseException | None]]]
"""`async def carry_out(engine, payloads, *, now)`: one answer a payload, None when done."""

JOBS_PER_BATCH = 200
TRIES_MAX = 8
HEARTBEAT = timedelta(seconds=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=60)
HELD_SHOWN = 1_000
LOG_KEPT = timedelta(days=7)
SCHEMA = "jobs"
WAITING = f"SELECT FROM {SCHEMA}.pgqueuer WHERE status <> 'failed' AND entrypoint = ANY(:entrypoints)"
"""SQL: the jobs of these entry points that are still to be done, now or after their back-off."""

_log = structlog.get_logger()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One outside call. key: the same key while the first still waits or runs is the same job."""

    entrypoint: str
    key: str
    payload: Any


class HeldJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that failed on its last try and waits for a person. error: what it failed with."""

    id: int
    entrypoint: str
    attempts: int
    payload: bytes | None
    error: str


class NotHeld(NotFound):
    """No job by that id waits for a person."""


class QueuedAgain(Refused):
    """The same job was asked for anew and waits already."""


async def enqueue(db: Connection, jobs: Sequence[Job]) -> None:
    """Queue jobs in the caller's transaction; a key that is already waiting is not queued again."""
    if jobs:
        db.info[QUEUED] = True
        await _queries(db).enqueue(
            [job.entrypoint for job in jobs],
            [msgspec.json.encode(job.payload) for job in jobs],
            [0] * len(jobs),
            dedupe_key=[job.key for job in jobs],
            on_conflict="skip",
        )


async def work(
    engine: Engine, handlers: Mapping[str, Handler], *, now: datetime, worker: UUID, batch: int = JOBS_PER_BATCH
) -> int:
    """Take a batch of waiting jobs, carry them out, and return how many were taken; 0 means none is due."""
    async with engine.connect() as db:
        taken = await _queries(db).dequeue(
            batch_size=batch,
            entrypoints={name: EntrypointExecutionParameter(0) for name in handlers},  # type: ignore[misc]
            queue_manager_id=worker,  # type: ignore[arg-type]
            global_concurrency_limit=None,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
        )
    if not taken:
        return 0

    outcomes: list[tuple[models.Job, BaseException | None]] = []
    async with _heartbeat(engine, [job.id for job in taken]):
        by_entrypoint = sorted(taken, key=lambda job: (job.entrypoint, job.id))
        for entrypoint, group in groupby(by_entrypoint, key=lambda job: job.entrypoint):
            jobs = list(group)
            outcomes += zip(jobs, await _carry_out(engine, handlers[entrypoint], jobs, now=now), strict=True)
    async with engine.connect() as db:
        await _book(db, outcomes)
    return len(taken)


async def held_jobs(db: Connection) -> list[HeldJob]:
    """Every job that waits for a person, newest first, a thousand at most."""
    held = await _queries(db).list_failed_jobs(limit=HELD_SHOWN)
    log = await db.execute(
        text(f"""
            SELECT DISTINCT ON (job_id) job_id,
                (traceback ->> 'exception_type') || ': ' || (traceback ->> 'exception_message') AS error
            FROM {_settings().qualified.queue_table_log}
            WHERE job_id = ANY(:ids) AND traceback IS NOT NULL ORDER BY job_id, created DESC
        """),
        {"ids": [job.id for job in held]},
    )
    errors = {row.job_id: row.error for row in log}
    return [
        HeldJob(
            id=job.id,
            entrypoint=job.entrypoint,
            attempts=job.attempts,
            payload=job.payload,
            error=errors.get(job.id) or "",
        )
        for job in held
    ]


async def count_held(db: Connection) -> int:
    """How many jobs wait for a person."""
    counted = text(f"SELECT count(*) FROM {_settings().qualified.queue_table} WHERE status = 'failed'")
    return int((await db.scalars(counted)).one())


async def replay(db: Connection, ids: Sequence[int]) -> None:
    """Queue held jobs anew.

    Raises:
        NotHeld: one of them is not held.
        QueuedAgain: the same job waits already.
    """
    table = _settings().qualified.queue_table
    held = text(f"SELECT id FROM {table} WHERE id = ANY(:ids) AND status = 'failed' FOR UPDATE")
    found = await db.scalars(held, {"ids": list(ids)})
    if missing := sorted(set(ids) - set(found)):
        raise NotHeld("no such job is held: `batuta jobs` shows those that are", ids=missing)
    try:
        await _queries(db).requeue_jobs(list(ids))  # type: ignore[arg-type]
    except UniqueViolationError as error:
        sentence = "the same job was asked for anew and waits already: nothing to replay"
        raise QueuedAgain(sentence, ids=list(ids)) from error


async def prune(db: Connection, *, before: datetime) -> int:
    """Forget the log of jobs that ended before a moment of the wall clock; return how many lines went."""
    table = _settings().qualified.queue_table_log
    gone = await db.execute(text(f"DELETE FROM {table} WHERE created < :before RETURNING 1"), {"before": before})
    return len(gone.all())


def installation_sql() -> str:
    """The DDL of the queue, for a migration. Its notifying trigger is left out: a NOTIFY inside the writing
    transaction halves the commit rate, and workers look by themselves each second.
    """
    settings = _settings()
    sql = QueryBuilderEnvironment(settings).build_install_query()
    return f"{sql}\nDROP TRIGGER {settings.trigger} ON {settings.qualified.queue_table};\n"


async def _carry_out(
    engine: Engine, handler: Handler, jobs: Sequence[models.Job], *, now: datetime
) -> list[BaseException | None]:
    try:
        return await handler(engine, [job.payload or b"" for job in jobs], now=now)
    except Exception as problem:  # noqa: BLE001 the edge of the worker: a handler that breaks fails its jobs, not us
        return [problem] * len(jobs)


async def _book(db: Connection, outcomes: Sequence[tuple[models.Job, BaseException | None]]) -> None:
    """Each statement stands alone: what is not booked when we die is tried again, as if nobody had begun."""
    queries = _queries(db)
    ended: list[Any] = [(job, "successful", None) for job, problem in outcomes if problem is None]
    for job, problem in outcomes:
        if problem is None:
            continue
        trace = models.TracebackRecord(
            job_id=job.id,
            timestamp=datetime.now(UTC),
            exception_type=type(problem).__name__,
            exception_message=str(problem),
            traceback="",
            additional_context=None,
        )
        _log.warning("job_failed", entrypoint=job.entrypoint, attempts=job.attempts, error=repr(problem))
        if job.attempts + 1 >= TRIES_MAX:
            ended.append((job, "failed", trace))
        else:
            await queries.retry_job(job, timedelta(seconds=2**job.attempts), trace)
    if ended:
        await queries.log_jobs(ended)


@contextlib.asynccontextmanager
async def _heartbeat(engine: Engine, ids: list[Any]) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            async with engine.begin() as db:
                await _queries(db).update_heartbeat(ids)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


class _InTransaction:
    """pgqueuer's way to the database, by the caller's connection and inside its transaction."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in await self._db.run(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        await self._db.run(query, *args)
        return ""


def _queries(db: Connection) -> Queries:
    return Queries(cast("Any", _InTransaction(db)), qbe=_environment(), qbq=_builder())


@cache
def _settings() -> DBSettings:
    return DBSettings(db_schema=SCHEMA)


@cache
def _environment() -> QueryBuilderEnvironment:
    return QueryBuilderEnvironment(_settings())


@cache
def _builder() -> QueryQueueBuilder:
    return QueryQueueBuilder(_settings())
