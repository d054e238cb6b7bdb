"""Lines that are made to order."""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec

from batuta.ordering.domain import MadeLine, Order
from batuta.ordering.tables import made_line
from batuta.plumbing.database import Connection, rows_with


async def made_lines(db: Connection, line_ids: Collection[UUID]) -> dict[UUID, MadeLine]:
    """Those of the lines that are made to order, by id."""
    rows = await rows_with(db, made_line.c.line_id, line_ids)
    return {one.line_id: one for one in msgspec.convert(rows, list[MadeLine])}


async def made_lines_of(db: Connection, orders: Iterable[Order]) -> dict[UUID, MadeLine]:
    """The lines of orders that are made to order, by id; where all take themselves from stock, nothing is asked."""
    composed = [
        line.id
        for one in orders
        for line in one.lines
        if line.is_tracked and [part.sku_id for part in line.components] != [line.sku_id]
    ]
    return await made_lines(db, composed) if composed else {}
