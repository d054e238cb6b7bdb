"""Facts: what a room tells the rooms above, in the past tense, written in the transaction that made them true."""

import re
from datetime import datetime
from functools import cache
from typing import Any
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


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What something said before, and what it says now."""

    before: Any = None
    after: Any = None


class Saved(Event, frozen=True, kw_only=True):
    """Something that operators set is there, or is otherwise (PLT-06).

    changes: what is different, by field (`policies.return_days`); of what is new, all that is said of it.
    """

    code: str
    changes: dict[str, Changed]


SETUP = "system:setup"
"""Who sets what no person did: programs that build a shop."""


def differences(before: object | None, after: object) -> dict[str, Changed]:
    """What is different of two structs, by field; structs and dictionaries within are looked into."""
    old, new = ({} if one is None else _flat(msgspec.to_builtins(one)) for one in (before, after))
    return {
        name: Changed(before=old.get(name), after=new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }


def _flat(said: dict[str, Any], within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in said.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{within}{name}.")
        else:
            found[within + name] = value
    return found


@cache
def type_of(kind: type[Event]) -> str:
    """The stable name of a fact, `room.fact`: `OrderPlaced` of the room ordering is `ordering.order_placed`."""
    _, room, *rest = kind.__module__.split(".")
    if room == "connectors":
        room = rest[0]
    return f"{room}.{re.sub(r'(?<!^)(?=[A-Z])', '_', kind.__name__).lower()}"
