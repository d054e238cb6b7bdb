"""Named amounts on top of orders, or off them."""

from collections.abc import Collection
from uuid import UUID

from batuta.ordering.tables import adjustment
from batuta.plumbing.database import Connection, rows_with


async def adjusted_minor(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """The amounts that were booked under these ids."""
    return {row["id"]: row["amount_minor"] for row in await rows_with(db, adjustment.c.id, ids)}
