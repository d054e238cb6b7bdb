"""Text from outside stays on its line."""

from batuta.kernel.text import one_line


def test_one_line_keeps_letters_and_drops_what_turns_or_breaks_them() -> None:
    assert one_line(" Peña \t\u202egro.live\u202c\r\nB\u0000cc ") == "Peña gro.live B cc"
