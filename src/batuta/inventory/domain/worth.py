"""What units are worth to the location that has them: what it sells of them itself, and what keeping them costs.

Shares are in basis points: of what is earned on a unit for scarcity, of what it costs for markdown.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import exp, sqrt
from statistics import NormalDist
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused

WHOLE_BP = 10_000
WINDOW_DAYS = 28
DAYS_MAX = 365
"""Stock that lasts longer than a year is no worse for it."""

POISSON_MAX = 200
"""Above so many expected units the normal distribution is near enough."""

Days = Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)]
ShareBp = Annotated[int, msgspec.Meta(ge=0, le=WHOLE_BP)]


class UnknownWorth(Refused):
    """There is no such location or SKU."""


class StockWorth(msgspec.Struct, frozen=True, kw_only=True):
    """What a location's units are worth to itself; None speaks of all locations, or of all SKUs.

    horizon_days: so long it has to make do with what it has; a unit that it would sell itself by then is worth what is
    earned on it. target_days: of supply; each day beyond makes a unit cheaper by markdown_day_bp of its cost.
    expiry_days: so many days before its date a lot begins to lose its worth, up to all of it.
    """

    location_id: UUID | None = None
    sku_id: UUID | None = None
    horizon_days: Days | None = None
    target_days: Days | None = None
    markdown_day_bp: ShareBp = 0
    expiry_days: Days | None = None


class StockWorths:
    """What is said of some SKUs at all locations.

    By SKU and location, sold: units over the counter in the last 28 days; expiry: until when the first lot can be sold.
    """

    def __init__(
        self,
        said: Sequence[StockWorth],
        *,
        sold: Mapping[tuple[UUID, UUID], int],
        expiry: Mapping[tuple[UUID, UUID], datetime],
    ) -> None:
        self._said = {(one.location_id, one.sku_id): one for one in said}
        self._sold, self._expiry = sold, expiry

    def __bool__(self) -> bool:
        return bool(self._said)

    @property
    def needs_margins(self) -> bool:
        return any(one.horizon_days for one in self._said.values())

    def scarcity_bp(self, sku_id: UUID, location_id: UUID, *, free: int, units: int) -> int:
        """How likely the location would sell itself the one in the middle of so many of its free units."""
        said = self._of(sku_id, location_id)
        if said is None or said.horizon_days is None:
            return 0
        sold = self._sold.get((sku_id, location_id), 0)
        return chance_bp(sold * said.horizon_days / WINDOW_DAYS, max(1, free - (units - 1) // 2))

    def markdown_bp(self, sku_id: UUID, location_id: UUID, *, free: int, now: datetime) -> int:
        """How much of its cost a unit there loses if it is not sent: by days of supply, or by the date of its lot."""
        said = self._of(sku_id, location_id)
        if said is None:
            return 0
        lost_bp = 0
        if said.target_days is not None:
            sold = self._sold.get((sku_id, location_id), 0)
            days = min(DAYS_MAX, free * WINDOW_DAYS // sold) if sold else DAYS_MAX
            lost_bp = min(WHOLE_BP, max(0, days - said.target_days) * said.markdown_day_bp)
        ends_at = self._expiry.get((sku_id, location_id))
        if said.expiry_days is not None and ends_at is not None:
            left = max(0, (ends_at - now).days)
            lost_bp = max(lost_bp, WHOLE_BP * max(0, said.expiry_days - left) // said.expiry_days)
        return lost_bp

    def _of(self, sku_id: UUID, location_id: UUID) -> StockWorth | None:
        """What is said of just this, else of the location, else of the SKU, else of all."""
        for key in ((location_id, sku_id), (location_id, None), (None, sku_id), (None, None)):
            if (said := self._said.get(key)) is not None:
                return said
        return None


NO_WORTHS = StockWorths((), sold={}, expiry={})


@lru_cache(maxsize=10_000)
def chance_bp(expected: float, units: int) -> int:
    """How likely at least so many units are wanted where so many are expected, each wanted by itself (Poisson)."""
    if expected <= 0 or units <= 0:
        return 0 if units > 0 else WHOLE_BP
    if expected > POISSON_MAX:
        fewer = NormalDist(expected, sqrt(expected)).cdf(units - 0.5)
    else:
        fewer = term = exp(-expected)
        for k in range(1, min(units, 10 * POISSON_MAX)):
            term *= expected / k
            fewer += term
    return round(WHOLE_BP * min(1.0, max(0.0, 1.0 - fewer)))
