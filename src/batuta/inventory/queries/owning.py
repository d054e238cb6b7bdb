"""What is on hand in which condition, owned goods apart from consigned ones (INV-02)."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from batuta.inventory.domain import Condition
from batuta.inventory.tables.stock import stock
from batuta.plumbing.database import Connection


class OnHand(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU at a location, in every condition. consigned: of them, those that are not the company's own.

    conditions: how many in each; those with none are left out.
    """

    sku_id: UUID
    location_id: UUID
    on_hand: int
    owned: int
    consigned: int
    conditions: dict[Condition, int]


_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_EVERYWHERE = (
    select(stock.c.sku_id, stock.c.location_id, stock.c.condition, func.sum(stock.c.on_hand).label("units"))
    .where(stock.c.sku_id == any_(_ids), stock.c.on_hand > 0)
    .group_by(stock.c.sku_id, stock.c.location_id, stock.c.condition)
    .order_by(stock.c.sku_id, stock.c.location_id, stock.c.condition)
)
_AT = _EVERYWHERE.where(stock.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))))


async def on_hand_of(
    db: Connection, *, sku_ids: Collection[UUID], location_ids: Collection[UUID] | None = None
) -> list[OnHand]:
    """What is on hand of SKUs, by SKU and location. location_ids: of these alone; None is everywhere."""
    given = {"sku_ids": list(sku_ids)}
    if location_ids is None:
        rows = await db.execute(_EVERYWHERE, given)
    else:
        rows = await db.execute(_AT, {**given, "location_ids": list(location_ids)})
    places: dict[tuple[UUID, UUID], dict[Condition, int]] = {}
    for row in rows:
        places.setdefault((row.sku_id, row.location_id), {})[Condition(row.condition)] = int(row.units)
    return [_on_hand(sku_id, location_id, units) for (sku_id, location_id), units in places.items()]


def _on_hand(sku_id: UUID, location_id: UUID, units: dict[Condition, int]) -> OnHand:
    consigned = units.get(Condition.CONSIGNED_NOT_OWNED, 0)
    return OnHand(
        sku_id=sku_id,
        location_id=location_id,
        on_hand=sum(units.values()),
        owned=sum(units.values()) - consigned,
        consigned=consigned,
        conditions=units,
    )
