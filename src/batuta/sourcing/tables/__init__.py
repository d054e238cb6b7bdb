"""Tables of sourcing, a module for each noun."""

from batuta.sourcing.tables.capacity import capacity_hold, load
from batuta.sourcing.tables.plans import assignment, decision, parking, promise_key, rejection
from batuta.sourcing.tables.pools import pool_run, pooled
from batuta.sourcing.tables.slots import slot, slot_hold, slot_template
from batuta.sourcing.tables.strategies import strategy_version

__all__ = [
    "assignment",
    "capacity_hold",
    "decision",
    "load",
    "parking",
    "pool_run",
    "pooled",
    "promise_key",
    "rejection",
    "slot",
    "slot_hold",
    "slot_template",
    "strategy_version",
]
