"""Reads of fulfillment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

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
from batuta.plumbing.audit import Law
from batuta.plumbing.database import arrays, params, rows_with


async def fulfillment_orders_by_id(db: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, FulfillmentOrder]:
    """Whole fulfillment orders; unknown ids are left out."""
    return await _assembled(db, await rows_with(db, fulfillment_order.c.id, set(ids)))


async def fulfillment_orders_of(db: AsyncConnection, order_ids: Collection[UUID]) -> dict[UUID, list[FulfillmentOrder]]:
    """The fulfillment orders of each order, oldest first."""
    found: dict[UUID, list[FulfillmentOrder]] = {order_id: [] for order_id in order_ids}
    whole = await _assembled(db, await rows_with(db, fulfillment_order.c.order_id, set(order_ids)))
    for one in sorted(whole.values(), key=lambda one: one.id):
        found[one.order_id].append(one)
    return found


async def fulfillment_orders_by_parcel(db: AsyncConnection, parcel_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Which fulfillment order each parcel was packed for; parcels of others are left out."""
    rows = await rows_with(db, package.c.parcel_id, set(parcel_ids))
    return {row["parcel_id"]: row["fulfillment_order_id"] for row in rows}


async def work_at(db: AsyncConnection, location_ids: Collection[UUID]) -> dict[UUID, list[FulfillmentOrder]]:
    """What each location still has to do, oldest first (FUL-10)."""
    found: dict[UUID, list[FulfillmentOrder]] = {location_id: [] for location_id in location_ids}
    rows = await db.execute(
        select(fulfillment_order)
        .where(fulfillment_order.c.location_id.in_(location_ids), fulfillment_order.c.status.not_in(sorted(OVER)))
        .order_by(fulfillment_order.c.created_at, fulfillment_order.c.id)
    )
    for one in (await _assembled(db, [dict(row) for row in rows.mappings()])).values():
        found[one.location_id].append(one)
    return found


async def picked_at(db: AsyncConnection, places: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
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


async def cancellations_by_id(db: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Cancellation]:
    """Cancellations with their parts; unknown ids are left out."""
    return await _cancellations(db, await rows_with(db, cancellation.c.id, set(ids)))


async def cancellations_of(db: AsyncConnection, order_ids: Collection[UUID]) -> dict[UUID, list[Cancellation]]:
    """The cancellations asked for each order, oldest first."""
    found: dict[UUID, list[Cancellation]] = {order_id: [] for order_id in order_ids}
    rows = await rows_with(db, cancellation.c.order_id, set(order_ids))
    whole = await _cancellations(db, sorted(rows, key=lambda row: (row["requested_at"], row["id"])))
    for one in whole.values():
        found[one.order_id].append(one)
    return found


async def open_parts(db: AsyncConnection, fulfillment_ids: Collection[UUID]) -> dict[UUID, list[CancellationPart]]:
    """What each fulfillment order has been asked to cancel and has not answered."""
    found: dict[UUID, list[CancellationPart]] = defaultdict(list)
    rows = await db.execute(
        select(cancellation_part).where(
            cancellation_part.c.fulfillment_order_id.in_(fulfillment_ids),
            cancellation_part.c.status == CancellationStatus.REQUESTED.value,
        )
    )
    for row in rows.mappings():
        found[row["fulfillment_order_id"]].append(_read_part(row))
    return found


async def _cancellations(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Cancellation]:
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


def _read_part(row: Mapping[Any, Any]) -> CancellationPart:
    return msgspec.convert({name: row[name] for name in CancellationPart.__struct_fields__}, CancellationPart)


async def _assembled(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, FulfillmentOrder]:
    ids = [row["id"] for row in rows]
    lines = _grouped(await rows_with(db, fulfillment_line.c.fulfillment_order_id, ids), "position")
    packages = _grouped(await rows_with(db, package.c.fulfillment_order_id, ids), "parcel_id")
    return {
        row["id"]: FulfillmentOrder(
            **{
                **{name: row[name] for name in _ORDER_FIELDS},
                "method": Method(row["method"]),
                "status": FulfillmentStatus(row["status"]),
                "ship_to": msgspec.convert(row["ship_to"], Address | None),
                "lines": tuple(
                    FulfillmentLine(**{name: line[name] for name in FulfillmentLine.__struct_fields__})
                    for line in lines[row["id"]]
                ),
                "packages": tuple(
                    msgspec.convert({name: one[name] for name in Package.__struct_fields__}, Package)
                    for one in packages[row["id"]]
                ),
            }
        )
        for row in rows
    }


_ORDER_FIELDS = tuple(name for name in FulfillmentOrder.__struct_fields__ if name not in {"lines", "packages"})


def _grouped(rows: Iterable[dict[str, Any]], order: str) -> dict[UUID, list[dict[str, Any]]]:
    groups: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row[order]):
        groups[row["fulfillment_order_id"]].append(row)
    return groups


_SERVED = """
    SELECT line_id,
           min(CASE WHEN status = 'offered' THEN waiting ELSE 0 END) AS allocated,
           min(CASE WHEN status <> 'offered' THEN waiting ELSE 0 END) AS released,
           min(picked) AS picked, min(packed) AS packed, min(shipped) AS shipped, min(delivered) AS delivered
    FROM (
        SELECT f.id, f.status, l.line_id,
               min((l.quantity - l.short - l.cancelled) / l.per_unit) - min(l.picked / l.per_unit) AS waiting,
               min(l.picked / l.per_unit) - min(l.packed / l.per_unit) AS picked,
               min(l.packed / l.per_unit) - min(l.handed_over / l.per_unit) AS packed,
               min(l.handed_over / l.per_unit) - min(l.delivered / l.per_unit) - min(l.taken_back / l.per_unit)
               AS shipped,
               min(l.delivered / l.per_unit) AS delivered
        FROM fulfillment.fulfillment_order f
        JOIN fulfillment.fulfillment_line l ON l.fulfillment_order_id = f.id
        GROUP BY f.id, l.line_id
    ) AS each GROUP BY line_id
"""

AUDIT: tuple[Law, ...] = ()
