"""What it costs to ship a weight from one location: the cheapest lane that takes all of it."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from batuta.sourcing.domain.candidates import WEIGHT_LEAST_G, Demand, Lane

_FREE = 1
_PARCELS_MAX = 8


class Tariff:
    """Prices by weight over the lanes of one location.

    Which lanes take a parcel is a bit mask: the lanes of all SKUs in it, and-ed. `floor` is what the parcel costs
    at least, however much is added to it; it prunes the search, and holds for tariffs that fall with weight too.
    """

    __slots__ = ("_floors", "_lanes", "_prices", "masks")

    def __init__(self, lanes: Sequence[Lane] | None, demands: Sequence[Demand]) -> None:
        self._lanes = (
            None
            if lanes is None
            else [_Steps(lane) for lane in sorted(lanes, key=lambda lane: lane.service_id) if lane.steps]
        )
        self._prices: dict[tuple[int, int], tuple[int, Lane | None]] = {}
        self._floors: dict[tuple[int, int], int] = {}
        self.masks = [self._mask(demand) for demand in demands]

    def price(self, weight_g: int, mask: int) -> tuple[int, Lane | None]:
        """The cheapest lane of `mask` for the weight, the lower service id winning ties."""
        known = self._prices.get((weight_g, mask))
        if known is None:
            known = self._prices[weight_g, mask] = self._price(weight_g, mask)
        return known

    def floor(self, weight_g: int, mask: int) -> int:
        known = self._floors.get((weight_g, mask))
        if known is None:
            known = self._floors[weight_g, mask] = self._floor(weight_g, mask)
        return known

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

    def _price(self, weight_g: int, mask: int) -> tuple[int, Lane | None]:
        if self._lanes is None:
            return 0, None
        priced = [(steps.price(weight_g), i) for i, steps in enumerate(self._lanes) if mask >> i & 1]
        price_minor, i = min(priced)
        return price_minor, self._lanes[i].lane

    def _floor(self, weight_g: int, mask: int) -> int:
        if self._lanes is None:
            return 0
        return min(steps.floor(weight_g) for i, steps in enumerate(self._lanes) if mask >> i & 1)


class _Steps:
    __slots__ = ("_floors", "_heaviest_g", "_prices", "_weights", "lane")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._weights = [weight_g for weight_g, _ in lane.steps]
        self._prices = [price_minor for _, price_minor in lane.steps]
        self._floors = [min(self._prices[i:]) for i in range(len(self._prices))]
        self._heaviest_g = self._weights[-1] if self._weights else 0

    def takes(self, demand: Demand) -> bool:
        return demand.weight_g <= self._heaviest_g and demand.length_mm <= self.lane.length_max_mm

    def price(self, weight_g: int) -> int:
        full, rest_g = divmod(max(weight_g, WEIGHT_LEAST_G) - 1, self._heaviest_g)
        return full * self._prices[-1] + self._prices[bisect_left(self._weights, rest_g + 1)]

    def floor(self, weight_g: int) -> int:
        full, rest_g = divmod(max(weight_g, WEIGHT_LEAST_G) - 1, self._heaviest_g)
        return full * self._prices[-1] + self._floors[bisect_left(self._weights, rest_g + 1)]

    def corners(self, weight_g: int) -> list[tuple[int, int]]:
        """The heaviest parcel of each price up to the weight, and the price."""
        parcels = (max(weight_g, WEIGHT_LEAST_G) - 1) // self._heaviest_g
        if parcels > _PARCELS_MAX:
            return [(0, 0)]
        corners = []
        for full in range(parcels + 1):
            for up_to_g, minor in self.lane.steps:
                corners.append((min(full * self._heaviest_g + up_to_g, weight_g), full * self._prices[-1] + minor))
                if corners[-1][0] == weight_g:
                    break
        return corners


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
