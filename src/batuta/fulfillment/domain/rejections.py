"""Why a location says no, and what each reason does to its stock, to its other lines and to later offers (SRC-08)."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from batuta.kernel.rejections import RejectionReason


class StockEffect(StrEnum):
    """What a rejection says about the sellable stock of the SKU at the location.

    Units that are there but cannot be sold stay on hand: damaged, or in quarantine until somebody has looked.
    """

    NOTHING = "nothing"
    MINUS_QUANTITY = "minus_quantity"
    DAMAGED_QUANTITY = "damaged_quantity"
    QUARANTINED_QUANTITY = "quarantined_quantity"
    TO_ZERO = "to_zero"


class RejectionEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a reason.

    banned_for: how long sourcing offers the SKU no more to the location. is_whole: it speaks of the location and not
    of a SKU, so all lines go. is_for_all: other orders do not ask the location for the SKU in that time either.
    is_shared: its other offers of the SKU cannot be served either.
    """

    stock: StockEffect
    banned_for: timedelta
    is_whole: bool = False
    is_for_all: bool = False
    is_shared: bool = False


_IS = RejectionReason

REJECTION_EFFECTS: dict[RejectionReason, RejectionEffect] = {
    _IS.OUT_OF_STOCK: RejectionEffect(
        stock=StockEffect.TO_ZERO, banned_for=timedelta(days=7), is_for_all=True, is_shared=True
    ),
    _IS.NOT_FOUND: RejectionEffect(stock=StockEffect.MINUS_QUANTITY, banned_for=timedelta(days=3)),
    _IS.DAMAGED: RejectionEffect(stock=StockEffect.DAMAGED_QUANTITY, banned_for=timedelta(days=1)),
    _IS.NO_CAPACITY: RejectionEffect(
        stock=StockEffect.NOTHING, banned_for=timedelta(days=1), is_whole=True, is_for_all=True
    ),
    _IS.CLOSED: RejectionEffect(
        stock=StockEffect.NOTHING, banned_for=timedelta(days=1), is_whole=True, is_for_all=True
    ),
    _IS.CANNOT_SERVE: RejectionEffect(stock=StockEffect.NOTHING, banned_for=timedelta(days=30), is_for_all=True),
    _IS.NOT_SELLABLE: RejectionEffect(stock=StockEffect.QUARANTINED_QUANTITY, banned_for=timedelta(days=3)),
    _IS.NO_ANSWER: RejectionEffect(stock=StockEffect.NOTHING, banned_for=timedelta(days=1), is_whole=True),
    _IS.OTHER: RejectionEffect(stock=StockEffect.NOTHING, banned_for=timedelta(days=1)),
    _IS.REPLANNED: RejectionEffect(stock=StockEffect.NOTHING, banned_for=timedelta()),
    _IS.BETTER_PLAN: RejectionEffect(stock=StockEffect.NOTHING, banned_for=timedelta(), is_whole=True),
}

NOT_FOR_LOCATIONS = frozenset({_IS.NO_ANSWER, _IS.REPLANNED, _IS.BETTER_PLAN})
"""What batuta and its operators say about an offer, and no location."""

ALONG = "went_along"
"""Why a location's units are planned anew that it could have served: others of their order went."""
