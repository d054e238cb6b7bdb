"""Silence: what locations keep back because nothing was heard of them for long (INV-11)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Integer, Uuid, any_, bindparam, func, select, update

from batuta.inventory.commands.withholding import note_change, set_silences
from batuta.inventory.domain.feeds import Feed, silence_at
from batuta.inventory.events import FeedFellSilent, FeedHeard
from batuta.inventory.queries.feeds import feeds_by_id
from batuta.inventory.tables.feeds import feed, feed_location
from batuta.plumbing.database import Connection, Instant, arrays, params
from batuta.plumbing.events import publish

SWEPT_BY = "system:inventory"

_now = bindparam("now", type_=Instant)
_due = (
    select(feed.c.id)
    .where(feed.c.silence_due_at <= _now)
    .order_by(feed.c.id)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_steps = arrays("step", feed_id=Uuid(), silent_bp=Integer(), due_at=Instant)
_write = (
    update(feed)
    .where(feed.c.id == _steps.c.feed_id)
    .values(silent_bp=_steps.c.silent_bp, silence_due_at=_steps.c.due_at)
)
_hear = (
    update(feed)
    .where(feed.c.id == bindparam("feed_id", type_=Uuid()))
    .values(last_heard_at=_now, silent_bp=0, silence_due_at=bindparam("due_at", type_=Instant))
)

_location_ids = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_worst = (
    select(feed_location.c.location_id, func.max(feed.c.silent_bp))
    .join_from(feed_location, feed, feed.c.id == feed_location.c.feed_id)
    .where(feed_location.c.location_id == any_(_location_ids))
    .group_by(feed_location.c.location_id)
)


async def fall_silent(db: Connection, *, now: datetime, limit: int) -> int:
    """Let locations of feeds that were not heard keep back more, step by step; return of how many feeds.

    A sweep. What a step keeps back depends on when the feed was heard, and not on when the sweep runs.
    """
    ids = await db.scalars(_due, {"now": now, "limit": limit})
    if not ids:
        return 0
    found = await feeds_by_id(db, ids)
    steps = {one.id: silence_at(one, now=now) for one in found.values()}
    given = params(
        "step",
        feed_id=list(steps),
        silent_bp=[share_bp for share_bp, _ in steps.values()],
        due_at=[due_at for _, due_at in steps.values()],
    )
    await db.execute(_write, given)
    quieter = [one for one in found.values() if steps[one.id][0] > one.silent_bp]
    await keep_back_for_silence(db, {at for one in quieter for at in one.location_ids}, now=now)
    await publish(db, _silences(quieter, steps, now=now))
    return len(ids)


def _silences(
    quieter: Sequence[Feed], steps: dict[UUID, tuple[int, datetime | None]], *, now: datetime
) -> list[FeedFellSilent]:
    return [
        FeedFellSilent(
            stream=one.id,
            happened_at=now,
            actor=SWEPT_BY,
            code=one.code,
            location_ids=one.location_ids,
            share_bp=steps[one.id][0],
            last_heard_at=one.last_heard_at,
        )
        for one in sorted(quieter, key=lambda one: one.id)
    ]


async def note_heard(db: Connection, heard: Feed, *, actor: str, now: datetime) -> None:
    """A locked feed was heard: nothing is kept back for it any more."""
    _, due_at = silence_at(msgspec.structs.replace(heard, last_heard_at=now), now=now)
    await db.execute(_hear, {"feed_id": heard.id, "now": now, "due_at": due_at})
    if heard.silent_bp:
        await keep_back_for_silence(db, heard.location_ids, now=now)
        fact = FeedHeard(
            stream=heard.id, happened_at=now, actor=actor, code=heard.code, location_ids=heard.location_ids
        )
        await publish(db, [fact])


async def keep_back_for_silence(db: Connection, location_ids: Collection[UUID], *, now: datetime) -> None:
    """Let locations keep back what the most silent of their feeds says.

    One transaction at a time, by the row that counts changes: otherwise two feeds of a location could each overlook
    what the other is about to say.
    """
    if not location_ids:
        return
    await note_change(db, now=now)
    said = {row[0]: row[1] for row in await db.execute(_worst, {"location_ids": list(location_ids)})}
    await set_silences(db, shares={at: said.get(at, 0) for at in location_ids}, now=now)
