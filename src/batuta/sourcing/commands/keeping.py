"""How long it is kept what a decision considered, what pools were worth, and which windows there were."""

from datetime import datetime, timedelta

from sqlalchemy import ARRAY, any_, bindparam, delete, select, text, tuple_

from batuta.plumbing.database import Connection, Instant, Integer, Uuid
from batuta.sourcing.tables import pool_run, slot, slot_hold

DECISIONS_KEPT = POOL_RUNS_KEPT = SLOTS_KEPT = timedelta(days=90)

_SHORTEN = text(
    """
    WITH due AS (
        SELECT order_id, line_id, attempt FROM sourcing.decision
        WHERE at <= :until AND is_whole ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE sourcing.decision d
    SET is_whole = false,
        record = jsonb_set(d.record, '{considered}', jsonb_path_query_array(
            d.record -> 'considered',
            '$[*] ? (@.verdict == "chosen" || @.location_id == $second || @.location_id == $whole)',
            jsonb_build_object('second', d.record -> 'runner_up_id', 'whole', d.record -> 'split' -> 'whole_id')
        ))
    FROM due WHERE (d.order_id, d.line_id, d.attempt) = (due.order_id, due.line_id, due.attempt)
    RETURNING d.order_id
    """
).bindparams(bindparam("until", type_=Instant), bindparam("limit", type_=Integer()))

_until, _limit = bindparam("until", type_=Instant), bindparam("limit", type_=Integer())
_run = (pool_run.c.planned_at, pool_run.c.id)
_FORGET_RUNS = (
    delete(pool_run)
    .where(tuple_(*_run).in_(select(*_run).where(pool_run.c.planned_at <= _until).order_by(*_run).limit(_limit)))
    .returning(pool_run.c.id)
)
_OLD_SLOTS = (
    select(slot.c.id)
    .where(slot.c.from_at <= _until, slot.c.until_at <= _until)
    .order_by(slot.c.from_at, slot.c.id)
    .limit(_limit)
    .with_for_update(skip_locked=True)
)
_ids = any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1)))
_FORGET_HOLDS = delete(slot_hold).where(slot_hold.c.slot_id == _ids)
_FORGET_SLOTS = delete(slot).where(slot.c.id == _ids)


async def shorten_decisions(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: of decisions of 90 days ago, forget all locations but the chosen and the next (SRC-12).

    Returns how many. What was decided stays: attempts are counted by it, and planned units stand on it.
    """
    until = now - DECISIONS_KEPT
    return len((await db.execute(_SHORTEN, {"until": until, "limit": limit})).all())


async def forget_pool_runs(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: forget what pools of 90 days ago were worth."""
    return len((await db.execute(_FORGET_RUNS, {"until": now - POOL_RUNS_KEPT, "limit": limit})).all())


async def forget_slots(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: forget windows that ended 90 days ago, with who had them; orders keep what they were promised."""
    ids = {"ids": list(await db.scalars(_OLD_SLOTS, {"until": now - SLOTS_KEPT, "limit": limit}))}
    await db.execute(_FORGET_HOLDS, ids)
    await db.execute(_FORGET_SLOTS, ids)
    return len(ids["ids"])
