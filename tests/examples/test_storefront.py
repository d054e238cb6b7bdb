"""A guest buys at a running batuta, by the public API only."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.composition.test_up import free_port, run, up
from tests.plumbing.places import reachable_place

HOUSE = Path(__file__).parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_place() as place:
        yield place


def test_a_guest_buys_three_goods_at_a_running_batuta(place: Path) -> None:
    port = free_port()
    with up(place, port) as batuta:
        assert batuta.stdout
        key = next(found[0] for line in batuta.stdout if (found := re.search(r"bat_\S+", line)))
        bought = subprocess.run(
            [sys.executable, "-m", "examples.storefront", "--url", f"http://127.0.0.1:{port}", "--key", key],
            cwd=HOUSE,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert bought.returncode == 0, bought.stdout + bought.stderr
        assert re.search(r"^order \d+: [\d.]+ EUR$", bought.stdout, re.MULTILINE), bought.stdout
        audited = run(place, "audit")
        assert audited.returncode == 0, audited.stdout


def test_the_storefront_is_short_enough_to_be_read() -> None:
    assert len((HOUSE / "examples" / "storefront.py").read_text().splitlines()) <= 100
