"""Quantities: whole units of a SKU's base unit of measure, within what a column holds."""

from typing import Annotated

import msgspec

QUANTITY_MAX = 1_000_000_000

Quantity = Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)]
"""At least one unit."""

QuantityOrNone = Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)]
"""None, or some units."""

AmountMinor = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""A price or charge in minor units, never negative."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
"""A line of text that PostgreSQL can hold: no NUL, not empty, at most 500 characters."""

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00\s](?:[^\x00]*[^\x00\s])?$")]
"""A merchant's own key of a thing: trimmed, no NUL, at most 100 characters."""
