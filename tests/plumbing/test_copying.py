"""Many rows go in by COPY, in the caller's transaction and with the caller's errors."""

from enum import StrEnum
from typing import Any

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy import Boolean, Column, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid, func, select, text
from sqlalchemy.schema import DropTable
from sqlalchemy.types import TypeEngine

from batuta.plumbing.database import COPY_ROWS_MIN, Connection, DatabaseError, Engine, Instant, Json, insert_rows
from tests.making import NOW, fresh_code, fresh_id
from tests.schema import sql_of


class Colour(StrEnum):
    RED = "red"


MANY = COPY_ROWS_MIN + 5
KINDS: dict[str, TypeEngine[Any]] = {
    "id": Uuid(),
    "name": Text(),
    "colour": Text(),
    "facts": Json,
    "picture": LargeBinary(),
    "is_new": Boolean(),
    "size": SmallInteger(),
    "at": Instant,
}


async def given_table(db: Connection) -> Table:
    columns: list[Column[Any]] = [Column(name, kind, primary_key=name == "id") for name, kind in KINDS.items()]
    made = Table(fresh_code("copied").replace("-", "_"), MetaData(), *columns, prefixes=["TEMPORARY"])
    await db.run_script(sql_of([made]))
    return made


def row(position: int) -> dict[str, Any]:
    return {
        "id": fresh_id(),
        "name": "tab\t, newline\n, backslash \\N and ñ" if position % 2 else None,
        "colour": Colour.RED,
        "facts": {"tags": ["a", position]} if position % 3 else None,
        "picture": bytes([position % 256, 0]),
        "is_new": bool(position % 2),
        "size": position,
        "at": NOW,
    }


@pytest.mark.parametrize("count", [1, COPY_ROWS_MIN - 1, COPY_ROWS_MIN, 1_000])
async def test_rows_are_read_as_they_were_given_however_many(db: Connection, count: int) -> None:
    table = await given_table(db)
    given = [row(position) for position in range(count)]

    await insert_rows(db, table, given)

    found = [dict(one) for one in await db.execute(select(table).order_by(table.c.size))]
    assert found == given


async def test_nothing_is_an_insert_of_nothing(db: Connection) -> None:
    await insert_rows(db, await given_table(db), [])


async def test_rows_go_with_the_transaction_even_when_they_are_the_first_in_it(engine: Engine) -> None:
    code = fresh_code("copied").replace("-", "_")
    table = Table(code, MetaData(), Column("id", Uuid(), primary_key=True))
    async with engine.begin() as db:
        await db.run_script(sql_of([table]))
    try:
        async with engine.connect() as db:
            await db.begin()
            await insert_rows(db, table, [{"id": fresh_id()} for _ in range(MANY)])
            await db.rollback()
        async with engine.begin() as db:
            await insert_rows(db, table, [{"id": fresh_id()} for _ in range(MANY)])
        async with engine.connect() as db:
            assert await db.scalar(select(func.count()).select_from(table)) == MANY
    finally:
        async with engine.begin() as db:
            await db.run_script(str(DropTable(table)))


async def test_a_row_that_breaks_a_key_raises_as_a_statement_would(db: Connection) -> None:
    table = await given_table(db)
    given = [row(position) for position in range(MANY)]
    await insert_rows(db, table, given)

    with pytest.raises(UniqueViolationError):
        async with db.savepoint():
            await insert_rows(db, table, given)

    assert await db.scalar(select(func.count()).select_from(table)) == MANY


async def test_a_connection_that_is_lost_is_not_given_out_again(engine: Engine) -> None:
    async def lose_it() -> None:
        async with engine.begin() as db:
            table = await given_table(db)
            mine = await db.scalar(text("SELECT pg_backend_pid()"))
            async with engine.begin() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 1000)"), {"pid": mine})
            await insert_rows(db, table, [row(position) for position in range(MANY)])

    with pytest.raises(DatabaseError):
        await lose_it()

    async with engine.connect() as db:
        assert await db.scalar(text("SELECT 1")) == 1
