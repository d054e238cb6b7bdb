"""Reads of returns."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam, func, or_, select

from batuta.kernel.scopes import Scope
from batuta.ordering import tables as ordering
from batuta.ordering.domain import Line, Share
from batuta.ordering.queries import made_lines_of, orders_by_id, weighed_lines
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.listing import Listing
from batuta.returns.domain import (
    Component,
    Refund,
    Return,
    ReturnLine,
    ReturnStatus,
    Sold,
    SoldOrder,
    still_coming,
)
from batuta.returns.tables import grading, refund, refund_line, return_, return_line


async def returns_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Return]:
    """Whole returns; unknown ids are left out."""
    return await _assembled(db, await rows_with(db, return_.c.id, set(ids)))


async def returns_of_orders(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Return]]:
    """The returns of each order, oldest first."""
    found: dict[UUID, list[Return]] = {order_id: [] for order_id in order_ids}
    rows = await rows_with(db, return_.c.order_id, set(order_ids))
    for one in (await _assembled(db, _by_age(rows))).values():
        if one.order_id:
            found[one.order_id].append(one)
    return found


async def returns_of_customers(db: Connection, customer_ids: Collection[UUID]) -> dict[UUID, list[Return]]:
    """The returns of each customer, oldest first, blind ones too."""
    found: dict[UUID, list[Return]] = {customer_id: [] for customer_id in customer_ids}
    rows = await rows_with(db, return_.c.customer_id, set(customer_ids))
    for one in (await _assembled(db, _by_age(rows))).values():
        if one.customer_id:
            found[one.customer_id].append(one)
    return found


class ReturnsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which returns are looked for; None is any. What has not arrived yet is of no location, and found at each."""

    location_ids: Collection[UUID] | None = None
    channel_ids: Collection[UUID] | None = None
    statuses: Collection[ReturnStatus] | None = None
    order_ids: Collection[UUID] | None = None
    customer_ids: Collection[UUID] | None = None


async def returns_page(
    db: Connection, *, wanted: ReturnsWanted, before: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, Return]]:
    """Returns, newest first, each with the moment it was made; the next page begins behind (that moment, id)."""
    given = {name: _sorted(getattr(wanted, name)) for name in ReturnsWanted.__struct_fields__}
    rows = await _RETURNS.read(db, given, behind=before, limit=limit)
    whole = await _assembled(db, [dict(row) for row in rows])
    return [(row.created_at, whole[row.id]) for row in rows]


def _sorted(values: Collection[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(values)


def _is_one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == any_(bindparam(name, type_=ARRAY(column.type, dimensions=1)))


_RETURNS = Listing(
    select(return_),
    order=(return_.c.created_at, return_.c.id),
    filters={
        "location_ids": or_(_is_one_of(return_.c.location_id, "location_ids"), return_.c.location_id.is_(None)),
        "channel_ids": return_.c.order_id.in_(
            select(ordering.order.c.id).where(_is_one_of(ordering.order.c.channel_id, "channel_ids"))
        ),
        "statuses": _is_one_of(return_.c.status, "statuses"),
        "order_ids": _is_one_of(return_.c.order_id, "order_ids"),
        "customer_ids": _is_one_of(return_.c.customer_id, "customer_ids"),
    },
    is_newest_first=True,
)


async def return_scopes(db: Connection, ids: Collection[UUID]) -> dict[UUID, Scope]:
    """Whose each return is and where it arrived; unknown ids are left out."""
    rows = await db.execute(_RETURN_SCOPES, {"ids": list(ids)})
    return {
        row.id: Scope(
            channel_id=row.channel_id,
            customer_id=row.customer_id,
            location_ids=frozenset({row.location_id} if row.location_id else ()),
        )
        for row in rows
    }


_RETURN_SCOPES = (
    select(return_.c.id, return_.c.location_id, return_.c.customer_id, ordering.order.c.channel_id)
    .outerjoin(ordering.order, ordering.order.c.id == return_.c.order_id)
    .where(return_.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
)


async def refunds_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Refund]:
    """Refunds with their lines; unknown ids are left out."""
    rows = await rows_with(db, refund.c.id, set(ids))
    lines = _grouped(await rows_with(db, refund_line.c.refund_id, [row["id"] for row in rows]), "refund_id")
    return {row["id"]: msgspec.convert({**row, "lines": lines[row["id"]]}, Refund) for row in rows}


async def refunded_of(db: Connection, return_ids: Collection[UUID]) -> dict[UUID, int]:
    """What was given back for each return in all; those for which nothing was are left out."""
    rows = await db.execute(_REFUNDED, {"ids": list(return_ids)})
    return {row.return_id: int(row.minor) for row in rows}


_REFUNDED = (
    select(refund.c.return_id, func.sum(refund.c.amount_minor).label("minor"))
    .where(refund.c.return_id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
    .group_by(refund.c.return_id)
)


async def sold_orders(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, SoldOrder]:
    """What returns must know of orders: what was delivered, is coming back, was paid and given back already."""
    if not order_ids:
        return {}
    orders = await orders_by_id(db, list(order_ids))
    returns = await returns_of_orders(db, order_ids)
    shipping = await db.execute(
        select(refund.c.order_id, func.sum(refund.c.shipping_minor).label("minor"))
        .where(refund.c.order_id.in_(orders))
        .group_by(refund.c.order_id)
    )
    given_back = {row.order_id: row.minor for row in shipping}
    made = await made_lines_of(db, orders.values())
    weighed = await weighed_lines(db, orders)
    sold = {}
    for order in orders.values():
        coming: dict[UUID | None, int] = defaultdict(int)
        refunded: dict[UUID | None, int] = defaultdict(int)
        refunded_minor: dict[UUID | None, int] = defaultdict(int)
        for one in returns[order.id]:
            for line in one.lines:
                coming[line.order_line_id] += still_coming(one, line)
                refunded[line.order_line_id] += line.refunded
                refunded_minor[line.order_line_id] += line.refund_minor
        sold[order.id] = SoldOrder(
            id=order.id,
            customer_id=order.customer_id,
            currency=order.currency,
            shipping_minor=order.shipping_minor - int(given_back.get(order.id, 0)),
            lines={
                line.id: Sold(
                    line_id=line.id,
                    sku_id=line.sku_id,
                    quantity=line.quantity,
                    components=_returned_as(line, is_made=line.id in made),
                    is_tracked=line.is_tracked,
                    paid_minor=line.worth_minor(Share(0, line.buckets.live)) + weighed[line.id],
                    returnable=line.buckets.delivered - line.buckets.returned,
                    coming=coming[line.id],
                    refunded=refunded[line.id],
                    refunded_minor=refunded_minor[line.id],
                    cancelled=line.buckets.cancelled,
                    is_final=line.id in made and not made[line.id].recipe.is_returnable,
                )
                for line in order.lines
            },
        )
    return sold


def _returned_as(line: Line, *, is_made: bool) -> tuple[Component, ...]:
    """What comes back of one unit: what was made to order comes whole."""
    if is_made:
        return (Component(line.sku_id, 1),)
    return tuple(Component(part.sku_id, part.quantity) for part in line.components)


def _by_age(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


async def _assembled(db: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Return]:
    line_rows = await rows_with(db, return_line.c.return_id, [row["id"] for row in rows])
    gradings = _grouped(
        sorted(
            await rows_with(db, grading.c.line_id, [line["id"] for line in line_rows]),
            key=lambda row: (row["graded_at"], row["id"]),
        ),
        "line_id",
    )
    lines: dict[UUID, list[ReturnLine]] = defaultdict(list)
    for line in sorted(line_rows, key=lambda line: line["position"]):
        lines[line["return_id"]].append(msgspec.convert({**line, "gradings": gradings[line["id"]]}, ReturnLine))
    return {row["id"]: msgspec.convert({**row, "lines": lines[row["id"]]}, Return) for row in rows}


def _grouped(rows: Iterable[dict[str, Any]], key: str) -> dict[UUID, list[dict[str, Any]]]:
    groups: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


AUDIT = (
    Law(
        "the units returned of every order line are those its returns counted, and never more than were delivered",
        """
        SELECT l.id AS line_id, l.delivered, l.returned, coalesce(r.counted, 0) AS counted
        FROM ordering.line l
        LEFT JOIN (
            SELECT order_line_id, sum(counted) AS counted FROM returns.return_line
            WHERE order_line_id IS NOT NULL GROUP BY order_line_id
        ) AS r ON r.order_line_id = l.id
        WHERE l.returned <> coalesce(r.counted, 0) OR l.returned > l.delivered
        """,
    ),
    Law(
        "the units received of every return line are those of its receipts",
        """
        SELECT l.id AS return_line_id, l.received, coalesce(r.units, 0) AS told
        FROM returns.return_line l
        LEFT JOIN (
            SELECT (part ->> 'line_id')::uuid AS line_id, sum((part ->> 'quantity')::int) AS units
            FROM returns.receipt CROSS JOIN LATERAL jsonb_array_elements(lines) AS part GROUP BY 1
        ) AS r ON r.line_id = l.id
        WHERE l.received <> coalesce(r.units, 0)
        """,
    ),
    Law(
        "no return line has more units graded than received",
        """
        SELECT l.id AS return_line_id, l.received, sum(g.quantity) AS graded
        FROM returns.return_line l JOIN returns.grading g ON g.line_id = l.id
        GROUP BY l.id HAVING sum(g.quantity) > l.received
        """,
    ),
    Law(
        "every refund is its lines plus shipping minus its fee, and every return line has the refunds told of it",
        """
        SELECT r.id AS id, r.amount_minor AS stored, coalesce(sum(l.amount_minor), 0) AS told
        FROM returns.refund r LEFT JOIN returns.refund_line l ON l.refund_id = r.id
        GROUP BY r.id HAVING r.amount_minor <> coalesce(sum(l.amount_minor), 0) + r.shipping_minor - r.fee_minor
        UNION ALL
        SELECT l.id, l.refund_minor, coalesce(sum(f.amount_minor), 0)
        FROM returns.return_line l LEFT JOIN returns.refund_line f ON f.return_line_id = l.id
        GROUP BY l.id
        HAVING l.refund_minor <> coalesce(sum(f.amount_minor), 0) OR l.refunded <> coalesce(sum(f.quantity), 0)
        """,
    ),
    Law(
        "no order line is refunded more than was paid for its units that are not cancelled",
        """
        SELECT l.id AS line_id, l.gross_minor, a.adjusted_minor, sum(r.refund_minor) AS refunded_minor,
               sum(r.refunded) AS refunded
        FROM returns.return_line r
        JOIN ordering.line l ON l.id = r.order_line_id
        LEFT JOIN (
            SELECT line_id, sum(amount_minor) AS adjusted_minor FROM ordering.adjustment GROUP BY line_id
        ) AS a ON a.line_id = l.id
        GROUP BY l.id, a.adjusted_minor
        HAVING sum(r.refund_minor) > l.gross_minor + coalesce(a.adjusted_minor, 0)
            OR sum(r.refunded) > l.quantity - l.cancelled
        """,
    ),
)
