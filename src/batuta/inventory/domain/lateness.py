"""How late a supplier's receipts come, learned from those that came (INV-21). Pure.

Each delivery says by how many days it came after the day that was told first. Its weight is its share of the receipt,
halved for every `HALF_LIFE_DAYS` of its age. With W the weight of all of a supplier's deliveries, what is believed of a
quantile is W / (W + PRIOR_WEIGHT) what was seen and the rest what somebody told of the supplier: credibility (Bühlmann
1967), so a few deliveries change little. Nobody counts on what comes early: no lateness is below zero.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from batuta.inventory.domain.supply import DAY, Lateness

HALF_LIFE_DAYS = 180
PRIOR_WEIGHT = 5.0
LATE_DAYS_MAX = 365
_ALMOST = 1e-9


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a receipt that came. share: of all its units; late_days: below zero if they came early."""

    came_at: datetime
    late_days: float
    share: float


def learn_lateness(told: Lateness, deliveries: Sequence[Delivery], *, now: datetime) -> Lateness:
    """By how many days half, and nine of ten, of a supplier's units come late, as known now.

    What came later than now has no part in it. Whole days, rounded up; never less for nine of ten than for half.
    """
    known = [one for one in deliveries if one.came_at <= now]
    weights = [one.share * math.exp2((one.came_at - now) / DAY / HALF_LIFE_DAYS) for one in known]
    belief = sum(weights) / (sum(weights) + PRIOR_WEIGHT)
    days = [max(0.0, one.late_days) for one in known]

    def believed(level: float, told_days: int) -> int:
        seen = quantile(days, weights, level) if known else 0.0
        return min(LATE_DAYS_MAX, math.ceil(belief * seen + (1.0 - belief) * told_days - _ALMOST))

    return msgspec.structs.replace(told, p50_days=believed(0.5, told.p50_days), p90_days=believed(0.9, told.p90_days))


def quantile(values: Sequence[float], weights: Sequence[float], level: float) -> float:
    """The least value up to which so much of the weight lies."""
    ordered = sorted(zip(values, weights, strict=True))
    enough, heavy = level * sum(weights), 0.0
    for value, weight in ordered:
        heavy += weight
        if heavy >= enough - _ALMOST:
            return value
    return ordered[-1][0]
