"""What earlier plans and rejections of orders have left."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, case, func, literal_column, null, or_, select, union_all

from batuta.locations.tables import location
from batuta.plumbing.database import Connection, Instant
from batuta.sourcing.tables import assignment, decision, rejection


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment, and how many of its units were not given back."""

    order_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    attempt: int
    planned: int
    quantity: int
    service_id: UUID | None
    price_minor: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """standing: by order. barred: (order or None for all, SKU, location). attempts: the last of each order."""

    standing: Mapping[UUID, Sequence[Standing]]
    barred: frozenset[tuple[UUID | None, UUID, UUID]]
    attempts: Mapping[UUID, int]
    sites_active: int


_order_ids = bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1))
_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_now = bindparam("now", type_=Instant)

_counts = {"attempt", "planned", "quantity", "price_minor"}


def _part(kind: str, **known: Any) -> Select[Any]:
    """Rows of one kind in the shape of `Standing`; what a kind does not know is null, or 0."""
    columns = [
        known.get(field, literal_column("0") if field in _counts else null()) for field in Standing.__struct_fields__
    ]
    return select(literal_column(f"'{kind}'"), *columns)


_standing = _part("standing", **{field: assignment.c[field] for field in Standing.__struct_fields__}).where(
    assignment.c.order_id == any_(_order_ids)
)

_barred = _part(
    "barred",
    order_id=case((rejection.c.is_for_all, null()), else_=rejection.c.order_id),
    sku_id=rejection.c.sku_id,
    location_id=rejection.c.location_id,
).where(
    or_(
        rejection.c.order_id == any_(_order_ids),
        rejection.c.is_for_all & (rejection.c.sku_id == any_(_sku_ids)),
    ),
    or_(rejection.c.until_at.is_(None), rejection.c.until_at > _now),
)

_attempts = (
    _part("attempt", order_id=decision.c.order_id, attempt=func.max(decision.c.attempt))
    .where(decision.c.order_id == any_(_order_ids))
    .group_by(decision.c.order_id)
)

_sites = _part("sites", quantity=func.count()).select_from(location).where(location.c.is_active)

_history = union_all(_standing, _barred, _attempts, _sites)


async def history_of(
    db: Connection, order_ids: Collection[UUID], *, sku_ids: Collection[UUID], now: datetime
) -> History:
    """All that sourcing remembers of the orders, and of the SKUs where a rejection counts for every order."""
    standing: dict[UUID, list[Standing]] = defaultdict(list)
    barred, attempts, sites_active = set(), {}, 0
    rows = await db.execute(_history, {"order_ids": list(order_ids), "sku_ids": list(sku_ids), "now": now})
    for kind, *values in rows:
        row = Standing(**dict(zip(Standing.__struct_fields__, values, strict=True)))
        if kind == "standing":
            standing[row.order_id].append(row)
        elif kind == "barred":
            barred.add((row.order_id, row.sku_id, row.location_id))
        elif kind == "attempt":
            attempts[row.order_id] = row.attempt
        else:
            sites_active = row.quantity
    return History(standing=standing, barred=frozenset(barred), attempts=attempts, sites_active=sites_active)
