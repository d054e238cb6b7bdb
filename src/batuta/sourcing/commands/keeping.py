"""How long it is kept what a decision considered."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, text

from batuta.plumbing.database import Connection, Instant, Integer

DECISIONS_KEPT = timedelta(days=90)

_SHORTEN = text(
    """
    WITH due AS (
        SELECT order_id, line_id, attempt FROM sourcing.decision
        WHERE at <= :until AND is_whole ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE sourcing.decision d
    SET is_whole = false,
        record = jsonb_set(d.record, '{considered}', jsonb_path_query_array(
            d.record -> 'considered', '$[*] ? (@.verdict == "chosen" || @.location_id == $second)',
            jsonb_build_object('second', d.record -> 'runner_up_id')
        ))
    FROM due WHERE (d.order_id, d.line_id, d.attempt) = (due.order_id, due.line_id, due.attempt)
    RETURNING d.order_id
    """
).bindparams(bindparam("until", type_=Instant), bindparam("limit", type_=Integer()))


async def shorten_decisions(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: of decisions of 90 days ago, forget all locations but the chosen and the next (SRC-12).

    Returns how many. What was decided stays: attempts are counted by it, and planned units stand on it.
    """
    until = now - DECISIONS_KEPT
    return len((await db.execute(_SHORTEN, {"until": until, "limit": limit})).all())
