"""Reads of ordering."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, select, tuple_

from batuta.kernel.addresses import Address
from batuta.ordering.domain import (
    Buckets,
    Cart,
    CartLine,
    Component,
    Hold,
    HoldKind,
    HoldStatus,
    Line,
    Method,
    Order,
    OrderStatus,
    Stage,
)
from batuta.ordering.tables import cart, cart_line, hold, line, order
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Row, rows_with


async def orders_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Order]:
    """Whole orders, with lines and holds; unknown ids are left out."""
    return await _assembled(db, await rows_with(db, order.c.id, list(set(ids))))


async def orders_by_number(db: Connection, numbers: Sequence[str]) -> dict[str, Order]:
    """Whole orders by the number that people use."""
    found = await _assembled(db, await rows_with(db, order.c.number, numbers))
    return {one.number: one for one in found.values()}


async def orders_by_external_id(db: Connection, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Order]:
    """Whole orders by (channel, the channel's own number)."""
    if not keys:
        return {}
    rows = await db.execute(select(order).where(tuple_(order.c.channel_id, order.c.external_id).in_(keys)))
    found = await _assembled(db, [dict(row) for row in rows.mappings()])
    return {(one.channel_id, one.external_id): one for one in found.values() if one.external_id is not None}


async def lines_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Line]:
    """Lines with their buckets; unknown ids are left out."""
    return {row["id"]: read_line(row) for row in await rows_with(db, line.c.id, list(set(ids)))}


async def holds_on(db: Connection, order_ids: Collection[UUID], stage: Stage) -> dict[UUID, list[Hold]]:
    """The holds that keep these orders from a stage, the oldest first; orders that nothing keeps are left out."""
    found: dict[UUID, list[Hold]] = defaultdict(list)
    for one in sorted(map(read_hold, await rows_with(db, hold.c.order_id, order_ids)), key=lambda one: one.placed_at):
        if one.keeps(stage):
            found[one.order_id].append(one)
    return found


async def orders_placed(db: Connection, *, before: tuple[datetime, UUID] | None = None, limit: int = 50) -> list[Order]:
    """Orders, newest first; the next page begins behind the last order's (placed_at, id)."""
    wanted: Select[Any] = select(order).order_by(order.c.placed_at.desc(), order.c.id.desc()).limit(limit)
    if before:
        wanted = wanted.where(tuple_(order.c.placed_at, order.c.id) < before)
    rows = [dict(row) for row in (await db.execute(wanted)).mappings()]
    found = await _assembled(db, rows)
    return [found[row["id"]] for row in rows]


async def count_by_status(db: Connection) -> dict[OrderStatus, int]:
    """How many orders have each status."""
    rows = await db.execute(select(order.c.status, func.count().label("orders")).group_by(order.c.status))
    return {OrderStatus(row.status): row.orders for row in rows}


async def carts_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Cart]:
    """Carts with their lines; unknown ids are left out."""
    return await read_carts(db, await rows_with(db, cart.c.id, list(set(ids))))


async def read_carts(db: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Cart]:
    """The carts of these rows, with their lines in order."""
    lines: dict[UUID, list[CartLine]] = defaultdict(list)
    of_carts = await rows_with(db, cart_line.c.cart_id, [row["id"] for row in rows])
    for one in sorted(of_carts, key=lambda one: (one["position"], one["id"])):
        lines[one.pop("cart_id")].append(CartLine(**one))
    return {
        row["id"]: Cart(
            **{
                **row,
                "method": Method(row["method"]),
                "ship_to": msgspec.convert(row["ship_to"], Address | None),
                "bill_to": msgspec.convert(row["bill_to"], Address | None),
                "lines": tuple(lines[row["id"]]),
            }
        )
        for row in rows
    }


async def _assembled(db: Connection, headers: Sequence[dict[str, Any]]) -> dict[UUID, Order]:
    ids = [header["id"] for header in headers]
    if not ids:
        return {}
    lines: dict[UUID, list[Line]] = defaultdict(list)
    for row in sorted(await rows_with(db, line.c.order_id, ids), key=lambda row: row["position"]):
        lines[row["order_id"]].append(read_line(row))
    holds: dict[UUID, list[Hold]] = defaultdict(list)
    for row in sorted(await rows_with(db, hold.c.order_id, ids), key=lambda row: (row["placed_at"], row["id"])):
        holds[row["order_id"]].append(read_hold(row))
    return {header["id"]: _read_order(header, lines[header["id"]], holds[header["id"]]) for header in headers}


def _read_order(row: dict[str, Any], lines: Sequence[Line], holds: Sequence[Hold]) -> Order:
    of = {name: row[name] for name in Order.__struct_fields__ if name in row}
    return Order(
        **{
            **of,
            "status": OrderStatus(row["status"]),
            "method": Method(row["method"]),
            "ship_to": msgspec.convert(row["ship_to"], Address),
            "bill_to": msgspec.convert(row["bill_to"], Address | None),
            "lines": tuple(lines),
            "holds": tuple(holds),
        }
    )


_LINE_FIELDS = tuple(name for name in Line.__struct_fields__ if name not in {"buckets", "components"})


def read_line(row: dict[str, Any]) -> Line:
    """Read a line from its row."""
    return Line(
        **{name: row[name] for name in _LINE_FIELDS},
        buckets=Buckets(**{name: row[name] for name in Buckets.__struct_fields__}),
        components=tuple(Component(UUID(sku_id), quantity) for sku_id, quantity in row["components"]),
    )


def read_hold(row: dict[str, Any] | Row) -> Hold:
    """Read a hold from its row."""
    of = dict(row)
    return Hold(
        **{**of, "kind": HoldKind(of["kind"]), "status": HoldStatus(of["status"]), "blocks": Stage(of["blocks"])}
    )


_MOVED = """
    SELECT l.id AS line_id, b.bucket, b.units,
           CASE WHEN l.first_bucket = b.bucket THEN l.quantity ELSE 0 END
           + coalesce((SELECT sum(m.quantity) FROM ordering.unit_move m
                       WHERE m.line_id = l.id AND m.target = b.bucket), 0)
           - coalesce((SELECT sum(m.quantity) FROM ordering.unit_move m
                       WHERE m.line_id = l.id AND m.source = b.bucket), 0) AS moved
    FROM ordering.line l
    CROSS JOIN LATERAL (VALUES
        ('open', l.open), ('reserved', l.reserved), ('backordered', l.backordered), ('preordered', l.preordered),
        ('allocated', l.allocated), ('released', l.released), ('picked', l.picked), ('packed', l.packed),
        ('shipped', l.shipped), ('delivered', l.delivered), ('cancelled', l.cancelled)) AS b (bucket, units)
"""

AUDIT = (
    Law(
        "the buckets of every line are its first bucket plus its unit moves",
        f"SELECT * FROM ({_MOVED}) AS told WHERE units <> moved",
    ),
    Law(
        "the units returned of every line are its unit returns",
        """
        SELECT l.id AS line_id, l.returned, coalesce(sum(r.quantity), 0) AS told
        FROM ordering.line l LEFT JOIN ordering.unit_return r ON r.line_id = l.id
        GROUP BY l.id, l.returned HAVING l.returned <> coalesce(sum(r.quantity), 0)
        """,
    ),
    Law(
        "every order is worth its lines and its shipping",
        """
        SELECT o.id, o.gross_minor, o.shipping_minor, sum(l.gross_minor) AS lines_minor
        FROM ordering."order" o LEFT JOIN ordering.line l ON l.order_id = o.id
        GROUP BY o.id HAVING o.gross_minor <> coalesce(sum(l.gross_minor), 0) + o.shipping_minor
        """,
    ),
    Law(
        "a completed order has every unit with the customer or cancelled, a cancelled one has every unit cancelled",
        """
        SELECT o.id, o.status, sum(l.quantity) AS units, sum(l.delivered) AS delivered, sum(l.cancelled) AS cancelled
        FROM ordering."order" o JOIN ordering.line l ON l.order_id = o.id
        WHERE o.status IN ('completed', 'cancelled', 'expired', 'rejected')
        GROUP BY o.id
        HAVING (o.status = 'completed' AND sum(l.quantity) <> sum(l.delivered) + sum(l.cancelled))
            OR (o.status <> 'completed' AND sum(l.quantity) <> sum(l.cancelled))
        """,
    ),
    Law(
        "what a line's unshipped tracked units claim of the stock is what its buckets say",
        """
        SELECT l.id AS line_id, c.sku_id, claimed.units AS claimed,
               (l.reserved + l.allocated + l.released + l.picked) * c.per_unit AS told
        FROM ordering.line l
        CROSS JOIN LATERAL (
            SELECT (part ->> 0)::uuid AS sku_id, sum((part ->> 1)::int) AS per_unit
            FROM jsonb_array_elements(l.components) AS part GROUP BY 1) AS c
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(r.held), 0) AS units FROM inventory.reservation r
            WHERE r.holder_id = l.order_id AND r.line_id = l.id AND r.sku_id = c.sku_id AND r.held > 0) AS claimed
        WHERE l.is_tracked AND claimed.units <> (l.reserved + l.allocated + l.released + l.picked) * c.per_unit
        """,
    ),
)
