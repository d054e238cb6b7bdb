"""Books of orders: locked, read, and written back set-based."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Text, Uuid, select, update

from batuta.payments import queries
from batuta.payments.domain import CARRY_OUT, Book, CarryOut, Instruction, Payment
from batuta.payments.events import event_of
from batuta.payments.tables import entry, instruction, payment, request
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, is_among, params
from batuta.plumbing.events import publish
from batuta.plumbing.jobs import Job, enqueue

_lock = select(payment.c.id, payment.c.order_id).order_by(payment.c.id).with_for_update(key_share=True)
_lock_by_order = _lock.where(is_among(payment.c.order_id, "ids"))
_lock_by_payment = _lock.where(
    payment.c.order_id.in_(select(payment.c.order_id).where(is_among(payment.c.id, "ids")).correlate(None))
)


async def lock_books(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, Book]:
    """Lock the payments of these orders in ascending order and read their books; orders without payments are absent.

    The payments are read again behind the lock, for a renewal may have added one while this waited.
    """
    locked = await db.execute(_lock_by_order, {"ids": sorted(order_ids)})
    return await queries.books_of(db, sorted({row.order_id for row in locked}))


async def lock_books_of_payments(
    db: Connection, payment_ids: Collection[UUID], *, entry_ids: Sequence[UUID]
) -> dict[UUID, Book]:
    """The books of the orders to which these payments belong, locked, under each of their payments' ids."""
    locked = await db.execute(_lock_by_payment, {"ids": sorted(payment_ids)})
    books = await queries.books_of(db, sorted({row.order_id for row in locked}), entry_ids=entry_ids)
    return {payment_id: book for book in books.values() for payment_id in book.payments}


async def write_books(db: Connection, books: Iterable[Book], *, now: datetime) -> None:
    """Write what decisions have added to these books, tell the facts and queue the calls."""
    given = list(books)
    opened = _all(given, lambda book: book.opened.values())
    rows = [{**msgspec.structs.asdict(one), "opened_at": now} for one in opened]
    await insert_rows(db, payment, rows)
    asked = _all(given, lambda book: book.requested.values())
    await insert_rows(db, request, [{**msgspec.structs.asdict(one), "requested_at": now} for one in asked])
    instructed = _all(given, lambda book: book.instructed.values())
    await insert_rows(db, instruction, [{**msgspec.structs.asdict(one), "created_at": now} for one in instructed])
    entered = _all(given, lambda book: book.entries)
    await insert_rows(db, entry, [{**msgspec.structs.asdict(one), "recorded_at": now} for one in entered])
    await _change_instructions(db, _all(given, lambda book: book.changed.values()))
    await _change_payments(db, _all(given, lambda book: book.watched.values()))

    await publish(db, [event_of(fact) for fact in _all(given, lambda book: book.facts)])
    to_send = _all(given, lambda book: book.to_send.values())
    await enqueue(
        db,
        [
            Job(entrypoint=CARRY_OUT, key=f"{CARRY_OUT}:{one.key}", payload=CarryOut(instruction_id=one.id))
            for one in to_send
        ],
    )


def _all(books: Sequence[Book], part: Callable[[Book], Iterable[Any]]) -> list[Any]:
    return [one for book in books for one in part(book)]


_changed = arrays("changed", id=Uuid(), status=Text(), attempt=Integer(), reason=Text(), settled_at=Instant)
_change = (
    update(instruction)
    .where(instruction.c.id == _changed.c.id)
    .values(
        status=_changed.c.status,
        attempt=_changed.c.attempt,
        reason=_changed.c.reason,
        settled_at=_changed.c.settled_at,
    )
)


async def _change_instructions(db: Connection, changed: Sequence[Instruction]) -> None:
    if changed:
        await db.execute(
            _change,
            params(
                "changed",
                id=[one.id for one in changed],
                status=[one.status for one in changed],
                attempt=[one.attempt for one in changed],
                reason=[one.reason for one in changed],
                settled_at=[one.settled_at for one in changed],
            ),
        )


_watched = arrays("watched", id=Uuid(), provider_reference=Text(), authorised_until=Instant, watch_at=Instant)
_watch = (
    update(payment)
    .where(payment.c.id == _watched.c.id)
    .values(
        provider_reference=_watched.c.provider_reference,
        authorised_until=_watched.c.authorised_until,
        watch_at=_watched.c.watch_at,
    )
)


async def _change_payments(db: Connection, watched: Sequence[Payment]) -> None:
    if watched:
        await db.execute(
            _watch,
            params(
                "watched",
                id=[one.id for one in watched],
                provider_reference=[one.provider_reference for one in watched],
                authorised_until=[one.authorised_until for one in watched],
                watch_at=[one.watch_at for one in watched],
            ),
        )
