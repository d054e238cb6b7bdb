"""Real orders through the whole house, also when the house is struck by lightning in the middle."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.plumbing.database import DatabaseError, create_engine
from batuta.plumbing.embedded import running_url

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "olist"
ORDERS = 30

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"no real orders: {DATA} is not there")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="batuta-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made) / "olist"


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "examples.olist", "--from", str(DATA), "--limit", str(ORDERS), "--json"]
    return subprocess.Popen(
        [*command, "--folder", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-2_000:]
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    del figures["seconds"]
    return figures


def wait_until_placed(folder: Path, orders: int) -> None:
    """Wait for the middle: some orders are placed, and most are still to come."""
    deadline = time.monotonic() + 120
    while asyncio.run(_placed(folder)) < orders:
        assert time.monotonic() < deadline, "the replay does not come on"
        time.sleep(0.2)


async def _placed(folder: Path) -> int:
    url = running_url(folder)
    if url is None:
        return 0
    engine = create_engine(make_url(url).set(database="olist").render_as_string(hide_password=False))
    try:
        async with engine.connect() as db:
            return int(await db.scalar(text('SELECT count(*) FROM ordering."order"')) or 0)
    except (*DatabaseError, OSError):
        return 0
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="batuta-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        return report(start(Path(made) / "olist"))


def test_every_order_ends_where_the_data_says_and_every_cent_is_accounted_for(undisturbed: dict[str, Any]) -> None:
    placed = sum(undisturbed["outcomes"].values())

    assert undisturbed["orders_in"] == ORDERS
    assert placed + undisturbed["refused"]["orders"] == ORDERS
    assert undisturbed["outcomes_as_expected"] == placed
    assert undisturbed["captured_minor"] == undisturbed["expected_captured_minor"]
    assert undisturbed["differences_unexplained"] == 0
    assert undisturbed["laws_broken"] == {}


def test_killed_in_the_middle_and_started_again_the_report_is_the_same(
    folder: Path, undisturbed: dict[str, Any]
) -> None:
    process = start(folder)
    wait_until_placed(folder, 5)
    process.kill()
    process.communicate()

    assert report(start(folder)) == undisturbed


def test_when_the_database_is_killed_in_the_middle_the_replay_waits_and_the_report_is_the_same(
    folder: Path, undisturbed: dict[str, Any]
) -> None:
    process = start(folder)
    wait_until_placed(folder, 5)
    postmaster = folder / "postgres" / "postmaster.pid"
    os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGKILL)

    assert report(process) == undisturbed
