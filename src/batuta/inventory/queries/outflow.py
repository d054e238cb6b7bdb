"""How many units left where, and when."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from batuta.inventory.domain import AccountKind, MovementReason
from batuta.inventory.tables import movement
from batuta.plumbing.database import Connection, Instant, Integer

DEMAND = (MovementReason.PACK, MovementReason.SHIP, MovementReason.SALE_POS, MovementReason.PICK)
"""Why units leave that somebody wanted."""

_now = bindparam("now", type_=Instant)
_days_ago = func.floor(func.extract("epoch", _now - movement.c.effective_at) / 86_400).cast(Integer())
_OUTFLOW = (
    select(
        movement.c.sku_id,
        movement.c.source_location_id,
        _days_ago.label("days_ago"),
        func.sum(movement.c.quantity).label("units"),
    )
    .where(
        movement.c.sku_id == any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))),
        movement.c.source_kind == AccountKind.LOCATION.value,
        movement.c.target_kind.in_([AccountKind.PARCEL.value, AccountKind.CUSTOMER.value]),
        movement.c.reason.in_([one.value for one in DEMAND]),
        movement.c.effective_at > bindparam("since_at", type_=Instant),
        movement.c.effective_at <= _now,
    )
    .group_by(movement.c.sku_id, movement.c.source_location_id, _days_ago)
)


async def outflow_of(
    db: Connection, *, sku_ids: Collection[UUID], since_at: datetime, now: datetime
) -> dict[tuple[UUID, UUID], dict[int, int]]:
    """Units that were wanted and left, by SKU and location, then by how many whole days ago."""
    found: dict[tuple[UUID, UUID], dict[int, int]] = {}
    for row in await db.execute(_OUTFLOW, {"sku_ids": list(sku_ids), "since_at": since_at, "now": now}):
        found.setdefault((row.sku_id, row.source_location_id), {})[row.days_ago] = row.units
    return found
