"""Parquet files of counts and changes, read by pyarrow, which is an extra of batuta's."""

from typing import Any

from batuta.inventory.domain.feeds import BadRow, FeedLine
from batuta.inventory.domain.sheets import CELL_MAX, ROWS_MAX, BadFile, check_columns, read_rows
from batuta.kernel.errors import Refused

MAGIC = b"PAR1"
UNPACKED_BYTES_MAX = 200_000_000
TEXT_BYTES_MAX = 400
INSTALL = "pip install 'batuta[parquet]'"


class ParquetNotInstalled(Refused):
    """Nothing here reads Parquet."""


def is_parquet(content: bytes) -> bool:
    """Whether a file says of itself that it is Parquet."""
    return content.startswith(MAGIC)


def read_parquet(content: bytes) -> list[FeedLine | BadRow]:
    """The rows of a Parquet file.

    Raises:
        ParquetNotInstalled: pyarrow is not there. BadFile: it cannot be read, or has other columns.
    """
    try:
        import pyarrow as pa
        from pyarrow import compute, parquet
    except ImportError:
        raise ParquetNotInstalled("Parquet needs pyarrow", command=INSTALL) from None
    try:
        schema = parquet.ParquetFile(pa.BufferReader(content)).schema_arrow
        check_columns(schema.names)
        texts = [field.name for field in schema if _is_text(field.type, pa)]
        # Text stays in its dictionary, where a short file cannot make a long one of it.
        file = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
        _check_size(file.metadata)
        table = file.read()
        longest = max(_longest(column, pa, compute) for column in table.columns)
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise BadFile("the file is no Parquet that can be read", reason=str(problem)[:500]) from None
    if longest > TEXT_BYTES_MAX:
        raise BadFile("a cell is too long", bytes_max=TEXT_BYTES_MAX)
    return read_rows(table.to_pylist())


def _check_size(metadata: Any) -> None:
    unpacked_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > ROWS_MAX or unpacked_bytes > UNPACKED_BYTES_MAX:
        raise BadFile(
            "the file is too large", rows=metadata.num_rows, rows_max=ROWS_MAX, unpacked_bytes_max=UNPACKED_BYTES_MAX
        )


def _longest(column: Any, pa: Any, compute: Any) -> int:
    """The bytes of the longest text in a column, 0 in one of numbers."""
    if not pa.types.is_dictionary(column.type):
        return 0
    return max(
        (compute.max(compute.binary_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks), default=0
    )


def _is_text(kind: Any, pa: Any) -> bool:
    """Whether a column holds text.

    Raises:
        BadFile: it holds neither text nor numbers.
    """
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        return False
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type, pa)
    raise BadFile("a column holds text or numbers", found=str(kind)[:CELL_MAX])
