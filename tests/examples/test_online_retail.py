"""The wholesaler's invoices on a made-up file: sorted out, taken over, and the same after any interruption."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.plumbing.database import DatabaseError, create_engine
from batuta.plumbing.embedded import running_url
from examples.online_retail.importing import GROUND, LINES_PER_CHUNK, chunks
from examples.online_retail.reading import COLUMNS, FILE, Reason, read
from tests.plumbing.places import reachable_place

HOUSE = Path(__file__).parents[2]
WAIT_S = 240
INVOICES = 850

Row = tuple[str, str | None, str | None, int, datetime, float, int | None, str]


def line(invoice: str, code: str | None = "85048", quantity: int = 1, price: float = 6.95, *, minute: int = 0) -> Row:
    at = datetime(2009, 12, 1, 7, 45) + timedelta(minutes=minute)  # noqa: DTZ001 - the file tells local wall time
    return (invoice, code, " GLASS  BALL ", quantity, at, price, 13085, "EIRE")


def write(folder: Path, rows: list[Row]) -> Path:
    columns = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    pq.write_table(pa.table(columns), folder / FILE)
    return folder


def test_every_line_is_taken_over_or_refused_with_a_reason(tmp_path: Path) -> None:
    rows = [
        line("1"),
        line("1", None),
        line("2", quantity=-3, price=0),
        line("3", price=0),
        line("3", price=0.001),
        line("C4", quantity=-2),
        line("C4", quantity=2),
        line("A5", price=-10.0),
    ]

    data = read(write(tmp_path, rows))

    assert [invoice.number for invoice in data.invoices] == ["1", "C4"]
    assert (data.lines_in, data.invoices_in) == (8, 5)
    assert data.refused == {
        Reason.NO_CODE: 1,
        Reason.NEGATIVE_QUANTITY: 1,
        Reason.NO_PRICE: 2,
        Reason.BELOW_A_PENNY: 1,
        Reason.POSITIVE_QUANTITY: 1,
    }
    assert data.refused_invoices == {Reason.NEGATIVE_QUANTITY: 1, Reason.NO_PRICE: 2}


def test_an_invoice_is_read_with_its_sku_its_time_and_its_country(tmp_path: Path) -> None:
    summer = 60 * 24 * 210
    rows = [line("1", "85123a ", minute=summer), line("C2", quantity=-4, minute=summer + 1)]

    sold, returned = read(write(tmp_path, rows)).invoices

    assert (sold.lines[0].code, sold.lines[0].name, sold.lines[0].price_minor) == ("85123A", "GLASS BALL", 695)
    assert (sold.country, sold.customer) == ("IE", 13085)
    assert sold.at.hour == 6, "London is an hour ahead in summer"
    assert returned.is_cancellation
    assert returned.lines[0].quantity == 4


def test_a_folder_without_the_data_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=rf"^{tmp_path} has no transactions_2009_2010.parquet: name the folder"):
        read(tmp_path)


def test_an_invoice_is_never_cut_in_two(tmp_path: Path) -> None:
    rows = [line(str(i // 700)) for i in range(5_000)]

    cut = list(chunks(read(write(tmp_path, rows)).invoices))

    assert [len(chunk) for chunk in cut] == [2, 2, 2, 2]
    assert all(sum(len(one.lines) for one in chunk) <= LINES_PER_CHUNK for chunk in cut)


def a_year(folder: Path) -> Path:
    """Eight chunks of sales, and now and then something that comes back or cannot be."""
    chance = random.Random(5)
    rows = []
    for i in range(INVOICES):
        codes = [f"{chance.randrange(20_000, 20_400)}" for _ in range(20)]
        if i % 12 == 0:
            rows += [line(f"C{i}", code, -chance.randint(1, 3), 1.25, minute=i) for code in codes[:2]]
        elif i % 50 == 1:
            rows += [line(str(i), code, 1, 0.0, minute=i) for code in codes[:2]]
        else:
            rows += [line(str(i), code, chance.randint(1, 9), 2.5, minute=i) for code in [*codes, "POST"]]
    return write(folder, rows)


def started(source: Path, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "examples.online_retail", "--json", "--from", str(source), "--folder", str(folder)]
    return subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def figures_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, problems = process.communicate(timeout=3 * WAIT_S)
    assert process.returncode == 0, problems
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    return {name: value for name, value in figures.items() if name not in {"seconds", "lines_per_s"}}


async def asked(folder: Path, question: str) -> int:
    """The answer of the example's database, 0 as long as it cannot answer."""
    url = running_url(folder)
    if url is None:
        return 0
    engine = create_engine(make_url(url).set(database="online_retail").render_as_string(hide_password=False))
    try:
        async with engine.connect() as db:
            return int(await db.scalar(text(question)) or 0)
    except (*DatabaseError, OSError):
        return 0
    finally:
        await engine.dispose()


CHUNKS_STORED = "SELECT count(*) FROM plumbing.event WHERE type = 'online_retail.chunk_imported'"


def kill_when_under_way(process: "subprocess.Popen[str]", folder: Path, victim: Callable[[], int]) -> None:
    deadline = time.monotonic() + WAIT_S
    while asyncio.run(asked(folder, CHUNKS_STORED)) < len(GROUND) + 2:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.kill(victim(), signal.SIGKILL)


def postmaster_of(folder: Path) -> int:
    """The parent of any of its backends."""
    backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'batuta' AND pid <> pg_backend_pid() LIMIT 1"
    stat = Path(f"/proc/{asyncio.run(asked(folder, backends))}/stat").read_text()
    return int(stat.rsplit(")", 1)[1].split()[1])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_year(tmp_path_factory.mktemp("invoices"))


@pytest.fixture(scope="module")
def whole(source: Path) -> dict[str, Any]:
    """The report of an import that nobody interrupts."""
    with reachable_place() as place:
        return figures_of(started(source, place / "data"))


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_place() as place:
        yield place / "data"


def test_the_report_accounts_for_every_line_and_every_unit(whole: dict[str, Any]) -> None:
    assert whole["ledger_ok"]
    assert whole["units_left"] == 0
    assert whole["paid_as_expected"]
    assert whole["credited_as_expected"]
    assert whole["orders"] + whole["returns"] + whole["refused_invoices"] == whole["invoices_in"] == INVOICES
    assert whole["lines_accepted"] + whole["lines_refused"] == whole["lines_in"]


def test_killed_in_the_middle_and_started_again_the_report_is_the_same(
    source: Path, whole: dict[str, Any], folder: Path
) -> None:
    process = started(source, folder)
    kill_when_under_way(process, folder, lambda: process.pid)
    process.communicate()

    assert figures_of(started(source, folder)) == whole


def test_when_the_database_is_killed_in_the_middle_the_import_waits_and_the_report_is_the_same(
    source: Path, whole: dict[str, Any], folder: Path
) -> None:
    process = started(source, folder)
    kill_when_under_way(process, folder, lambda: postmaster_of(folder))

    assert figures_of(process) == whole
