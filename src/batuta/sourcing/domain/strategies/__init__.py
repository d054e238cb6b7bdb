"""Strategies: what merchants want of the plans of some orders, in versions that never change (SRC-07)."""

from batuta.sourcing.domain.strategies.choosing import (
    NO_STRATEGIES,
    Narrowed,
    Ruling,
    Strategies,
    Version,
)
from batuta.sourcing.domain.strategies.differing import Difference, differences, told
from batuta.sourcing.domain.strategies.fields import ALL_FIELDS, LOCATION_FIELDS, ORDER_FIELDS, WEEKDAYS
from batuta.sourcing.domain.strategies.reading import Place, read_strategy, read_text
from batuta.sourcing.domain.strategies.strategies import (
    NO_TIER,
    VERSION_MOVES,
    BadStrategy,
    HardRule,
    PriorityTaken,
    PublishedIsFixed,
    SoftRule,
    Strategy,
    StrategyUsed,
    StrategyVersion,
    UnknownStrategy,
    VersionStatus,
    WrittenStrategy,
    written_strategy,
)

__all__ = [
    "ALL_FIELDS",
    "LOCATION_FIELDS",
    "NO_STRATEGIES",
    "NO_TIER",
    "ORDER_FIELDS",
    "VERSION_MOVES",
    "WEEKDAYS",
    "BadStrategy",
    "Difference",
    "HardRule",
    "Narrowed",
    "Place",
    "PriorityTaken",
    "PublishedIsFixed",
    "Ruling",
    "SoftRule",
    "Strategies",
    "Strategy",
    "StrategyUsed",
    "StrategyVersion",
    "UnknownStrategy",
    "Version",
    "VersionStatus",
    "WrittenStrategy",
    "differences",
    "read_strategy",
    "read_text",
    "told",
    "written_strategy",
]
