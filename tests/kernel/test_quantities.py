"""What a column holds, and structs that fit it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import Invalid
from batuta.kernel.quantities import QUANTITY_MAX, AmountMinor, Code, Prose, Quantity, QuantityOrNone, Text, fitting


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    code: Code = "A"
    name: Text = "a"
    note: Prose = ""
    notes: dict[str, Prose] = {}
    quantity: Quantity = 1
    left: QuantityOrNone = 0
    price_minor: AmountMinor = 0


class BadThing(Invalid):
    """The thing does not fit."""


@pytest.mark.parametrize(
    "parts",
    [
        {"code": ""},
        {"code": " A"},
        {"code": "A "},
        {"code": "A\x00B"},
        {"code": "a" * 101},
        {"name": ""},
        {"name": "\x00"},
        {"name": "a" * 501},
        {"note": "a\n\x00"},
        {"notes": {"es": "\x00"}},
        {"quantity": 0},
        {"quantity": -1},
        {"quantity": QUANTITY_MAX + 1},
        {"left": -1},
        {"price_minor": -1},
        {"price_minor": 10**15 + 1},
        {"quantity": 1.5},
        {"code": None},
    ],
)
def test_what_no_column_holds_is_refused_whoever_built_it(parts: dict[str, object]) -> None:
    with pytest.raises(BadThing):
        fitting(msgspec.structs.replace(Thing(), **parts), BadThing)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(parts, Thing)


@given(
    code=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=100),
    name=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=500),
    quantity=st.integers(min_value=1, max_value=QUANTITY_MAX),
)
def test_what_fits_stays_as_it_is(code: str, name: str, quantity: int) -> None:
    thing = Thing(code=code.strip() or "A", name=name, note=name, quantity=quantity)

    assert fitting(thing) == thing
