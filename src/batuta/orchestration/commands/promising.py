"""Promises of orders whose goods come at another time than was known."""

from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.events import PromiseMoved
from batuta.ordering.commands import move_promises
from batuta.ordering.domain import MovePromise
from batuta.plumbing.database import Connection


async def promise_anew(db: Connection, events: Sequence[PromiseMoved], now: datetime) -> None:
    """Keep the dates that orders have now that their goods come at another time; the first stays what is measured."""
    moves = [
        MovePromise(
            order_id=one.stream,
            cause=f"{one.line_id} {one.promised_at.isoformat()}",
            by=one.promised_at - one.before_at,
        )
        for one in events
        if one.promised_at and one.before_at
    ]
    if moves:
        await move_promises(db, moves=moves, now=now)
