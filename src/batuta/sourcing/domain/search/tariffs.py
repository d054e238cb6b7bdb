"""What it costs to ship a weight from one location: the cheapest lane that takes all of it."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from batuta.sourcing.domain.search.candidates import WEIGHT_LEAST_G, Demand, Lane, Weights

_FREE = 1
_PARCELS_MAX = 8

Array = npt.NDArray[np.int64]

NEVER = 1 << 61
"""Dearer than any plan; twice that is still a number of 64 bits."""


class Tariff:
    """Prices by weight over the lanes of one location, packaging included, as the weights of the components count.

    Which lanes take a parcel is a bit mask: the lanes of all SKUs in it, and-ed. `floor` is what the parcel costs
    at least, however much is added to it; it prunes the search, and holds for tariffs that fall with weight too.
    """

    __slots__ = ("_floors", "_lanes", "_prices", "masks")

    def __init__(
        self, lanes: Sequence[Lane] | None, demands: Sequence[Demand], weights: Weights, packaging_minor: int
    ) -> None:
        self._lanes = None
        if lanes is not None:
            ranked = sorted((lane for lane in lanes if lane.steps), key=lambda lane: lane.service_id)
            self._lanes = [_Steps(lane, weights, packaging_minor) for lane in ranked]
        self._prices: dict[tuple[int, int, int], tuple[int, Lane | None]] = {}
        self._floors: dict[tuple[int, int], int] = {}
        self.masks = [self._mask(demand) for demand in demands]

    def price(self, weight_g: int, mask: int, late_minor: int) -> tuple[int, Lane | None]:
        """The cheapest lane of `mask` for the weight, the lower service id winning ties.

        late_minor: what a tenth of a day costs that the parcel comes late.
        """
        known = self._prices.get((weight_g, mask, late_minor))
        if known is None:
            known = self._prices[weight_g, mask, late_minor] = self._price(weight_g, mask, late_minor)
        return known

    def floor(self, weight_g: int, mask: int) -> int:
        known = self._floors.get((weight_g, mask))
        if known is None:
            known = self._floors[weight_g, mask] = self._floor(weight_g, mask)
        return known

    def prices(self, units: Array, weights_g: Array, late_minor: Array) -> Array:
        """`price` of many parcels at once: units by parcel and demand; `NEVER` where no lane takes all of it."""
        return self._cheapest(units, [steps.prices(weights_g) + steps.late * late_minor for steps in self._lanes or ()])

    def floors(self, units: Array, weights_g: Array, late_minor: Array) -> Array:
        """`floor` of many parcels at once, with what comes late of it."""
        return self._cheapest(units, [steps.floors(weights_g) + steps.late * late_minor for steps in self._lanes or ()])

    def _cheapest(self, units: Array, priced: Sequence[Array]) -> Array:
        """The least of the lanes for each parcel, of those that take it."""
        if self._lanes is None:
            return np.zeros(len(units), dtype=np.int64)
        cheapest = np.full(len(units), NEVER, dtype=np.int64)
        for i, prices in enumerate(priced):
            too_big = [j for j, mask in enumerate(self.masks) if not mask >> i & 1]
            if too_big:
                prices[units[:, too_big].any(axis=1)] = NEVER
            np.minimum(cheapest, prices, out=cheapest)
        return cheapest

    def most(self, demands: Sequence[Demand]) -> int:
        """No parcel of these units costs more."""
        weight_g = sum(demand.weight_g * demand.quantity for demand in demands)
        late_minor = sum(demand.late_tenth_minor * demand.quantity for demand in demands)
        return max((steps.most(weight_g) + steps.late * late_minor for steps in self._lanes or ()), default=0)

    def line(self, weight_g: int, scale: int) -> tuple[int, int]:
        """A straight line under the prices of all parcels up to the weight: at nothing and per gram, times `scale`.

        It tells what weight yet to be placed will cost at least. Of the lines that do not begin below nothing (a
        parcel more never makes the others cheaper) it is the highest at half the weight.
        """
        corners = sorted(corner for steps in self._lanes or () for corner in steps.corners(weight_g))
        if not corners:
            return 0, 0
        middle_g, slope = weight_g // 2, 0
        hull = _lower_hull(corners)
        for (left_g, left_minor), (right_g, right_minor) in pairwise(hull):
            slope = max(0, (right_minor - left_minor) * scale // (right_g - left_g))
            if right_g >= middle_g:
                break
        slope = min(slope, *(minor * scale // max(up_to_g, 1) for up_to_g, minor in hull))
        return min(minor * scale - slope * up_to_g for up_to_g, minor in hull), slope

    def _mask(self, demand: Demand) -> int:
        if self._lanes is None:
            return _FREE
        return sum(1 << i for i, steps in enumerate(self._lanes) if steps.takes(demand))

    def _price(self, weight_g: int, mask: int, late_minor: int) -> tuple[int, Lane | None]:
        if self._lanes is None:
            return 0, None
        priced = [
            (steps.price(weight_g) + steps.late * late_minor, i) for i, steps in enumerate(self._lanes) if mask >> i & 1
        ]
        price, i = min(priced)
        return price, self._lanes[i].lane

    def _floor(self, weight_g: int, mask: int) -> int:
        if self._lanes is None:
            return 0
        return min(steps.floor(weight_g) for i, steps in enumerate(self._lanes) if mask >> i & 1)


class _Steps:
    """One lane, each parcel with its packaging. late: of each minor unit that a tenth of a day late costs."""

    __slots__ = ("_floors", "_prices", "_weights", "heaviest_g", "lane", "late")

    def __init__(self, lane: Lane, weights: Weights, packaging_minor: int) -> None:
        self.lane = lane
        self.late = lane.late_tenths * weights.lateness
        extra = packaging_minor * weights.packaging
        self._weights = [weight_g for weight_g, _ in lane.steps]
        self._prices = [price_minor * weights.freight + extra for _, price_minor in lane.steps]
        self._floors = [min(self._prices[i:]) for i in range(len(self._prices))]
        self.heaviest_g = self._weights[-1] if self._weights else 0

    def takes(self, demand: Demand) -> bool:
        heaviest_g = demand.weight_g if demand.heaviest_g is None else demand.heaviest_g
        return heaviest_g <= self.heaviest_g and demand.length_mm <= self.lane.length_max_mm

    def price(self, weight_g: int) -> int:
        full, rest_g = divmod(max(weight_g, WEIGHT_LEAST_G) - 1, self.heaviest_g)
        return full * self._prices[-1] + self._prices[bisect_left(self._weights, rest_g + 1)]

    def prices(self, weights_g: Array) -> Array:
        return self._looked_up(weights_g, self._prices)

    def floors(self, weights_g: Array) -> Array:
        return self._looked_up(weights_g, self._floors)

    def _looked_up(self, weights_g: Array, last_parcels: Sequence[int]) -> Array:
        full, rest_g = np.divmod(np.maximum(weights_g, WEIGHT_LEAST_G) - 1, self.heaviest_g)
        last = np.asarray(last_parcels, dtype=np.int64)[np.searchsorted(self._weights, rest_g, side="right")]
        priced: Array = full * self._prices[-1] + last
        return priced

    def floor(self, weight_g: int) -> int:
        full, rest_g = divmod(max(weight_g, WEIGHT_LEAST_G) - 1, self.heaviest_g)
        return full * self._prices[-1] + self._floors[bisect_left(self._weights, rest_g + 1)]

    def most(self, weight_g: int) -> int:
        return (weight_g // self.heaviest_g + 1) * max(self._prices)

    def corners(self, weight_g: int) -> list[tuple[int, int]]:
        """The heaviest parcel of each price up to the weight, and the price."""
        parcels = (max(weight_g, WEIGHT_LEAST_G) - 1) // self.heaviest_g
        if parcels > _PARCELS_MAX:
            return [(0, 0)]
        corners = []
        for full in range(parcels + 1):
            for up_to_g, price in zip(self._weights, self._prices, strict=True):
                corners.append((min(full * self.heaviest_g + up_to_g, weight_g), full * self._prices[-1] + price))
                if corners[-1][0] == weight_g:
                    break
        return corners


def freight_of(lane: Lane | None, weight_g: int) -> tuple[int, int]:
    """The price of so much by the lane in money, and in how many parcels it goes."""
    if lane is None:
        return 0, 0
    full, rest_g = divmod(max(weight_g, WEIGHT_LEAST_G) - 1, lane.steps[-1][0])
    rest_minor = next(price_minor for up_to_g, price_minor in lane.steps if rest_g < up_to_g)
    return full * lane.steps[-1][1] + rest_minor, full + 1


def _lower_hull(corners: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The corners, sorted by weight, that a string pulled tight from below would touch."""
    hull: list[tuple[int, int]] = []
    for x, y in corners:
        if hull and hull[-1][0] == x:
            continue
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-2][0]) >= (y - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    return hull
