"""Reactions: what is done on which fact, in order, exactly once.

A pass reads the facts behind the position that the reaction hears, hands runs of one type to their handlers, and
moves the position past them and past what it does not hear, all in one transaction. What its steps tell is read in the
next pass, or in the same if the reaction says so (`at_once`) and nobody else may have told something before it. When a
handler fails, the pass is rolled back and tried again without going on, then with half the facts, down to the one that
fails alone; five such failures park its stream and the others go on.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Text, TextClause, bindparam, func, text, update
from sqlalchemy.dialects.postgresql import insert

from batuta.kernel.errors import Unavailable
from batuta.kernel.events import Event, type_of
from batuta.plumbing.database import Connection, Engine, insert_rows
from batuta.plumbing.driver import QUEUED
from batuta.plumbing.events.log import PUBLISHED, Fact, Position, read
from batuta.plumbing.events.tables import parked, reaction

Handler = Callable[[Connection, Sequence[Any], datetime], Awaitable[None]]

FACTS_PER_PASS = 500
FAILURES_BEFORE_PARKING = 5

_log = structlog.get_logger()


class RestoredElsewhere(Unavailable):
    """The log was restored into another database cluster; nothing reacts until a person says so."""


class Reaction(msgspec.Struct, frozen=True):
    """A named reader of the log and its table: on this fact, these handlers, in this order.

    follow: is handed all facts that are heard, as they stand in the log, instead of steps. listeners: SQL whose rows
    are those for whom the log is read; while there are none, facts are passed over unread. at_once: facts that, told by
    a step, are reacted to in the transaction that told them.
    """

    name: str
    steps: Mapping[type[Event], Sequence[Handler]]
    follow: Handler | None = None
    listeners: str = "SELECT"
    at_once: frozenset[type[Event]] = frozenset()

    def kinds(self) -> dict[str, type[Event]]:
        """What it hears, by the name in the log."""
        return _kinds(tuple(self.steps))

    def goes_on_after(self, told: Collection[str]) -> bool:
        """Whether some of what a step told is heard, and all of that at once."""
        kinds = self.kinds()
        heard = {kinds[name] for name in told if name in kinds}
        return bool(heard) and heard <= self.at_once


@lru_cache(maxsize=100)
def _kinds(heard: tuple[type[Event], ...]) -> dict[str, type[Event]]:
    return {type_of(kind): kind for kind in heard}


class Pass(msgspec.Struct, frozen=True):
    """What a pass did: how many facts it heard, and whether it knows that none follows (it told none that it hears).

    has_queued: jobs follow it.
    """

    facts: int
    is_last: bool
    has_queued: bool = False


class Failed(Exception):
    """A handler failed on a run of facts; `facts` are all the pass had read, its own among them if it went on."""

    def __init__(self, facts: list[Fact], cause: BaseException, *, went_on: bool) -> None:
        super().__init__(str(cause))
        self.facts = facts
        self.cause = cause
        self.went_on = went_on


async def react(engine: Engine, to: Reaction, *, now: datetime, limit: int = FACTS_PER_PASS) -> Pass:
    """Run one pass of a reaction.

    Raises:
        RestoredElsewhere: the database is a restored copy; `rebase` says that this copy is the one that acts.
    """
    size, goes_on = limit, True
    while True:
        try:
            return await _pass(engine, to, now=now, limit=size, goes_on=goes_on)
        except Failed as failure:
            if failure.went_on:
                goes_on = False
            elif len(failure.facts) > 1:
                size = len(failure.facts) // 2
            else:
                await _blame(engine, to, failure, now=now)
                return Pass(facts=1, is_last=False)


async def _pass(engine: Engine, to: Reaction, *, now: datetime, limit: int, goes_on: bool) -> Pass:
    async with engine.begin() as db:
        behind = await _lock_and_read(db, to, limit=limit)
        if behind.end is None:
            return Pass(facts=0, is_last=True)
        facts = behind.facts
        await _hear(db, to, behind, facts, now=now)
        is_all, end = len(facts) < limit, behind.end
        while goes_on and is_all and to.goes_on_after(_told(db)):
            own = await _read_own(db, to, end, limit=limit)
            if own.end is None:
                break
            db.info[PUBLISHED].clear()
            facts, end = facts + own.facts, own.end
            await _hear(db, to, own, facts, now=now)
        await _move_position(db, to.name, end if is_all else facts[-1].position)
        is_last = is_all and to.kinds().keys().isdisjoint(_told(db))
        return Pass(facts=len(facts), is_last=is_last, has_queued=QUEUED in db.info)


async def _hear(db: Connection, to: Reaction, behind: "_Behind", read_yet: list[Fact], *, now: datetime) -> None:
    """React to facts, but keep back those of parked streams. read_yet: all that the pass has read."""
    facts, held = behind.facts, behind.held
    await park(db, to.name, [fact for fact in facts if fact.stream in held], error=None, now=now)
    try:
        await perform(db, to, [fact for fact in facts if fact.stream not in held], now=now)
    except Exception as problem:
        raise Failed(read_yet, problem, went_on=len(read_yet) > len(facts)) from problem


def _told(db: Connection) -> Collection[str]:
    told: Collection[str] = db.info.get(PUBLISHED, ())
    return told


BEHIND = """
    NOT EXISTS (SELECT FROM plumbing.reaction WHERE name = {name})
    OR EXISTS (SELECT FROM plumbing.reaction r, LATERAL (
                   SELECT FROM plumbing.event e
                   WHERE (e.epoch, e.xid, e.id) > (r.epoch, r.xid, r.id) AND e.type = ANY({types})
                     AND EXISTS ({listeners})
                   ORDER BY e.epoch, e.xid, e.id LIMIT 1) AS heard
               WHERE r.name = {name})
"""
"""SQL: whether a reaction has facts that it hears behind its position, readable or not yet.

The order makes it begin at the position, by the index; without it, the planner reads the whole log to find nothing.
"""


async def perform(db: Connection, to: Reaction, facts: Sequence[Fact], *, now: datetime) -> None:
    """Hand consecutive runs of one type to their handlers; order across types is kept."""
    if to.follow:
        if facts:
            await to.follow(db, facts, now)
        return
    kinds = to.kinds()
    for name, run in groupby(facts, key=lambda fact: fact.name):
        kind = kinds[name]
        events = [fact.as_event(kind) for fact in run]
        for handler in to.steps[kind]:
            await handler(db, events, now)


_LOCK = text(
    """
    SELECT r.epoch, r.xid, r.id,
           EXISTS (SELECT FROM plumbing.cluster c
                   WHERE c.system_identifier = (SELECT system_identifier FROM pg_control_system())) AS is_known
    FROM plumbing.reaction r WHERE r.name = :name FOR UPDATE
    """
)

# A statement of its own: a worker that waited for the lock must see what the other one has parked meanwhile.
# A row for each fact that is heard; without any, one row that says how far the log can be read.
_READ = """
    WITH settled AS NOT MATERIALIZED (
        SELECT * FROM plumbing.event e
        WHERE (e.epoch, e.xid, e.id) > (:epoch, CAST(CAST(:xid AS text) AS xid8), :id) AND ({readable}))
    SELECT last.epoch AS end_epoch, last.xid AS end_xid, last.id AS end_id, heard.*,
           EXISTS (SELECT FROM plumbing.parked p WHERE p.reaction = :name AND p.stream = heard.stream) AS is_held
    FROM (SELECT epoch, xid, id FROM settled ORDER BY epoch DESC, xid DESC, id DESC LIMIT 1) AS last
    LEFT JOIN (
        SELECT * FROM settled WHERE type = ANY(:types) AND EXISTS ({listeners})
        ORDER BY epoch, xid, id LIMIT :limit) AS heard ON true
    ORDER BY heard.epoch, heard.xid, heard.id
"""


_SETTLED = """e.epoch < (SELECT max(c.epoch) FROM plumbing.cluster c)
               OR e.xid < pg_snapshot_xmin(pg_current_snapshot())"""
# With what this transaction told itself; nothing, as long as an older one is under way, whose facts stand before them.
_SETTLED_AND_OWN = """pg_snapshot_xmin(pg_current_snapshot()) = pg_current_xact_id_if_assigned()
          AND (e.epoch < (SELECT max(c.epoch) FROM plumbing.cluster c)
               OR e.xid <= pg_snapshot_xmin(pg_current_snapshot()))"""


@lru_cache(maxsize=100)
def _reading(listeners: str, readable: str) -> TextClause:
    return text(_READ.format(listeners=listeners, readable=readable))


class _Behind(msgspec.Struct, frozen=True):
    """What is behind a position: where the readable log ends (None: nothing is), the facts heard, streams kept back."""

    end: Position | None
    facts: list[Fact]
    held: set[UUID]


async def _lock_and_read(db: Connection, to: Reaction, *, limit: int) -> _Behind:
    """Lock a reaction's position and read what is behind it."""
    place = (await db.execute(_LOCK, {"name": to.name})).one_or_none()
    if place is None:
        beginning = insert(reaction).values(name=to.name, epoch=0, xid=text("'0'::xid8"), id=0)
        await db.execute(beginning.on_conflict_do_nothing())
        place = (await db.execute(_LOCK, {"name": to.name})).one()
    if not place.is_known:
        raise RestoredElsewhere(
            "this log was restored into another database; nothing reacts until `batuta events rebase`", reaction=to.name
        )
    return await _read(db, to, (place.epoch, place.xid, place.id), _SETTLED, limit=limit)


async def _read_own(db: Connection, to: Reaction, after: Position, *, limit: int) -> _Behind:
    """What this transaction told behind a position; nothing, where others told what is heard before it."""
    own = await _read(db, to, after, _SETTLED_AND_OWN, limit=limit)
    is_own = own.end and len(own.facts) < limit and all(one.position[1] == own.end[1] for one in own.facts)
    return own if is_own else _Behind(None, [], set())


async def _read(db: Connection, to: Reaction, after: Position, readable: str, *, limit: int) -> _Behind:
    epoch, xid, id_ = after
    asked = {"epoch": epoch, "xid": str(xid), "id": id_, "types": list(to.kinds()), "limit": limit}
    rows = (await db.execute(_reading(to.listeners, readable), {"name": to.name, **asked})).all()
    if not rows:
        return _Behind(None, [], set())
    end = (rows[0].end_epoch, rows[0].end_xid, rows[0].end_id)
    heard = [row for row in rows if row.id is not None]
    return _Behind(end, [read(row) for row in heard], {row.stream for row in heard if row.is_held})


async def _move_position(db: Connection, name: str, position: Position) -> None:
    epoch, xid, id_ = position
    await db.execute(_MOVE, {"reaction": name, "to_epoch": epoch, "to_xid": str(xid), "to_id": id_})


_MOVE = (
    update(reaction)
    .where(reaction.c.name == bindparam("reaction"))
    .values(
        epoch=bindparam("to_epoch"), xid=func.xid8(bindparam("to_xid", type_=Text())), id=bindparam("to_id"), failures=0
    )
)


async def park(db: Connection, name: str, facts: Sequence[Fact], *, error: str | None, now: datetime) -> None:
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


async def _blame(engine: Engine, to: Reaction, failure: Failed, *, now: datetime) -> None:
    fact = failure.facts[0]
    error = f"{type(failure.cause).__name__}: {failure.cause}"
    async with engine.begin() as db:
        first = (await _lock_and_read(db, to, limit=1)).facts
        if not first or first[0].position != fact.position:
            return
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
