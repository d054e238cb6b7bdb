"""What suppliers want to be paid."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, insert_new, rows_with, upsert_rows
from batuta.plumbing.events import publish
from batuta.purchasing.commands.requesting import known
from batuta.purchasing.commands.rows import lock_purchases, write_purchases
from batuta.purchasing.domain import (
    AcceptInvoice,
    AlreadyInvoiced,
    Invoice,
    InvoiceStatus,
    NewInvoice,
    NothingToAccept,
    Purchase,
    UnknownInvoice,
    closed_if_settled,
    counted,
    judged,
)
from batuta.purchasing.events import InvoiceJudged
from batuta.purchasing.queries import invoices_of, suppliers_by_id
from batuta.purchasing.tables import invoice


async def record_invoices(
    db: Connection, *, invoices: Sequence[NewInvoice], now: datetime
) -> list[Invoice | BatutaError]:
    """Record invoices of suppliers, each matched with what was agreed and sent, or disputed with its differences.

    The same number with the same lines is answered as it was judged.
    """
    before = await lock_purchases(db, {one.purchase_id for one in invoices})
    suppliers = await suppliers_by_id(db, {one.location_id for one in before.values()})
    rows = await rows_with(db, invoice.c.number, {one.number for one in invoices})
    numbers = {(one.location_id, one.number): one for one in msgspec.convert(rows, list[Invoice])}
    after, made = dict(before), list[Invoice]()

    def record(one: NewInvoice) -> Invoice:
        found = known(after, one.purchase_id)
        present = numbers.get((found.location_id, one.number))
        if present is not None:
            return _same(present, one)
        new = judged(found, one, suppliers[found.location_id], now=now)
        if new.status is InvoiceStatus.MATCHED:
            after[found.id] = closed_if_settled(counted(found, new), actor=one.actor, now=now)
        numbers[new.location_id, new.number] = new
        made.append(new)
        return new

    outcomes = each(invoices, record)
    stored = {
        id_
        for (id_,) in await insert_new(
            db,
            invoice,
            [_row(one) for one in sorted(made, key=lambda one: (one.location_id, one.number))],
            returning=["id"],
        )
    }
    if len(stored) < len(made):
        raise AlreadyInvoiced("an invoice of this number came at this very moment")
    await write_purchases(db, before, after.values())
    await _tell(db, after, [(one, one.actor) for one in made], now)
    return outcomes


def _same(present: Invoice, again: NewInvoice) -> Invoice:
    if (present.purchase_id, present.lines) != (again.purchase_id, list(again.lines)):
        raise AlreadyInvoiced("the supplier has sent another invoice under this number", number=again.number)
    return present


async def accept_invoices(
    db: Connection, *, acceptances: Sequence[AcceptInvoice], now: datetime
) -> list[Invoice | BatutaError]:
    """Take invoices although they differ; who says so answers for it."""
    before = await lock_purchases(db, {one.purchase_id for one in acceptances})
    found = {one.id: one for some in (await invoices_of(db, list(before))).values() for one in some}
    after, decided = dict(before), dict[UUID, Invoice]()

    def accept(one: AcceptInvoice) -> Invoice:
        present = found.get(one.invoice_id)
        if present is None or present.purchase_id != one.purchase_id:
            raise UnknownInvoice("there is no such invoice of the purchase order", invoice_id=str(one.invoice_id))
        if present.status is not InvoiceStatus.DISPUTED:
            raise NothingToAccept("nothing is disputed in the invoice", status=present.status.value)
        taken = msgspec.structs.replace(
            present, status=InvoiceStatus.ACCEPTED, decided_by=one.actor, decided_at=now, reason=one.reason
        )
        found[taken.id] = decided[taken.id] = taken
        whole = counted(after[one.purchase_id], taken)
        after[one.purchase_id] = closed_if_settled(whole, actor=one.actor, now=now)
        return taken

    outcomes = each(acceptances, accept)
    await upsert_rows(db, invoice, [_row(one) for one in decided.values()], key=["id"])
    await write_purchases(db, before, after.values())
    await _tell(db, after, [(one, one.decided_by or one.actor) for one in decided.values()], now)
    return outcomes


def _row(one: Invoice) -> dict[str, object]:
    row = msgspec.structs.asdict(one)
    return row | {name: msgspec.to_builtins(row[name]) for name in ("lines", "differences")}


async def _tell(
    db: Connection, purchases: dict[UUID, Purchase], told: Sequence[tuple[Invoice, str]], now: datetime
) -> None:
    facts = [
        InvoiceJudged(
            stream=purchases[one.purchase_id].order_id,
            happened_at=now,
            actor=actor,
            purchase_id=one.purchase_id,
            invoice_id=one.id,
            location_id=one.location_id,
            number=one.number,
            status=one.status,
            total_minor=one.total_minor,
            currency=one.currency,
        )
        for one, actor in told
    ]
    await publish(db, facts)
