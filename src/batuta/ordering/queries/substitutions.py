"""What is sent instead of what orders say (INV-17)."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.ordering.domain.substituting import Substituted
from batuta.ordering.tables import substitution
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with


async def substitutions_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Substituted]:
    """What was sent instead of what was ordered."""
    rows = await rows_with(db, substitution.c.id, ids)
    return {row["id"]: msgspec.convert(row, Substituted) for row in rows}


async def substitutions_of(db: Connection, order_id: UUID) -> list[Substituted]:
    """What is sent instead of what an order's lines say, oldest first."""
    rows = await rows_with(db, substitution.c.order_id, [order_id])
    return sorted(msgspec.convert(rows, list[Substituted]), key=lambda one: (one.substituted_at, one.id))


SUBSTITUTION_LAWS = (
    Law(
        "what a line costs of which nothing is cancelled is its price and what substitutions put on or took off",
        """
        SELECT l.id AS line_id, l.gross_minor, l.repriced, coalesce(a.amount_minor, 0) AS told
        FROM ordering.line l
        LEFT JOIN (
            SELECT line_id, sum(amount_minor) AS amount_minor FROM ordering.adjustment
            WHERE name = 'substitution' GROUP BY line_id) AS a ON a.line_id = l.id
        WHERE l.cancelled = 0
          AND coalesce((l.repriced ->> 'amount_minor')::bigint, l.gross_minor)
              <> l.gross_minor + coalesce(a.amount_minor, 0)
        """,
    ),
    Law(
        "what is sent instead of what a line says is what the line takes from stock",
        """
        SELECT DISTINCT ON (s.line_id) s.line_id, s.sku_id, l.components
        FROM ordering.substitution s JOIN ordering.line l ON l.id = s.line_id
        WHERE NOT EXISTS (
            SELECT FROM ordering.substitution later
            WHERE later.line_id = s.line_id
              AND (later.substituted_at, later.id) > (s.substituted_at, s.id))
          AND (l.components -> 0 ->> 0)::uuid <> s.sku_id
        """,
    ),
)
