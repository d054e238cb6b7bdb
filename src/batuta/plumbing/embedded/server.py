"""The embedded server as the rest of batuta sees it."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from batuta.kernel.errors import Refused, Unavailable
from batuta.plumbing.embedded.account import account_for
from batuta.plumbing.embedded.binaries import binaries_for
from batuta.plumbing.embedded.folder import (
    CLUSTER,
    DATABASE,
    USER,
    check_version,
    initialise,
    lock_folder,
    make_folder,
    password_in,
    place_of_data,
)
from batuta.plumbing.embedded.postmaster import NO_OPTIONS, Liveness, Postmaster
from batuta.plumbing.embedded.problems import DatabaseNotStarted, FolderNotUsable

HOME = Path("/var/lib/batuta")
WATCH_EVERY_S = 1

log = structlog.get_logger("batuta.database")


class EmbeddedServer:
    """PostgreSQL in a data folder, for as long as the `async with` lasts.

    port: where it also listens on 127.0.0.1; None for the Unix socket alone.
    options: PostgreSQL settings over ours, such as `fsync=off` in tests.
    home: where root's servers keep what their user cannot reach elsewhere.
    problem: why the database is away at this moment, as the watch last saw it.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        port: int | None = None,
        options: Mapping[str, str] = NO_OPTIONS,
        home: Path = HOME,
    ) -> None:
        self.asked_folder = data_folder
        self.problem: Refused | Unavailable | None = None
        self._port = port
        self._options = options
        self._home = home
        self._folder: Path | None = None
        self._postmaster: Postmaster | None = None
        self._lock: int | None = None
        self._one_at_a_time = threading.Lock()
        self._watching: asyncio.Task[None] | None = None

    @property
    def data_folder(self) -> Path:
        """The folder really used; the one asked for unless the server's user cannot reach it."""
        assert self._folder is not None, "the server was not started"
        return self._folder

    @property
    def binaries(self) -> Path:
        """The folder of `psql`, `pg_dump`, `pgbench` and the rest."""
        return self._running.binaries

    @property
    def url(self) -> str:
        """Where SQLAlchemy connects, over the Unix socket; it holds the password."""
        return _url(self.data_folder, self._running)

    async def start(self) -> None:
        """Lock the folder, make the cluster if there is none, adopt or start PostgreSQL, and watch it.

        Raises:
            FolderInUse, FolderNotUsable, OtherMajorVersion: the folder is not for us.
            PortTaken, DiskFull, NoAccount, DatabaseNotStarted: the machine does not allow it now.
        """
        try:
            await asyncio.to_thread(self._start)
        except BaseException:
            await asyncio.to_thread(self._stop)
            raise
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """End PostgreSQL (fast, after 10 s immediately) and free the folder."""
        if self._watching:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await asyncio.to_thread(self._stop)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _running(self) -> Postmaster:
        assert self._postmaster is not None, "the server was not started"
        return self._postmaster

    def _start(self) -> None:
        with self._one_at_a_time:
            account = account_for(self.asked_folder.absolute() / CLUSTER)
            folder = place_of_data(self.asked_folder, account, home=self._home)
            make_folder(folder, account, home=self._home)
            self._folder = folder
            self._lock = lock_folder(folder, account)
            if folder != self.asked_folder.absolute():
                log.info("data_kept_elsewhere", data_folder=str(folder), asked=str(self.asked_folder))
                account = account_for(folder / CLUSTER)

            binaries = binaries_for(account, home=self._home)
            if (folder / CLUSTER).exists():
                check_version(folder, binaries)
            else:
                is_durable = self._options.get("fsync", "on") == "on"
                initialise(folder, account, binaries, is_durable=is_durable)
            postmaster = Postmaster(folder, account, binaries, port=self._port, options=self._options)
            self._postmaster = postmaster
            postmaster.start()

    def _stop(self) -> None:
        # A cancelled start still runs in its thread; it ends early, and is undone when it has ended.
        if self._postmaster:
            self._postmaster.leaving.set()
        with self._one_at_a_time:
            if self._postmaster:
                self._postmaster.stop()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    async def _watch(self) -> None:
        """Start the postmaster again whenever it is gone; a living one that is slow is left alone."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                await asyncio.to_thread(self._revive)
            except (Refused, Unavailable) as problem:
                self._note(problem)
            except OSError as error:
                self._note(DatabaseNotStarted("the database cannot be looked after", reason=str(error)))

    def _note(self, problem: Refused | Unavailable) -> None:
        if self.problem is None or self.problem.code != problem.code:
            log.error("database_away", code=problem.code, problem=problem.sentence, **problem.facts)
        self.problem = problem

    def _revive(self) -> None:
        with self._one_at_a_time:
            running = self._running
            liveness = running.liveness()
            if liveness is Liveness.READY:
                self.problem = None
                running.keep_log_small()
            elif liveness is Liveness.SILENT and (running.child_ended() or running.socket_is_gone()):
                log.warning("database_gone", data_folder=str(self.data_folder))
                running.stop()
                running.restart()
                self.problem = None
                log.info("database_back", data_folder=str(self.data_folder))
            else:
                self.problem = Unavailable("the database is starting or too busy to answer")


def holds_cluster(data_folder: Path, *, home: Path = HOME) -> bool:
    """Whether a database was ever made for this data folder; whoever may not look into it is told when it is opened."""
    account = account_for(data_folder.absolute() / CLUSTER)
    try:
        return (place_of_data(data_folder, account, home=home) / CLUSTER).exists()
    except PermissionError:
        return True


def running_url(data_folder: Path, *, home: Path = HOME) -> str | None:
    """Return where the server of another batuta on this folder is reached, None if none runs there."""
    account = account_for(data_folder.absolute() / CLUSTER)
    folder = place_of_data(data_folder, account, home=home)
    postmaster = Postmaster(folder, account_for(folder / CLUSTER), binaries_for(account, home=home))
    try:
        return _url(folder, postmaster) if postmaster.find() else None
    except PermissionError as error:
        raise FolderNotUsable(f"the data folder {folder} belongs to another user", data_folder=str(folder)) from error


def _url(folder: Path, postmaster: Postmaster) -> str:
    password = quote(password_in(folder), safe="")
    socket = quote(str(postmaster.socket_folder), safe="/")
    return f"postgresql+asyncpg://{USER}:{password}@/{DATABASE}?host={socket}&port={postmaster.port}"
