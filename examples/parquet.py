"""Parquet files, which batuta itself does without: the tools of development bring their reader along."""

from pathlib import Path
from typing import Any

try:
    from pyarrow import parquet
except ModuleNotFoundError:
    raise SystemExit("the data are Parquet files, and their reader is not installed: run `make dev` first") from None


def read_table(file: Path, columns: list[str] | None = None) -> Any:
    """A file as Arrow's table; whoever named the wrong folder is told so."""
    if not file.exists():
        raise SystemExit(f"{file.parent} has no {file.name}: name the folder of the data with --from")
    return parquet.read_table(file, columns=columns)


def rows_of(file: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Every row of a file, as a dictionary."""
    rows: list[dict[str, Any]] = read_table(file, columns).to_pylist()
    return rows
