"""Tables of the inventory, a module for each noun."""

from batuta.inventory.tables.counts import stock_count
from batuta.inventory.tables.feeds import feed, feed_count, feed_difference, feed_location, feed_message
from batuta.inventory.tables.lots import kit_work, lot, serial, serial_use
from batuta.inventory.tables.replenishing import replenishment_rule
from batuta.inventory.tables.stock import Key, holder, movement, one_of, release, reservation, stock
from batuta.inventory.tables.supply import (
    backorder_limit,
    expected,
    lateness,
    lead_path,
    peg,
    supply_run,
    waiting,
)
from batuta.inventory.tables.transfers import transfer
from batuta.inventory.tables.withholding import (
    buffer_rule,
    pool,
    pool_stock,
    safety_policy,
    shown_label,
    silence,
    threshold,
    withholding_change,
)
from batuta.inventory.tables.worth import counter_sale, stock_worth

__all__ = [
    "Key",
    "backorder_limit",
    "buffer_rule",
    "counter_sale",
    "expected",
    "feed",
    "feed_count",
    "feed_difference",
    "feed_location",
    "feed_message",
    "holder",
    "kit_work",
    "lateness",
    "lead_path",
    "lot",
    "movement",
    "one_of",
    "peg",
    "pool",
    "pool_stock",
    "release",
    "replenishment_rule",
    "reservation",
    "safety_policy",
    "serial",
    "serial_use",
    "shown_label",
    "silence",
    "stock",
    "stock_count",
    "stock_worth",
    "supply_run",
    "threshold",
    "transfer",
    "waiting",
    "withholding_change",
]
