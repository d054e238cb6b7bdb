"""Files of counts and changes, read row by row: a row that is no line is told, and stops no other (PLT-08)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from batuta.inventory.domain.feeds import BadRow, FeedLine
from batuta.kernel.errors import Refused

ROWS_MAX = 1_000_000
CELL_MAX = 1_000
NEEDED = ("sku_code", "location_code", "quantity")
COLUMNS = (*NEEDED, "condition", "lot", "reason")
SEPARATORS = (",", ";", "\t")
WHOLE = re.compile(r"[+-]?[0-9]{1,15}(?:\.0+)?")
BAD_ROW = "bad_row"


class BadFile(Refused):
    """The file is none of counts or changes."""


def read_csv(content: bytes) -> list[FeedLine | BadRow]:
    """The rows of a CSV file in UTF-8 whose first row names its columns, in any order.

    Raises:
        BadFile: it is no text, or has other columns.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadFile("the file is not written in UTF-8", at_byte=problem.start) from None
    if "\0" in text:
        raise BadFile("text must not hold the character NUL")
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = check_columns(next(reader, []))
        return _bounded(_row(names, cells) for cells in reader if any(cells))
    except csv.Error as problem:
        raise BadFile(f"the file is no CSV: {problem}", at_line=reader.line_num) from None


def read_rows(rows: Iterable[Mapping[str, Any]]) -> list[FeedLine | BadRow]:
    """The rows of a file that has columns of its own, as Parquet."""
    return [_line({name.strip().lower(): value for name, value in row.items() if value is not None}) for row in rows]


def check_columns(cells: Iterable[str]) -> list[str]:
    """The names of the columns, if they are those of counts or changes.

    Raises:
        BadFile: some are missing, twice there, or of something else.
    """
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in NEEDED if name not in names]
    strange = sorted({name[:CELL_MAX] for name in names if name not in COLUMNS})
    if missing or strange or len(set(names)) < len(names):
        raise BadFile(
            "the first row names the columns, each once",
            needed=list(NEEDED),
            allowed=list(COLUMNS),
            missing=missing,
            unknown=strange,
        )
    return names


def _bounded(rows: Iterable[FeedLine | BadRow]) -> list[FeedLine | BadRow]:
    found: list[FeedLine | BadRow] = []
    for row in rows:
        if len(found) == ROWS_MAX:
            raise BadFile("the file has too many rows", rows_max=ROWS_MAX)
        found.append(row)
    return found


def _row(names: list[str], cells: list[str]) -> FeedLine | BadRow:
    if len(cells) != len(names):
        return BadRow(code=BAD_ROW, detail=f"the row has {len(cells)} cells, the first one {len(names)}")
    return _line({name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()})


def _line(cells: dict[str, Any]) -> FeedLine | BadRow:
    quantity = cells.get("quantity")
    if isinstance(quantity, str):
        if not WHOLE.fullmatch(quantity):
            return BadRow(
                code=BAD_ROW, detail="the quantity is no whole number", facts={"quantity": quantity[:CELL_MAX]}
            )
        cells["quantity"] = int(quantity.partition(".")[0])
    elif isinstance(quantity, float) and quantity.is_integer():
        cells["quantity"] = int(quantity)
    try:
        return msgspec.convert(cells, FeedLine)
    except msgspec.ValidationError as problem:
        return BadRow(code=BAD_ROW, detail=str(problem))
