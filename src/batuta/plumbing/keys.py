"""Answers kept under the keys of those who asked, so that a request that is sent again is answered as before (PLT-01).

The answer is written by the transaction that did the work: it is there if and only if the work is done.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import (
    Column,
    CompoundSelect,
    Index,
    LargeBinary,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    Uuid,
    delete,
    null,
    select,
    tuple_,
    union_all,
)

from batuta.kernel.errors import Refused, Unavailable
from batuta.plumbing.database import Connection, Instant, Json, Row, arrays, insert_new, insert_rows, metadata, params
from batuta.plumbing.knowledge import CHANGES, note_changes

KEPT = timedelta(hours=24)


class IdempotencyKeyReused(Refused):
    """The key was used for another request."""


class AnsweredMeanwhile(Unavailable):
    """Somebody else has answered a request with the same key since it was looked for; run again, it is found."""


class IdempotencyColumns(TypedColumns):
    """scope: whose key it is. request_hash: of method, path and body, so that a key means one request only."""

    scope: Named[UUID] = Column(Uuid, primary_key=True)
    key: Named[str] = Column(Text, primary_key=True)
    route: Named[str] = Column(Text, nullable=False)
    request_hash: Named[bytes] = Column(LargeBinary, nullable=False)
    status: Named[int] = Column(SmallInteger, nullable=False)
    headers: Named[dict[str, Any] | None] = Column(Json)
    body: Named[bytes] = Column(LargeBinary, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


idempotency = Table(
    "idempotency",
    metadata,
    IdempotencyColumns,
    Index("idempotency_created_at_idx", "created_at"),
    schema="plumbing",
)


class Key(msgspec.Struct, frozen=True):
    """What a caller named a request, and what the request was."""

    scope: UUID
    key: str
    route: str
    request_hash: bytes


class Kept(msgspec.Struct, frozen=True):
    """An answer as it was given. status: a number that the web layer understands.

    is_told_again: it was found under its key, and nothing was done for this request.
    """

    status: int
    body: bytes
    headers: dict[str, str] | None = None
    request_hash: bytes = b""
    is_told_again: bool = False


def check_same(key: Key, request_hash: bytes) -> None:
    """Refuse a key that was used for another request.

    Raises:
        IdempotencyKeyReused
    """
    if key.request_hash != request_hash:
        raise IdempotencyKeyReused("this key was used for another request: take a new one", key=key.key)


_asked = arrays("asked", scope=Uuid(), key=Text())
_KEPT_UNDER = (
    select(
        idempotency.c.scope,
        idempotency.c.key,
        idempotency.c.status,
        idempotency.c.body,
        idempotency.c.headers,
        idempotency.c.request_hash,
    )
    .select_from(_asked)
    .join(idempotency, (idempotency.c.scope == _asked.c.scope) & (idempotency.c.key == _asked.c.key))
)


async def kept_under(db: Connection, keys: Collection[Key]) -> dict[tuple[UUID, str], Kept]:
    """The answers kept under these keys, whatever their requests were."""
    if not keys:
        return {}
    return {(row[0], row[1]): _kept(row) for row in await db.execute(_KEPT_UNDER, _asked_for(keys))}


def _asked_for(keys: Collection[Key]) -> dict[str, Sequence[Any]]:
    return params("asked", scope=[one.scope for one in keys], key=[one.key for one in keys])


def _kept(row: Row) -> Kept:
    return Kept(row[2], row[3], row[4], row[5], is_told_again=True)


_LOOK: CompoundSelect[Any] = union_all(
    _KEPT_UNDER.add_columns(null().label("subject"), null().label("changed_by"), null().label("is_ours")),
    select(*(null().label(column.key) for column in _KEPT_UNDER.selected_columns), *CHANGES.selected_columns),
)


async def look_first(db: Connection, keys: Collection[Key]) -> dict[tuple[UUID, str], Kept]:
    """The answers kept under these keys; the same statement is the transaction's look at what changed."""
    if not keys:
        return {}
    known, changes = {}, []
    for row in await db.execute(_LOOK, _asked_for(keys)):
        if row[0] is None:
            changes.append((row[6], row[7], row[8]))
        else:
            known[row[0], row[1]] = _kept(row)
    note_changes(db, changes)
    return known


async def keep(db: Connection, answers: Iterable[tuple[Key, Kept]], *, now: datetime) -> None:
    """Keep answers under their keys. Waits for whoever writes the same key.

    Raises:
        AnsweredMeanwhile: one of the keys is there already, and the transaction is to be undone.
    """
    try:
        await insert_rows(db, idempotency, _rows(answers, now))
    except asyncpg.UniqueViolationError as problem:
        raise AnsweredMeanwhile("the same request is answered elsewhere at this moment") from problem


async def keep_if_new(db: Connection, key: Key, kept: Kept, *, now: datetime) -> bool:
    """Keep an answer unless there is one under its key; return whether there was none."""
    return bool(await insert_new(db, idempotency, _rows([(key, kept)], now), returning=("key",)))


def _rows(answers: Iterable[tuple[Key, Kept]], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "scope": key.scope,
            "key": key.key,
            "route": key.route,
            "request_hash": key.request_hash,
            "status": kept.status,
            "headers": kept.headers,
            "body": kept.body,
            "created_at": now,
        }
        for key, kept in sorted(answers, key=lambda one: (one[0].scope, one[0].key))
    ]


async def forget_old(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget answers of more than a day ago; a sweep."""
    old = select(idempotency.c.scope, idempotency.c.key).where(idempotency.c.created_at <= now - KEPT).limit(limit)
    found = await db.execute(
        delete(idempotency)
        .where(tuple_(idempotency.c.scope, idempotency.c.key).in_(old.with_for_update(skip_locked=True)))
        .returning(idempotency.c.key)
    )
    return len(found.all())
