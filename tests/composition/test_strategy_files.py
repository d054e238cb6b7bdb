"""`batuta sourcing`: strategies in files, published and compared (SRC-07)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.composition.databases import batuta, migrated_database, told
from tests.making import fresh_code

SAID: dict[str, Any] = {"code": "near-first", "name": "Near first", "owner": "ines@example.com", "priority": 20}


@pytest.fixture(scope="module")
def url(server_url: str, worker_id: str) -> str:
    return asyncio.run(migrated_database(server_url, f"strategies_{worker_id}_{fresh_code('at')}"))


def file_of(folder: Path, said: dict[str, Any]) -> str:
    path = folder / "strategy.json"
    path.write_text(json.dumps(said))
    return str(path)


def test_the_same_again_is_no_new_version(url: str, tmp_path: Path) -> None:
    """SRC-07: what a pipeline publishes each night is a version when it says something else."""
    said = file_of(tmp_path, SAID)

    first = batuta(url, "sourcing", "publish", said)
    again = batuta(url, "sourcing", "publish", said)
    other = batuta(url, "sourcing", "publish", file_of(tmp_path, SAID | {"ship_complete": True}))
    back = batuta(url, "sourcing", "publish", file_of(tmp_path, SAID), "--json")

    assert first.output == "published near-first@1, owned by ines@example.com\n"
    assert again.output == "nothing is new in near-first@1, owned by ines@example.com\n"
    assert other.output == "published near-first@2, owned by ines@example.com\n"
    assert told(back)["number"] == 3
    compared = batuta(url, "sourcing", "diff", "near-first@1", "near-first@2", "--json")
    assert told(compared)["differences"] == [{"path": "ship_complete", "after": True}]
