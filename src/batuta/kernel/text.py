"""Text that comes from outside and must stay where it is put."""

import unicodedata

_BREAKING = {"Cc", "Zl", "Zp"}
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def one_line(text: str) -> str:
    """The text without line breaks, control characters or marks that turn the reading direction."""
    kept = (" " if unicodedata.category(char) in _BREAKING else char for char in text)
    return " ".join("".join(char for char in kept if unicodedata.bidirectional(char) not in _TURNING).split())
