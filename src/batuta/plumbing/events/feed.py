"""The log as outside readers follow it: settled facts behind a position, some of them or all."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Uuid, any_, bindparam, func, select, tuple_

from batuta.plumbing.database import BigInteger, Connection, Integer
from batuta.plumbing.events.log import Fact, Position, current_epoch, position_columns, read
from batuta.plumbing.events.tables import event

BEGINNING: Position = (0, 0, 0)
WINDOW = 5_000
"""How many facts are looked through at most for those that a reader asks for."""


_behind = tuple_(*position_columns) > tuple_(
    bindparam("epoch", type_=Integer()),
    func.xid8(bindparam("xid", type_=Text())),
    bindparam("id", type_=BigInteger()),
)
_settled = (event.c.epoch < current_epoch) | (event.c.xid < func.pg_snapshot_xmin(func.pg_current_snapshot()))
_limit = bindparam("limit", type_=Integer())
_stream = event.c.stream == bindparam("stream", type_=Uuid())
_type = event.c.type == any_(bindparam("types", type_=ARRAY(Text(), dimensions=1)))
_PLACES = (
    select(*position_columns)
    .where(_behind, _settled)
    .order_by(*position_columns)
    .limit(bindparam("window", type_=Integer()))
    .cte("places")
)
_LAST_PLACE = (
    select(_PLACES.c.epoch, _PLACES.c.xid, _PLACES.c.id)
    .order_by(_PLACES.c.epoch.desc(), _PLACES.c.xid.desc(), _PLACES.c.id.desc())
    .limit(1)
)
_END = select(*position_columns).where(_settled).order_by(*(column.desc() for column in position_columns)).limit(1)


async def follow(
    db: Connection, position: Position, *, stream: UUID | None, types: Collection[str] | None, limit: int
) -> tuple[list[Fact], Position]:
    """The facts behind a position, of a stream and of some types if these are given, and where to read on.

    Of some types, no more than 5,000 facts are looked through: there may be more behind the answer though it is empty.
    """
    epoch, xid, id_ = position
    given: dict[str, Any] = {"epoch": epoch, "xid": str(xid), "id": id_, "limit": limit}
    if stream is not None:
        given["stream"] = stream
    if types is not None:
        given["types"] = list(types)
    until = position
    if types is not None and stream is None:
        places = (await db.execute(_LAST_PLACE, given | {"window": WINDOW})).first()
        if places is None:
            return [], position
        until = (places[0], places[1], places[2])
        given |= {"until_epoch": until[0], "until_xid": str(until[1]), "until_id": until[2]}
    rows = await db.execute(_facts(of_stream=stream is not None, of_types=types is not None), given)
    facts = [read(row) for row in rows]
    is_full = len(facts) == limit
    if facts and (is_full or until == position):
        until = facts[-1].position
    return facts, until


async def end_of(db: Connection) -> Position:
    """Where the settled facts end now."""
    last = (await db.execute(_END)).first()
    return (last[0], last[1], last[2]) if last else BEGINNING


@lru_cache(maxsize=4)
def _facts(*, of_stream: bool, of_types: bool) -> Select[Any]:
    found = select(event).where(_behind, _settled)
    if of_stream:
        found = found.where(_stream)
    if of_types:
        found = found.where(_type)
    if of_types and not of_stream:
        until = tuple_(
            bindparam("until_epoch", type_=Integer()),
            func.xid8(bindparam("until_xid", type_=Text())),
            bindparam("until_id", type_=BigInteger()),
        )
        found = found.where(tuple_(*position_columns) <= until)
    return found.order_by(*position_columns).limit(_limit)
