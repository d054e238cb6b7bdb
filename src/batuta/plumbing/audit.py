"""The audit: laws as SELECTs that must find nothing.

A law is one query over the tables of the room that states it (and rooms below) that returns the rows which break it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import Connection

ROWS_SHOWN = 20


class Law(msgspec.Struct, frozen=True):
    """name: a sentence that is true of a sound database. broken: the SELECT of the rows for which it is not."""

    name: str
    broken: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit found about one law: how many rows break it, and the first of them."""

    law: str
    broken: int
    rows: list[dict[str, Any]]


PLUMBING = (
    Law(
        "every reaction stands at a fact of the log, or at its beginning",
        """
        SELECT r.name, r.epoch, r.xid, r.id FROM plumbing.reaction r
        WHERE r.id <> 0 AND NOT EXISTS (
            SELECT FROM plumbing.event e WHERE (e.epoch, e.xid, e.id) = (r.epoch, r.xid, r.id))
        """,
    ),
    Law(
        "no stream is parked",
        "SELECT reaction, stream, error, parked_at FROM plumbing.parked WHERE error IS NOT NULL",
    ),
    Law(
        "every parked fact lies behind the position of its reaction",
        """
        SELECT p.reaction, p.stream, p.epoch, p.xid, p.id FROM plumbing.parked p
        LEFT JOIN plumbing.reaction r ON r.name = p.reaction
        WHERE r.name IS NULL OR (p.epoch, p.xid, p.id) > (r.epoch, r.xid, r.id)
        """,
    ),
    Law(
        "no job is held",
        "SELECT id, entrypoint, attempts FROM jobs.pgqueuer WHERE status = 'failed'",
    ),
    Law(
        "no sweep fails",
        "SELECT name, failures, error, since_at FROM plumbing.failed_sweep",
    ),
)


async def examine(db: Connection, laws: Sequence[Law]) -> list[Verdict]:
    """Check every law in one snapshot; the caller's transaction should be REPEATABLE READ."""
    verdicts = []
    for law in laws:
        found = await db.execute(
            text(f"SELECT count(*) OVER () AS broken_in_all, broken.* FROM ({law.broken}) AS broken LIMIT {ROWS_SHOWN}")
        )
        rows = [dict(row) for row in found]
        broken = rows[0]["broken_in_all"] if rows else 0
        for row in rows:
            del row["broken_in_all"]
        verdicts.append(Verdict(law=law.name, broken=broken, rows=rows))
    return verdicts
