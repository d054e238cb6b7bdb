"""Reads of ordering."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Uuid, any_, bindparam, exists, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from batuta.catalog.tables import sku
from batuta.company.domain import ShipTerms
from batuta.company.tables import channel
from batuta.kernel.addresses import Address
from batuta.ordering.domain import (
    Buckets,
    Cart,
    CartLine,
    Component,
    Contact,
    Hold,
    HoldKind,
    HoldStatus,
    Line,
    Method,
    Order,
    OrderStatus,
    Promise,
    PromiseKind,
    Repriced,
    Route,
    SoldAs,
    Stage,
    fulfillment_status,
    payment_status,
)
from batuta.ordering.domain.listing import OrderFilter, OrderRow
from batuta.ordering.tables import cart, hold, line, order, promise
from batuta.payments.domain import Balance
from batuta.payments.queries import balances
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Instant, Row, opaque_array, rows_with
from batuta.sourcing.tables import assignment

# One statement and no join: lines and holds come as arrays of their own rows.
_WHOLE = """
    SELECT o.*, ARRAY(SELECT l FROM ordering.line l WHERE l.order_id = o.id ORDER BY l.position) AS lines,
        ARRAY(SELECT h FROM ordering.hold h WHERE h.order_id = o.id ORDER BY h.placed_at, h.id) AS holds
    FROM ordering."order" o WHERE """
_BY_ID = text(_WHOLE + f"o.id = ANY({opaque_array('ids')})")
_BY_NUMBER = text(_WHOLE + "o.number = ANY(:numbers)")
_BY_EXTERNAL_ID = text(
    _WHOLE + "(o.channel_id, o.external_id) IN (SELECT * FROM unnest(CAST(:channels AS uuid[]), CAST(:keys AS text[])))"
)


async def orders_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Order]:
    """Whole orders, with lines and holds; unknown ids are left out."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    return {row.id: _read_whole(row) for row in await db.execute(_BY_ID, {"ids": wanted})}


async def promises_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Promise]]:
    """What was promised of each order, the first promise first (PRM-05)."""
    found: dict[UUID, list[Promise]] = {order_id: [] for order_id in order_ids}
    for row in await rows_with(db, promise.c.order_id, found):
        found[row["order_id"]].append(msgspec.convert(row, Promise))
    for several in found.values():
        several.sort(key=lambda one: (one.kind is PromiseKind.LATEST, one.made_at, one.id))
    return found


async def orders_by_number(db: Connection, numbers: Sequence[str]) -> dict[str, Order]:
    """Whole orders by the number that people use."""
    return {row.number: _read_whole(row) for row in await db.execute(_BY_NUMBER, {"numbers": list(numbers)})}


async def orders_by_external_id(db: Connection, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Order]:
    """Whole orders by (channel, the channel's own number)."""
    if not keys:
        return {}
    asked = {"channels": [channel_id for channel_id, _ in keys], "keys": [key for _, key in keys]}
    return {(row.channel_id, row.external_id): _read_whole(row) for row in await db.execute(_BY_EXTERNAL_ID, asked)}


async def contacts_of(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """Who is told about these orders; unknown ids are left out."""
    return {row.id: Contact(**row) for row in await db.execute(_CONTACTS, {"ids": list(set(ids))})}


_CONTACTS = text(
    f"""
    SELECT id, number, channel_id, currency, email, locale, ship_to ->> 'name' AS name
    FROM ordering."order" WHERE id = ANY({opaque_array("ids")})
    """
)


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


async def list_orders(
    db: Connection, wanted: OrderFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[OrderRow]:
    """Orders for a list, newest first (PLT-09); the next page begins behind the last row's (placed_at, id)."""
    statement = select(*_row_columns).where(*_conditions(wanted))
    if before:
        statement = statement.where(tuple_(order.c.placed_at, order.c.id) < before)
    statement = statement.order_by(order.c.placed_at.desc(), order.c.id.desc()).limit(limit)
    rows = (await db.execute(statement)).all()
    ids = {"ids": [row.id for row in rows]}
    units = {row.order_id: row for row in await db.execute(_units_by_order, ids)} if rows else {}
    held = set(await db.scalars(_held_orders, ids)) if rows else set()
    money = await balances(db, ids["ids"]) if rows else {}
    return [_order_row(row, units[row.id], money.get(row.id), is_held=row.id in held) for row in rows]


async def is_order_of(db: Connection, order_id: UUID, location_ids: Collection[UUID]) -> bool:
    """Whether an order was planned to ship from one of the locations, or is collected there."""
    found = select(order.c.id).where(order.c.id == order_id, _is_of(location_ids))
    return await db.scalar(found) is not None


_row_columns = (
    order.c.id,
    order.c.number,
    order.c.channel_id,
    order.c.external_id,
    order.c.customer_id,
    order.c.status,
    order.c.method,
    order.c.ship_to["name"].as_string().label("name"),
    order.c.email,
    order.c.currency,
    order.c.gross_minor,
    order.c.placed_at,
    order.c.version,
)
_order_ids = any_(bindparam("ids", type_=ARRAY(Uuid)))
_units_by_order = (
    select(
        line.c.order_id,
        func.count().label("lines"),
        func.sum(line.c.quantity).label("units"),
        *(func.sum(line.c[name]).label(name) for name in Buckets.__struct_fields__),
    )
    .where(line.c.order_id == _order_ids)
    .group_by(line.c.order_id)
)
_held_orders = select(hold.c.order_id).where(hold.c.order_id == _order_ids, hold.c.status == HoldStatus.ACTIVE.value)


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    of_sku = select(sku.c.id).where(sku.c.code == wanted.sku_code).scalar_subquery()
    held = exists().where(hold.c.order_id == order.c.id, hold.c.status == HoldStatus.ACTIVE.value)
    # The key of outside numbers begins with the channel, so they are looked up in each.
    any_channel = order.c.channel_id.in_(select(channel.c.id))
    of_code = select(channel.c.id).where(channel.c.code == wanted.channel_code)
    by: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.statuses or None, order.c.status.in_([str(one) for one in wanted.statuses])),
        (wanted.channel_ids, order.c.channel_id.in_(sorted(wanted.channel_ids or ()))),
        (wanted.location_ids, _is_of(wanted.location_ids or frozenset())),
        (wanted.channel_code, order.c.channel_id.in_(of_code)),
        (wanted.customer_id, order.c.customer_id == wanted.customer_id),
        (wanted.email, func.lower(order.c.email) == (wanted.email or "").lower()),
        (wanted.external_id, any_channel & (order.c.external_id == wanted.external_id)),
        (wanted.number, order.c.number == wanted.number),
        (wanted.sku_code, order.c.id.in_(select(line.c.order_id).where(line.c.sku_id == of_sku))),
        (wanted.placed_from, order.c.placed_at >= bindparam(None, wanted.placed_from, Instant)),
        (wanted.placed_until, order.c.placed_at < bindparam(None, wanted.placed_until, Instant)),
        (wanted.is_held, held if wanted.is_held else ~held),
    ]
    return [condition for asked, condition in by if asked is not None]


def _is_of(location_ids: Collection[UUID]) -> ColumnElement[bool]:
    places = sorted(location_ids)
    planned = exists().where(assignment.c.order_id == order.c.id, assignment.c.location_id.in_(places))
    return planned | order.c.pickup_location_id.in_(places)


def _order_row(row: Row, units: Row, money: Balance | None, *, is_held: bool) -> OrderRow:
    buckets = Buckets(**{name: units[name] for name in Buckets.__struct_fields__})
    return OrderRow(
        **{
            **row,
            "status": OrderStatus(row.status),
            "method": Method(row.method),
            "name": row.name or "",
            "fulfillment": fulfillment_status([buckets]),
            "payment": paid(money),
            "is_held": is_held,
            "lines": units["lines"],
            "units": units["units"],
        }
    )


def paid(money: Balance | None) -> str:
    """How far the money of an order is."""
    if money is None:
        return payment_status(due=0, authorised=0, captured=0, refunded=0)
    return payment_status(
        due=money.due_minor,
        authorised=money.authorised_minor - money.voided_minor - money.expired_minor,
        captured=money.captured_minor,
        refunded=money.refunded_minor,
    )


async def carts_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Cart]:
    """Carts with their lines; unknown ids are left out."""
    return {row["id"]: read_cart(row) for row in await rows_with(db, cart.c.id, list(set(ids)))}


def read_cart(row: Mapping[str, Any]) -> Cart:
    """Read a cart from its row."""
    return Cart(
        **{
            **row,
            "method": Method(row["method"]),
            "ship_to": msgspec.convert(row["ship_to"], Address | None),
            "bill_to": msgspec.convert(row["bill_to"], Address | None),
            "lines": msgspec.convert(row["lines"], tuple[CartLine, ...]),
        }
    )


_ORDER_FIELDS = tuple(name for name in Order.__struct_fields__ if name in order.c)


def _read_whole(row: Row) -> Order:
    return Order(
        **{
            **{name: row[name] for name in _ORDER_FIELDS},
            "status": OrderStatus(row["status"]),
            "method": Method(row["method"]),
            "ship_to": msgspec.convert(row["ship_to"], Address),
            "bill_to": msgspec.convert(row["bill_to"], Address | None),
            "ship_terms": msgspec.convert(row["ship_terms"], ShipTerms),
            "lines": tuple(map(read_line, row["lines"])),
            "holds": tuple(map(read_hold, row["holds"])),
        }
    )


_LINE_FIELDS = tuple(
    name for name in Line.__struct_fields__ if name not in {"buckets", "components", "route", "sold_as", "repriced"}
)


def read_line(row: dict[str, Any]) -> Line:
    return Line(
        **{name: row[name] for name in _LINE_FIELDS},
        buckets=Buckets(**{name: row[name] for name in Buckets.__struct_fields__}),
        components=tuple(Component(UUID(sku_id), quantity) for sku_id, quantity in row["components"]),
        route=msgspec.convert(row["route"], Route) if row["route"] else None,
        sold_as=SoldAs(**row["sold_as"]) if row["sold_as"] else None,
        repriced=Repriced(**row["repriced"]) if row["repriced"] else None,
    )


def read_hold(row: dict[str, Any] | Row) -> Hold:
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

ORDER_LAWS = (
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
        "what a line's units ahead of stock wait for, or hold already, is what its buckets say",
        """
        SELECT line_id, sku_id, coalesce(told.units, 0) AS told, coalesce(known.units, 0) AS known
        FROM (
            SELECT l.id AS line_id, (part ->> 0)::uuid AS sku_id,
                   sum((part ->> 1)::int * (l.backordered + l.preordered)) AS units
            FROM ordering.line l CROSS JOIN LATERAL jsonb_array_elements(l.components) AS part
            WHERE l.backordered + l.preordered > 0 GROUP BY 1, 2) AS told
        FULL JOIN (
            SELECT line_id, sku_id, sum(units) AS units FROM (
                SELECT line_id, sku_id, units FROM inventory.waiting WHERE units > 0
                UNION ALL
                SELECT line_id, sku_id, units FROM inventory.earmark WHERE units > 0
                UNION ALL
                SELECT r.holder_id, r.sku_id, r.held
                FROM inventory.reservation r JOIN ordering.line l ON l.id = r.holder_id WHERE r.held > 0) AS parts
            GROUP BY 1, 2) AS known USING (line_id, sku_id)
        WHERE coalesce(told.units, 0) <> coalesce(known.units, 0)
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
