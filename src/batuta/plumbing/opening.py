"""Open the database that the settings name: a server of your own, the embedded one, or the one already running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from batuta.kernel.errors import BatutaError, Invalid, Refused
from batuta.plumbing.database import Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer, holds_cluster, running_url
from batuta.plumbing.outage import DatabaseAway
from batuta.plumbing.settings import Settings

OLDEST_MAJOR_VERSION = 17


class BadDatabaseUrl(Invalid):
    """`database_url` is no PostgreSQL address."""


class ServerTooOld(Refused):
    """The PostgreSQL that the settings name is older than batuta needs."""


class NotLetIn(Refused):
    """The server is there, and does not know this user and password, or has no such database."""


class NoDatabase(Refused):
    """The data folder holds no database, and only `batuta up` and `batuta migrate` make one."""


class NotRunning(Refused):
    """The command works beside a running batuta, and there is none."""


class OpenDatabase(msgspec.Struct, frozen=True):
    """An engine on an open database; `server` is the embedded one if it runs under this process."""

    engine: Engine
    url: str
    server: EmbeddedServer | None

    def problem(self) -> BatutaError | None:
        """Return why the embedded server is away, as far as known."""
        return self.server.problem if self.server else None


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """Open the database alone, as `batuta up` does; an embedded one is started and ended with it.

    Raises:
        FolderInUse: another batuta already runs the embedded server.
        ServerTooOld: the server of your own is older than PostgreSQL 17.
    """
    if settings.database_url:
        async with _connected(settings, driver_url(settings.database_url)) as database:
            await _check_version(database)
            yield database
        return
    async with (
        EmbeddedServer(settings.data_folder, port=settings.database_port) as server,
        _connected(settings, server.url, server) as database,
    ):
        yield database


@asynccontextmanager
async def join_database(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """Open the database beside a running batuta, as a command for people does; without one, alone.

    Raises:
        NoDatabase: there is none yet, as when the command was given in another folder than `batuta up`.
    """
    if not settings.database_url and not holds_cluster(settings.data_folder):
        sentence = f"there is no database in {settings.data_folder}: run batuta up, or name its folder"
        raise NoDatabase(sentence, data_folder=str(settings.data_folder), setting="BATUTA_DATA_FOLDER")
    url = None if settings.database_url else await asyncio.to_thread(running_url, settings.data_folder)
    if url is None:
        async with open_database(settings) as database:
            yield database
        return
    async with _connected(settings, url) as database:
        yield database


def url_to_join(settings: Settings) -> str:
    """Return the address of the database of a batuta that runs, or of a server of your own.

    Raises:
        NotRunning: there is none.
    """
    if settings.database_url:
        return driver_url(settings.database_url)
    if url := running_url(settings.data_folder):
        return url
    raise NotRunning("no batuta runs on this data folder: run batuta up", data_folder=str(settings.data_folder))


@asynccontextmanager
async def _connected(settings: Settings, url: str, server: EmbeddedServer | None = None) -> AsyncIterator[OpenDatabase]:
    engine = create_engine(url, pool_size=settings.database_connections)
    try:
        yield OpenDatabase(engine, url, server)
    finally:
        await engine.dispose()


async def _check_version(database: OpenDatabase) -> None:
    url = make_url(database.url)
    facts = {"host": url.host, "port": url.port, "database": url.database, "user": url.username}
    try:
        async with database.engine.connect() as db:
            found = int(await db.scalar(text("SHOW server_version_num")) or 0) // 10_000
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise NotLetIn(f"the server of database_url says: {error}", **facts) from error
    except OSError as error:
        sentence = "nobody answers where database_url says: see whether the server runs there"
        raise DatabaseAway(sentence, **facts, reason=str(error)) from error
    if found < OLDEST_MAJOR_VERSION:
        sentence = f"the server has PostgreSQL {found}, batuta needs {OLDEST_MAJOR_VERSION} or newer"
        raise ServerTooOld(sentence, found=found, needed=OLDEST_MAJOR_VERSION)


def driver_url(url: str) -> str:
    """Return a `postgresql://` address, as psql takes it, in the form that SQLAlchemy and asyncpg take.

    Raises:
        BadDatabaseUrl: it is none.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadDatabaseUrl("database_url is no address: postgresql://user:password@host:5432/name") from error
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise BadDatabaseUrl(
            "batuta works with PostgreSQL only: postgresql://user:password@host:5432/name",
            scheme=parsed.drivername,
        )
    query = {"ssl" if name == "sslmode" else name: given for name, given in parsed.query.items()}
    return parsed.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)
