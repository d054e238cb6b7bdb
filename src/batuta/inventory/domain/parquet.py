"""Parquet files of counts and changes, read by pyarrow, which is an extra of batuta's."""

from typing import Any

from batuta.inventory.domain.feeds import BadRow, FeedLine
from batuta.inventory.domain.sheets import ROWS_MAX, BadFile, read_rows
from batuta.kernel.errors import Refused

MAGIC = b"PAR1"
UNPACKED_BYTES_MAX = 200_000_000
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
        from pyarrow import parquet
    except ImportError:
        raise ParquetNotInstalled("Parquet needs pyarrow", command=INSTALL) from None
    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        _check_size(file.metadata)
        table = file.read()
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise BadFile("the file is no Parquet that can be read", reason=str(problem)[:500]) from None
    return read_rows(table.to_pylist(), table.column_names)


def _check_size(metadata: Any) -> None:
    unpacked_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > ROWS_MAX or unpacked_bytes > UNPACKED_BYTES_MAX:
        raise BadFile(
            "the file is too large", rows=metadata.num_rows, rows_max=ROWS_MAX, unpacked_bytes_max=UNPACKED_BYTES_MAX
        )
