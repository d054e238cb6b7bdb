"""Databases that are killed, dumped and restored under a working house, which loses nothing."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.ordering.domain import OrderStatus
from batuta.plumbing.database import DatabaseError, Engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.events.reactions import RestoredElsewhere
from batuta.plumbing.migrate import migrate
from batuta.plumbing.settings import Settings
from batuta.worker import clockwork, working
from tests.composition import databases
from tests.composition.shopping import let_work, open_shop, order_chair, status_of, until_in_progress
from tests.making import fresh_id
from tests.plumbing.servers import postmaster_pid, server_in
from tests.world import Shop


@pytest.fixture
async def server(place: Path) -> AsyncIterator[EmbeddedServer]:
    async with server_in(place) as server:
        yield server


async def order_in_spite_of_outages(engine: Engine, shop: Shop) -> UUID:
    order_id = fresh_id()
    while True:
        try:
            return await order_chair(engine, shop, order_id)
        except (*DatabaseError, OSError):
            await asyncio.sleep(0.1)


async def test_a_worker_goes_on_after_its_database_was_killed_and_nothing_is_lost(
    server: EmbeddedServer, place: Path
) -> None:
    async with databases.engine_on(server.url) as engine, databases.engine_on(server.url) as ours:
        await migrate(engine)
        shop = await open_shop(engine)
        orders: list[UUID] = []
        async with working(ours, clockwork(Settings())):
            for _ in range(2):
                orders += [await order_in_spite_of_outages(engine, shop) for _ in range(10)]
                os.kill(postmaster_pid(place), signal.SIGKILL)
                orders += [await order_in_spite_of_outages(engine, shop) for _ in range(10)]
                await take_over_jobs(engine)
            async with asyncio.timeout(60):
                for one in orders:
                    await until_in_progress(engine, one)
        async with engine.connect() as db:
            assert await db.scalar(text('SELECT count(*) FROM ordering."order"')) == len(orders)
            assert await db.scalar(text("SELECT count(*) FROM payments_test_provider.charge")) == len(orders)
        audited = await asyncio.to_thread(databases.batuta, server.url, "audit")
        assert audited.exit_code == 0, audited.output


async def take_over_jobs(engine: Engine) -> None:
    """Do not wait the minute after which a job counts as left behind by a worker that died."""
    async with engine.begin() as db:
        await db.execute(text("UPDATE jobs.pgqueuer SET heartbeat = now() - interval '1 hour' WHERE status = 'picked'"))


async def test_a_restored_copy_acts_only_after_rebase(
    played: str, copy: Callable[[str], str], server: EmbeddedServer
) -> None:
    source = await asyncio.to_thread(copy, played)
    await asyncio.to_thread(restore, source, server)

    async with databases.engine_on(server.url) as engine:
        assert await migrate(engine) == []
        shop = await open_shop(engine)
        order_id = await order_chair(engine, shop)
        with pytest.raises(RestoredElsewhere):
            await let_work(engine)
        assert await status_of(engine, order_id) is OrderStatus.PLACED
        shown = await asyncio.to_thread(databases.batuta, server.url, "events")
        assert "nothing reacts until `batuta events rebase`" in shown.output

        rebased = await asyncio.to_thread(databases.batuta, server.url, "events", "rebase")
        assert rebased.output == "this copy acts from now on, in epoch 2\n"
        await let_work(engine)
        await let_work(engine)

        assert await status_of(engine, order_id) is OrderStatus.IN_PROGRESS
    audited = await asyncio.to_thread(databases.batuta, server.url, "audit")
    assert audited.exit_code == 0, audited.output


def restore(source: str, server: EmbeddedServer) -> None:
    """Take a dump of a database with the tools of PostgreSQL and restore it into another cluster."""
    dump = subprocess.run(
        [server.binaries / "pg_dump", "--format=custom", "--no-owner", plain(source)], capture_output=True, check=True
    )
    restored = subprocess.run(
        [server.binaries / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={plain(server.url)}"],
        input=dump.stdout,
        capture_output=True,
        check=False,
    )
    assert restored.returncode == 0, restored.stderr.decode()


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
