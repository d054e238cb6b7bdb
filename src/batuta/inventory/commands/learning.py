"""How late suppliers come, learned from their deliveries once a day (INV-21)."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text

from batuta.inventory.domain.lateness import Delivery, learn_lateness
from batuta.inventory.domain.supply import DAY, Lateness
from batuta.inventory.queries.supply import latenesses
from batuta.inventory.tables import lateness
from batuta.plumbing.database import Connection, upsert_rows

MEMORY = timedelta(days=730)
DELIVERIES_MAX = 20_000

LATENESS_DUE = """
    SELECT FROM inventory.supply_run r JOIN inventory.expected e ON e.id = r.expected_id
    WHERE e.supplier_code IS NOT NULL AND r.ran_at <= :now
        AND r.ran_at > greatest((SELECT max(learned_at) FROM inventory.lateness), :now - interval '2 days')
        AND coalesce((SELECT max(learned_at) FROM inventory.lateness) <= :now - interval '1 day', true)
"""
_DELIVERIES = text("""
    SELECT e.supplier_code, r.ran_at, e.first_due_at, r.came, e.quantity
    FROM inventory.supply_run r JOIN inventory.expected e ON e.id = r.expected_id
    WHERE e.supplier_code IS NOT NULL AND r.ran_at > :since AND r.ran_at <= :now AND r.came > 0
    ORDER BY r.ran_at DESC, r.id LIMIT :most
""")


async def learn_latenesses(
    db: Connection,
    *,
    now: datetime,
    limit: int,  # noqa: ARG001, what is new of a day
) -> int:
    """Sweep: once a day, learn how late suppliers come that have delivered something in the last two years.

    A receipt is as late as it comes after the day that was told first: who postpones is late too.
    """
    rows = await db.execute(_DELIVERIES, {"since": now - MEMORY, "now": now, "most": DELIVERIES_MAX})
    deliveries: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows:
        late_days = (row.ran_at - row.first_due_at) / DAY
        one = Delivery(came_at=row.ran_at, late_days=late_days, share=row.came / row.quantity)
        deliveries[row.supplier_code].append(one)
    told = {one.supplier_code: one for one in await latenesses(db)}
    learned = []
    for code, several in deliveries.items():
        before = Lateness(
            supplier_code=code,
            p50_days=told[code].p50_days if code in told else 0,
            p90_days=told[code].p90_days if code in told else 0,
        )
        found = learn_lateness(before, several, now=now)
        learned.append(
            {
                **msgspec.structs.asdict(before),
                "updated_at": now,
                "learned_p50_days": found.p50_days,
                "learned_p90_days": found.p90_days,
                "deliveries": len(several),
                "learned_at": now,
            }
        )
    kept = ("p50_days", "p90_days", "updated_at")
    await upsert_rows(db, lateness, learned, key=["supplier_code"], keep=kept)
    return len(learned)
