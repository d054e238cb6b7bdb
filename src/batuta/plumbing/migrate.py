"""Bring a database to the newest version: one linear chain of explicit SQL, one process at a time.

`migrations/versions/` holds for each version `NNNN_name.sql` and a `NNNN_name.py` that runs it. There is
no way down: a mistake is mended by the next version. A version must work beside the previous release.
"""

from pathlib import Path

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.util import await_only

from batuta.kernel.errors import Refused, Unavailable
from batuta.plumbing.database import Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x6261747574610001  # "batuta", 1
LOCK_WAIT_S = 600
DDL_LOCK_TIMEOUT_S = 5


class NewerDatabase(Refused):
    """The database was written by a newer batuta."""


class OlderDatabase(Refused):
    """The database has not been brought to this batuta's version."""


class MigrationWaits(Unavailable):
    """Another process migrates this database and does not come to an end."""


def versions() -> list[str]:
    """Return the numbers of all versions that this batuta knows, oldest first."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


async def present_version(db: Connection) -> str | None:
    """Return the version of the database, None when it is empty."""
    if await db.scalar(text("SELECT to_regclass('public.alembic_version')")) is None:
        return None
    version: str | None = await db.scalar(text("SELECT version_num FROM public.alembic_version"))
    return version


async def expect_newest(db: Connection) -> None:
    """Let a command go on only in a database of this batuta's own version.

    Raises:
        OlderDatabase, NewerDatabase: it is of another.
    """
    known, present = versions(), await present_version(db)
    if present == known[-1]:
        return
    if present is None or present in known:
        sentence = f"the database is at version {present or 'none'}, this batuta needs {known[-1]}: run: batuta migrate"
        raise OlderDatabase(sentence, found=present, expected=known[-1], command="batuta migrate")
    raise _newer(present, known[-1])


async def migrate(engine: Engine) -> list[str]:
    """Run the versions that are due, each in its own transaction, and return their numbers.

    Processes that start together wait for the first. Alembic is imported only when a version is due.

    Raises:
        NewerDatabase: the database knows a version that this batuta does not.
        MigrationWaits: another process has migrated for more than ten minutes.
    """
    known = versions()
    async with engine.connect() as db:
        present = await present_version(db)
    if present == known[-1]:
        return []
    if present is not None and present not in known:
        raise _newer(present, known[-1])
    return await _migrate_alone(engine.url)


def _newer(present: str, newest: str) -> NewerDatabase:
    command = "python -m pip install --upgrade batuta"
    sentence = f"the database is at version {present}, this batuta knows {newest}: run: {command}"
    return NewerDatabase(sentence, found=present, expected=newest, command=command)


async def _migrate_alone(url: str) -> list[str]:
    """Hold the lock on a connection of its own while it migrates; the lock ends with it at the latest."""
    settings = {
        "application_name": "batuta migrate",
        "statement_timeout": "0",
        "transaction_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "lock_timeout": f"{LOCK_WAIT_S}s",
    }
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": settings})
    async with engine.connect() as db:
        await _take_lock(db)
        await db.execute(text(f"SET lock_timeout = '{DDL_LOCK_TIMEOUT_S}s'"))
        await db.commit()
        return await db.run_sync(_upgrade)


async def _take_lock(db: AsyncConnection) -> None:
    from sqlalchemy.exc import DBAPIError

    try:
        await db.execute(text(f"SELECT pg_advisory_lock({LOCK_KEY})"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "55P03":
            raise
        raise MigrationWaits("another process migrates this database: see why it does not end") from error


def _upgrade(connection: SyncConnection) -> list[str]:
    from alembic import command
    from alembic.config import Config

    done: list[str] = []
    config = Config(attributes={"connection": connection, "done": done})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
    return done


def run_sql_of(version_file: str) -> None:
    """Run the `.sql` beside a version's `.py`, all its statements, in the transaction of the version."""
    from alembic import op

    connection = op.get_bind()
    # The adapter opens its transaction with the first statement that it sees itself.
    connection.exec_driver_sql("SELECT 1")
    script = Path(version_file).with_suffix(".sql").read_text()
    driver = connection.connection.driver_connection
    assert driver is not None
    await_only(driver.execute(script))
