"""A house to measure: PostgreSQL in a fresh folder, processes of batuta over it, and what they can be asked for.

The database belongs to the harness, so that killing a process of batuta leaves it alone, and killing it leaves them.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from batuta.identity.commands import make_key
from batuta.identity.domain import PERMISSIONS, NewApiKey
from batuta.plumbing.audit import Verdict, examine
from batuta.plumbing.database import DatabaseError, Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.embedded.folder import CLUSTER
from batuta.plumbing.migrate import migrate
from batuta.worker import LAWS
from benchmarks.catalogue import ACTOR, Catalogue, build
from benchmarks.measuring import cpu_s
from benchmarks.wire import ConnectionLost, Wire

BATUTA = (sys.executable, "-c", "from batuta.cli import main; main()")
OPTIONS = {"max_connections": "200"}
"""Room for the connections of pgbench beside those of batuta; all else is as it comes."""
REQUESTS_PER_MINUTE = 6_000_000
READY_WITHIN_S = 60
GOODBYE_WITHIN_S = 20
OK = 200
LASTING = {"statement_timeout": "0", "transaction_timeout": "0", "idle_in_transaction_session_timeout": "0"}


Result = TypeVar("Result")


class NotReady(RuntimeError):
    """A process of batuta did not answer in time; its log says why."""


class Process:
    """One `batuta up` on a port of its own."""

    def __init__(self, folder: Path, number: int, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.log = folder / f"batuta-{number}.log"
        # What is set for whoever runs the benchmark is not meant for the house it measures.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BATUTA_")}
        self._environment = {**outside, **environment, "BATUTA_PORT": str(self.port)}
        self._running: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._running
        return self._running.pid

    def cpu_s(self) -> float:
        """CPU seconds that it and its children have used since it was last started."""
        return cpu_s([self.pid])

    async def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            NotReady: it does not.
        """
        await self.launch()
        await self.wait_until_ready()

    async def launch(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                *BATUTA, "up", env=self._environment, stdout=log, stderr=log, cwd=self.log.parent
            )

    async def wait_until_ready(self) -> None:
        """Return when it answers that it is ready.

        Raises:
            NotReady: it has ended, or does not answer.
        """
        wire = Wire(self.port, within_s=5)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while self._running and self._running.returncode is None:
                    with contextlib.suppress(ConnectionLost):
                        if (await wire.ask("GET", "/health/ready")).status == OK:
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        finally:
            wire.close()
        raise NotReady(f"a process of batuta is not ready; its last words:\n{_tail(self.log)}")

    async def kill(self) -> None:
        """End it as a power cut does."""
        if self._running and self._running.returncode is None:
            self._running.kill()
            await self._running.wait()

    async def stop(self) -> None:
        """Ask it to end, and see that it does."""
        if self._running is None or self._running.returncode is not None:
            return
        self._running.terminate()
        try:
            await asyncio.wait_for(self._running.wait(), GOODBYE_WITHIN_S)
        except TimeoutError:
            await self.kill()


class House:
    """The database, its engine for the harness, and the processes of batuta. key: of the API, that may do anything."""

    def __init__(self, folder: Path, server: EmbeddedServer, engine: Engine, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.server = server
        self.engine = engine
        self.settings = {
            "BATUTA_DATABASE_URL": server.url,
            "BATUTA_LOG_LEVEL": "warning",
            "BATUTA_DEMO_COMPANY": "false",
            **settings,
        }
        self.key = ""
        self.processes: list[Process] = []

    @property
    def ports(self) -> list[int]:
        return [one.port for one in self.processes]

    @property
    def postmaster_pid(self) -> int:
        """The first process of PostgreSQL."""
        return int((self.server.data_folder / CLUSTER / "postmaster.pid").read_text().split()[0])

    @property
    def database_log(self) -> Path:
        """What PostgreSQL says."""
        return self.server.data_folder / "postgres.log"

    def app_cpu_s(self) -> float:
        """CPU seconds of the processes of batuta so far."""
        return cpu_s(one.pid for one in self.processes)

    def database_cpu_s(self) -> float:
        """CPU seconds of PostgreSQL so far."""
        return cpu_s([self.postmaster_pid])

    def kill_database(self) -> None:
        """End PostgreSQL's first process as a power cut does; the harness starts it again within seconds."""
        os.kill(self.postmaster_pid, signal.SIGKILL)

    async def wait_for_database(self) -> None:
        """Return when PostgreSQL answers."""
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                try:
                    async with self.engine.connect() as db:
                        await db.execute(text("SELECT 1"))
                except (*DatabaseError, OSError):
                    await asyncio.sleep(0.05)
                else:
                    return

    async def analyze(self) -> None:
        """Give the planner the sizes of all tables."""
        async with lasting(self.server.url) as engine, engine.connect() as db:
            await db.run_script("ANALYZE")

    async def checkpoint(self) -> None:
        """Write what is dirty now, and not while something is measured."""
        async with lasting(self.server.url) as engine, engine.connect() as db:
            await db.run_script("CHECKPOINT")

    async def broken_laws(self) -> list[Verdict]:
        """What the audit finds."""
        async with lasting(self.server.url) as engine, engine.snapshot() as db:
            return [verdict for verdict in await examine(db, LAWS) if verdict.broken]


@contextlib.asynccontextmanager
async def house(
    catalogue: Catalogue, *, processes: int = 2, folder: Path | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[House]:
    """A house with this catalogue, its processes answering; all of it is gone after the block.

    folder: where it lives instead of the system's temporary folder. settings: of batuta, as `BATUTA_…`.
    """
    with tempfile.TemporaryDirectory(prefix="batuta-", dir=folder, ignore_cleanup_errors=True) as made:
        here = Path(made)
        # PostgreSQL may run as another user, who must reach its folder.
        here.chmod(0o755)
        async with EmbeddedServer(here / "data", options=OPTIONS) as server:
            engine = create_engine(server.url, pool_size=4)
            one = House(here, server, engine, settings or {})
            one.processes = [Process(here, number, one.settings) for number in range(processes)]
            try:
                await migrate(engine)
                await build(engine, catalogue, now=datetime.now(UTC))
                one.key = await _key(engine)
                await one.analyze()
                await asyncio.gather(*(process.start() for process in one.processes))
                yield one
            finally:
                await asyncio.gather(*(process.stop() for process in one.processes))
                await engine.dispose()


@contextlib.asynccontextmanager
async def lasting(url: str) -> AsyncIterator[Engine]:
    """An engine whose statements may take as long as they need."""
    engine = create_engine(url, pool_size=2, settings=LASTING)
    try:
        yield engine
    finally:
        await engine.dispose()


def run(benchmark: Coroutine[Any, Any, Result]) -> Result:
    """Run a benchmark to its end; being asked to stop ends all that it has started."""

    async def stoppable() -> Result:
        task = asyncio.current_task()
        assert task
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await benchmark

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _key(engine: Engine) -> str:
    """Make an API key and return what its user sends."""
    new = NewApiKey(name="load", permissions=PERMISSIONS, requests_per_minute=REQUESTS_PER_MINUTE)
    async with engine.begin() as db:
        made = await make_key(db, new=new, actor=ACTOR, chance=random.SystemRandom(), now=datetime.now(UTC))
    return made.secret


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
