"""Reads of the room: balances, payments, books, calls to make, and the laws of the audit."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, BigInteger, Uuid, any_, bindparam, cast, func, select, text

from batuta.payments.domain import (
    GOODWILL,
    Account,
    Balance,
    Book,
    Call,
    EntryKind,
    Instruction,
    InstructionKind,
    InstructionStatus,
    Payment,
    PaymentView,
    Request,
    Sums,
)
from batuta.payments.tables import entry, instruction, payment
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Row, opaque_array

_ids = any_(bindparam("ids", type_=ARRAY(Uuid)))


async def balances(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, Balance]:
    """What each order owes and what happened to it, summed from entries; orders without entries are absent."""
    amounts: dict[UUID, dict[str, int]] = {}
    currencies: dict[UUID, str] = {}
    for row in await db.execute(_sums_by_order, {"ids": list(order_ids)}):
        found = amounts.setdefault(row.order_id, {})
        field, sign = _FIELD[row.kind], _sign(row.kind, row.debit)
        found[field] = found.get(field, 0) + sign * row.amount_minor
        currencies[row.order_id] = row.currency
    return {
        order_id: Balance(order_id=order_id, currency=currencies[order_id], **found)
        for order_id, found in amounts.items()
    }


async def payments_of(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, list[PaymentView]]:
    """The payments of each order in their order, with sums and the status that follows from them."""
    books = await books_of(db, order_ids)
    return {
        order_id: [books[order_id].view(payment_id) for payment_id in books[order_id].payments]
        if order_id in books
        else []
        for order_id in order_ids
    }


async def balances_by_payment(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Payment, Sums]]:
    """Every payment of these orders with its sums."""
    books = await books_of(db, order_ids)
    return {one.id: (one, book.sums.get(one.id, Sums())) for book in books.values() for one in book.payments.values()}


async def books_of(db: Connection, order_ids: Sequence[UUID], *, entry_ids: Sequence[UUID] = ()) -> dict[UUID, Book]:
    """The whole money of each order that has a payment. entry_ids: entries whose presence the caller wants to know."""
    rows = await db.execute(_books, {"ids": list(order_ids)}) if order_ids else ()
    asked = frozenset(entry_ids)
    return {row.order_id: _book(row, asked) for row in rows if row.payments}


def _book(row: Row, asked: frozenset[UUID]) -> Book:
    due_minor, sums = _added_up(row.entries)
    return Book(
        row.order_id,
        due_minor=due_minor,
        payments=msgspec.convert([dict(one) for one in row.payments], list[Payment]),
        instructions=msgspec.convert([dict(one) for one in row.instructions], list[Instruction]),
        requests=msgspec.convert([dict(one) for one in row.requests], list[Request]),
        sums=sums,
        own_entry_ids=[one["id"] for one in row.entries if one["id"] in asked],
    )


async def goodwill_of(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What each order was credited by hand; orders that were not are left out."""
    rows = await db.execute(_goodwill, {"ids": list(order_ids)})
    return {row.order_id: row.amount_minor for row in rows}


async def instructions_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Instruction]:
    """Calls to providers, made or to be made; unknown ids are left out."""
    rows = await db.execute(_instructions, {"ids": list(ids)})
    found = msgspec.convert([dict(row) for row in rows], list[Instruction])
    return {one.id: one for one in found}


async def dues_of(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What each order owes in all, whether or not it has a payment."""
    dues: dict[UUID, int] = {}
    for row in await db.execute(_dues, {"ids": list(order_ids)}):
        dues[row.order_id] = dues.get(row.order_id, 0) + _sign(row.kind, row.debit) * row.amount_minor
    return dues


async def calls_to_make(
    db: Connection, instruction_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, tuple[str, Call]]:
    """The provider and the call of each instruction that is still pending."""
    return {
        row.id: (
            row.provider,
            Call(
                key=f"{row.id}:{row.attempt}",
                kind=InstructionKind(row.kind),
                instruction_id=row.id,
                attempt=row.attempt,
                payment_id=row.payment_id,
                amount_minor=row.amount_minor,
                total_minor=row.total_minor,
                currency=row.currency,
                token=row.token,
                reference=row.provider_reference,
                at=now,
            ),
        )
        for row in await db.execute(_calls, {"ids": list(instruction_ids)})
    }


def _added_up(entries: Iterable[Row]) -> tuple[int, dict[UUID, Sums]]:
    """What an order owes, and what came of each of its payments."""
    due_minor = 0
    fields: dict[UUID, dict[str, Any]] = {}
    for one in entries:
        amount_minor = one["amount_minor"]
        if one["payment_id"] is None:
            due_minor += _sign(one["kind"], one["debit"]) * amount_minor
            continue
        found = fields.setdefault(one["payment_id"], {})
        field = _FIELD[one["kind"]]
        found[field] = found.get(field, 0) + amount_minor
        if one["kind"] == EntryKind.CAPTURE:
            found["last_captured_at"] = max(one["happened_at"], found.get("last_captured_at", one["happened_at"]))
    return due_minor, {payment_id: Sums(**found) for payment_id, found in fields.items()}


def _sign(kind: str, debit: str) -> int:
    return -1 if kind in (EntryKind.DUE, EntryKind.ADJUST) and debit == Account.SALE else 1


_FIELD = {
    EntryKind.DUE: "due_minor",
    EntryKind.ADJUST: "due_minor",
    EntryKind.AUTHORISE: "authorised_minor",
    EntryKind.CAPTURE: "captured_minor",
    EntryKind.VOID: "voided_minor",
    EntryKind.EXPIRE: "expired_minor",
    EntryKind.REFUND: "refunded_minor",
}

_amount = cast(func.sum(entry.c.amount_minor), BigInteger).label("amount_minor")

_sums_by_order = (
    select(entry.c.order_id, entry.c.kind, entry.c.debit, entry.c.currency, _amount)
    .where(entry.c.order_id == _ids)
    .group_by(entry.c.order_id, entry.c.kind, entry.c.debit, entry.c.currency)
)

# One statement and no join: the rows of each table come as an array of their own.
_books = text(
    f"""
    SELECT o.id AS order_id,
        ARRAY(SELECT p FROM payments.payment p WHERE p.order_id = o.id) AS payments,
        ARRAY(SELECT i FROM payments.instruction i WHERE i.order_id = o.id ORDER BY i.created_at) AS instructions,
        ARRAY(SELECT r FROM payments.request r WHERE r.order_id = o.id) AS requests,
        ARRAY(SELECT e FROM payments.entry e WHERE e.order_id = o.id) AS entries
    FROM unnest({opaque_array("ids")}) AS o (id)
    """
)
_dues = (
    select(entry.c.order_id, entry.c.kind, entry.c.debit, _amount)
    .where(entry.c.order_id == _ids, entry.c.payment_id.is_(None))
    .group_by(entry.c.order_id, entry.c.kind, entry.c.debit)
)

_goodwill = (
    select(entry.c.order_id, _amount)
    .where(entry.c.order_id == _ids, entry.c.kind == EntryKind.ADJUST, entry.c.name == GOODWILL)
    .group_by(entry.c.order_id)
)
_instructions = select(instruction).where(instruction.c.id == _ids)

_calls = (
    select(
        instruction.c.id,
        instruction.c.kind,
        instruction.c.attempt,
        instruction.c.amount_minor,
        payment.c.id.label("payment_id"),
        payment.c.amount_minor.label("total_minor"),
        payment.c.currency,
        payment.c.token,
        payment.c.provider,
        payment.c.provider_reference,
    )
    .join(payment, payment.c.id == instruction.c.payment_id)
    .where(instruction.c.id == _ids, instruction.c.status == InstructionStatus.PENDING)
)


AUDIT: tuple[Law, ...] = (
    Law(
        "of each payment no more is captured or released than authorised, and no more refunded than captured",
        """
        SELECT payment_id, held, paid FROM (
            SELECT payment_id,
                sum(CASE WHEN debit = 'held' THEN amount_minor WHEN credit = 'held' THEN -amount_minor ELSE 0 END)
                    AS held,
                sum(CASE WHEN debit = 'paid' THEN amount_minor WHEN credit = 'paid' THEN -amount_minor ELSE 0 END)
                    AS paid
            FROM payments.entry WHERE payment_id IS NOT NULL GROUP BY payment_id) AS sums
        WHERE held < 0 OR paid < 0
        """,
    ),
    Law(
        "every settled instruction has the entry it led to, of its amount",
        """
        SELECT i.id, i.kind, i.status, i.amount_minor, e.amount_minor AS entered_minor
        FROM payments.instruction i
        LEFT JOIN payments.entry e
            ON e.instruction_id = i.id AND e.kind = CASE i.kind WHEN 'pay' THEN 'capture' ELSE i.kind END
        WHERE (i.status = 'done' AND i.kind <> 'void' AND e.id IS NULL)
            OR (i.status <> 'done' AND e.id IS NOT NULL)
            OR e.amount_minor > i.amount_minor OR e.payment_id <> i.payment_id
        """,
    ),
    Law(
        "every entry of a payment is of its order and currency",
        """
        SELECT e.id, e.payment_id, e.order_id, e.currency FROM payments.entry e
        JOIN payments.payment p ON p.id = e.payment_id
        WHERE e.order_id <> p.order_id OR e.currency <> p.currency
        """,
    ),
    Law(
        "an order's money is of one currency",
        """
        SELECT order_id, min(currency) AS one, max(currency) AS other FROM payments.entry
        GROUP BY order_id HAVING min(currency) <> max(currency)
        """,
    ),
    Law(
        "no payment is authorised beyond its amount, but by what a late capture restored",
        """
        SELECT p.id, p.amount_minor, sum(e.amount_minor) AS authorised_minor FROM payments.payment p
        JOIN payments.entry e ON e.payment_id = p.id AND e.kind = 'authorise' AND e.instruction_id IS NOT NULL
        GROUP BY p.id HAVING sum(e.amount_minor) > p.amount_minor
        """,
    ),
    Law(
        "the parts of a request add up to no more than was asked",
        """
        SELECT r.id, r.kind, r.amount_minor, sum(i.amount_minor) AS parts_minor FROM payments.request r
        JOIN payments.instruction i ON i.request_id = r.id
        WHERE r.kind <> 'capture'
        GROUP BY r.id HAVING sum(i.amount_minor) > r.amount_minor
        """,
    ),
    Law(
        "what is held is watched until it is released, unless its capture is under way",
        """
        SELECT p.id, p.authorised_until, held FROM payments.payment p
        JOIN (
            SELECT payment_id,
                sum(CASE WHEN debit = 'held' THEN amount_minor WHEN credit = 'held' THEN -amount_minor ELSE 0 END)
                    AS held
            FROM payments.entry WHERE payment_id IS NOT NULL GROUP BY payment_id) AS sums ON sums.payment_id = p.id
        WHERE held > 0 AND p.watch_at IS NULL AND NOT EXISTS (
            SELECT FROM payments.instruction i
            WHERE i.payment_id = p.id AND i.kind = 'capture' AND i.status IN ('waiting', 'pending'))
        """,
    ),
)
