"""Who feeds, and what becomes of differences that were found."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, delete, select, tuple_, update

from batuta.inventory.commands.silences import keep_back_for_silence
from batuta.inventory.domain.feeds import (
    AlreadySettled,
    Difference,
    DifferenceStatus,
    Feed,
    UnknownDifference,
    check_feed,
    silence_at,
)
from batuta.inventory.queries.feeds import differences_by_id, feeds_by_code
from batuta.inventory.tables.feeds import feed, feed_difference, feed_location, feed_message
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_new, params, upsert_rows

MESSAGES_KEPT = timedelta(days=30)

_lock_feeds = (
    select(feed.c.id)
    .where(feed.c.code == any_(bindparam("codes", type_=ARRAY(Text(), dimensions=1))))
    .order_by(feed.c.id)
    .with_for_update()
)
_forget_places = delete(feed_location).where(
    feed_location.c.feed_id == any_(bindparam("feed_ids", type_=ARRAY(Uuid(), dimensions=1)))
)
_lock_differences = (
    select(feed_difference.c.id)
    .where(feed_difference.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(feed_difference.c.id)
    .with_for_update()
)
_settling = arrays("settle", id=Uuid(), settled_by=Text(), note=Text())
_settle = (
    update(feed_difference)
    .where(feed_difference.c.id == _settling.c.id)
    .values(
        status=DifferenceStatus.SETTLED.value,
        settled_at=bindparam("at", type_=Instant),
        settled_by=_settling.c.settled_by,
        note=_settling.c.note,
    )
)
_old = (
    select(feed_message.c.feed_id, feed_message.c.sequence)
    .where(feed_message.c.received_at <= bindparam("before", type_=Instant))
    .order_by(feed_message.c.received_at)
    .limit(bindparam("limit", type_=Integer()))
)
_forget = (
    delete(feed_message)
    .where(tuple_(feed_message.c.feed_id, feed_message.c.sequence).in_(_old))
    .returning(feed_message.c.sequence)
)


async def save_feeds(db: Connection, *, feeds: Sequence[Feed], actor: str, now: datetime) -> list[Feed | BatutaError]:
    """Save feeds by their codes; each answer is the one stored, which keeps its id and what was heard, or why not."""
    checked = each(feeds, check_feed)
    wanted = {one.code: one for one in good(checked)}
    await db.execute(_lock_feeds, {"codes": list(wanted)})
    present = await feeds_by_code(db, wanted)
    saved = [_as_saved(one, present.get(one.code), now=now) for one in wanted.values()]
    await upsert_rows(db, feed, [_row(one, actor, now) for one in saved], key=("code",))

    stored = await feeds_by_code(db, wanted)
    await db.execute(_forget_places, {"feed_ids": [one.id for one in stored.values()]})
    places = [
        {"feed_id": stored[one.code].id, "location_id": at} for one in saved for at in sorted(set(one.location_ids))
    ]
    await insert_new(
        db,
        feed_location,
        sorted(places, key=lambda row: (row["feed_id"], row["location_id"])),
        returning=("feed_id",),
    )
    touched = {at for one in (*present.values(), *saved) if one.silent_bp for at in one.location_ids}
    touched |= {at for one in present.values() if one.silent_bp for at in wanted[one.code].location_ids}
    await keep_back_for_silence(db, touched, now=now)
    stored = await feeds_by_code(db, wanted)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


def _as_saved(wanted: Feed, present: Feed | None, *, now: datetime) -> Feed:
    """The feed as it is wanted, with what was heard of it."""
    heard = present or wanted
    watched_from_at = None
    if wanted.silent_after_minutes is not None:
        watched_from_at = heard.watched_from_at or now
    kept = msgspec.structs.replace(
        wanted,
        id=heard.id,
        last_sequence=heard.last_sequence,
        last_cut_at=heard.last_cut_at,
        last_heard_at=heard.last_heard_at,
        watched_from_at=watched_from_at,
    )
    return msgspec.structs.replace(kept, silent_bp=silence_at(kept, now=now)[0])


def _row(one: Feed, actor: str, now: datetime) -> dict[str, object]:
    fields = msgspec.structs.asdict(one)
    del fields["location_ids"]
    _, due_at = silence_at(one, now=now)
    return fields | {"silence_due_at": due_at, "actor": actor, "created_at": now, "updated_at": now}


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has looked at a difference. location_ids: those they may see; None is all."""

    id: UUID
    note: str
    actor: str
    location_ids: frozenset[UUID] | None = None


async def settle_differences(
    db: Connection, *, settles: Sequence[Settle], now: datetime
) -> list[Difference | BatutaError]:
    """Settle differences that somebody has looked at; the same again changes nothing (PLT-11)."""
    await db.execute(_lock_differences, {"ids": [one.id for one in settles]})
    found = await differences_by_id(db, {one.id for one in settles})
    outcomes = each(settles, lambda one: _settled(one, found, now=now))
    settled = {one.id: one for one in good(outcomes) if one != found[one.id]}
    given = params(
        "settle",
        id=list(settled),
        settled_by=[one.settled_by for one in settled.values()],
        note=[one.note for one in settled.values()],
    )
    await db.execute(_settle, given | {"at": now})
    return outcomes


def _settled(one: Settle, found: dict[UUID, Difference], *, now: datetime) -> Difference:
    difference = found.get(one.id)
    if difference is None or (one.location_ids is not None and difference.location_id not in one.location_ids):
        raise UnknownDifference("there is no such difference", id=str(one.id))
    if difference.status is DifferenceStatus.SETTLED:
        if (difference.settled_by, difference.note) != (one.actor, one.note):
            raise AlreadySettled("it is settled already", settled_by=difference.settled_by, note=difference.note)
        return difference
    return msgspec.structs.replace(
        difference, status=DifferenceStatus.SETTLED, settled_at=now, settled_by=one.actor, note=one.note
    )


async def forget_messages(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget what feeds said a month ago and how they were answered; their counts and differences stay.

    A sweep. A message that is forgotten is older than the last one, and refused as such.
    """
    return len(await db.scalars(_forget, {"before": now - MESSAGES_KEPT, "limit": limit}))
