"""A sketch of an order's tables: only which demands a place serves, not how many units; it tells who is out anyhow.

Of each demand the sketch has a single unit, at what it costs more than where it is cheapest; freight is that of these
units, or of more where more is cheaper. So no plan costs less than its sketch.
"""

from contextlib import suppress

import numpy as np
import numpy.typing as npt

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.covering import Cover, OutOfCells, relaxed_of
from batuta.sourcing.domain.search.greedy import Placed
from batuta.sourcing.domain.search.shapes import spread, units_of
from batuta.sourcing.domain.search.tariffs import NEVER, Array

Floats = npt.NDArray[np.float64]
_SHUT = NEVER >> 1
_CELLS_MAX = 300_000


class _Sketch:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.quantities = [1] * len(board.demands)
        self.units = units_of(self.quantities)


def thinned(board: Board, chosen: list[int], known: Placed | None) -> tuple[list[int], Placed | None]:
    """Those of the places that can be in a plan cheaper than the one known; and that, or a cheaper one if it was seen.

    It is worth the while for large tables.
    """
    sketch = _Sketch(board)
    relaxed = relaxed_of(sketch)
    if relaxed is None:
        return chosen, known
    has_any = board.stock[chosen] > 0
    least_units = np.where(has_any, board.unit_costs[chosen], np.inf).min(axis=0)
    keys = _supersets(board, _keys(sketch, chosen, has_any, least_units))
    cover = Cover(sketch, relaxed, keys, [0] * len(board.demands))
    with suppress(OutOfCells):
        cover.walk(below=NEVER, cells_max=_CELLS_MAX)
    plans = [known, _filled(board, [chosen[i] for i in cover.best])]
    keyed = [(key, n) for n, plan in enumerate(plans) if plan and (key := board.key_of(plan)) is not None]
    if not keyed:
        return chosen, None
    below, n = min(keyed)
    wanted = sum(int(unit) * demand.quantity for unit, demand in zip(least_units, board.demands, strict=True))
    limit = below - board.base - (wanted << board.scale.cost)
    return [i for i, least in zip(chosen, cover.least_with().tolist(), strict=True) if least < limit], plans[n]


def _filled(board: Board, places: list[int]) -> Placed | None:
    """All units from these places, each from where it costs least; None when they lack some."""
    left = [demand.quantity for demand in board.demands]
    placed = {i: [0] * len(left) for i in places}
    for j in range(len(left)):
        for i in sorted(places, key=lambda i: board.places[i].units[j]):
            count = min(left[j], board.places[i].stock[j])
            placed[i][j], left[j] = count, left[j] - count
    return None if any(left) else {i: units for i, units in placed.items() if any(units)}


def _keys(sketch: _Sketch, chosen: list[int], has_any: npt.NDArray[np.bool_], least_units: Floats) -> Array:
    board, shift, units = sketch.board, sketch.board.scale.cost, sketch.units
    more = np.where(has_any, board.unit_costs[chosen] - least_units, 0.0).astype(np.int64).T
    keys: Array = spread(np.add, [np.stack([0 * costs, costs]) for costs in more]) << shift
    is_there = spread(np.logical_and, [np.stack([np.ones_like(any_of_it), any_of_it]) for any_of_it in has_any.T])
    weights_g = units @ np.asarray([demand.weight_g for demand in board.demands], dtype=np.int64)
    late_minor = units @ np.asarray([demand.late_tenth_minor for demand in board.demands], dtype=np.int64)
    floors: dict[int, Array] = {}
    for tariff in {id(board.places[i].tariff): board.places[i].tariff for i in chosen}.values():
        prices = tariff.floors(units, weights_g, late_minor)
        floors[id(tariff)] = np.where(prices == NEVER, _SHUT, prices << shift)
    keys += np.stack([floors[id(board.places[i].tariff)] for i in chosen], axis=1)
    keys += np.asarray([board.places[i].opening for i in chosen], dtype=np.int64)
    return np.where(is_there & (keys < _SHUT), keys, NEVER)


def _supersets(board: Board, keys: Array) -> Array:
    """Demands of many units may be served by more places than one: a place that serves more than is asked will do."""
    table = keys.reshape([2] * len(board.demands) + [-1])
    for j, demand in enumerate(board.demands):
        if demand.quantity > 1:
            served = np.take(table, [1], axis=j)
            table = np.concatenate([np.minimum(np.take(table, [0], axis=j), served), served], axis=j)
    return table.reshape(keys.shape)
