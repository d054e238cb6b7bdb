"""Requests: what the business wants done with an order's money. Calls to providers are queued, never made here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.payments.commands.books import lock_books, write_books
from batuta.payments.domain import (
    AuthorisationRequested,
    Book,
    CannotRetry,
    CaptureRequest,
    CaptureRequested,
    FactKind,
    NoPayment,
    OverRefund,
    RefundRequest,
    RefundRequested,
    Retried,
    UnknownInstruction,
    VoidRequest,
    VoidRequested,
    authorise,
    capture,
    refund,
    retry,
    void,
)
from batuta.payments.queries import dues_of
from batuta.payments.tables import instruction
from batuta.plumbing.database import Connection


async def request_authorisation(
    db: Connection, *, order_ids: Sequence[UUID], now: datetime
) -> list[AuthorisationRequested | NoPayment]:
    """Ask for the authorisation of every payment of these orders; those paid at approval are captured with it.

    Asked again it changes nothing. An order that owes nothing and has no payment is told as `PaymentNotNeeded`.
    """
    books = await lock_books(db, set(order_ids))
    without = sorted(set(order_ids) - books.keys())
    dues = await dues_of(db, without) if without else {}
    outcomes: list[AuthorisationRequested | NoPayment] = []
    for order_id in order_ids:
        if order_id in books:
            outcomes.append(authorise(books[order_id]))
        elif dues.get(order_id, 0) > 0:
            outcomes.append(_no_payment(order_id, dues[order_id]))
        else:
            outcomes.append(AuthorisationRequested(order_id=order_id, instruction_ids=()))
    free = [Book(order_id) for order_id in without if dues.get(order_id, 0) <= 0]
    for book in free:
        book.tell(FactKind.NOT_NEEDED, at=now, amount_minor=0)
    await write_books(db, [*books.values(), *free], now=now)
    return outcomes


async def request_capture(
    db: Connection, *, captures: Sequence[CaptureRequest], now: datetime
) -> list[CaptureRequested | NoPayment]:
    """Take the value of what was handed over from what is held, in the order of payments (PAY-02)."""
    books = await lock_books(db, {one.order_id for one in captures})
    outcomes = [
        capture(books[one.order_id], one, now=now)
        if one.order_id in books
        else _no_payment(one.order_id, one.amount_minor)
        for one in captures
    ]
    await write_books(db, books.values(), now=now)
    return outcomes


async def request_void(
    db: Connection, *, voids: Sequence[VoidRequest], now: datetime
) -> list[VoidRequested | NoPayment]:
    """Release what is held and no longer needed."""
    books = await lock_books(db, {one.order_id for one in voids})
    outcomes = [
        void(books[one.order_id], one) if one.order_id in books else _no_payment(one.order_id, one.amount_minor or 0)
        for one in voids
    ]
    await write_books(db, books.values(), now=now)
    return outcomes


async def request_refund(
    db: Connection, *, refunds: Sequence[RefundRequest], now: datetime
) -> list[RefundRequested | OverRefund | NoPayment]:
    """Give money back in reverse order of capture; what one payment cannot give comes from the next (PAY-06)."""
    books = await lock_books(db, {one.order_id for one in refunds})
    outcomes = [
        refund(books[one.order_id], one, now=now)
        if one.order_id in books
        else _no_payment(one.order_id, one.amount_minor)
        for one in refunds
    ]
    await write_books(db, books.values(), now=now)
    return outcomes


async def retry_instructions(
    db: Connection, *, instruction_ids: Sequence[UUID], now: datetime
) -> list[Retried | CannotRetry | UnknownInstruction]:
    """Send refused instructions again, each as a new attempt that the provider does not take for the old one."""
    found = await db.execute(_orders_of_instructions, {"ids": list(instruction_ids)})
    order_ids = {row.id: row.order_id for row in found}
    books = await lock_books(db, set(order_ids.values()))
    outcomes = [
        retry(books[order_ids[one]], one)
        if one in order_ids
        else UnknownInstruction("no such instruction", instruction_id=one)
        for one in instruction_ids
    ]
    await write_books(db, books.values(), now=now)
    return outcomes


_orders_of_instructions = select(instruction.c.id, instruction.c.order_id).where(
    instruction.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


def _no_payment(order_id: UUID, amount_minor: int) -> NoPayment:
    return NoPayment("the order has no payment", order_id=order_id, amount_minor=amount_minor)
