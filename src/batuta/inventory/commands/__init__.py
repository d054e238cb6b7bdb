"""Writes of the inventory; every verb takes many, answers one by one in order, and may be repeated."""

from batuta.inventory.commands.expiring import release_expired
from batuta.inventory.commands.hardening import extend, harden
from batuta.inventory.commands.holding import hold
from batuta.inventory.commands.issuing import issue
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.relocating import relocate
from batuta.inventory.commands.reserving import reserve
from batuta.inventory.commands.safety import SafetyLevel, set_safety_stock
from batuta.inventory.commands.slips import keep_back, record_slips

__all__ = [
    "SafetyLevel",
    "extend",
    "harden",
    "hold",
    "issue",
    "keep_back",
    "record_movements",
    "record_slips",
    "release",
    "release_expired",
    "relocate",
    "reserve",
    "set_safety_stock",
]
