"""`batuta stock import`: files of counts and changes from a terminal, on a database of their own (PLT-08)."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from batuta.inventory.domain.feeds import UnknownFeed
from batuta.inventory.domain.sheets import BadFile
from tests.composition.databases import batuta, engine_on, migrated_database, told, write
from tests.world import build_shop

PLACES = "SELECT s.code, l.code FROM inventory.stock k JOIN catalog.sku s ON s.id = sku_id JOIN locations.location l ON"
ROWS = f"{PLACES} l.id = location_id WHERE condition = 'sellable' ORDER BY l.code"


@pytest.fixture(scope="session")
def stocked(server_url: str, worker_id: str) -> str:
    """The address of a database with a shop and its stock. Copy it; do not change it."""

    async def make() -> str:
        url = await migrated_database(server_url, f"stocked_{worker_id}_{os.getpid()}")
        async with engine_on(url) as engine, engine.begin() as db:
            await build_shop(db, stock={"chair": {"north": 50, "south": 50}})
        return url

    return asyncio.run(make())


@pytest.fixture
def url(stocked: str, copy: Callable[[str], str]) -> str:
    return copy(stocked)


@pytest.fixture
def places(url: str) -> Sequence[Any]:
    """The SKU and location of each stock row."""
    return asyncio.run(write(url, ROWS))


def sheet(folder: Path, *rows: Sequence[object]) -> str:
    file = folder / "counts.csv"
    head = "sku_code,location_code,quantity\n"
    file.write_text(head + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return str(file)


def on_hand(url: str) -> list[int]:
    rows = asyncio.run(
        write(
            url,
            "SELECT on_hand FROM inventory.stock k JOIN locations.location l ON l.id = location_id"
            " WHERE condition = 'sellable' ORDER BY l.code",
        )
    )
    return [row[0] for row in rows]


def test_a_file_is_tried_imported_and_known_again(url: str, places: Sequence[Any], tmp_path: Path) -> None:
    before = on_hand(url)
    file = sheet(tmp_path, (*places[0], 11), ("nothing", places[0][1], 3), (*places[1], 12))

    trial = batuta(url, "stock", "import", file, "--dry-run")
    assert on_hand(url) == before
    first, again = [batuta(url, "stock", "import", file) for _ in range(2)]

    assert (trial.exit_code, first.exit_code, again.exit_code) == (1, 1, 1)
    assert "row 2: nothing" in trial.output
    assert "there is no such SKU (unknown_stock)" in first.output
    assert first.output == again.output
    assert first.output.splitlines()[-1] == (
        "3 of 3 rows (feed files, message 1): 2 changed, 0 as they were, 1 refused"
    )
    assert on_hand(url) == [11, 12]
    audit = batuta(url, "audit")
    assert audit.exit_code == 0, audit.output


def test_a_file_of_parquet_with_changes_is_imported(url: str, places: Sequence[Any], tmp_path: Path) -> None:
    before = on_hand(url)
    (sku, north), (_, south) = places
    columns = {"sku_code": [sku, sku], "location_code": [north, south], "quantity": [5, -1]}
    parquet.write_table(pa.table(columns), tmp_path / "changes.parquet")

    result = batuta(url, "stock", "import", str(tmp_path / "changes.parquet"), "--kind", "delta", "--json")

    assert result.exit_code == 0, result.output
    assert [row["difference"] for row in told(result)["rows"]] == [5, -1]
    assert on_hand(url) == [before[0] + 5, before[1] - 1]


def test_a_large_file_comes_in_parts(url: str, places: Sequence[Any], tmp_path: Path) -> None:
    rows = [(f"none-{i}", places[0][1], 1) for i in range(2_300)]
    file = sheet(tmp_path, (*places[0], 7), *rows)

    trial, answer = [told(batuta(url, "stock", "import", file, "--json", *more)) for more in (["--dry-run"], [])]

    assert (answer["lines_done"], answer["refused"], answer["changed"]) == (2_301, 2_300, 1)
    assert (len(answer["rows"]), answer["has_more_rows"]) == (2_000, True)
    assert {row["status"] for row in answer["rows"]} == {"refused"}, "what was refused is told first"
    assert trial == answer | {"is_trial": True}


def test_bad_files_and_feeds_are_told(url: str, tmp_path: Path) -> None:
    strange = tmp_path / "strange.csv"
    strange.write_text("colour\nred\n")

    bad = batuta(url, "stock", "import", str(strange))
    unknown = batuta(url, "stock", "import", sheet(tmp_path), "--feed", "nobody")

    assert isinstance(bad.exception, BadFile)
    assert bad.exception.facts["missing"] == ["sku_code", "location_code", "quantity"]
    assert isinstance(unknown.exception, UnknownFeed)
