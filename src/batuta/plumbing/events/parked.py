"""What a person does about reactions: see where they stand, retry or skip a parked stream, adopt a restored log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, delete, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from batuta.kernel.errors import NotFound
from batuta.plumbing.database import Connection, Engine, insert_rows
from batuta.plumbing.events.log import Fact, current_epoch, position_columns, read
from batuta.plumbing.events.reactions import Reaction, perform
from batuta.plumbing.events.tables import cluster, event, parked, reaction, skipped


class NothingParked(NotFound):
    """No fact of this stream is kept back from this reaction."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reaction stands: facts behind which it still is, and the age of the oldest of them in seconds."""

    name: str
    position: tuple[int, int, int]
    behind: int
    lag_seconds: float
    failures: int
    parked_streams: int


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """The age of the oldest fact that a reaction has not read, and how many streams are kept back from it."""

    name: str
    seconds: float
    parked_streams: int


class ParkedStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream kept back from a reaction: the fact that failed, why, and how many wait behind it."""

    reaction: str
    stream: UUID
    fact: str
    error: str
    parked_at: datetime
    facts: int


class LogHolder(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest open writing transaction: behind it, no reaction can read."""

    pid: int
    application: str
    seconds: float
    query: str


_behind = tuple_(*position_columns) > tuple_(reaction.c.epoch, reaction.c.xid, reaction.c.id)
_waiting = select(func.count()).select_from(event).where(_behind).scalar_subquery()
# Facts stand nearly in the order of their recording, and the first one behind is found by the key at once.
_oldest = select(event.c.recorded_at).where(_behind).order_by(*position_columns).limit(1).scalar_subquery()
_held = select(func.count(func.distinct(parked.c.stream))).where(parked.c.reaction == reaction.c.name).scalar_subquery()


async def standings(db: Connection, *, now: datetime) -> list[Standing]:
    """Where every reaction stands; counting what it has before it takes time when that is much."""
    columns = (reaction, _waiting.label("behind"), _oldest.label("oldest"), _held.label("held"))
    return [
        Standing(
            name=row.name,
            position=(row.epoch, row.xid, row.id),
            behind=row.behind,
            lag_seconds=_age(row.oldest, now),
            failures=row.failures,
            parked_streams=row.held,
        )
        for row in await db.execute(select(*columns).order_by(reaction.c.name))
    ]


async def lags(db: Connection, *, now: datetime) -> list[Lag]:
    """How far behind every reaction is: two look-ups each, cheap enough to ask every few seconds."""
    rows = await db.execute(select(reaction.c.name, _oldest.label("oldest"), _held.label("held")))
    return [Lag(name=row.name, seconds=_age(row.oldest, now), parked_streams=row.held) for row in rows]


def _age(recorded_at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - recorded_at).total_seconds()) if recorded_at else 0.0


async def holder(db: Connection) -> LogHolder | None:
    """The transaction that all reactions wait for, when there is one older than this."""
    found = await db.execute(
        select(
            literal_column("pid"),
            literal_column("application_name"),
            literal_column("extract(epoch from age(clock_timestamp(), xact_start))::float8").label("seconds"),
            literal_column("query"),
        )
        .select_from(func.pg_stat_get_activity(None).alias("activity"))
        .where(literal_column("backend_xid").is_not(None), literal_column("pid") != func.pg_backend_pid())
        .order_by(literal_column("xact_start"))
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return None
    return LogHolder(pid=row.pid, application=row.application_name, seconds=row.seconds, query=row.query[:200])


async def parked_streams(db: Connection) -> list[ParkedStream]:
    """Every stream that is kept back, oldest first."""
    waiting = (
        select(func.count())
        .select_from(parked.alias("waiting"))
        .where(
            literal_column("waiting.reaction") == parked.c.reaction,
            literal_column("waiting.stream") == parked.c.stream,
        )
        .scalar_subquery()
    )
    rows = await db.execute(
        select(parked, event.c.type.label("fact"), waiting.label("facts"))
        .join(event, _same_fact())
        .where(parked.c.error.is_not(None))
        .order_by(parked.c.parked_at, parked.c.stream)
    )
    return [
        ParkedStream(
            reaction=row.reaction,
            stream=row.stream,
            fact=row.fact,
            error=row.error,
            parked_at=row.parked_at,
            facts=row.facts,
        )
        for row in rows
    ]


async def retry(engine: Engine, to: Reaction, stream: UUID, *, now: datetime) -> int:
    """Do the kept-back facts of a stream again, in order, in one transaction; return how many were done.

    Raises:
        NothingParked: nothing is kept back. Whatever the handler raises comes through, and the stream stays parked.
    """
    async with engine.begin() as db:
        facts = await _lock_parked(db, to.name, stream)
        await perform(db, to, facts, now=now)
        await db.execute(delete(parked).where(parked.c.reaction == to.name, parked.c.stream == stream))
        return len(facts)


async def skip(engine: Engine, to: Reaction, stream: UUID, *, reason: str, actor: str, now: datetime) -> int:
    """Leave out the fact that failed, for a reason that is kept, and do those behind it; return how many were done."""
    async with engine.begin() as db:
        failed, *rest = await _lock_parked(db, to.name, stream)
        epoch, xid, id_ = failed.position
        decision = {"reaction": to.name, "epoch": epoch, "xid": xid, "id": id_}
        await insert_rows(db, skipped, [{**decision, "reason": reason, "actor": actor, "skipped_at": now}])
        await perform(db, to, rest, now=now)
        await db.execute(delete(parked).where(parked.c.reaction == to.name, parked.c.stream == stream))
        return len(rest)


async def waits_for_rebase(db: Connection) -> bool:
    """Whether this is a restored copy of the log that nobody has told to act."""
    known = select(func.count()).select_from(cluster).where(cluster.c.epoch == current_epoch)
    return bool(await db.scalar(known) == 0)


async def rebase(db: Connection) -> int:
    """Say that this restored copy is the one that acts from now on; return the log's epoch."""
    system = select(literal_column("system_identifier")).select_from(func.pg_control_system()).scalar_subquery()
    adopted = insert(cluster).from_select(["system_identifier", "epoch"], select(system, current_epoch))
    await db.execute(adopted.on_conflict_do_nothing())
    return int((await db.scalars(select(current_epoch))).one())


def _same_fact() -> ColumnElement[bool]:
    return (parked.c.epoch == event.c.epoch) & (parked.c.xid == event.c.xid) & (parked.c.id == event.c.id)


async def _lock_parked(db: Connection, name: str, stream: UUID) -> Sequence[Fact]:
    await db.execute(select(reaction.c.name).where(reaction.c.name == name).with_for_update())
    rows = await db.execute(
        select(event)
        .join(parked, _same_fact())
        .where(parked.c.reaction == name, parked.c.stream == stream)
        .order_by(*position_columns)
    )
    facts = [read(row) for row in rows]
    if not facts:
        raise NothingParked("nothing of this stream is kept back from this reaction", reaction=name, stream=str(stream))
    return facts


__all__ = [
    "Lag",
    "LogHolder",
    "NothingParked",
    "ParkedStream",
    "Standing",
    "holder",
    "lags",
    "parked_streams",
    "rebase",
    "retry",
    "skip",
    "standings",
    "waits_for_rebase",
]
