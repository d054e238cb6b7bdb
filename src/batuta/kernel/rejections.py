"""Why units that a location was asked for are not its work any more."""

from enum import StrEnum


class RejectionReason(StrEnum):
    OUT_OF_STOCK = "out_of_stock"
    NOT_FOUND = "not_found"
    DAMAGED = "damaged"
    NO_CAPACITY = "no_capacity"
    CLOSED = "closed"
    CANNOT_SERVE = "cannot_serve"
    NOT_SELLABLE = "not_sellable"
    NO_ANSWER = "no_answer"
    OTHER = "other"
    REPLANNED = "replanned"
    BETTER_PLAN = "better_plan"


SAID_OF_PLANS = frozenset({RejectionReason.REPLANNED, RejectionReason.BETTER_PLAN})
"""What says nothing of the location, which can be asked again at once."""
