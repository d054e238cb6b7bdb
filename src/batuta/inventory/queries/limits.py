"""What channels may sell ahead, kept in memory until a limit changes: placing orders asks nothing more for it."""

from collections.abc import Collection, Mapping
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from batuta.inventory.domain.waiting import BackorderLimit, LimitUse
from batuta.inventory.tables import backorder_limit, limit_change
from batuta.plumbing.database import Connection, Engine, rows_with

Limits = Mapping[tuple[UUID, UUID], BackorderLimit]
"""By SKU and channel, the limits under which something may be sold ahead."""

NOTHING: Limits = {}

_kept: WeakKeyDictionary[Engine, tuple[int, Limits]] = WeakKeyDictionary()

_is_ours = func.pg_current_xact_id_if_assigned() == limit_change.c.changed_by
_changed = select(limit_change.c.changed_by, func.coalesce(_is_ours, False))
_LIMITS = select(
    backorder_limit.c.sku_id,
    backorder_limit.c.channel_id,
    backorder_limit.c.units,
    backorder_limit.c.until_at,
    backorder_limit.c.launch_at,
).where((backorder_limit.c.units > 0) | backorder_limit.c.launch_at.is_not(None))


def limits_seen(engine: Engine) -> Limits:
    """The limits as this process saw them last, perhaps long ago; without asking."""
    return _kept.get(engine, (0, NOTHING))[1]


async def limits(db: Connection) -> Limits:
    """The limits as they are. One small read tells whether those in memory still hold.

    A change that this very transaction made may yet be undone, so it is read but not kept.
    """
    row = (await db.execute(_changed)).one_or_none()
    if row is None:
        return NOTHING
    changed_by, is_ours = row
    kept = _kept.get(db.engine)
    if kept and kept[0] == changed_by:
        return kept[1]
    read = {(one.sku_id, one.channel_id): BackorderLimit(**one) for one in await db.execute(_LIMITS)}
    if not is_ours:
        _kept[db.engine] = (changed_by, read)
    return read


async def limit_uses(db: Connection, sku_ids: Collection[UUID]) -> list[LimitUse]:
    """The limits of SKUs, also those that allow nothing, and how much of each is used."""
    rows = await rows_with(db, backorder_limit.c.sku_id, sku_ids)
    names = LimitUse.__struct_fields__
    found = [LimitUse(**{name: row[name] for name in names}) for row in rows]
    return sorted(found, key=lambda one: (one.sku_id, one.channel_id))


LIMITS_CHANGED = select(limit_change.c.changed_by).scalar_subquery()
"""Which transaction changed a limit last: for `limits_as_of`, as a column of a statement that runs anyway."""


async def limits_as_of(db: Connection, changed_by: int | None) -> Limits:
    """The limits after this change; asks the database only if those in memory are older."""
    if changed_by is None:
        return NOTHING
    kept = _kept.get(db.engine)
    return kept[1] if kept and kept[0] == changed_by else await limits(db)
