import asyncio
import difflib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

import batuta
from batuta.plumbing.database import Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.events.parked import waits_for_rebase
from batuta.plumbing.migrate import MIGRATIONS, NewerDatabase, migrate, versions
from tests.conftest import create_database
from tests.plumbing.places import reachable_place

NOT_DECLARED = "--exclude-table=public.alembic_version"


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    with reachable_place() as place:
        options = {"fsync": "off", "shared_buffers": "16MB"}
        async with EmbeddedServer(place / "shop", options=options, home=place / "home") as server:
            yield server


@pytest.fixture
async def engine(server: EmbeddedServer) -> AsyncIterator[Engine]:
    engine = create_engine(server.url)
    yield engine
    await engine.dispose()


def schema_of(server: EmbeddedServer, database: str) -> list[str]:
    url = make_url(server.url).set(drivername="postgresql", database=database).render_as_string(hide_password=False)
    dumped = subprocess.run(
        [server.binaries / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", NOT_DECLARED, url],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = dumped.stdout.splitlines()
    return [line for line in lines if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]


async def test_the_migrated_schema_is_the_declared_one(server: EmbeddedServer, engine: Engine) -> None:
    await migrate(engine)
    await create_database(server.url, "declared")

    difference = difflib.unified_diff(
        schema_of(server, "batuta"), schema_of(server, "declared"), "migrated", "declared", lineterm=""
    )
    assert "\n".join(difference) == ""


async def test_a_new_database_acts_and_a_migrated_one_does_not_adopt_itself(engine: Engine) -> None:
    await migrate(engine)
    async with engine.begin() as db:
        assert not await waits_for_rebase(db)
        await db.execute(text("UPDATE plumbing.cluster SET system_identifier = 1"))
    await migrate(engine)
    async with engine.connect() as db:
        assert await waits_for_rebase(db)


async def test_versions_run_once_and_in_order(engine: Engine) -> None:
    assert await migrate(engine) == versions()
    assert await migrate(engine) == []


async def test_processes_that_start_together_migrate_once(server: EmbeddedServer) -> None:
    engines = [create_engine(server.url) for _ in range(4)]
    done = await asyncio.gather(*(migrate(engine) for engine in engines))
    for engine in engines:
        await engine.dispose()
    assert sorted(done) == [[], [], [], versions()]


async def test_migrating_leaves_no_session_without_time_limits(engine: Engine) -> None:
    await migrate(engine)
    async with engine.connect() as db:
        assert await db.scalar(text("SHOW statement_timeout")) == "5s"
        assert await db.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0


async def test_a_database_of_a_newer_version_is_refused(engine: Engine) -> None:
    await migrate(engine)
    async with engine.begin() as db:
        await db.execute(text("UPDATE public.alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabase) as refusal:
        await migrate(engine)
    assert refusal.value.facts["found"] == "9999"


def test_versions_are_one_chain_each_with_its_sql() -> None:
    scripts = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    previous = None
    for number, script in enumerate(scripts, start=1):
        assert script.name.startswith(f"{number:04}_")
        assert script.with_suffix(".sql").exists()
        assert f'revision = "{number:04}"' in script.read_text()
        assert f"down_revision = {previous}" in script.read_text()
        previous = f'"{number:04}"'


async def test_alembic_is_not_imported_when_nothing_is_due(server: EmbeddedServer, engine: Engine) -> None:
    await migrate(engine)
    script = f"""
import asyncio, sys
from batuta.plumbing.database import create_engine
from batuta.plumbing.events.parked import waits_for_rebase
from batuta.plumbing.migrate import migrate
async def main():
    engine = create_engine({server.url!r})
    assert await migrate(engine) == []
    await engine.dispose()
asyncio.run(main())
assert "alembic" not in sys.modules
"""
    source = str(Path(batuta.__file__).parent.parent)
    ran = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": source}, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
