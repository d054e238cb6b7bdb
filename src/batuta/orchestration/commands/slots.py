"""Places in slots of orders that come to nothing."""

from collections.abc import Sequence
from datetime import datetime

from batuta.ordering.events import OrderCancelled, OrderExpired
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import release_slots


async def free_slots(db: Connection, events: Sequence[OrderCancelled | OrderExpired], now: datetime) -> None:  # noqa: ARG001 - a step
    """Nobody comes: the places in slots are for others (PRM-06)."""
    await release_slots(db, holder_ids={one.stream for one in events})
