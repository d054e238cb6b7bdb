"""What can be done with orders."""

from batuta.ordering.commands.adjusting import Adjustment, adjust
from batuta.ordering.commands.cancelling import UnknownOrder, cancel, expire_unpaid, give_up
from batuta.ordering.commands.carts import change_carts, forget_carts, open_carts
from batuta.ordering.commands.checking_out import CartReserved, check_out, reserve_carts, unreserve
from batuta.ordering.commands.freeing import GivenUp
from batuta.ordering.commands.holding import (
    EndHold,
    UnknownHold,
    accept_ready,
    add_holds,
    end_holds,
    release_due_holds,
)
from batuta.ordering.commands.importing import import_closed
from batuta.ordering.commands.moving import UnitReturn, UnknownLine, count_returned, lock_orders, move_units
from batuta.ordering.commands.placing import ExternalIdUsed, PaysTooMuch, place
from batuta.ordering.commands.promising import move_promises, record_promises
from batuta.ordering.commands.rerouting import ask_for_choices, book_choices
from batuta.ordering.commands.waiting import Came, end_patience, take_over

__all__ = [
    "Adjustment",
    "Came",
    "CartReserved",
    "EndHold",
    "ExternalIdUsed",
    "GivenUp",
    "PaysTooMuch",
    "UnitReturn",
    "UnknownHold",
    "UnknownLine",
    "UnknownOrder",
    "accept_ready",
    "add_holds",
    "adjust",
    "ask_for_choices",
    "book_choices",
    "cancel",
    "change_carts",
    "check_out",
    "count_returned",
    "end_holds",
    "end_patience",
    "expire_unpaid",
    "forget_carts",
    "give_up",
    "import_closed",
    "lock_orders",
    "move_promises",
    "move_units",
    "open_carts",
    "place",
    "record_promises",
    "release_due_holds",
    "reserve_carts",
    "take_over",
    "unreserve",
]
