"""Sweeps over authorisations (PAY-04)."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, select

from batuta.payments import domain
from batuta.payments.commands.books import lock_books, write_books
from batuta.payments.domain import Book
from batuta.payments.tables import payment
from batuta.plumbing.database import Connection, Instant

_now = bindparam("now", type_=Instant)
_due = (
    select(payment.c.id, payment.c.order_id)
    .where(payment.c.watch_at <= _now)
    .order_by(payment.c.watch_at)
    .limit(bindparam("limit"))
)
_ended = _due.where(payment.c.authorised_until <= _now)
_ageing = _due.where(payment.c.authorised_until > _now)


async def expire_authorisations(db: Connection, *, now: datetime, limit: int) -> int:
    """Release what authorisations at their end still hold, and tell it; return how many were looked at."""
    return await _sweep(db, _ended, lambda book, payment_id: domain.expire(book, payment_id, now=now), now, limit)


async def renew_authorisations(db: Connection, *, now: datetime, limit: int) -> int:
    """Renew authorisations that have lived 80 % of their time and still hold money; return how many were looked at."""
    return await _sweep(db, _ageing, domain.renew, now, limit)


async def _sweep(
    db: Connection,
    due: Select[UUID, UUID],
    look: Callable[[Book, UUID], None],
    now: datetime,
    limit: int,
) -> int:
    found = [(row.id, row.order_id) for row in await db.execute(due, {"now": now, "limit": limit})]
    if not found:
        return 0
    books = await lock_books(db, {order_id for _, order_id in found})
    for payment_id, order_id in found:
        look(books[order_id], payment_id)
    await write_books(db, books.values(), now=now)
    return len(found)
