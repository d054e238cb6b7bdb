"""Outcomes of commands that take many, and codes that stay."""

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.codes import CodeIsFixed, Codes
from batuta.kernel.errors import BatutaError, Invalid, Refused
from batuta.kernel.outcomes import each, good


class Odd(Refused):
    """Only even numbers here."""


def half(number: int) -> int:
    if number % 2:
        raise Odd("odd", number=number)
    return number // 2


@given(numbers=st.lists(st.integers()))
def test_every_item_has_its_outcome_in_order_and_a_refusal_stops_nobody(numbers: list[int]) -> None:
    outcomes = each(numbers, half)

    assert len(outcomes) == len(numbers)
    for number, outcome in zip(numbers, outcomes, strict=True):
        if isinstance(outcome, BatutaError):
            assert (number % 2, outcome.facts) == (1, {"number": number})
        else:
            assert outcome * 2 == number
    assert good(outcomes) == [number // 2 for number in numbers if number % 2 == 0]


def test_a_bug_is_no_outcome() -> None:
    with pytest.raises(ZeroDivisionError):
        each([0], lambda number: 1 // number)


def test_a_refusal_has_a_code_a_sentence_and_facts() -> None:
    refusal = Odd("three is odd", number=3)

    assert (refusal.code, refusal.sentence, refusal.facts) == ("odd", "three is odd", {"number": 3})
    assert repr(refusal) == "Odd('three is odd', {'number': 3})"
    assert Invalid.code == "invalid"


class Thing(msgspec.Struct, frozen=True):
    id: UUID
    code: str


def test_an_id_keeps_the_code_it_was_first_seen_with() -> None:
    known, new = UUID(int=1), UUID(int=2)
    names = Codes([Thing(known, "A")])

    names.check(Thing(known, "A"))
    names.check(Thing(new, "B"))
    for thing in (Thing(known, "B"), Thing(new, "A")):
        with pytest.raises(CodeIsFixed):
            names.check(thing)
