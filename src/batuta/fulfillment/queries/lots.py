"""Where the units of a lot went: to which orders, and to whom (INV-14)."""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text

from batuta.plumbing.database import Connection, Instant

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class LotOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that got units of a lot, and whom to tell. units: net of what never left or came home undelivered."""

    order_id: UUID
    order_number: str
    placed_at: datetime
    customer_id: UUID | None
    name: str
    email: str | None
    phone: str | None
    units: int


class LotReach(msgspec.Struct, frozen=True, kw_only=True):
    """How far a lot has gone. units: in parcels of orders or with their customers; unordered: sold over the counter."""

    orders: int
    customers: int
    units: int
    unordered: int


# Parcels that took units of the lot in, less what left them for a shelf again.
_PARCELS = """
    SELECT parcel_id, sum(units) AS units FROM (
        SELECT target_parcel_id AS parcel_id, quantity AS units FROM inventory.movement
        WHERE sku_id = :sku_id AND lot = :lot AND lot <> '' AND target_kind = 'parcel'
        UNION ALL
        SELECT source_parcel_id, -quantity FROM inventory.movement
        WHERE sku_id = :sku_id AND lot = :lot AND lot <> '' AND source_kind = 'parcel' AND target_kind <> 'customer'
    ) AS moved GROUP BY parcel_id HAVING sum(units) > 0
"""
_ORDERS = f"""
    SELECT f.order_id, sum(p.units) AS units
    FROM ({_PARCELS}) AS p
    JOIN fulfillment.package k ON k.parcel_id = p.parcel_id
    JOIN fulfillment.fulfillment_order f ON f.id = k.fulfillment_order_id
    WHERE CAST(:location_ids AS uuid[]) IS NULL OR f.location_id = ANY(:location_ids)
    GROUP BY f.order_id
"""
_PAGE = text(f"""
    SELECT o.id AS order_id, o.number AS order_number, o.placed_at, o.customer_id,
           coalesce(c.name, o.ship_to ->> 'name', '') AS name, coalesce(o.email, c.email) AS email,
           coalesce(o.phone, c.phone) AS phone, reached.units
    FROM ({_ORDERS}) AS reached
    JOIN ordering."order" o ON o.id = reached.order_id
    LEFT JOIN customers.customer c ON c.id = o.customer_id
    WHERE (CAST(:channel_ids AS uuid[]) IS NULL OR o.channel_id = ANY(:channel_ids))
      AND (o.placed_at, o.id) > (:behind_at, CAST(:behind_id AS uuid))
    ORDER BY o.placed_at, o.id LIMIT :limit
""").bindparams(bindparam("behind_at", type_=Instant))
_REACH = text(f"""
    SELECT count(*) AS orders, count(DISTINCT coalesce(o.customer_id::text, lower(o.email), o.id::text)) AS customers,
           coalesce(sum(reached.units), 0) AS units
    FROM ({_ORDERS}) AS reached JOIN ordering."order" o ON o.id = reached.order_id
""")
_UNORDERED = text("""
    SELECT coalesce(sum(quantity), 0) FROM inventory.movement
    WHERE sku_id = :sku_id AND lot = :lot AND lot <> '' AND source_kind = 'location' AND target_kind = 'customer'
""")


async def orders_of_lot(
    db: Connection,
    *,
    sku_id: UUID,
    lot: str,
    channel_ids: Collection[UUID] | None = None,
    location_ids: Collection[UUID] | None = None,
    behind: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[LotOrder]:
    """A page of the orders that got units of a lot, oldest first.

    channel_ids, location_ids: of these, and sent from these, alone; None is all.
    """
    behind_at, behind_id = behind or (EARLIEST, UUID(int=0))
    rows = await db.execute(
        _PAGE,
        {
            "sku_id": sku_id,
            "lot": lot,
            "channel_ids": None if channel_ids is None else sorted(channel_ids),
            "location_ids": None if location_ids is None else sorted(location_ids),
            "behind_at": behind_at,
            "behind_id": behind_id,
            "limit": limit,
        },
    )
    return [
        LotOrder(**{name: row[name] for name in LotOrder.__struct_fields__ if name != "units"}, units=int(row.units))
        for row in rows
    ]


async def reach_of_lot(db: Connection, *, sku_id: UUID, lot: str) -> LotReach:
    """How many orders and customers got units of a lot, and how many units."""
    given = {"sku_id": sku_id, "lot": lot}
    row = (await db.execute(_REACH, {**given, "location_ids": None})).one()
    unordered = int(await db.scalar(_UNORDERED, given) or 0)
    return LotReach(orders=row.orders, customers=row.customers, units=int(row.units), unordered=unordered)
