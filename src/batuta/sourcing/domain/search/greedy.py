"""The greedy rule: a first plan that the exact search must beat, and the answer when that is cut off."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import units_in
from batuta.sourcing.domain.search.tariffs import NEVER, Array

Placed = dict[int, list[int]]
Costs = npt.NDArray[np.float64]
Rank = Callable[[Costs, Array], Costs]


def greedy(board: Board) -> Placed | None:
    """The best of two simple plans: next the place that is cheapest a unit, or next the one with most units."""
    rows = _Rows(board)
    plans = [_open_by(board, rows, _cheapest_per_unit), _open_by(board, rows, _most_units)]
    keyed = [(key, n) for n, plan in enumerate(plans) if plan and (key := board.key_of(plan)) is not None]
    return plans[min(keyed)[1]] if keyed else None


class _Rows:
    """The places as arrays, one row each. opening: in cents, as a fraction of them the ties."""

    def __init__(self, board: Board) -> None:
        self.unit_costs = board.unit_costs
        self.opening = np.asarray([place.opening / (1 << board.scale.cost) for place in board.places])
        self.weights_g = np.asarray([demand.weight_g for demand in board.demands], dtype=np.int64)
        self.late_minor = np.asarray([demand.late_tenth_minor for demand in board.demands], dtype=np.int64)
        tariffs = [place.tariff for place in board.places]
        self.groups = [
            (tariff, np.flatnonzero([one is tariff for one in tariffs]))
            for tariff in {id(one): one for one in tariffs}.values()
        ]

    def costs(self, units: Array) -> Costs:
        """What each place costs for its row of units; infinite when no lane takes them."""
        weights_g, late_minor = units @ self.weights_g, units @ self.late_minor
        costs: Costs = self.opening + (units * self.unit_costs).sum(axis=1)
        for tariff, rows in self.groups:
            prices = tariff.prices(units[rows], weights_g[rows], late_minor[rows])
            costs[rows] += np.where(prices == NEVER, np.inf, prices)
        return costs


def _open_by(board: Board, rows: _Rows, rank: Rank) -> Placed | None:
    """Open place after place, the least by `rank` first, each taking all it can."""
    left = [demand.quantity for demand in board.demands]
    placed: Placed = {}
    while any(left) and len(placed) < board.places_max:
        units = np.minimum(board.stock, left)
        if board.is_shared:
            units = np.asarray([_takes(board, i, row) for i, row in enumerate(units.tolist())], dtype=np.int64)
        counts = units.sum(axis=1)
        counts[list(placed)] = 0
        open_to = np.flatnonzero(counts)
        if not len(open_to):
            return None
        ranks = rank(rows.costs(units)[open_to], counts[open_to])
        n = int(ranks.argmin())
        if ranks[n] == np.inf:
            return None
        i = int(open_to[n])
        placed[i] = units[i].tolist()
        left = [need - count for need, count in zip(left, placed[i], strict=True)]
    return None if any(left) else placed


def _takes(board: Board, i: int, units: list[int]) -> list[int]:
    """As many units as the place has and has hands for, in the order of the demands where two want the same."""
    place = board.places[i]
    if place.has_all(board.demands, units):
        return units
    stock = dict(place.candidate.stock)
    pieces, lines = place.candidate.pieces_max, place.candidate.lines_max
    for j, demand in enumerate(board.demands):
        units[j] = min(units[j], units_in(stock, demand.parts), pieces // demand.pieces) if lines >= demand.lines else 0
        pieces -= units[j] * demand.pieces
        lines -= demand.lines if units[j] else 0
        for sku_id, per_unit in demand.parts:
            stock[sku_id] = stock.get(sku_id, 0) - per_unit * units[j]
    return units


def _cheapest_per_unit(costs: Costs, counts: Array) -> Costs:
    return costs / counts


def _most_units(costs: Costs, counts: Array) -> Costs:
    """Whole numbers for units, fractions for costs."""
    dearest = costs[np.isfinite(costs)].max(initial=0.0) + 1
    return np.where(np.isfinite(costs), costs / dearest - counts, np.inf)
