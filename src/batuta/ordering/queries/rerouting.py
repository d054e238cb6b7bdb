"""What customers were asked whose store could not serve them, and what they chose (SRC-16)."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.ordering.domain.rerouting import Reroute
from batuta.ordering.tables import reroute
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with


async def reroutes_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Reroute]:
    """Questions; unknown ids are left out."""
    return {row["id"]: msgspec.convert(row, Reroute) for row in await rows_with(db, reroute.c.id, ids)}


async def reroutes_of(db: Connection, order_id: UUID) -> list[Reroute]:
    """What the customer of an order was asked, the oldest first."""
    rows = await rows_with(db, reroute.c.order_id, [order_id])
    return sorted(msgspec.convert(rows, list[Reroute]), key=lambda one: (one.asked_at, one.id))


REROUTE_LAWS = (
    Law(
        "a line goes another way than its order only where its customer chose it",
        """
        SELECT l.id AS line_id, l.route FROM ordering.line l
        WHERE l.route IS NOT NULL AND NOT EXISTS (
            SELECT FROM ordering.reroute r
            WHERE r.order_id = l.order_id AND r.chosen_at IS NOT NULL
              AND jsonb_path_exists(
                r.chosen, '$.parts[*].line_ids[*] ? (@ == $id)', jsonb_build_object('id', l.id::text)))
        """,
    ),
)
