"""What channels may sell ahead, kept in memory until a limit changes: placing orders asks nothing more for it."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from batuta.inventory.domain.waiting import BackorderLimit, LimitUse
from batuta.inventory.tables import backorder_limit
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import KnownWhole

Limits = Mapping[tuple[UUID, UUID], BackorderLimit]
"""By SKU and channel, the limits under which something may be sold ahead."""

NOTHING: Limits = {}

LIMITS = "inventory.limits"
"""Whoever changes a limit marks this subject."""

_LIMITS = select(
    backorder_limit.c.sku_id,
    backorder_limit.c.channel_id,
    backorder_limit.c.units,
    backorder_limit.c.until_at,
    backorder_limit.c.launch_at,
).where((backorder_limit.c.units > 0) | backorder_limit.c.launch_at.is_not(None))


async def limits(db: Connection) -> Limits:
    """The limits, from memory."""
    return await _known.of(db)


async def _stored(db: Connection) -> Limits:
    return {(one.sku_id, one.channel_id): BackorderLimit(**one) for one in await db.execute(_LIMITS)}


_known = KnownWhole(LIMITS, _stored)


async def limit_uses(db: Connection, sku_ids: Collection[UUID]) -> list[LimitUse]:
    """The limits of SKUs, also those that allow nothing, and how much of each is used."""
    rows = await rows_with(db, backorder_limit.c.sku_id, sku_ids)
    names = LimitUse.__struct_fields__
    found = [LimitUse(**{name: row[name] for name in names}) for row in rows]
    return sorted(found, key=lambda one: (one.sku_id, one.channel_id))
