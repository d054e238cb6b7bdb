"""Settling: what providers say, as answers or in webhooks, becomes entries."""

from collections.abc import Sequence
from datetime import datetime

from batuta.kernel.ids import child_id
from batuta.payments import domain
from batuta.payments.commands.books import lock_books_of_payments, write_books
from batuta.payments.domain import Book, Report, ReportDoesNotFit, ReportTooEarly, Settled
from batuta.plumbing.database import Connection


async def settle(
    db: Connection, *, reports: Sequence[Report], now: datetime
) -> list[Settled | ReportDoesNotFit | ReportTooEarly]:
    """Record what providers say happened, in any order and any number of times.

    The payment is the lock between an answer and its webhook (PAY-05): whoever comes second finds it written. What
    waited for an instruction (a capture for its authorisation) is queued when that is done, dropped when refused.
    """
    acts = [one for one in reports if one.instruction_id is None and one.reference]
    entry_ids = [child_id(one.payment_id, one.kind, one.reference) for one in acts]
    books = await lock_books_of_payments(db, {one.payment_id for one in reports}, entry_ids=entry_ids)
    outcomes = [domain.settle(books.get(one.payment_id) or Book(one.payment_id), one, now=now) for one in reports]
    touched = {book.order_id: book for book in books.values()}
    await write_books(db, touched.values(), now=now)
    return outcomes
