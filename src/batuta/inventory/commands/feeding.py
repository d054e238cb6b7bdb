"""Hearing feeds: each message once, never an older one after a newer one (INV-09).

Locks: the feed first, then stock rows, then the counter of what is kept back. Whoever holds stock rows never asks for
a feed, so nobody waits in a circle.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Text, Uuid, bindparam, select, update

from batuta.inventory.commands.reconciling import Message, take_lines
from batuta.inventory.commands.silences import note_heard
from batuta.inventory.domain.feeds import (
    Feed,
    FeedAnswer,
    MessageKind,
    NothingToCount,
    OlderThanLast,
    OnlyCompares,
    Part,
    RowAnswer,
    RowsRefused,
    RowStatus,
    SequenceReused,
    TooManyAtOnce,
    UnknownFeed,
    check_cut,
    told_of,
)
from batuta.inventory.queries.feeds import feeds_by_code
from batuta.inventory.tables.feeds import feed, feed_message
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import BigInteger, Connection, Instant, Integer, Json, Row, insert_rows

_lock = select(feed.c.id).where(feed.c.code == bindparam("code", type_=Text())).with_for_update()
_by_sequence = select(feed_message).where(
    feed_message.c.feed_id == bindparam("feed_id", type_=Uuid()),
    feed_message.c.sequence == bindparam("sequence", type_=BigInteger()),
)
_by_digest = (
    select(feed_message)
    .where(
        feed_message.c.feed_id == bindparam("feed_id", type_=Uuid()),
        feed_message.c.digest == bindparam("digest"),
    )
    .order_by(feed_message.c.sequence.desc())
    .limit(1)
)
_advance = (
    update(feed_message)
    .where(
        feed_message.c.feed_id == bindparam("of_feed_id", type_=Uuid()),
        feed_message.c.sequence == bindparam("of_sequence", type_=BigInteger()),
    )
    .values(
        lines=bindparam("new_lines", type_=Integer()),
        lines_done=bindparam("new_lines_done", type_=Integer()),
        answer=bindparam("new_answer", type_=Json),
    )
)
_count = (
    update(feed)
    .where(feed.c.id == bindparam("of_feed_id", type_=Uuid()))
    .values(
        last_sequence=bindparam("new_sequence", type_=BigInteger()),
        last_cut_at=bindparam("new_cut_at", type_=Instant),
    )
)


class _Heard(msgspec.Struct, frozen=True):
    """What is known of a message: its place among the feed's, and what was answered so far."""

    sequence: int
    cut_at: datetime
    lines_done: int
    answer: FeedAnswer
    is_new: bool


async def hear(db: Connection, *, parts: Sequence[Part], now: datetime) -> list[FeedAnswer | BatutaError]:
    """Take messages of feeds, or parts of them, one after the other; each is answered with what became of its lines.

    The same message again is answered alike and does nothing; a part that was taken before is passed over. What is
    refused, or only tried, leaves nothing behind.
    """
    return [await _hear_alone(db, part, now=now) for part in parts]


async def _hear_alone(db: Connection, part: Part, *, now: datetime) -> FeedAnswer | BatutaError:
    savepoint = db.savepoint()
    await savepoint.start()
    try:
        answer = await _hear(db, part, now=now)
    except BatutaError as refusal:
        await savepoint.rollback()
        return refusal
    if part.is_trial:
        await savepoint.rollback()
    else:
        await savepoint.commit()
    return answer


async def _hear(db: Connection, part: Part, *, now: datetime) -> FeedAnswer:
    await db.execute(_lock, {"code": part.feed_code})
    speaker = (await feeds_by_code(db, [part.feed_code])).get(part.feed_code)
    if speaker is None:
        raise UnknownFeed("there is no such feed", feed=part.feed_code)
    _check(part, speaker)
    heard = await _found(db, speaker, part, now=now)
    if heard.answer.is_done or (part.first != heard.lines_done and not part.is_trial):
        return heard.answer

    telling = msgspec.structs.replace(part.telling, cut_at=heard.cut_at)
    message = Message(
        feed=speaker,
        part=msgspec.structs.replace(part, telling=telling),
        sequence=heard.sequence,
        document_id=child_id(speaker.id, f"message {heard.sequence}"),
        now=now,
    )
    if heard.is_new:
        await _begin(db, message, heard.answer)
    rows = await take_lines(db, message)
    if part.is_whole and any(row.status is RowStatus.REFUSED for row in rows):
        refused = [msgspec.to_builtins(row) for row in rows if row.status is RowStatus.REFUSED]
        raise RowsRefused("some rows cannot be taken, so none was", refused=len(refused), rows=refused)
    answer = _answer(heard.answer, part, rows)
    await _advance_to(db, message, answer)
    await note_heard(db, speaker, actor=part.actor, now=now)
    return answer


def _check(part: Part, speaker: Feed) -> None:
    lines = len(part.content.rows)
    if part.telling.kind is MessageKind.HEARTBEAT and lines:
        raise NothingToCount("a heartbeat counts nothing: send a snapshot or a delta", lines=lines)
    if part.telling.kind is MessageKind.DELTA and not speaker.is_correcting:
        raise OnlyCompares("what this feed counts is only compared with the ledger", feed=speaker.code)
    if part.is_whole and lines > part.count:
        raise TooManyAtOnce("so many lines are not taken in one piece", lines=lines, lines_max=part.count)


async def _found(db: Connection, speaker: Feed, part: Part, *, now: datetime) -> _Heard:
    """The message as it was heard before, or its beginning.

    Raises:
        OlderThanLast, SequenceReused, NotThen.
    """
    telling = part.telling
    known = await _known(db, speaker, part)
    if known is not None:
        if known.digest != telling.digest:
            raise SequenceReused("the feed has said something else under this sequence", sequence=telling.sequence)
        answer = msgspec.convert(known.answer, FeedAnswer)
        return _Heard(known.sequence, known.cut_at, known.lines_done, answer, is_new=False)
    sequence = speaker.last_sequence + 1 if telling.sequence is None else telling.sequence
    if sequence <= speaker.last_sequence:
        raise OlderThanLast(
            "a newer message of this feed was heard",
            feed=speaker.code,
            sequence=sequence,
            last_sequence=speaker.last_sequence,
        )
    answer = FeedAnswer(
        feed_code=speaker.code,
        sequence=sequence,
        kind=telling.kind,
        is_trial=part.is_trial,
        is_done=False,
        lines=len(part.content.rows),
        lines_done=0,
        skipped=sequence - speaker.last_sequence - 1,
    )
    return _Heard(sequence, check_cut(telling.cut_at, now=now), 0, answer, is_new=True)


async def _known(db: Connection, speaker: Feed, part: Part) -> Row | None:
    if part.telling.sequence is None:
        return (await db.execute(_by_digest, {"feed_id": speaker.id, "digest": part.telling.digest})).first()
    return (await db.execute(_by_sequence, {"feed_id": speaker.id, "sequence": part.telling.sequence})).first()


async def _begin(db: Connection, message: Message, answer: FeedAnswer) -> None:
    telling = message.part.telling
    row = {
        "feed_id": message.feed.id,
        "sequence": message.sequence,
        "kind": telling.kind.value,
        "counts": telling.counts.value,
        "cut_at": telling.cut_at,
        "digest": telling.digest,
        "lines": answer.lines,
        "lines_done": 0,
        "answer": msgspec.to_builtins(answer),
        "actor": message.part.actor,
        "received_at": message.now,
    }
    await insert_rows(db, feed_message, [row])
    last_cut_at = message.feed.last_cut_at
    given: dict[str, Any] = {
        "of_feed_id": message.feed.id,
        "new_sequence": message.sequence,
        "new_cut_at": telling.cut_at if last_cut_at is None else max(last_cut_at, telling.cut_at),
    }
    await db.execute(_count, given)


def _answer(before: FeedAnswer, part: Part, rows: Sequence[RowAnswer]) -> FeedAnswer:
    """What was answered so far, and what became of these lines."""
    counted = dict.fromkeys(RowStatus, 0)
    for row in rows:
        counted[row.status] += 1
    told, has_more_rows = told_of([*before.rows, *(row for row in rows if _is_to_tell(row))])
    done = part.first + len(rows)
    return msgspec.structs.replace(
        before,
        is_trial=part.is_trial,
        is_done=done >= len(part.content.rows),
        lines=len(part.content.rows),
        lines_done=done,
        changed=before.changed + counted[RowStatus.CHANGED],
        unchanged=before.unchanged + counted[RowStatus.UNCHANGED],
        superseded=before.superseded + counted[RowStatus.SUPERSEDED],
        contained=before.contained + counted[RowStatus.CONTAINED],
        refused=before.refused + counted[RowStatus.REFUSED],
        rows=told,
        has_more_rows=before.has_more_rows or has_more_rows,
    )


def _is_to_tell(row: RowAnswer) -> bool:
    return row.status is not RowStatus.UNCHANGED or bool(row.difference or row.missing)


async def _advance_to(db: Connection, message: Message, answer: FeedAnswer) -> None:
    given = {
        "of_feed_id": message.feed.id,
        "of_sequence": message.sequence,
        "new_lines": answer.lines,
        "new_lines_done": answer.lines_done,
        "new_answer": msgspec.to_builtins(answer),
    }
    await db.execute(_advance, given)
