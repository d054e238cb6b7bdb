"""How much work a location takes: so many orders, lines, units or packages, in a day or an hour."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

LIMITS_MAX = 24
"""Each unit, period and method once."""


class CapacityUnit(StrEnum):
    """What is counted. An order counts each time that a location is asked to serve some of it."""

    ORDERS = "orders"
    LINES = "lines"
    UNITS = "units"
    PACKAGES = "packages"


class CapacityPeriod(StrEnum):
    """A local day, or an hour of the local clock; what comes while a location is closed counts when it opens."""

    DAY = "day"
    HOUR = "hour"


CapacityMethod = Literal["ship", "pickup"]


class CapacityLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most of one unit that a location takes in a period. method: None is of all methods together."""

    limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    unit: CapacityUnit
    per: CapacityPeriod = CapacityPeriod.DAY
    method: CapacityMethod | None = None


Limits = Annotated[tuple[CapacityLimit, ...], msgspec.Meta(max_length=LIMITS_MAX)]
