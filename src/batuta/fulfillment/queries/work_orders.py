"""Reads of work orders."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam, select

from batuta.fulfillment.domain import FulfillmentOrder, WorkOrder, WorkStatus
from batuta.fulfillment.tables import work_mark, work_order
from batuta.kernel.scopes import Scope
from batuta.ordering.tables import order
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.listing import Listing


class WorkOrdersWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which work orders are looked for; None is any."""

    location_ids: Collection[UUID] | None = None
    channel_ids: Collection[UUID] | None = None
    statuses: Collection[WorkStatus] | None = None
    order_id: UUID | None = None
    customer_id: UUID | None = None


def _is_one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == any_(bindparam(name, type_=ARRAY(column.type, dimensions=1)))


_WORK_ORDERS = Listing(
    select(work_order),
    order=(work_order.c.created_at, work_order.c.id),
    filters={
        "location_ids": _is_one_of(work_order.c.location_id, "location_ids"),
        "channel_ids": work_order.c.order_id.in_(
            select(order.c.id).where(_is_one_of(order.c.channel_id, "channel_ids"))
        ),
        "statuses": _is_one_of(work_order.c.status, "statuses"),
        "order_id": work_order.c.order_id == bindparam("order_id", type_=Uuid()),
        "customer_id": work_order.c.order_id.in_(
            select(order.c.id).where(order.c.customer_id == bindparam("customer_id", type_=Uuid()))
        ),
    },
)
_SCOPES = (
    select(work_order.c.id, work_order.c.location_id, order.c.channel_id, order.c.customer_id)
    .join(order, order.c.id == work_order.c.order_id)
    .where(work_order.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
)


async def list_work_orders(
    db: Connection, *, wanted: WorkOrdersWanted, behind: tuple[datetime, UUID] | None, limit: int
) -> list[WorkOrder]:
    """A page of work orders, the oldest first."""
    given = {
        name: sorted(value) if isinstance(value, Collection) else value
        for name, value in msgspec.structs.asdict(wanted).items()
    }
    rows = await _WORK_ORDERS.read(db, given, behind=behind, limit=limit)
    return await _whole(db, [dict(row) for row in rows])


async def work_orders_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, WorkOrder]:
    return {one.id: one for one in await _whole(db, await rows_with(db, work_order.c.id, ids))}


async def work_order_scopes(db: Connection, ids: Collection[UUID]) -> dict[UUID, Scope]:
    """Whose each work order is, and where it is made; unknown ids are left out."""
    return {
        row.id: Scope(channel_id=row.channel_id, customer_id=row.customer_id, location_ids=frozenset({row.location_id}))
        for row in await db.execute(_SCOPES, {"ids": list(ids)})
    }


async def lines_made(db: Connection, fulfillments: Iterable[FulfillmentOrder]) -> dict[UUID, frozenset[UUID]]:
    """The lines of which the work order is done, by fulfillment order; where nothing is made, nothing is asked."""
    ids = {one.id for one in fulfillments if any(line.makes and not line.is_made for line in one.lines)}
    done: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in await rows_with(db, work_order.c.fulfillment_order_id, ids) if ids else ():
        if row["status"] == WorkStatus.DONE:
            done[row["fulfillment_order_id"]].add(row["line_id"])
    return {id_: frozenset(lines) for id_, lines in done.items()}


async def _whole(db: Connection, rows: Collection[Mapping[str, Any]]) -> list[WorkOrder]:
    marks = defaultdict(list)
    of_works = await rows_with(db, work_mark.c.work_order_id, [row["id"] for row in rows]) if rows else []
    for mark in sorted(of_works, key=lambda mark: mark["number"]):
        marks[mark["work_order_id"]].append(mark)
    return [msgspec.convert({**row, "marks": marks[row["id"]]}, WorkOrder) for row in rows]


WORK_ORDER_LAWS = (
    Law(
        "what is made to order and accepted has a work order of as many units",
        """
        SELECT coalesce(w.id, l.fulfillment_order_id) AS id, l.line_id, l.live, w.quantity
        FROM fulfillment.work_order w
        FULL JOIN (
            SELECT fulfillment_order_id, line_id, min((quantity - short - cancelled) / per_unit) AS live
            FROM fulfillment.fulfillment_line l JOIN fulfillment.fulfillment_order f ON f.id = l.fulfillment_order_id
            WHERE l.makes IS NOT NULL AND f.status NOT IN ('planned', 'offered') GROUP BY 1, 2
        ) AS l ON (l.fulfillment_order_id, l.line_id) = (w.fulfillment_order_id, w.line_id)
        WHERE coalesce(w.quantity, 0) <> coalesce(l.live, 0)
        """,
    ),
    Law(
        "what is made to order is packed once its work order is done",
        """
        SELECT w.id, w.status, l.packed
        FROM fulfillment.fulfillment_line l
        JOIN fulfillment.work_order w USING (fulfillment_order_id, line_id)
        WHERE l.packed > 0 AND (l.sku_id <> l.makes OR w.status <> 'done')
        """,
    ),
)
