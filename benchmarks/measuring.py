"""CPU of process trees, percentiles, and the rows of a database."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import Connection

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MICROSECONDS = 1_000_000

TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1
"""


KEPT_ANSWERS = "plumbing.idempotency"
NO_MARK = "scope <> '00000000-0000-0000-0000-000000000000'"
"""Each batch of orders leaves a mark among the answers that are kept; it is no order's row."""


class Stat(msgspec.Struct, frozen=True):
    """A process: its parent and the ticks that it and its ended children have used."""

    parent: int
    ticks: int


def cpu_s(roots: Iterable[int]) -> float:
    """The CPU seconds that these processes, all below them, and all that have ended below them have used."""
    every = _processes()
    children: dict[int, list[int]] = {}
    for pid, one in every.items():
        children.setdefault(one.parent, []).append(pid)
    left, seen, ticks = list(roots), set[int](), 0
    while left:
        pid = left.pop()
        if pid in seen or pid not in every:
            continue
        seen.add(pid)
        ticks += every[pid].ticks
        left += children.get(pid, [])
    return ticks / TICKS_PER_S


def _processes() -> dict[int, Stat]:
    found = {}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            # The name of a process stands in brackets and may hold anything.
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.name)] = Stat(parent=int(fields[1]), ticks=sum(int(field) for field in fields[11:15]))
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies; 0 when there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


async def row_counts(db: Connection) -> dict[str, int]:
    """The rows of each table of the house."""
    names = [str(name) for name in await db.scalars(text(TABLES))]
    counted = " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*) AS rows FROM {name} WHERE {NO_MARK if name == KEPT_ANSWERS else 'true'}"
        for name in names
    )
    return {row.name: row.rows for row in await db.execute(text(counted))}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how many rows each table has grown, where it has."""
    return {name: rows - before.get(name, 0) for name, rows in after.items() if rows != before.get(name, 0)}
