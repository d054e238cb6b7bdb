"""Messages by id, by dedupe key and by what they are about."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from batuta.notifications.domain import Message, MessageStatus
from batuta.notifications.tables import message
from batuta.plumbing.database import Connection, rows_with

_COUNTS = select(message.c.status, func.count().label("messages")).group_by(message.c.status)


async def messages_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Message]:
    found = _messages(await rows_with(db, message.c.id, ids))
    return {one.id: one for one in found}


async def messages_by_key(db: Connection, dedupe_keys: Collection[str]) -> dict[str, Message]:
    found = _messages(await rows_with(db, message.c.dedupe_key, dedupe_keys))
    return {one.dedupe_key: one for one in found}


async def messages_of(db: Connection, streams: Collection[UUID]) -> dict[UUID, list[Message]]:
    """What was told about each stream, the earliest first."""
    found: dict[UUID, list[Message]] = {stream: [] for stream in streams}
    rows = await rows_with(db, message.c.stream, streams)
    for one in sorted(_messages(rows), key=lambda one: (one.created_at, one.id)):
        found[one.stream].append(one)
    return found


async def message_counts(db: Connection) -> dict[MessageStatus, int]:
    """How many messages there are of every status; a whole table's work, for reports."""
    counts = {row["status"]: row["messages"] for row in await db.execute(_COUNTS)}
    return {status: counts.get(status, 0) for status in MessageStatus}


def _messages(rows: list[dict[str, Any]]) -> list[Message]:
    return msgspec.convert(rows, list[Message])
