"""Writes of the inventory; every verb takes many, answers one by one in order, and may be repeated."""

from batuta.inventory.commands.ahead import Forgo, forgo, promise_ahead, set_limits
from batuta.inventory.commands.expecting import expect, move_expected, receive_expected, save_lateness
from batuta.inventory.commands.expiring import release_expired
from batuta.inventory.commands.feeding import hear
from batuta.inventory.commands.feeds import forget_messages, save_feeds, settle_differences
from batuta.inventory.commands.hardening import extend, harden
from batuta.inventory.commands.holding import hold
from batuta.inventory.commands.issuing import issue
from batuta.inventory.commands.lasting import demand_good_until
from batuta.inventory.commands.making import NotEnoughToReplace, make_to_order, scrap
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.paths import delete_paths, save_paths
from batuta.inventory.commands.pooling import allocate
from batuta.inventory.commands.rearranging import rearrange
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.relocating import relocate
from batuta.inventory.commands.reserving import reserve
from batuta.inventory.commands.safeguarding import recompute_safety, set_safety_policies
from batuta.inventory.commands.safety import SafetyLevel, set_safety_stock
from batuta.inventory.commands.serving import peg_again, promise_overdue, serve_waiting
from batuta.inventory.commands.shopping import save_thresholds, show_to_shoppers
from batuta.inventory.commands.silences import fall_silent
from batuta.inventory.commands.slips import keep_back, record_slips
from batuta.inventory.commands.taking_over import take_over
from batuta.inventory.commands.withholding import (
    delete_pools,
    delete_rules,
    note_change,
    save_pools,
    save_rules,
    set_silences,
)

__all__ = [
    "Forgo",
    "NotEnoughToReplace",
    "SafetyLevel",
    "allocate",
    "delete_paths",
    "delete_pools",
    "delete_rules",
    "demand_good_until",
    "expect",
    "extend",
    "fall_silent",
    "forget_messages",
    "forgo",
    "harden",
    "hear",
    "hold",
    "issue",
    "keep_back",
    "make_to_order",
    "move_expected",
    "note_change",
    "peg_again",
    "promise_ahead",
    "promise_overdue",
    "rearrange",
    "receive_expected",
    "recompute_safety",
    "record_movements",
    "record_slips",
    "release",
    "release_expired",
    "relocate",
    "reserve",
    "save_feeds",
    "save_lateness",
    "save_paths",
    "save_pools",
    "save_rules",
    "save_thresholds",
    "scrap",
    "serve_waiting",
    "set_limits",
    "set_safety_policies",
    "set_safety_stock",
    "set_silences",
    "settle_differences",
    "show_to_shoppers",
    "take_over",
]
