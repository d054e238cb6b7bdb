"""Text that comes from outside and must stay where it is put."""

_BREAKING = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HALVES = range(0xD800, 0xE000)
_ON_ONE_LINE = dict.fromkeys((*_BREAKING, *_HALVES), " ") | dict.fromkeys(_TURNING)


def one_line(text: str) -> str:
    """The text without line breaks, control characters, halves of characters (which no database takes) or marks
    that turn the reading direction; spaces are single.
    """
    return " ".join(text.translate(_ON_ONE_LINE).split())


def printable(text: str) -> str:
    """Return the text as one line of what can be printed: no control characters, single spaces."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())
