"""Opening payments and booking dues: the two writes inside the placing of an order, one statement each."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.payments.domain import (
    CardNumberGiven,
    Due,
    DueDiffers,
    DueRecorded,
    EmptyPayment,
    Entry,
    NewPayment,
    PaymentDiffers,
    PaymentOpened,
    check_payment,
    due_entry,
)
from batuta.payments.tables import entry, payment
from batuta.plumbing.database import Connection, insert_new

_ids = any_(bindparam("ids", type_=ARRAY(Uuid)))
_payments = select(payment).where(payment.c.id == _ids)
_entries = select(entry.c.id, entry.c.debit, entry.c.amount_minor, entry.c.currency).where(entry.c.id == _ids)


async def open_payments(
    db: Connection, *, payments: Sequence[NewPayment], now: datetime
) -> list[PaymentOpened | CardNumberGiven | EmptyPayment | PaymentDiffers]:
    """Store the ways in which orders will be paid; nothing is asked of a provider yet.

    The same id again changes nothing. What looks like a card number is refused and not repeated in the answer.
    """
    problems = [check_payment(one) for one in payments]
    sound = {one.id: one for one, problem in zip(payments, problems, strict=True) if problem is None}
    rows = [_payment_row(one, now) for _, one in sorted(sound.items())]
    inserted = {row[0] for row in await insert_new(db, payment, rows, returning=["id"])}

    differing = set()
    if len(inserted) < len(sound):
        known = {"ids": [payment_id for payment_id in sound if payment_id not in inserted]}
        for row in await db.execute(_payments, known):
            wanted = msgspec.structs.asdict(sound[row.id])
            if any(getattr(row, name) != value for name, value in wanted.items()):
                differing.add(row.id)
    return [problem or _opened(one, one.id in differing) for one, problem in zip(payments, problems, strict=True)]


def _opened(wanted: NewPayment, is_different: bool) -> PaymentOpened | PaymentDiffers:  # noqa: FBT001 - private
    if is_different:
        return PaymentDiffers("a payment of this id has other contents", payment_id=wanted.id)
    return PaymentOpened(payment_id=wanted.id, order_id=wanted.order_id)


def _payment_row(one: NewPayment, now: datetime) -> dict[str, object]:
    return {
        **msgspec.structs.asdict(one),
        "provider_reference": "",
        "authorised_until": None,
        "watch_at": None,
        "opened_at": now,
    }


async def record_due(db: Connection, *, dues: Sequence[Due], now: datetime) -> list[DueRecorded | DueDiffers]:
    """Book what orders owe (positive) or are credited (negative); the same order, cause and name again is one entry."""
    entries = [due_entry(one, now=now) if one.amount_minor else None for one in dues]
    wanted = {one.id: one for one in entries if one is not None}
    rows = [{**msgspec.structs.asdict(one), "recorded_at": now} for _, one in sorted(wanted.items())]
    inserted = {row[0] for row in await insert_new(db, entry, rows, returning=["id"])}

    booked = {entry_id: _contents(one) for entry_id, one in wanted.items()}
    if len(inserted) < len(wanted):
        known = {"ids": [entry_id for entry_id in wanted if entry_id not in inserted]}
        booked |= {row.id: (row.debit, row.amount_minor, row.currency) for row in await db.execute(_entries, known)}
    return [
        DueRecorded(order_id=due.order_id, cause_id=due.cause_id, amount_minor=due.amount_minor)
        if one is None or booked[one.id] == _contents(one)
        else DueDiffers(
            "this cause is booked already, with another amount",
            order_id=due.order_id,
            cause_id=due.cause_id,
            name=due.name,
            amount_minor=due.amount_minor,
            booked_minor=booked[one.id][1],
        )
        for due, one in zip(dues, entries, strict=True)
    ]


def _contents(one: Entry) -> tuple[str, int, str]:
    return one.debit, one.amount_minor, one.currency
