"""Quantities: whole units of a SKU's base unit of measure, within what a column holds."""

from typing import Annotated, TypeVar

import msgspec

from batuta.kernel.errors import Invalid

Thing = TypeVar("Thing", bound=msgspec.Struct)

QUANTITY_MAX = 1_000_000_000

Quantity = Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)]
"""At least one unit."""

QuantityOrNone = Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)]
"""None, or some units."""

AmountMinor = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""A price or charge in minor units, never negative."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
"""A line of text that PostgreSQL can hold: no NUL, not empty, at most 500 characters."""

# Spelled out, because what `\s` means differs between Python and JSON Schema.
_BLANK = r"\x00\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=rf"^[^{_BLANK}](?:[^\x00]*[^{_BLANK}])?$")]
"""A merchant's own key of a thing: trimmed, no NUL, at most 100 characters."""

Prose = Annotated[str, msgspec.Meta(max_length=20_000, pattern=r"^[^\x00]*$")]
"""Text of any kind that PostgreSQL can hold, perhaps empty."""


def fitting(thing: Thing, refusal: type[Invalid] = Invalid) -> Thing:
    """Return the struct if its fields are what their types say, whoever built it; structs inside are not looked into.

    Raises:
        Invalid: as `refusal`, naming the first field that is not.
    """
    try:
        return msgspec.convert(msgspec.structs.asdict(thing), type(thing))
    except msgspec.ValidationError as problem:
        raise refusal(str(problem)) from None
