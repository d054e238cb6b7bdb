"""Counting the statements that a command sends; rows that go in by COPY are not seen."""

from collections.abc import Iterator
from contextlib import contextmanager

from batuta.plumbing.database import Engine


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """The text of each statement that runs on this engine inside the block."""
    statements: list[str] = []
    engine.on_statement = statements.append
    try:
        yield statements
    finally:
        engine.on_statement = None
