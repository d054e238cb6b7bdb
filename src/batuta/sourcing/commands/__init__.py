"""What may be done: plan orders, and take back what a location will not serve."""

from batuta.sourcing.commands.booking import confirm_slots, hold_slots, release_expired_slots, release_slots
from batuta.sourcing.commands.capacity import TakenOn, confirm_capacity, release_expired_capacity
from batuta.sourcing.commands.keeping import forget_pool_runs, forget_slots, shorten_decisions
from batuta.sourcing.commands.parking import park, requeue, unpark
from batuta.sourcing.commands.planning import plan
from batuta.sourcing.commands.pooling import (
    Pooled,
    Together,
    add_to_pools,
    begin_pools,
    end_pools,
    read_pools,
    settle_pools,
)
from batuta.sourcing.commands.rejecting import record_rejection, withdraw
from batuta.sourcing.commands.slots import (
    delete_slots,
    generate_slots,
    lock_slot_template,
    lock_slots,
    save_slot_templates,
    save_slots,
)
from batuta.sourcing.commands.strategies import Draft, publish_strategies, save_drafts, withdraw_strategies

__all__ = [
    "Draft",
    "Pooled",
    "TakenOn",
    "Together",
    "add_to_pools",
    "begin_pools",
    "confirm_capacity",
    "confirm_slots",
    "delete_slots",
    "end_pools",
    "forget_pool_runs",
    "forget_slots",
    "generate_slots",
    "hold_slots",
    "lock_slot_template",
    "lock_slots",
    "park",
    "plan",
    "publish_strategies",
    "read_pools",
    "record_rejection",
    "release_expired_capacity",
    "release_expired_slots",
    "release_slots",
    "requeue",
    "save_drafts",
    "save_slot_templates",
    "save_slots",
    "settle_pools",
    "shorten_decisions",
    "unpark",
    "withdraw",
    "withdraw_strategies",
]
