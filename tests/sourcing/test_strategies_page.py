"""The page about strategies says what is so: its example is published, and every word that can be written is on it."""

import re
from pathlib import Path

import msgspec
import pytest

from batuta.kernel.rules import Operator
from batuta.sourcing.domain.search.candidates import WEIGHTS, Tie
from batuta.sourcing.domain.strategies import ALL_FIELDS, Strategy, read_strategy, read_text
from batuta.sourcing.domain.strategies.strategies import WrittenStrategy

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text()
WORDS = {
    *(field.name for field in ALL_FIELDS),
    *map(str, Operator),
    *map(str, Tie),
    *msgspec.structs.asdict(WEIGHTS),
    *(field.name for field in msgspec.structs.fields(WrittenStrategy)),
}


def test_the_example_of_the_page_is_a_strategy() -> None:
    example = re.search("```json\\n(.+?)```", PAGE, re.DOTALL)
    assert example

    strategy = read_strategy(read_text(example[1].encode()))

    assert isinstance(strategy, Strategy), strategy


@pytest.mark.parametrize("word", sorted(WORDS - {"code", "name", "currency"}))
def test_every_word_of_a_strategy_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE or f'"{word}"' in PAGE
