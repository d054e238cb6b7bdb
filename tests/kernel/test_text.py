"""Text from outside stays on its line."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.text import one_line


def test_one_line_keeps_letters_and_drops_what_turns_or_breaks_them() -> None:
    assert one_line(" Peña \t\u202egro.live\u202c\r\nB\u0000cc \ud800") == "Peña gro.live B cc"


@given(st.text(st.characters()))
def test_one_line_is_one_line_that_can_be_stored_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)

    assert line.splitlines() in ([line], [])
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(char) for char in line} & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"}
    assert one_line(line) == line
    line.encode()
