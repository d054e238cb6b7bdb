"""Booking money that was taken before batuta knew of it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from batuta.payments.domain.importing import PaidElsewhere, entries_of, payment_of
from batuta.payments.tables import entry, payment
from batuta.plumbing.database import Connection, insert_new


async def record_paid(db: Connection, *, paid: Sequence[PaidElsewhere], now: datetime) -> int:
    """Book orders as owed and paid, no provider asked and nothing told; return how many were not booked before."""
    worth = [one for one in paid if one.amount_minor > 0]
    payments = sorted((payment_of(one) for one in worth), key=lambda one: one.id)
    opened = await insert_new(
        db, payment, [{**msgspec.structs.asdict(one), "opened_at": now} for one in payments], returning=["id"]
    )
    entries = sorted((one for each in worth for one in entries_of(each)), key=lambda one: one.id)
    rows = [{**msgspec.structs.asdict(one), "recorded_at": now} for one in entries]
    await insert_new(db, entry, rows, returning=["id"])
    return len(opened)
