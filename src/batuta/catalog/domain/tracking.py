"""How stock of a SKU is told apart: not at all, by lot, or piece by piece (INV-14)."""

from enum import StrEnum
from typing import Annotated

import msgspec

DAYS_MAX = 36_500

Days = Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX)]
DaysOrMore = Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)]


class Tracking(StrEnum):
    """none: units are alike. lot: each unit is of a lot. serial: each unit has a number of its own when it leaves."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"
