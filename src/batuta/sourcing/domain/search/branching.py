"""The search of orders too large for tables: exact when it comes to its end within its steps.

Depth first over the demands, hardest to find first; each is spread over places already open, then over new ones in
order of what opening them costs at least. A branch is left when what is placed, plus the least the rest can cost, is
no better than the best known. More places than are needed to cover the order are tried too: two light parcels may be
cheaper than a heavy one.
"""

from collections.abc import Mapping, Sequence

from batuta.sourcing.domain.search.board import Board, Place

_DEMANDS_MAX = 200
_NEVER = 1 << 200


class _OutOfSteps(Exception):
    """The search has tried as much as it may."""


class Branching:
    """One run, from a plan that is known (or none) on; `best` is the cheapest found.

    `open` holds weight and lanes by open place.
    Two bounds say what is placed will cost at least: `floor` knows what the weight placed costs now,
    `line` what each gram costs on the way. The second also prices what is yet to be placed.
    """

    def __init__(self, board: Board, known: Mapping[int, Sequence[int]] | None, *, steps_max: int) -> None:
        self.board, self.demands, self.places = board, board.demands, board.places
        self.best: Mapping[int, Sequence[int]] = known or {}
        known_key = board.key_of(known) if known else None
        self.best_key = _NEVER if known_key is None else known_key
        self.steps, self.steps_max = 0, steps_max
        self.floor = self.line = board.base
        self.open: dict[int, tuple[int, int]] = {}
        self.placed: dict[int, list[int]] = {}
        self.stocks = [sum(place.stock[j] for place in self.places) for j in range(len(self.demands))]
        self.least = [_least(place, board) for place in self.places]
        self.spots = [self._spots(j) for j in range(len(self.demands))]
        self.least_units = [min(self.least[i][1][j] for i in self.spots[j]) for j in range(len(self.demands))]
        self.least_floors = [
            min(self.places[i].units[j] for i in self.spots[j]) << board.scale.cost for j in range(len(self.demands))
        ]
        self.least_openings = [min(self.least[i][0] for i in spots) for spots in self.spots]
        self.line_tails = self._tails(self.least_units)
        self.floor_tails = self._tails(self.least_floors)

    def run(self) -> bool:
        """Search to the end; False when the steps ran out before."""
        if len(self.demands) > _DEMANDS_MAX:
            return False
        try:
            self._fill(0)
        except _OutOfSteps:
            return False
        return True

    def _spots(self, j: int) -> list[int]:
        """The places that have the demand, by the least key of opening them for one unit of it."""
        spots = [i for i, place in enumerate(self.places) if place.stock[j]]
        return sorted(spots, key=lambda i: (self.least[i][0] + self.least[i][1][j], i))

    def _tails(self, least: Sequence[int]) -> list[int]:
        """The least key of the units of the demands after each."""
        tails = [0]
        for j in range(len(self.demands) - 1, 0, -1):
            tails.append(tails[-1] + self.demands[j].quantity * least[j])
        return tails[::-1]

    def _fill(self, j: int) -> None:
        if j == len(self.demands):
            self._keep()
            return
        need, is_full = self.demands[j].quantity, len(self.open) == self.board.places_max
        rest = self.line_tails[j] + need * self.least_units[j]
        if self.line + rest + self._opening_due(j, is_full=is_full) >= self.best_key:
            return

        opened = [i for i in self.open if self.places[i].stock[j]]
        left = sum(self.places[i].stock[j] for i in opened) if is_full else self.stocks[j]
        self._spread(j, need, opened, 0, left)

    def _opening_due(self, j: int, *, is_full: bool) -> int:
        """The least key of the one more place that a demand not covered by the open ones makes necessary."""
        due = 0
        stocks = [self.places[i].stock for i in self.open]
        for later in range(j, len(self.demands)):
            if sum(stock[later] for stock in stocks) < self.demands[later].quantity:
                if is_full:
                    return _NEVER
                due = max(due, self.least_openings[later])
        return due

    def _spread(self, j: int, need: int, opened: Sequence[int], start: int, left: int) -> None:
        """Place `need` units of demand j in every way that may pay.

        Places come in the order of `opened`, then of the spots; those from `start` on have `left` units.
        """
        rest = (need - 1) * self.least_units[j] + self.line_tails[j]
        spots = self.spots[j]
        for at in range(start, len(opened) + len(spots)):
            if left < need:
                return
            is_new = at >= len(opened)
            i = spots[at - len(opened)] if is_new else opened[at]
            if is_new and i in self.open:
                continue
            place = self.places[i]
            left -= place.stock[j]
            if is_new and (
                len(self.open) == self.board.places_max
                or self.line + self.least[i][0] + self.least[i][1][j] + rest >= self.best_key
            ):
                return
            for count in range(min(place.stock[j], need), max(0, need - left - 1), -1):
                self._try(j, i, count, (need, opened, at, left))

    def _try(self, j: int, i: int, count: int, walk: tuple[int, Sequence[int], int, int]) -> None:
        """Place `count` units of demand j at place i, go on with the rest, and take them back."""
        self.steps += 1
        if self.steps > self.steps_max:
            raise _OutOfSteps
        need, opened, at, left = walk
        place, before, bounds = self.places[i], self.open.get(i), (self.floor, self.line)
        moved, weight_g, mask = place.moved(j, count), self.demands[j].weight_g * count, place.tariff.masks[j]
        line = self.line + self.least[i][1][j] * count + moved
        floor = self.floor + (place.units[j] * count << self.board.scale.cost) + moved
        if before is None:
            line += self.least[i][0]
            floor += place.opening
        else:
            weight_g, mask = before[0] + weight_g, before[1] & mask
            if not mask:
                return
            floor -= place.tariff.floor(*before) << self.board.scale.cost
        floor += place.tariff.floor(weight_g, mask) << self.board.scale.cost
        if (
            line + (need - count) * self.least_units[j] + self.line_tails[j] >= self.best_key
            or floor + (need - count) * self.least_floors[j] + self.floor_tails[j] >= self.best_key
        ):
            return

        self.floor, self.line, self.open[i] = floor, line, (weight_g, mask)
        units = self.placed.setdefault(i, [0] * len(self.demands))
        units[j] = count
        is_there = not self.board.is_shared or place.has_all(self.demands, units)
        if is_there and count == need:
            self._fill(j + 1)
        elif is_there:
            self._spread(j, need - count, opened, at + 1, left)
        units[j] = 0
        self.floor, self.line = bounds
        if before is None:
            del self.open[i], self.placed[i]
        else:
            self.open[i] = before

    def _keep(self) -> None:
        key = self.board.key_of(self.placed)
        if key is not None and key < self.best_key:
            self.best_key = key
            self.best = {i: list(units) for i, units in self.placed.items()}


def _least(place: Place, board: Board) -> tuple[int, list[int]]:
    """What opening the place and each unit of a demand cost at least, freight included."""
    weight_g = sum(demand.weight_g * units for demand, units in zip(board.demands, place.stock, strict=True))
    at_nothing, per_gram = place.tariff.line(weight_g, 1 << board.scale.cost)
    units = [
        (unit << board.scale.cost) + per_gram * demand.weight_g
        for unit, demand in zip(place.units, board.demands, strict=True)
    ]
    return place.opening + at_nothing, units
