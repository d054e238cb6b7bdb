import tomllib
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from sqlalchemy import text

from batuta.payments.adapters.test_provider import SCHEMA, TestProvider, charge, operation
from batuta.payments.commands import hearing
from batuta.plumbing.database import Engine
from tests.schema import sql_of

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture(autouse=True)
def _declared_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapters that pyproject.toml declares, whether or not the checkout is installed."""
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"][hearing.PROVIDERS]
    points = EntryPoints(EntryPoint(name, value, hearing.PROVIDERS) for name, value in declared.items())
    monkeypatch.setattr(hearing, "entry_points", points.select)


@pytest.fixture
async def provider(engine: Engine) -> AsyncIterator[TestProvider]:
    """The test provider with its tables, which no room's metadata brings along."""
    async with engine.begin() as db:
        await db.execute(text("SELECT pg_advisory_xact_lock(77)"))
        await db.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        await db.run_script(sql_of([charge, operation]))
    yield TestProvider(engine)
    hearing.find_provider.cache_clear()
