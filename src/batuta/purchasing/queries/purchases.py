"""Reads of purchase orders and invoices."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select

from batuta.plumbing.database import Connection, Instant, rows_with
from batuta.plumbing.listing import Listing
from batuta.purchasing.domain import Invoice, Purchase, PurchaseLine, PurchaseStatus, PurchaseStep
from batuta.purchasing.tables import invoice, purchase, purchase_line, purchase_step


class PurchaseFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which purchase orders to list; None is any. due_before: those that the supplier said it sends before then."""

    location_ids: list[UUID] | None = None
    order_id: UUID | None = None
    status: PurchaseStatus | None = None
    due_before: datetime | None = None


_PURCHASES = Listing(
    select(purchase.c.id, purchase.c.created_at),
    order=(purchase.c.created_at, purchase.c.id),
    filters={
        "location_ids": purchase.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
        "order_id": purchase.c.order_id == bindparam("order_id", type_=Uuid()),
        "status": purchase.c.status == bindparam("status", type_=Text()),
        "due_before": purchase.c.due_at < bindparam("due_before", type_=Instant),
    },
    is_newest_first=True,
)
_OF_WORK = select(purchase.c.fulfillment_order_id, purchase.c.id).where(
    purchase.c.fulfillment_order_id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1)))
)


async def list_purchases(
    db: Connection, *, wanted: PurchaseFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[Purchase]:
    """A page of purchase orders, the newest first."""
    rows = await _PURCHASES.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    found = await purchases_by_id(db, [row.id for row in rows])
    return [found[row.id] for row in rows]


async def purchases_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Purchase]:
    """Purchase orders with their lines and steps, in order."""
    wanted = set(ids)
    rows = await rows_with(db, purchase.c.id, wanted)
    lines: dict[UUID, list[PurchaseLine]] = defaultdict(list)
    for line in msgspec.convert(await rows_with(db, purchase_line.c.purchase_id, wanted), list[PurchaseLine]):
        lines[line.purchase_id].append(line)
    steps: dict[UUID, list[PurchaseStep]] = defaultdict(list)
    for row in await rows_with(db, purchase_step.c.purchase_id, wanted):
        steps[row["purchase_id"]].append(msgspec.convert(row, PurchaseStep))
    return {
        row["id"]: msgspec.convert(
            row
            | {
                "lines": sorted(lines[row["id"]], key=lambda line: line.position),
                "steps": sorted(steps[row["id"]], key=lambda step: (step.at, list(PurchaseStatus).index(step.status))),
            },
            Purchase,
        )
        for row in rows
    }


async def purchase_ids_of_work(db: Connection, fulfillment_order_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The purchase order of each fulfillment order; those without are left out."""
    rows = await db.execute(_OF_WORK, {"ids": list(fulfillment_order_ids)})
    return {row.fulfillment_order_id: row.id for row in rows}


async def invoices_of(db: Connection, purchase_ids: Collection[UUID]) -> dict[UUID, list[Invoice]]:
    """The invoices of each purchase order, the oldest first."""
    found: dict[UUID, list[Invoice]] = {id_: [] for id_ in purchase_ids}
    rows = await rows_with(db, invoice.c.purchase_id, set(found))
    for one in sorted(msgspec.convert(rows, list[Invoice]), key=lambda one: (one.created_at, one.id)):
        found[one.purchase_id].append(one)
    return found
