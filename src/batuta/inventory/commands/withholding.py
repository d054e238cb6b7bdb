"""Changing what is kept back from whom. Every change is told to readers by the one row that counts changes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, text
from sqlalchemy.dialects.postgresql import insert

from batuta.inventory.domain import (
    BadPool,
    BadRule,
    BufferRule,
    Pool,
    PoolRefusal,
    UnknownPool,
    UnknownRule,
    check_rule,
)
from batuta.inventory.domain.pools import DEPTH_MAX, POOLS_MAX
from batuta.inventory.domain.withholding import RULES_MAX
from batuta.inventory.queries import buffer_rules, pools, stocks_of_pools
from batuta.inventory.tables import buffer_rule, pool, pool_stock, silence
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, Instant, insert_rows, upsert_rows

_SERIALISE = text("SELECT pg_advisory_xact_lock(hashtextextended('inventory.withholding', 0))")


async def save_rules(
    db: Connection, *, rules: Sequence[BufferRule], actor: str, now: datetime
) -> list[BufferRule | BatutaError]:
    """Make or replace buffer rules and exclusions by their ids; codes and priorities are one rule's alone (INV-06)."""
    await db.execute(_SERIALISE)
    standing = {one.id: one for one in await buffer_rules(db)}
    outcomes = each(rules, lambda one: _accept(one, standing))
    good = [one for one in outcomes if isinstance(one, BufferRule)]
    for one in good:
        await db.execute(_SAVE_RULE, msgspec.structs.asdict(one) | {"actor": actor, "created_at": now})
    await note_change(db, now=now)
    return outcomes


def _accept(rule: BufferRule, standing: dict[UUID, BufferRule]) -> BufferRule:
    """Check a rule against those that stand, of which it then is one.

    Raises:
        BadRule: it says nothing or two things, or its code or priority is another's, or there are too many.
    """
    check_rule(rule)
    others = [one for one in standing.values() if one.id != rule.id]
    if any(one.code == rule.code for one in others):
        raise BadRule("another rule has this code", code=rule.code)
    if any(one.priority == rule.priority for one in others):
        raise BadRule("another rule has this priority, and one must win", code=rule.code, priority=rule.priority)
    if len(others) >= RULES_MAX:
        raise BadRule("there are too many rules", rules_max=RULES_MAX)
    standing[rule.id] = rule
    return rule


async def delete_rules(db: Connection, *, ids: Collection[UUID], now: datetime) -> list[UUID | UnknownRule]:
    """Do away with rules; what they kept back may be sold from now on."""
    gone = set(await db.scalars(_DELETE_RULES, {"ids": list(ids)}))
    await note_change(db, now=now)
    return [one if one in gone else UnknownRule("there is no such rule", id=str(one)) for one in ids]


async def save_pools(db: Connection, *, given: Sequence[Pool], actor: str, now: datetime) -> list[Pool | BatutaError]:
    """Make or replace ring-fenced pools by their ids; what is in them stays (INV-07)."""
    await db.execute(_SERIALISE)
    standing = {one.id: one for one in await pools(db)}
    outcomes = each(given, lambda one: _accept_pool(one, standing))
    good = [one for one in outcomes if isinstance(one, Pool)]
    rows = [msgspec.structs.asdict(one) | {"actor": actor, "created_at": now} for one in good]
    await upsert_rows(db, pool, rows, key=("id",), keep=("created_at",))
    await note_change(db, now=now)
    return outcomes


async def delete_pools(
    db: Connection, *, ids: Collection[UUID], now: datetime
) -> list[UUID | UnknownPool | PoolRefusal]:
    """Do away with pools that have no units and no pools in them."""
    await db.execute(_SERIALISE)
    standing = {one.id: one for one in await pools(db)}
    full = {one.pool_id for one in await stocks_of_pools(db, ids) if one.allocated}
    outcomes: list[UUID | UnknownPool | PoolRefusal] = []
    for id_ in ids:
        if id_ not in standing:
            outcomes.append(UnknownPool("there is no such pool", id=str(id_)))
        elif id_ in full or any(one.parent_id == id_ for one in standing.values()):
            outcomes.append(PoolRefusal("the pool has units or pools in it", id=str(id_)))
        else:
            del standing[id_]
            outcomes.append(id_)
    gone = {"ids": [one for one in outcomes if isinstance(one, UUID)]}
    await db.execute(_DELETE_STOCKS, gone)
    await db.execute(_DELETE_POOLS, gone)
    await note_change(db, now=now)
    return outcomes


def _accept_pool(one: Pool, standing: dict[UUID, Pool]) -> Pool:
    """Check a pool against those that stand.

    Raises:
        UnknownPool: its parent. BadPool: its code is another's, it is its own parent, or pools lie too deep.
    """
    if any(other.code == one.code and other.id != one.id for other in standing.values()):
        raise BadPool("another pool has this code", code=one.code)
    if one.id not in standing and len(standing) >= POOLS_MAX:
        raise BadPool("there are too many pools", pools_max=POOLS_MAX)
    above, depth = one.parent_id, 1
    while above is not None:
        parent = standing.get(above)
        if parent is None:
            raise UnknownPool("there is no such pool", id=str(above))
        depth += 1
        if above == one.id or depth > DEPTH_MAX:
            raise BadPool("a pool is not within itself, nor too deep in others", code=one.code, depth_max=DEPTH_MAX)
        above = parent.parent_id
    standing[one.id] = one
    return one


async def set_silences(db: Connection, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Say which share of its units each location keeps back for its feed's silence, in hundredths of a percent.

    None at all when it was heard; 10,000 when it is left out altogether (INV-11).
    """
    if not shares:
        return
    await db.execute(_DELETE_SILENCES, {"ids": list(shares)})
    rows = [{"location_id": at, "share_bp": share, "since_at": now} for at, share in sorted(shares.items()) if share]
    await insert_rows(db, silence, rows)
    await note_change(db, now=now)


async def note_change(db: Connection, *, now: datetime) -> None:
    """Tell readers that rules, pools or silences are no longer as they were."""
    await db.execute(_NOTE, {"now": now})


_new = insert(buffer_rule).values({column.name: bindparam(column.name) for column in buffer_rule.c})
_SAVE_RULE = _new.on_conflict_do_update(
    index_elements=["id"],
    set_={
        column.name: _new.excluded[column.name] for column in buffer_rule.c if column.name not in {"id", "created_at"}
    },
)
_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_DELETE_RULES = delete(buffer_rule).where(buffer_rule.c.id == any_(_ids)).returning(buffer_rule.c.id)
_DELETE_STOCKS = delete(pool_stock).where(pool_stock.c.pool_id == any_(_ids))
_DELETE_POOLS = delete(pool).where(pool.c.id == any_(_ids))
_DELETE_SILENCES = delete(silence).where(silence.c.location_id == any_(_ids))
_NOTE = text(
    "INSERT INTO inventory.withholding_change (id, changed_by, changed_at) VALUES (1, pg_current_xact_id(), :now)"
    " ON CONFLICT (id) DO UPDATE SET changed_by = excluded.changed_by, changed_at = excluded.changed_at"
).bindparams(bindparam("now", type_=Instant))
