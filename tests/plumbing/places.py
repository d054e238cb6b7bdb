"""Folders for servers under test."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reachable_place() -> Iterator[Path]:
    """A passing folder that every user may enter, unlike those of pytest: root's servers run as another user."""
    place = Path(tempfile.mkdtemp(prefix="batuta-tests-", dir="/tmp"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)
