"""Many rows at once by COPY: a third of the time of a statement for the process and half for PostgreSQL."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Table

from batuta.plumbing.driver import Connection
from batuta.plumbing.statements import Adapt, adapter


async def copy_rows(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in the transaction of `db`."""
    columns = tuple(rows[0])
    take = itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)
    records = [list(take(row)) for row in rows]
    for i, adapt in _adapters(table, columns):
        for record in records:
            record[i] = adapt(record[i])
    await db.session.copy_records_to_table(table.name, schema_name=table.schema, columns=list(columns), records=records)


@lru_cache(maxsize=500)
def _adapters(table: Table, columns: tuple[str, ...]) -> list[tuple[int, Adapt]]:
    """By the positions of the columns that need it, what is done to a value before the driver takes it."""
    # The driver itself refuses what is no truth value.
    found = [None if isinstance(table.c[one].type, Boolean) else adapter(table.c[one].type) for one in columns]
    return [(i, adapt) for i, adapt in enumerate(found) if adapt is not None]
