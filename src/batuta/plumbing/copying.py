"""Many rows at once by COPY: a third of the time of a statement for the process and half for PostgreSQL."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table

from batuta.plumbing.driver import Connection
from batuta.plumbing.statements import Adapt, adapter


async def copy_rows(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in the transaction of `db`."""
    columns = tuple(rows[0])
    by_column = [[row[column] for row in rows] for column in columns]
    for i, adapt in _adapters(table, columns).items():
        by_column[i] = [adapt(value) for value in by_column[i]]
    await db.session.copy_records_to_table(
        table.name, schema_name=table.schema, columns=list(columns), records=zip(*by_column, strict=True)
    )


@lru_cache(maxsize=500)
def _adapters(table: Table, columns: tuple[str, ...]) -> dict[int, Adapt]:
    """By the positions of the columns that need it, what is done to a value before the driver takes it."""
    found = [adapter(table.c[column].type) for column in columns]
    return {i: adapt for i, adapt in enumerate(found) if adapt is not None}
