"""Whole databases, migrated, played through, copied, damaged; and `batuta` run on them in this process."""

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import structlog
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.cli import commands
from batuta.plumbing.database import Engine, create_engine
from batuta.plumbing.migrate import migrate

CONSTRAINTS = """
DO $$ DECLARE one record;
BEGIN
    FOR one IN SELECT conrelid::regclass AS of_table, conname FROM pg_constraint
        JOIN pg_class ON pg_class.oid = conrelid
        WHERE contype IN ('c', 'f') OR (contype = 'u' AND relname = 'parcel')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', one.of_table, one.conname);
    END LOOP;
END $$
"""


def address_of(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@contextlib.asynccontextmanager
async def engine_on(url: str) -> AsyncIterator[Engine]:
    engine = create_engine(url, pool_size=10)
    try:
        yield engine
    finally:
        await engine.dispose()


async def migrated_database(server_url: str, name: str) -> str:
    await administrate(server_url, f'CREATE DATABASE "{name}"')
    url = address_of(server_url, name)
    async with engine_on(url) as engine:
        await migrate(engine)
    return url


async def copy_database(server_url: str, name: str, *, of: str) -> str:
    await administrate(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{make_url(of).database}"')
    return address_of(server_url, name)


async def drop_database(server_url: str, url: str) -> None:
    await administrate(server_url, f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')


async def drop_constraints(url: str) -> None:
    """Let anything be written, so that a law can be broken that a constraint guards as well."""
    async with engine_on(url) as engine, engine.begin() as db:
        await db.execute(text(CONSTRAINTS))


async def write(url: str, statement: str, given: dict[str, Any] | None = None) -> Sequence[Any]:
    """Run a statement and return what it returns."""
    async with engine_on(url) as engine, engine.begin() as db:
        return (await db.execute(text(statement), given or {})).all()


async def administrate(server_url: str, statement: str) -> None:
    async with engine_on(server_url) as engine, engine.connect() as db:
        await db.execute(text("SET statement_timeout = '60s'"))
        await db.execute(text(statement))


def batuta(url: str, *arguments: str) -> Result:
    """Run a command of `batuta` on a database; a problem is the result's `exception`."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("BATUTA_")}
    env = {**unset, "BATUTA_DATABASE_URL": url, "BATUTA_LOG_LEVEL": "error"}
    with _logs_as_they_were():
        return CliRunner().invoke(commands, arguments, env=env)


def told(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return msgspec.json.decode(result.stdout)


@contextlib.contextmanager
def _logs_as_they_were() -> Iterator[None]:
    """The commands send logs to an output that ends with them."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)
