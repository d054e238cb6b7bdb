from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plumbing.places import reachable_place


@pytest.fixture
def place() -> Iterator[Path]:
    """A passing folder for a server and what belongs to it."""
    with reachable_place() as place:
        yield place
