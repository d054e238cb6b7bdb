"""The API against its own description: made-up requests, all checks, two users, the same ones on every run.

400 is for what breaks the schema, 409 for what the business refuses; nothing answers 500 or what it does not announce.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batuta.identity.commands import make_key
from batuta.identity.domain import PERMISSIONS, NewApiKey
from batuta.plumbing.database import create_engine
from benchmarks.harness import Process

SEED = "20260302"
WITHIN_S = 600
STOREFRONT = frozenset({"carts.write", "orders.place", "catalog.read", "inventory.read", "customers.write"})
ANYTHING = ("--phases=examples,coverage", "--max-examples=1")
LITTLE = ("--phases=examples,fuzzing", "--max-examples=2")


@pytest.fixture
def database(played: str, copy: Callable[[str], str]) -> str:
    """A shop in which a day has been played, so that there is something to ask for."""
    return copy(played)


@asynccontextmanager
async def served(url: str, folder: Path) -> AsyncIterator[Process]:
    process = Process(folder, 0, {"BATUTA_DATABASE_URL": url, "BATUTA_WORKER": "false", "BATUTA_LOG_LEVEL": "error"})
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def key_of(url: str, name: str, permissions: frozenset[str]) -> str:
    engine = create_engine(url)
    new = NewApiKey(name=name, permissions=permissions)
    async with engine.begin() as db:
        made = await make_key(db, new=new, actor="test", chance=random.SystemRandom(), now=datetime.now(UTC))
    await engine.dispose()
    return made.secret


def examined(port: int, key: str, folder: Path, *how: str) -> "subprocess.CompletedProcess[str]":
    """Let schemathesis ask; what it found stands in its output."""
    asked = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"http://127.0.0.1:{port}/api/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--checks=all", f"--seed={SEED}", "--no-color", *how),
    ]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BATUTA_")}
    return subprocess.run(asked, cwd=folder, env=plain, capture_output=True, text=True, timeout=WITHIN_S, check=False)


async def test_nothing_answers_otherwise_than_it_says(database: str, tmp_path: Path) -> None:
    """PLT-03: one who may do anything, and a storefront."""
    everybody = [("admin", PERMISSIONS, ANYTHING), ("storefront", STOREFRONT, LITTLE)]
    async with served(database, tmp_path) as process:
        for name, permissions, how in everybody:
            key = await key_of(database, name, permissions)
            found = await asyncio.to_thread(examined, process.port, key, tmp_path, *how)
            assert found.returncode == 0, f"{name}:\n{found.stdout[-30_000:]}\n{process.log.read_text()[-5_000:]}"
