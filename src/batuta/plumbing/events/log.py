"""Writing and reading facts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from batuta.kernel.events import Event, type_of
from batuta.plumbing.database import Connection, Instant, Json, Row, arrays, params
from batuta.plumbing.events.tables import cluster, event

Position = tuple[int, int, int]
"""(epoch, xid, id): where a reader stands in the log."""

PUBLISHED = "published"
"""Under this name a connection notes the types of what was told on it."""

_HEADER = frozenset({"stream", "happened_at", "actor"})


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as it stands in the log."""

    position: Position
    stream: UUID
    name: str
    data: dict[str, Any]
    actor: str
    happened_at: datetime
    recorded_at: datetime

    def as_event(self, kind: type[Event]) -> Event:
        """Read the fact back as the struct that was published; its fields may only grow, with defaults."""
        known = {"stream": self.stream, "happened_at": self.happened_at, "actor": self.actor}
        return msgspec.convert({**self.data, **known}, kind, builtin_types=(datetime, UUID), strict=False)


_this_system = select(literal_column("system_identifier")).select_from(func.pg_control_system()).scalar_subquery()

# A cluster that the log does not know yet (a restored dump) begins a new epoch, so that its small transaction
# ids sort behind the old ones; reactions wait until a person has said `rebase`.
current_epoch = func.coalesce(
    select(cluster.c.epoch).where(cluster.c.system_identifier == _this_system).scalar_subquery(),
    select(func.coalesce(func.max(cluster.c.epoch), 0) + 1).scalar_subquery(),
)

_given = arrays("given", stream=Uuid(), type=Text(), data=Json, actor=Text(), happened_at=Instant)
_columns = ["epoch", "stream", "type", "data", "actor", "happened_at"]
_publish = insert(event).from_select(
    _columns,
    select(current_epoch, *(_given.c[name] for name in _columns[1:])),
    include_defaults=False,
)


async def publish(db: Connection, events: Sequence[Event]) -> None:
    """Write facts into the log, in order, in the caller's transaction."""
    if not events:
        return
    types = [type_of(type(one)) for one in events]
    db.info.setdefault(PUBLISHED, set()).update(types)
    await db.execute(
        _publish,
        params(
            "given",
            stream=[one.stream for one in events],
            type=types,
            data=[_body(one) for one in events],
            actor=[one.actor for one in events],
            happened_at=[one.happened_at for one in events],
        ),
    )


def _body(one: Event) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__ if name not in _HEADER}


async def facts_of(db: Connection, streams: Sequence[UUID]) -> dict[UUID, list[Fact]]:
    """The timelines of several streams, each in order."""
    found: dict[UUID, list[Fact]] = {stream: [] for stream in streams}
    by_stream = select(event).where(event.c.stream.in_(streams)).order_by(*position_columns)
    for row in await db.execute(by_stream):
        found[row.stream].append(read(row))
    return found


async def facts_after(db: Connection, position: Position, *, limit: int) -> list[Fact]:
    """The facts behind a position that no unfinished transaction can still precede."""
    return [read(row) for row in await db.execute(settled_after(position, limit=limit))]


position_columns = (event.c.epoch, event.c.xid, event.c.id)


def settled_after(position: Position, *, limit: int) -> Any:
    """Select the facts behind `position` whose order can no longer change."""
    epoch, xid, id_ = position
    older = event.c.xid < func.pg_snapshot_xmin(func.pg_current_snapshot())
    return (
        select(event)
        .where(tuple_(*position_columns) > tuple_(epoch, func.xid8(str(xid)), id_))
        .where((event.c.epoch < current_epoch) | older)
        .order_by(*position_columns)
        .limit(limit)
    )


def read(of: Row) -> Fact:
    """Turn a row of the log into a fact."""
    return Fact(
        position=(of["epoch"], of["xid"], of["id"]),
        stream=of["stream"],
        name=of["type"],
        data=of["data"],
        actor=of["actor"],
        happened_at=of["happened_at"],
        recorded_at=of["recorded_at"],
    )
