"""Engine and connection: asyncpg's pool and session, with statements of SQLAlchemy Core.

`engine.begin()` is a transaction; on `engine.connect()` each statement stands alone unless a transaction is
begun. Errors are the driver's own (`asyncpg.PostgresError` and its kin).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.transaction import Transaction
from sqlalchemy import Executable
from sqlalchemy.engine import make_url

from batuta.plumbing.statements import Given, dialect, prepare

CONNECTION_WITHIN_S = 30
GOODBYE_WITHIN_S = 5
STATEMENTS_KEPT = 500
JSONB_VERSION = b"\x01"
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a session says of which the other end is gone. (`TimeoutError` is an `OSError`.)"""
NOTHING: Given = {}
QUEUED = "queued"
"""Under this name a connection notes that jobs were queued on it."""

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Session = PoolConnectionProxy[Any]


class Row(asyncpg.Record):
    """A row, by position, by name and by attribute."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class NotOneRow(AssertionError):
    """A statement that answers with one row answered with none or several."""


class Rows:
    """What a statement answered."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def all(self) -> Sequence[Row]:
        return self._rows

    def first(self) -> Row | None:
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Row | None:
        if len(self._rows) > 1:
            raise NotOneRow(f"{len(self._rows)} rows instead of at most one")
        return self.first()

    def one(self) -> Row:
        if len(self._rows) != 1:
            raise NotOneRow(f"{len(self._rows)} rows instead of one")
        return self._rows[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> "Scalars":
        return Scalars([row[0] for row in self._rows])


class Scalars(list[Any]):
    """The first column of what a statement answered."""

    def all(self) -> list[Any]:
        return self

    def one(self) -> Any:
        if len(self) != 1:
            raise NotOneRow(f"{len(self)} rows instead of one")
        return self[0]

    def first(self) -> Any:
        return self[0] if self else None


class Savepoint:
    """A part of a transaction that can be undone alone: `async with`, or `start`, `commit`, `rollback`."""

    __slots__ = ("_held", "_part")

    def __init__(self, part: Transaction, held: dict[UUID, Any]) -> None:
        self._part = part
        self._held = held

    async def start(self) -> None:
        await self._part.start()

    async def commit(self) -> None:
        await self._part.commit()

    async def rollback(self) -> None:
        """Undo the part; rows that were locked in it are locked no longer."""
        self._held.clear()
        await self._part.rollback()

    async def __aenter__(self) -> None:
        await self.start()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await (self.rollback() if kind else self.commit())


class Connection:
    """A session of the database, for one task at a time.

    info: what callers note on it for the time of a transaction. held: what callers know of rows by their ids, true for
    as long as the transaction, or the part of it that locked them, is not over.
    """

    __slots__ = ("_transaction", "engine", "held", "info", "session")

    def __init__(self, session: "Session", engine: "Engine") -> None:
        self.session = session
        self.engine = engine
        self.info: dict[str, Any] = {}
        self.held: dict[UUID, Any] = {}
        self._transaction: Transaction | None = None

    async def execute(self, statement: Executable, given: Given | Sequence[Given] = NOTHING) -> Rows:
        """Run a statement with its parameters, or once with each of several."""
        if isinstance(given, Mapping):
            prepared = prepare(statement, given)
            if self.engine.on_statement:
                self.engine.on_statement(prepared.sql)
            return Rows(await self.session.fetch(prepared.sql, *prepared.arguments(given)))
        for one in given:
            await self.execute(statement, one)
        return Rows(())

    async def scalars(self, statement: Executable, given: Given = NOTHING) -> Scalars:
        """Run a statement and return the first column."""
        return (await self.execute(statement, given)).scalars()

    async def scalar(self, statement: Executable, given: Given = NOTHING) -> Any:
        """Run a statement and return the first value, None when there is no row."""
        return (await self.scalars(statement, given)).first()

    async def run(self, sql: str, *arguments: object) -> list[Row]:
        """Run SQL written for the driver, with `$1, $2, …`."""
        rows: list[Row] = await self.session.fetch(sql, *arguments)
        return rows

    async def run_script(self, sql: str) -> None:
        """Run many statements without parameters."""
        await self.session.execute(sql)

    async def begin(self) -> None:
        """Begin a transaction; `commit` or `rollback` ends it."""
        self.info.clear()
        self.held.clear()
        self._transaction = self.session.transaction()
        await self._transaction.start()

    async def commit(self) -> None:
        """Commit the transaction that `begin` began."""
        assert self._transaction
        transaction, self._transaction = self._transaction, None
        await transaction.commit()

    async def rollback(self) -> None:
        """Undo the transaction that `begin` began."""
        assert self._transaction
        transaction, self._transaction = self._transaction, None
        await transaction.rollback()

    def savepoint(self) -> Savepoint:
        """A part of the transaction that can be undone alone."""
        return Savepoint(self.session.transaction(), self.held)


class Engine:
    """A pool of connections, opened as they are needed.

    url: `postgresql://`, with the parts that asyncpg knows as its query.
    on_statement: told the text of each statement, for those who count them.
    """

    def __init__(self, url: str, *, pool_size: int, session: Mapping[str, str]) -> None:
        self.url = url
        self.on_statement: Callable[[str], None] | None = None
        self._pool_size = pool_size
        self._session = dict(session)
        self._pool: asyncpg.Pool[Row] | None = None
        self._opening = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection on which each statement stands alone; a transaction begun and not committed is undone."""
        pool = self._pool or await self._open()
        session = await pool.acquire(timeout=CONNECTION_WITHIN_S)
        try:
            yield Connection(session, self)
        except asyncpg.InternalClientError:
            with contextlib.suppress(*LOST):
                session.terminate()
            raise
        finally:
            await _give_back(pool, session)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A connection in a transaction, committed with the block and undone by its error."""
        pool = self._pool or await self._open()
        session = await pool.acquire(timeout=CONNECTION_WITHIN_S)
        try:
            transaction = session.transaction()
            await transaction.start()
            try:
                yield Connection(session, self)
            except BaseException:
                await _undo(session, transaction)
                raise
            await transaction.commit()
        finally:
            await _give_back(pool, session)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection that sees the database as it was at its first statement and may only read."""
        pool = self._pool or await self._open()
        session = await pool.acquire(timeout=CONNECTION_WITHIN_S)
        try:
            async with session.transaction(isolation="repeatable_read", readonly=True):
                yield Connection(session, self)
        finally:
            await _give_back(pool, session)

    async def dispose(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), GOODBYE_WITHIN_S)
        except LOST:
            pool.terminate()

    async def _open(self) -> "asyncpg.Pool[Row]":
        async with self._opening:
            if self._pool is None:
                pool: asyncpg.Pool[Row] = asyncpg.create_pool(
                    **connect_arguments(self.url),
                    min_size=0,
                    max_size=self._pool_size,
                    record_class=Row,
                    statement_cache_size=STATEMENTS_KEPT,
                    max_cached_statement_lifetime=0,
                    server_settings=self._session,
                    init=_prepare_session,
                    reset=_keep_session,
                )
                await pool
                self._pool = pool
        return self._pool


def connect_arguments(url: str) -> dict[str, Any]:
    """What asyncpg's `connect` takes, from an address."""
    _, arguments = dialect.create_connect_args(make_url(url))  # type: ignore[no-untyped-call]
    return dict(arguments)


async def _undo(session: "Session", transaction: Transaction) -> None:
    """Roll back. A session that is lost, and so left its pool already, has nothing to undo; the caller hears why."""
    try:
        await transaction.rollback()
    except LOST:
        with contextlib.suppress(*LOST):
            session.terminate()


async def _give_back(pool: "asyncpg.Pool[Row]", session: "Session") -> None:
    with contextlib.suppress(*LOST):
        if session.is_in_transaction():
            await session.execute("ROLLBACK")
    with contextlib.suppress(*LOST):
        await pool.release(session)


async def _prepare_session(session: Any) -> None:
    """JSON goes in as bytes or text and comes out as what it says."""
    await session.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=lambda it: msgspec.json.decode(it[1:])
    )
    await session.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=_to_bytes, decoder=msgspec.json.decode
    )


async def _keep_session(_: object) -> None:
    """Nobody changes a session's settings, so none are put back: that would be a statement for each transaction."""


def _to_jsonb(value: str | bytes) -> bytes:
    return JSONB_VERSION + _to_bytes(value)


def _to_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
