"""One real PostgreSQL for the whole run, one database for each worker, no mock of any part of the house."""

import asyncio
import importlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import insert, text
from sqlalchemy.engine import make_url

import batuta
from batuta.plumbing import jobs
from batuta.plumbing.database import Connection, Engine, create_engine, metadata
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.events.parked import rebase
from batuta.sourcing.tables import promise_key
from tests.making import NOW
from tests.schema import sql_of_all

SERVER_URL = "BATUTA_TEST_SERVER_URL"

# What is lost in a crash of the test machine is of no worth; what is lost in a crash of batuta is tested elsewhere.
QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}

# A busy machine is slow, and that is no law of ours: speed is measured by benchmarks.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_ended = threading.Event()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or SERVER_URL in os.environ:
        return
    started: threading.Event = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(started)), name="postgresql")
    config.stash[_THREAD] = thread
    thread.start()
    started.wait(timeout=60)


def pytest_unconfigure(config: pytest.Config) -> None:
    thread = config.stash.get(_THREAD, None)
    if thread:
        _ended.set()
        thread.join()
        os.environ.pop(SERVER_URL, None)


_THREAD = pytest.StashKey[threading.Thread]()


async def _serve(started: threading.Event) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="batuta-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)
            async with EmbeddedServer(Path(folder) / "data", options=QUICK) as server:
                os.environ[SERVER_URL] = server.url
                started.set()
                await asyncio.to_thread(_ended.wait)
    finally:
        started.set()


@pytest.fixture(scope="session")
def server_url() -> str:
    """The address of the run's PostgreSQL, as its superuser."""
    return os.environ[SERVER_URL]


@pytest.fixture(scope="session")
def database_url(server_url: str, worker_id: str) -> str:
    """A database of this worker's own, with every table of the house."""
    name = f"test_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    return str(make_url(server_url).set(database=name).render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    # Dozens meet at one row in races, and a busy machine takes its time with each.
    made = create_engine(database_url, pool_size=20, settings={"lock_timeout": "20s", "statement_timeout": "30s"})
    yield made
    await made.dispose()


@pytest.fixture
async def db(engine: Engine) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back after the test."""
    async with engine.connect() as connection:
        await connection.begin()
        yield connection
        await connection.rollback()


async def create_database(server_url: str, name: str) -> None:
    """Make a database with the declared schema, the job queue, a secret, and its cluster known to the log."""
    administrator = create_engine(server_url)
    async with administrator.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
    await administrator.dispose()

    house = Path(batuta.__path__[0])
    for path in sorted([*house.rglob("tables.py"), *house.rglob("tables/__init__.py")]):
        module = path.relative_to(house.parent).with_suffix("")
        importlib.import_module(".".join(module.parts).removesuffix(".__init__"))
    importlib.import_module("batuta.plumbing.keys")
    importlib.import_module("batuta.plumbing.knowledge")
    importlib.import_module("batuta.plumbing.sweeps")
    importlib.import_module("batuta.payments.adapters.test_provider")
    made = create_engine(str(make_url(server_url).set(database=name).render_as_string(hide_password=False)))
    async with made.begin() as connection:
        await connection.run_script(sql_of_all(metadata))
        await connection.run_script(jobs.installation_sql())
        await rebase(connection)
        await connection.execute(insert(promise_key), {"id": 1, "secret": b"s" * 32, "made_at": NOW})
    await made.dispose()
