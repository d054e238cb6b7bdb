"""How far the import is; its facts are written in the transactions they tell of."""

from batuta.kernel.events import Event


class ChunkImported(Event, frozen=True):
    """All of a chunk is stored; the first few are what stands before the first invoice."""

    chunk: int


class ImportEnded(Event, frozen=True):
    """Every invoice of the file is stored."""
