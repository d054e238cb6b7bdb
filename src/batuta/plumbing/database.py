"""The database: one metadata for the house, engines, and set-based writes.

A hot statement takes its rows as one array a column (`unnest`), so that its text, and the plan PostgreSQL
keeps for it, is the same for one row and for two thousand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Insert,
    Integer,
    MetaData,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import TypeEngine, UserDefinedType

from batuta.kernel.errors import Unavailable
from batuta.plumbing.copying import copy_rows
from batuta.plumbing.driver import Connection, Engine, Row, Rows

LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_MS = 5_000
COLUMN_INTEGER_MAX = 2**31 - 1
COPY_ROWS_MIN = 20

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

Instant = DateTime(timezone=True)
Json: TypeEngine[Any] = JSONB(none_as_null=True)


class Xid8(UserDefinedType[int]):
    """A transaction id of PostgreSQL that never wraps."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


DatabaseError = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises; an address that nobody answers is an `OSError`."""


class SavedMeanwhile(Unavailable):
    """Somebody else was saving the very same; nothing was done."""


def create_engine(url: str, *, pool_size: int = 10, settings: Mapping[str, str] | None = None) -> Engine:
    """Open a pool of READ COMMITTED connections; a lock is waited for 2 s, a statement 5 s.

    settings: PostgreSQL settings of the session that differ from these.
    """
    session = {
        "application_name": "batuta",
        "jit": "off",
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "timezone": "UTC",
        **(settings or {}),
    }
    return Engine(url, pool_size=pool_size, session=session)


def arrays(name: str, /, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """A table of the rows given as one array a column, to join, update or insert from.

    The arrays are passed to `execute` under `{name}_{column}`; `params` makes that mapping from rows.
    """
    types = [bindparam(f"{name}_{key}", type_=ARRAY(kind, dimensions=1)) for key, kind in columns.items()]
    table: TableValuedAlias = func.unnest(*types).table_valued(*(Column(key, kind) for key, kind in columns.items()))
    return table.render_derived(name=name)


def params(name: str, /, **columns: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The parameters of `arrays(name, …)`, one sequence a column."""
    return {f"{name}_{key}": list(values) for key, values in columns.items()}


def opaque_array(name: str, kind: str = "uuid") -> str:
    """SQL of an array parameter whose length has no part in the plan.

    PostgreSQL plans a statement anew, each time it runs, as long as that seems cheaper for the few ids at hand than the
    plan for any number of them. For what is found by an index that plan is the same, and planning costs more than it.
    """
    return f"CAST((SELECT CAST(:{name} AS {kind}[])) AS {kind}[])"


def is_among(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Whether a column has one of the values of an array parameter, whose length has no part in the plan."""
    array = ARRAY(column.type, dimensions=1)
    return column == any_(cast(select(bindparam(name, type_=array)).scalar_subquery(), array))


async def rows_with(db: Connection, column: Column[Any], values: Collection[object]) -> list[dict[str, Any]]:
    """Return the whole rows of the column's table whose value is one of `values`, in no order."""
    if not values:
        return []
    rows = await db.execute(_rows_with(column), {"values": list(values)})
    return [dict(row) for row in rows]


async def locked_rows(db: Connection, column: Column[Any], values: Collection[object]) -> list[dict[str, Any]]:
    """Return the whole rows whose value is one of `values`, locked against change, in the order of the column."""
    if not values:
        return []
    rows = await db.execute(_locked_rows(column), {"values": list(values)})
    return [dict(row) for row in rows]


async def insert_rows(db: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in one statement: many by COPY. No rows is no statement."""
    given = list(rows)
    if len(given) >= COPY_ROWS_MIN:
        await copy_rows(db, table, given)
    elif given:
        columns = tuple(given[0])
        await db.execute(_insert_from_arrays(table, columns), _by_column(columns, given))


async def insert_new(
    db: Connection, table: Table, rows: Iterable[Mapping[str, Any]], *, returning: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Insert rows that no unique key refuses and return the given columns of those inserted.

    Rows come sorted by their unique key, so that two batches wait for each other and never deadlock. Many go in by
    COPY, which takes all or none: where a key is there already, it is undone and they go in by a statement.
    """
    given = list(rows)
    if not given:
        return []
    columns = tuple(given[0])
    if len(given) >= COPY_ROWS_MIN and set(returning) <= set(columns) and await _copied(db, table, given):
        return [tuple(row[column] for column in returning) for row in given]
    statement = _insert_ignoring(table, columns, tuple(returning))
    return [tuple(row) for row in await db.execute(statement, _by_column(columns, given))]


async def _copied(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    try:
        async with db.savepoint():
            await copy_rows(db, table, rows)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def upsert_rows(
    db: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: Sequence[str],
    keep: Sequence[str] = ("id", "created_at"),
) -> None:
    """Insert rows, or bring those whose unique `key` is there up to date; a key comes once.

    A row that says nothing new is not written (`updated_at` alone is no news). Rows are written in the
    order of their key, so that two batches wait for each other and never deadlock. A table that has a `version`
    counts in it how often a row was written (PLT-02).

    keep: columns that a row already there keeps.

    Raises:
        SavedMeanwhile: another of the table's unique keys was taken since it was looked for.
    """
    given = sorted(rows, key=lambda row: tuple(row[column] for column in key))
    if not given:
        return
    columns = tuple(given[0])
    statement = _upsert_from_arrays(table, columns, tuple(key), tuple(keep))
    try:
        await db.execute(statement, _by_column(columns, given))
    except asyncpg.UniqueViolationError as problem:
        raise SavedMeanwhile("somebody else is saving the same at this moment: try again") from problem


def _by_column(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {f"given_{column}": [row[column] for row in rows] for column in columns}


@lru_cache(maxsize=500)
def _rows_with(column: Column[Any]) -> Select[Any]:
    return select(column.table).where(is_among(column, "values"))


@lru_cache(maxsize=500)
def _locked_rows(column: Column[Any]) -> Select[Any]:
    return _rows_with(column).order_by(column).with_for_update(key_share=True)


@lru_cache(maxsize=500)
def _insert_from_arrays(table: Table, columns: tuple[str, ...]) -> Insert:
    given = arrays("given", **{column: table.c[column].type for column in columns})
    return insert(table).from_select(list(columns), given.select(), include_defaults=False)


@lru_cache(maxsize=500)
def _insert_ignoring(table: Table, columns: tuple[str, ...], returning: tuple[str, ...]) -> Insert:
    given = arrays("given", **{column: table.c[column].type for column in columns})
    plain = insert(table).from_select(list(columns), given.select(), include_defaults=False)
    return plain.on_conflict_do_nothing().returning(*(table.c[column] for column in returning))


@lru_cache(maxsize=500)
def _upsert_from_arrays(table: Table, columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...]) -> Insert:
    given = arrays("given", **{column: table.c[column].type for column in columns})
    plain = insert(table).from_select(list(columns), given.select(), include_defaults=False)
    told = [column for column in columns if column not in {*key, *keep}]
    news = [table.c[column].is_distinct_from(plain.excluded[column]) for column in told if column != "updated_at"]
    counted = {"version": table.c.version + 1} if "version" in table.c else {}
    return plain.on_conflict_do_update(
        index_elements=[table.c[column] for column in key],
        set_={column: plain.excluded[column] for column in told} | counted,
        where=or_(*news),
    )


__all__ = [
    "COLUMN_INTEGER_MAX",
    "BigInteger",
    "Connection",
    "DatabaseError",
    "Engine",
    "Instant",
    "Integer",
    "Json",
    "Row",
    "Rows",
    "SavedMeanwhile",
    "Text",
    "Uuid",
    "Xid8",
    "arrays",
    "create_engine",
    "insert_new",
    "insert_rows",
    "is_among",
    "locked_rows",
    "metadata",
    "opaque_array",
    "params",
    "rows_with",
    "upsert_rows",
]
