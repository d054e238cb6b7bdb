"""Facts: what a room tells the rooms above, in the past tense, written in the transaction that made them true."""

import re
from datetime import datetime
from functools import cache
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact.

    stream: what it is about, mostly the order's id; facts of one stream are told in their order.
    happened_at: business time. actor: who, as `kind:name` (`staff:ana`, `customer:…`, `system:score`).
    """

    stream: UUID
    happened_at: datetime
    actor: str


@cache
def type_of(kind: type[Event]) -> str:
    """The stable name of a fact, `room.fact`: `OrderPlaced` of the room ordering is `ordering.order_placed`."""
    _, room, *rest = kind.__module__.split(".")
    if room == "connectors":
        room = rest[0]
    return f"{room}.{re.sub(r'(?<!^)(?=[A-Z])', '_', kind.__name__).lower()}"
