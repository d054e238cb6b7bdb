"""Reads of what is kept back from whom; rules and pools are kept in memory until one of them changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ARRAY, Uuid, and_, any_, bindparam, case, cast, func, literal, select

from batuta.catalog.tables import product, sku
from batuta.inventory.domain import (
    BufferRule,
    Condition,
    Fence,
    Pool,
    Pools,
    PoolStock,
    ReserveRequest,
    RuleKind,
    Withholding,
)
from batuta.inventory.domain.pools import Place
from batuta.inventory.tables import buffer_rule, pool, pool_stock, silence, stock, withholding_change
from batuta.plumbing.database import Connection, Engine, Instant, Xid8, rows_with


class Withheld(msgspec.Struct, frozen=True):
    """All rules, silences and pools."""

    withholding: Withholding
    pools: Pools

    def is_empty(self) -> bool:
        return self.withholding.is_empty() and not self.pools


_NOTHING = Withheld(Withholding([], {}), Pools([]))
_kept: WeakKeyDictionary[Engine, tuple[int, Withheld]] = WeakKeyDictionary()
_OURS = 0

# A change that this very transaction made may yet be undone, so it is read but not kept.
_is_ours = func.coalesce(func.pg_current_xact_id_if_assigned() == withholding_change.c.changed_by, False)
changed_by = select(
    case((_is_ours, cast(literal(str(_OURS)), Xid8())), else_=withholding_change.c.changed_by)
).scalar_subquery()
"""Who last changed what is withheld, for a statement that reads stock anyway; nobody, when nothing ever was."""

_CHANGED = select(changed_by)
_RULES = select(buffer_rule).order_by(buffer_rule.c.priority.desc())
_POOLS = select(pool).order_by(pool.c.code)
_SILENCES = select(silence.c.location_id, silence.c.share_bp)


async def withheld(db: Connection) -> Withheld:
    """What is kept back from whom, as this transaction sees it."""
    return await withheld_since(db, await db.scalar(_CHANGED))


async def withheld_since(db: Connection, changed: int | None) -> Withheld:
    """What is kept back from whom. changed: as a statement just read `changed_by`."""
    if changed is None:
        return _NOTHING
    kept = _kept.get(db.engine)
    if kept and kept[0] == changed:
        return kept[1]
    silences = {row.location_id: row.share_bp for row in await db.execute(_SILENCES)}
    read = Withheld(Withholding(await buffer_rules(db), silences), Pools(await pools(db)))
    if changed != _OURS:
        _kept[db.engine] = (changed, read)
    return read


async def buffer_rules(db: Connection) -> list[BufferRule]:
    """Every rule, the strongest first."""
    return [rule_from(dict(row)) for row in await db.execute(_RULES)]


def rule_from(row: Mapping[str, Any]) -> BufferRule:
    """Read a row of the table of rules."""
    known = {name: row[name] for name in BufferRule.__struct_fields__}
    return BufferRule(**known | {"kind": RuleKind(row["kind"])})


async def pools(db: Connection) -> list[Pool]:
    """Every pool, by its code."""
    return msgspec.convert([dict(row) for row in await db.execute(_POOLS)], list[Pool])


async def pools_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Pool]:
    """The pools of these ids that exist."""
    found = msgspec.convert([dict(row) for row in await rows_with(db, pool.c.id, ids)], list[Pool])
    return {one.id: one for one in found}


async def pool_stocks_of(db: Connection, sku_ids: Collection[UUID]) -> list[PoolStock]:
    """Ring-fenced units of the SKUs, whosever they are."""
    return [PoolStock(**row) for row in await rows_with(db, pool_stock.c.sku_id, sku_ids)]


async def stocks_of_pools(db: Connection, pool_ids: Collection[UUID]) -> list[PoolStock]:
    """Ring-fenced units of the pools, in the order of their places."""
    found = [PoolStock(**row) for row in await rows_with(db, pool_stock.c.pool_id, pool_ids)]
    return sorted(found, key=lambda one: (one.pool_id, one.sku_id, one.location_id))


async def fence_of(
    db: Connection,
    known: Withheld,
    *,
    sku_ids: Collection[UUID],
    on_hand: Mapping[Place, int] | None = None,
    lots: Mapping[Place, Sequence[tuple[datetime, int]]] | None = None,
    now: datetime,
) -> Fence:
    """What a batch sees of it for some SKUs. on_hand, lots: of rows under lock; without, they are read."""
    categories: dict[UUID, str] = {}
    if known.withholding.needs_categories:
        categories = {row.id: row.category for row in await db.execute(_CATEGORIES, {"sku_ids": list(sku_ids)})}
    if on_hand is None and not known.withholding.is_empty():
        rows = await db.execute(_ON_HAND, {"sku_ids": list(sku_ids)})
        on_hand = {(row.sku_id, row.location_id): row.on_hand for row in rows}
    return Fence(
        known.withholding,
        known.pools,
        on_hand=on_hand or {},
        stocks=await pool_stocks_of(db, sku_ids) if known.pools else (),
        categories=categories,
        lots=lots,
        now=now,
    )


async def lots_of(
    db: Connection, sku_ids: Collection[UUID], *, now: datetime
) -> dict[Place, list[tuple[datetime, int]]]:
    """Free units of sellable lots that end, with the moment from which they cannot be sold."""
    found: dict[Place, list[tuple[datetime, int]]] = {}
    for row in await db.execute(_LOTS, {"sku_ids": list(sku_ids), "now": now}):
        found.setdefault((row.sku_id, row.location_id), []).append((row.expires_at, row.units))
    return found


def need_a_fence(known: Withheld, requests: Iterable[ReserveRequest]) -> bool:
    """Whether anything is kept back at all, from anybody who asks."""
    return not known.is_empty() or any(one.good_until_at is not None for one in requests)


_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_sellable = and_(stock.c.sku_id == any_(_sku_ids), stock.c.condition == Condition.SELLABLE.value)
_CATEGORIES = (
    select(sku.c.id, product.c.category)
    .join_from(sku, product, product.c.id == sku.c.product_id)
    .where(sku.c.id == any_(_sku_ids))
)
_ON_HAND = (
    select(stock.c.sku_id, stock.c.location_id, func.sum(stock.c.on_hand).label("on_hand"))
    .where(_sellable)
    .group_by(stock.c.sku_id, stock.c.location_id)
)
_LOTS = select(
    stock.c.sku_id,
    stock.c.location_id,
    stock.c.expires_at,
    func.greatest(0, stock.c.on_hand - stock.c.reserved).label("units"),
).where(_sellable, stock.c.expires_at > bindparam("now", type_=Instant))
