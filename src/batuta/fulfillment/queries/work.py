"""Reads of the work of locations."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, ColumnElement, TextClause, Uuid, any_, bindparam, func, select, text

from batuta.fulfillment.domain import (
    OVER,
    Cancellation,
    CancellationPart,
    CancellationStatus,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentStatus,
    Method,
    Package,
)
from batuta.fulfillment.tables import (
    cancellation,
    cancellation_part,
    fulfillment_line,
    fulfillment_order,
    package,
)
from batuta.kernel.addresses import Address
from batuta.kernel.scopes import Scope
from batuta.ordering.tables import order
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Row, arrays, opaque_array, params, rows_with
from batuta.plumbing.listing import Listing

_OFFERED = (
    select(fulfillment_order.c.order_id, func.max(fulfillment_order.c.created_at).label("at"))
    .where(
        fulfillment_order.c.order_id == any_(bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1))),
        fulfillment_order.c.status == FulfillmentStatus.OFFERED.value,
    )
    .group_by(fulfillment_order.c.order_id)
)


async def fulfillment_orders_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, FulfillmentOrder]:
    """Whole fulfillment orders; unknown ids are left out."""
    return await _read_all(db, _BY_ID, list(set(ids)))


async def fulfillment_orders_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[FulfillmentOrder]]:
    """The fulfillment orders of each order, oldest first."""
    found: dict[UUID, list[FulfillmentOrder]] = {order_id: [] for order_id in order_ids}
    whole = await _read_all(db, _BY_ORDER, list(found))
    for one in sorted(whole.values(), key=lambda one: one.id):
        found[one.order_id].append(one)
    return found


async def offered_at(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each order was last offered to a location that has not answered; others are left out."""
    rows = await db.execute(_OFFERED, {"order_ids": list(order_ids)})
    return {row.order_id: row.at for row in rows}


async def fulfillment_orders_by_parcel(db: Connection, parcel_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Which fulfillment order each parcel was packed for; parcels of others are left out."""
    rows = await rows_with(db, package.c.parcel_id, set(parcel_ids))
    return {row["parcel_id"]: row["fulfillment_order_id"] for row in rows}


async def work_at(db: Connection, location_ids: Collection[UUID]) -> dict[UUID, list[FulfillmentOrder]]:
    """What each location still has to do, oldest first (FUL-10)."""
    found: dict[UUID, list[FulfillmentOrder]] = {location_id: [] for location_id in location_ids}
    for one in (await _read_all(db, _OPEN_AT, list(found), over=sorted(OVER))).values():
        found[one.location_id].append(one)
    return found


async def order_scopes(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, Scope]:
    """Whose each order is, and where it is worked on or to be collected; unknown ids are left out."""
    rows = await db.execute(_ORDER_SCOPES, {"ids": list(order_ids)})
    return {
        row.id: Scope(channel_id=row.channel_id, customer_id=row.customer_id, location_ids=_places(row)) for row in rows
    }


def _places(row: Row) -> frozenset[UUID]:
    return frozenset(one for one in (*row.location_ids, row.pickup_location_id) if one)


async def work_scopes(db: Connection, ids: Collection[UUID]) -> dict[UUID, Scope]:
    """Whose each fulfillment order is, and where; unknown ids are left out."""
    return _scopes(await db.execute(_WORK_SCOPES, {"ids": list(ids)}))


async def parcel_scopes(db: Connection, parcel_ids: Collection[UUID]) -> dict[UUID, Scope]:
    """Whose each parcel is, and where it was packed; what was not packed here is left out."""
    return _scopes(await db.execute(_PARCEL_SCOPES, {"ids": list(parcel_ids)}))


def _scopes(rows: Iterable[Row]) -> dict[UUID, Scope]:
    return {
        row.id: Scope(channel_id=row.channel_id, customer_id=row.customer_id, location_ids=frozenset({row.location_id}))
        for row in rows
    }


_ids = any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1)))
_ORDER_SCOPES = (
    select(
        order.c.id,
        order.c.channel_id,
        order.c.customer_id,
        order.c.pickup_location_id,
        func.array_agg(fulfillment_order.c.location_id.distinct()).label("location_ids"),
    )
    .outerjoin(fulfillment_order, fulfillment_order.c.order_id == order.c.id)
    .where(order.c.id == _ids)
    .group_by(order.c.id)
)
_WORK_SCOPES = (
    select(fulfillment_order.c.id, fulfillment_order.c.location_id, order.c.channel_id, order.c.customer_id)
    .join(order, order.c.id == fulfillment_order.c.order_id)
    .where(fulfillment_order.c.id == _ids)
)
_PARCEL_SCOPES = (
    select(package.c.parcel_id.label("id"), fulfillment_order.c.location_id, order.c.channel_id, order.c.customer_id)
    .join(fulfillment_order, fulfillment_order.c.id == package.c.fulfillment_order_id)
    .join(order, order.c.id == fulfillment_order.c.order_id)
    .where(package.c.parcel_id == _ids)
)


class WorkWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which open work is looked for; None is any. The ids are of where and of whose orders."""

    location_ids: Collection[UUID] | None = None
    channel_ids: Collection[UUID] | None = None
    statuses: Collection[FulfillmentStatus] | None = None
    methods: Collection[Method] | None = None


async def work_page(
    db: Connection, *, wanted: WorkWanted, after: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, FulfillmentOrder]]:
    """Open work, oldest first, each with the moment it was offered; the next page begins behind (that moment, id)."""
    given = {name: _sorted(getattr(wanted, name)) for name in WorkWanted.__struct_fields__}
    rows = await _WORK.read(db, given, behind=after, limit=limit)
    whole = await fulfillment_orders_by_id(db, [row.id for row in rows])
    return [(row.created_at, whole[row.id]) for row in rows]


def _sorted(values: Collection[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(values)


def _is_one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == any_(bindparam(name, type_=ARRAY(column.type, dimensions=1)))


_WORK = Listing(
    select(fulfillment_order).where(fulfillment_order.c.status.not_in(sorted(OVER))),
    order=(fulfillment_order.c.created_at, fulfillment_order.c.id),
    filters={
        "location_ids": _is_one_of(fulfillment_order.c.location_id, "location_ids"),
        "channel_ids": fulfillment_order.c.order_id.in_(
            select(order.c.id).where(_is_one_of(order.c.channel_id, "channel_ids"))
        ),
        "statuses": _is_one_of(fulfillment_order.c.status, "statuses"),
        "methods": _is_one_of(fulfillment_order.c.method, "methods"),
    },
)


async def picked_at(db: Connection, places: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
    """Units of a SKU that stand picked and unpacked at a location, by (SKU, location): they are on no shelf."""
    if not places:
        return {}
    given = arrays("given", sku_id=Uuid(), location_id=Uuid())
    rows = await db.execute(
        select(
            given.c.sku_id,
            given.c.location_id,
            func.sum(fulfillment_line.c.picked - fulfillment_line.c.packed).label("units"),
        )
        .select_from(given)
        .join(
            fulfillment_order,
            (fulfillment_order.c.location_id == given.c.location_id) & fulfillment_order.c.status.not_in(sorted(OVER)),
        )
        .join(
            fulfillment_line,
            (fulfillment_line.c.fulfillment_order_id == fulfillment_order.c.id)
            & (fulfillment_line.c.sku_id == given.c.sku_id),
        )
        .group_by(given.c.sku_id, given.c.location_id),
        params("given", sku_id=[sku_id for sku_id, _ in places], location_id=[at for _, at in places]),
    )
    return {(row.sku_id, row.location_id): row.units for row in rows}


async def cancellations_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Cancellation]:
    """Cancellations with their parts; unknown ids are left out."""
    return await _cancellations(db, await rows_with(db, cancellation.c.id, set(ids)))


async def cancellations_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Cancellation]]:
    """The cancellations asked for each order, oldest first."""
    found: dict[UUID, list[Cancellation]] = {order_id: [] for order_id in order_ids}
    rows = await rows_with(db, cancellation.c.order_id, set(order_ids))
    whole = await _cancellations(db, sorted(rows, key=lambda row: (row["requested_at"], row["id"])))
    for one in whole.values():
        found[one.order_id].append(one)
    return found


async def open_parts(db: Connection, fulfillment_ids: Collection[UUID]) -> dict[UUID, list[CancellationPart]]:
    """What each fulfillment order has been asked to cancel and has not answered."""
    found: dict[UUID, list[CancellationPart]] = defaultdict(list)
    for row in await rows_with(db, cancellation_part.c.fulfillment_order_id, fulfillment_ids):
        if row["status"] == CancellationStatus.REQUESTED:
            found[row["fulfillment_order_id"]].append(_read_part(row))
    return found


async def _cancellations(db: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Cancellation]:
    parts: dict[UUID, list[CancellationPart]] = defaultdict(list)
    for row in await rows_with(db, cancellation_part.c.cancellation_id, [row["id"] for row in rows]):
        parts[row["cancellation_id"]].append(_read_part(row))
    return {
        row["id"]: msgspec.convert(
            {
                "id": row["id"],
                "order_id": row["order_id"],
                "late": row["late"],
                "reason": row["reason"],
                "parts": sorted(parts[row["id"]], key=lambda part: part.fulfillment_order_id),
            },
            Cancellation,
            from_attributes=True,
        )
        for row in rows
    }


def _read_part(row: Mapping[str, Any] | Row) -> CancellationPart:
    return msgspec.convert({name: row[name] for name in CancellationPart.__struct_fields__}, CancellationPart)


# One statement and no join: lines and packages come as arrays of their own rows.
_WHOLE = """
    SELECT f.*,
        ARRAY(SELECT l FROM fulfillment.fulfillment_line l WHERE l.fulfillment_order_id = f.id ORDER BY l.position)
            AS lines,
        ARRAY(SELECT p FROM fulfillment.package p WHERE p.fulfillment_order_id = f.id ORDER BY p.parcel_id) AS packages
    FROM fulfillment.fulfillment_order f WHERE """
_BY_ID = text(_WHOLE + f"f.id = ANY({opaque_array('keys')})")
_BY_ORDER = text(_WHOLE + f"f.order_id = ANY({opaque_array('keys')})")
_OPEN_AT = text(_WHOLE + "f.location_id = ANY(:keys) AND f.status <> ALL(:over) ORDER BY f.created_at, f.id")


async def _read_all(
    db: Connection, wanted: TextClause, keys: Sequence[UUID], **given: Sequence[str]
) -> dict[UUID, FulfillmentOrder]:
    if not keys:
        return {}
    return {row.id: _read_whole(row) for row in await db.execute(wanted, {"keys": keys, **given})}


def _read_whole(row: Row) -> FulfillmentOrder:
    return FulfillmentOrder(
        **{
            **{name: row[name] for name in _ORDER_FIELDS},
            "method": Method(row["method"]),
            "status": FulfillmentStatus(row["status"]),
            "ship_to": msgspec.convert(row["ship_to"], Address | None),
            "lines": tuple(FulfillmentLine(**{name: one[name] for name in _LINE_FIELDS}) for one in row["lines"]),
            "packages": tuple(
                msgspec.convert({name: one[name] for name in Package.__struct_fields__}, Package)
                for one in row["packages"]
            ),
        }
    )


_LINE_FIELDS = FulfillmentLine.__struct_fields__
_ORDER_FIELDS = tuple(name for name in FulfillmentOrder.__struct_fields__ if name not in {"lines", "packages"})


_STANDING = """
    SELECT line_id,
           sum(CASE WHEN status = 'offered' THEN live - picked ELSE 0 END) AS allocated,
           sum(CASE WHEN status <> 'offered' THEN live - picked ELSE 0 END) AS released,
           sum(picked - packed) AS picked,
           sum(packed - handed_over) AS packed,
           sum(handed_over - delivered - taken_back) AS shipped,
           sum(delivered) AS delivered
    FROM (
        SELECT f.status, l.line_id,
               min((l.quantity - l.short - l.cancelled) / l.per_unit) AS live,
               min(l.picked / l.per_unit) AS picked,
               min(l.packed / l.per_unit) AS packed,
               min(l.handed_over / l.per_unit) AS handed_over,
               min(l.delivered / l.per_unit) AS delivered,
               min(l.taken_back / l.per_unit) AS taken_back
        FROM fulfillment.fulfillment_order f
        JOIN fulfillment.fulfillment_line l ON l.fulfillment_order_id = f.id
        GROUP BY f.id, f.status, l.line_id
    ) AS served GROUP BY line_id
"""

_PACKED = """
    SELECT p.fulfillment_order_id, (part ->> 'line_id')::uuid AS line_id, (part ->> 'sku_id')::uuid AS sku_id,
           sum((part ->> 'quantity')::int) AS packed,
           coalesce(sum((part ->> 'quantity')::int) FILTER (WHERE p.handed_over_at IS NOT NULL), 0) AS handed_over,
           coalesce(sum((part ->> 'quantity')::int) FILTER (WHERE p.delivered_at IS NOT NULL), 0) AS delivered,
           coalesce(sum((part ->> 'quantity')::int) FILTER (WHERE p.taken_back_at IS NOT NULL
                                                              OR p.written_off_at IS NOT NULL), 0) AS taken_back
    FROM fulfillment.package p CROSS JOIN LATERAL jsonb_array_elements(p.contents) AS part
    WHERE p.unpacked_at IS NULL GROUP BY 1, 2, 3
"""

FULFILLMENT_LAWS = (
    Law(
        "the units of every order line that locations have are those of its fulfillment orders",
        f"""
        SELECT coalesce(l.id, s.line_id) AS line_id,
               l.allocated, l.released, l.picked, l.packed, l.shipped,
               s.allocated AS told_allocated, s.released AS told_released, s.picked AS told_picked,
               s.packed AS told_packed, s.shipped AS told_shipped, l.delivered, s.delivered AS told_delivered
        FROM ordering.line l FULL JOIN ({_STANDING}) AS s ON s.line_id = l.id
        WHERE l.id IS NULL
           OR (l.allocated, l.released, l.picked, l.packed, l.shipped) IS DISTINCT FROM
              (coalesce(s.allocated, 0), coalesce(s.released, 0), coalesce(s.picked, 0), coalesce(s.packed, 0),
               coalesce(s.shipped, 0))
           OR (l.is_shipped AND l.first_bucket <> 'delivered' AND l.delivered <> coalesce(s.delivered, 0))
        """,
    ),
    Law(
        "what was packed, handed over, delivered and taken back of every line is what its packages hold",
        f"""
        SELECT l.fulfillment_order_id, l.line_id, l.sku_id, l.packed, p.packed AS told_packed, l.handed_over,
               p.handed_over AS told_handed_over, l.delivered, p.delivered AS told_delivered
        FROM fulfillment.fulfillment_line l
        LEFT JOIN ({_PACKED}) AS p USING (fulfillment_order_id, line_id, sku_id)
        WHERE (l.packed, l.handed_over, l.delivered, l.taken_back) IS DISTINCT FROM
              (coalesce(p.packed, 0), coalesce(p.handed_over, 0), coalesce(p.delivered, 0), coalesce(p.taken_back, 0))
        """,
    ),
    Law(
        "every package of a shipment is a parcel with the same contents",
        """
        SELECT packed.parcel_id, packed.line_id, packed.sku_id, packed.quantity, c.quantity AS told
        FROM (
            SELECT p.parcel_id, (part ->> 'line_id')::uuid AS line_id, (part ->> 'sku_id')::uuid AS sku_id,
                   sum((part ->> 'quantity')::int) AS quantity
            FROM fulfillment.package p
            JOIN fulfillment.fulfillment_order f ON f.id = p.fulfillment_order_id AND f.method = 'ship'
            CROSS JOIN LATERAL jsonb_array_elements(p.contents) AS part GROUP BY 1, 2, 3
        ) AS packed
        LEFT JOIN shipping.content c USING (parcel_id, line_id, sku_id)
        WHERE c.quantity IS DISTINCT FROM packed.quantity
        """,
    ),
    Law(
        "a location that is asked to cancel has a cancellation to answer, and one that is not has none",
        f"""
        SELECT f.id AS fulfillment_order_id, f.status, count(p.cancellation_id) AS open
        FROM fulfillment.fulfillment_order f
        LEFT JOIN fulfillment.cancellation_part p
          ON p.fulfillment_order_id = f.id AND p.status = '{CancellationStatus.REQUESTED}'
        GROUP BY f.id HAVING (f.status = '{FulfillmentStatus.CANCEL_REQUESTED}') <> (count(p.cancellation_id) > 0)
        """,
    ),
)
