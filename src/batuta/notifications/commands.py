"""Telling customers: writing messages down, taking them to be sent, and booking what became of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, or_, select, update

from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.kernel.outcomes import each, good
from batuta.notifications.domain import (
    Message,
    MessageIdTaken,
    MessageStatus,
    Notice,
    Sending,
    Words,
    after,
    check_template,
    render,
)
from batuta.notifications.events import MessageFailed, MessageSent
from batuta.notifications.queries import messages_by_id, messages_by_key
from batuta.notifications.tables import message
from batuta.plumbing.database import Connection, Instant, arrays, insert_new, params
from batuta.plumbing.events import publish
from batuta.plumbing.jobs import Job, enqueue
from batuta.plumbing.mail import mail_address

ACTOR = "system:notifications"
SENDING = timedelta(minutes=10)
"""How long a message is left to who took it; past that, who took it is believed to have died."""

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_LOCK = (
    select(message.c.id)
    .where(message.c.id == any_(_ids), message.c.status == MessageStatus.QUEUED)
    .order_by(message.c.id)
    .with_for_update()
)
_LOCK_FREE = _LOCK.where(
    or_(message.c.sending_until_at.is_(None), message.c.sending_until_at <= bindparam("now", type_=Instant))
)
_TAKE = update(message).where(message.c.id == any_(_ids)).values(sending_until_at=bindparam("until_at", type_=Instant))
_told = arrays("told", id=Uuid(), status=Text(), sent_at=Instant, problem=Text())
_BOOK = (
    update(message)
    .where(message.c.id == _told.c.id)
    .values(status=_told.c.status, sent_at=_told.c.sent_at, problem=_told.c.problem, sending_until_at=None)
)


async def notify(db: Connection, *, notices: Sequence[Notice], now: datetime) -> list[Message | BatutaError]:
    """Write a message for each notice and queue it to be sent; a muted one is only counted.

    A dedupe key that was told before is answered with the message of then, and nothing is sent. A notice that
    cannot be written (`UnknownTemplate`, `MissingFacts`, `BadFact`, `BadMailAddress`) is answered with why.
    """
    written = each(notices, lambda notice: _write(notice, now))
    fresh = _first_of_each(good(written))
    rows = [_row(fresh[key]) for key in sorted(fresh)]
    new = {key for (key,) in await insert_new(db, message, rows, returning=("dedupe_key",))}
    stored = {key: fresh[key] for key in new} | await messages_by_key(db, fresh.keys() - new)
    await enqueue(
        db,
        [
            Job(entrypoint="notifications.send", key=f"notifications.send:{stored[key].id}", payload=stored[key].id)
            for key in sorted(new)
            if stored[key].status is MessageStatus.QUEUED
        ],
    )
    return [one if isinstance(one, BatutaError) else _answer(one, stored) for one in written]


def _first_of_each(messages: Sequence[Message]) -> dict[str, Message]:
    """The first message of each dedupe key and of each id, in the order told."""
    fresh: dict[str, Message] = {}
    ids: set[UUID] = set()
    for one in messages:
        if one.dedupe_key not in fresh and one.id not in ids:
            fresh[one.dedupe_key] = one
            ids.add(one.id)
    return fresh


async def take_to_send(db: Connection, *, ids: Collection[UUID], now: datetime) -> list[Message]:
    """Take those of the messages that are queued and that nobody else is sending now."""
    free = list((await db.execute(_LOCK_FREE, {"ids": list(ids), "now": now})).scalars())
    if free:
        await db.execute(_TAKE, {"ids": free, "until_at": now + SENDING})
    taken = await messages_by_id(db, free)
    return [taken[message_id] for message_id in free]


async def book_sending(db: Connection, *, outcomes: Mapping[UUID, Sending], now: datetime) -> None:
    """Book what became of messages that were taken; one not handed over is free to be taken again.

    The rows are locked in the order of their ids; what was booked before stays as it is.
    """
    locked = list((await db.execute(_LOCK, {"ids": list(outcomes)})).scalars())
    messages = await messages_by_id(db, locked)
    booked = [after(messages[message_id], outcomes[message_id], now=now) for message_id in locked]
    if not booked:
        return
    await db.execute(
        _BOOK,
        params(
            "told",
            id=[one.id for one in booked],
            status=[one.status for one in booked],
            sent_at=[one.sent_at for one in booked],
            problem=[one.problem for one in booked],
        ),
    )
    await publish(db, [event for one in booked if (event := _event(one, now))])


def _write(notice: Notice, now: datetime) -> Message:
    check_template(notice.template)
    words, recipient = Words("", ""), notice.recipient
    if not notice.is_muted:
        words = render(notice.template, locale=notice.locale, facts=notice.facts)
        recipient = mail_address(recipient)
    return Message(
        id=notice.id,
        template=notice.template,
        locale=notice.locale,
        medium=notice.medium,
        recipient=recipient,
        subject=words.subject,
        body=words.body,
        status=MessageStatus.MUTED if notice.is_muted else MessageStatus.QUEUED,
        dedupe_key=notice.dedupe_key,
        stream=notice.stream,
        created_at=now,
    )


def _row(one: Message) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"sending_until_at": None}


def _answer(one: Message, stored: Mapping[str, Message]) -> Message | MessageIdTaken:
    if one.dedupe_key not in stored:
        return MessageIdTaken("the id belongs to another message", id=str(one.id), dedupe_key=one.dedupe_key)
    return stored[one.dedupe_key]


def _event(one: Message, now: datetime) -> Event | None:
    match one.status:
        case MessageStatus.SENT:
            return MessageSent(
                stream=one.stream, happened_at=now, actor=ACTOR, message_id=one.id, template=one.template
            )
        case MessageStatus.FAILED:
            return MessageFailed(
                stream=one.stream,
                happened_at=now,
                actor=ACTOR,
                message_id=one.id,
                template=one.template,
                reason=one.problem,
            )
        case _:
            return None
