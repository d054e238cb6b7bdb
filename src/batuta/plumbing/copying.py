"""COPY: the quickest way in for many rows, at a third of the cost of arrays for the process and half for PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy import Dialect, Table
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

Adapt = Callable[[Any], Any]


async def copy_rows(db: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in the transaction of `db`.

    Raises:
        IntegrityError, DBAPIError: as a statement would, with the driver's error as `orig`.
    """
    columns = tuple(rows[0])
    by_column = [[row[column] for row in rows] for column in columns]
    for i, adapt in _adapts(table, columns, db.dialect).items():
        by_column[i] = [adapt(value) for value in by_column[i]]
    driver = await _driver_in_transaction(db)
    try:
        await driver.copy_records_to_table(
            table.name, schema_name=table.schema, columns=list(columns), records=zip(*by_column, strict=True)
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as problem:
        if driver.is_closed():
            await db.invalidate()
        kind = IntegrityError if isinstance(problem, asyncpg.IntegrityConstraintViolationError) else DBAPIError
        said = f"COPY {table.fullname} ({', '.join(columns)}) FROM STDIN"
        raise kind(said, None, problem, connection_invalidated=driver.is_closed()) from problem


async def _driver_in_transaction(db: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """The driver's connection; SQLAlchemy's adapter begins the transaction only with the first statement it sees."""
    driver = (await db.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        await db.exec_driver_sql("SELECT 1")
    return driver


@lru_cache(maxsize=500)
def _adapts(table: Table, columns: tuple[str, ...], dialect: Dialect) -> dict[int, Adapt]:
    """By the positions of the columns that need it, what SQLAlchemy does to a value before the driver takes it."""
    found = [table.c[column].type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    return {i: adapt for i, adapt in enumerate(found) if adapt is not None}
