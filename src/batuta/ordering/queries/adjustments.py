"""Named amounts on top of orders, or off them."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from batuta.ordering.domain.weighing import ADJUSTMENT
from batuta.ordering.tables import adjustment
from batuta.plumbing.database import Connection, rows_with


async def adjusted_minor(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """The amounts that were booked under these ids."""
    return {row["id"]: row["amount_minor"] for row in await rows_with(db, adjustment.c.id, ids)}


async def weighed_lines(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """By how much more, or less, the units of lines that were sent cost for what they weigh; 0 for all others."""
    found: dict[UUID, int] = defaultdict(int)
    for row in await rows_with(db, adjustment.c.order_id, order_ids):
        if row["name"] == ADJUSTMENT:
            found[row["line_id"]] += row["amount_minor"]
    return found
