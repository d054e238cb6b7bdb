"""Named amounts on top of orders, or off them."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from batuta.ordering.tables import adjustment
from batuta.plumbing.database import Connection, rows_with


async def adjusted_minor(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """The amounts that were booked under these ids."""
    return {row["id"]: row["amount_minor"] for row in await rows_with(db, adjustment.c.id, ids)}


async def adjusted_lines(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """By how much more, or less, the goods of lines cost than their orders say; lines that cost that are left out."""
    found: dict[UUID, int] = defaultdict(int)
    for row in await rows_with(db, adjustment.c.order_id, order_ids):
        if row["line_id"] is not None:
            found[row["line_id"]] += row["amount_minor"]
    return found
