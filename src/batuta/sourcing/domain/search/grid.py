"""The tables of one order: the key of every part of it from every place that may be in a plan worth having.

Keys are whole numbers of 64 bits; where they are not enough, or the tables would be too large, there is no grid.
"""

from math import prod

import numpy as np
import numpy.typing as npt

from batuta.sourcing.domain.search.board import Board, Place
from batuta.sourcing.domain.search.greedy import Placed
from batuta.sourcing.domain.search.shapes import spread, units_of
from batuta.sourcing.domain.search.tariffs import NEVER, Array, Tariff
from batuta.sourcing.domain.search.thinning import thinned

_KEY_MAX = 1 << 58
_PARTS_MAX = 1 << 16
_PASSES = 2
_THIN_FROM = 200_000


class Grid:
    """units: by part and demand. places: their numbers on the board. keys: by part and place.

    A key is `NEVER` where the place has not, or cannot send, the part. least_units: no unit of a demand has a key
    below it, freight included. known: a plan; places that are in no cheaper one are left out.
    """

    def __init__(self, board: Board, chosen: list[int], least_units: list[int], known: Placed | None) -> None:
        self.board, self.places, self.least_units, self.known = board, chosen, least_units, known
        self.quantities = [demand.quantity for demand in board.demands]
        self.units = units_of(self.quantities)
        self.keys = self._keys(chosen) if chosen else np.empty((len(self.units), 0), np.int64)

    def _keys(self, chosen: list[int]) -> Array:
        """Only what can be sent at all is priced; of most places that is little."""
        board, places = self.board, [self.board.places[i] for i in chosen]
        keys = np.full((len(self.units), len(chosen)), NEVER, dtype=np.int64)
        sent = np.flatnonzero(self._is_there(chosen))
        parts, rows = np.divmod(sent, len(chosen))
        costs = board.unit_costs[chosen].astype(np.int64).T
        of_demands = [np.multiply.outer(np.arange(count + 1), costs[j]) for j, count in enumerate(self.quantities)]
        money = spread(np.add, of_demands).ravel()[sent]
        tariffs = list({id(place.tariff): place.tariff for place in places}.values())
        at = {id(tariff): n for n, tariff in enumerate(tariffs)}
        freight = self._freight(tariffs)[parts, np.asarray([at[id(place.tariff)] for place in places])[rows]]
        openings = np.asarray([place.opening for place in places], dtype=np.int64)
        keys.ravel()[sent] = np.minimum((money << board.scale.cost) + freight + openings[rows], NEVER)
        self._take_claimed(keys, places)
        self._drop_unworthy(keys)
        return keys

    def _freight(self, tariffs: list[Tariff]) -> Array:
        """By part and tariff, with the tie keys of units that are moved."""
        demands, shift = self.board.demands, self.board.scale.cost
        weights_g = self.units @ np.asarray([demand.weight_g for demand in demands], dtype=np.int64)
        late_minor = self.units @ np.asarray([demand.late_tenth_minor for demand in demands], dtype=np.int64)
        moved = self.units @ np.asarray(self.board.moved, dtype=np.int64)
        keys = np.empty((len(self.units), len(tariffs)), dtype=np.int64)
        for n, tariff in enumerate(tariffs):
            prices = tariff.prices(self.units, weights_g, late_minor)
            keys[:, n] = np.where(prices == NEVER, NEVER, (prices << shift) + moved)
        return keys

    def _is_there(self, chosen: list[int]) -> npt.NDArray[np.bool_]:
        """By part and place: whether the place has all units of it."""
        stock = self.board.stock[chosen].T
        of_demands = [np.arange(count + 1)[:, None] <= stock[j] for j, count in enumerate(self.quantities)]
        is_there: npt.NDArray[np.bool_] = spread(np.logical_and, of_demands)
        is_there[0] = False
        if self.board.is_shared:
            wanted: dict[int, Array] = {}
            for j, made_of in enumerate(self.board.made_of):
                for s, per_unit in made_of:
                    wanted[s] = wanted.get(s, 0) + self.units[:, j] * per_unit
            for s, pieces in wanted.items():
                is_there &= pieces[:, None] <= [self.board.places[i].have[s] for i in chosen]
            is_there &= self._are_hands_there(chosen)
        return is_there

    def _are_hands_there(self, chosen: list[int]) -> npt.NDArray[np.bool_]:
        """By part and place: whether the place has the capacity for it."""
        demands, candidates = self.board.demands, [self.board.places[i].candidate for i in chosen]
        pieces = self.units @ np.asarray(self.board.pieces, dtype=np.int64)
        lines = (self.units > 0) @ np.asarray([one.lines for one in demands], dtype=np.int64)
        are_there: npt.NDArray[np.bool_] = pieces[:, None] <= [one.pieces_max for one in candidates]
        return are_there & (lines[:, None] <= [one.lines_max for one in candidates])

    def _drop_unworthy(self, keys: Array) -> None:
        """A part of the order is not sent where it is worth too little."""
        least_minor = self.board.terms.shipment_value_least_minor
        if least_minor:
            values_minor = self.units @ np.asarray([one.value_minor for one in self.board.demands], dtype=np.int64)
            keys[:-1][values_minor[:-1] < least_minor] = NEVER

    def _take_claimed(self, keys: Array, places: list[Place]) -> None:
        """Units that the order holds where they ship from are not moved."""
        pieces = np.asarray(self.board.moved, dtype=np.int64)
        for i, place in enumerate(places):
            if any(place.claimed):
                moved = np.minimum(self.units, np.asarray(place.claimed)) @ pieces
                keys[:, i] = np.where(keys[:, i] == NEVER, NEVER, keys[:, i] - moved)


def grid_of(board: Board, known: Placed | None, *, cells_max: int) -> Grid | None:
    """The tables for plans that are cheaper than the one known, if any is.

    It has no places when there is no such plan. None when the tables would be too large, or numbers too small.
    """
    if not _is_possible(board, cells_max):
        return None
    openings, least_units = least_of(board)
    chosen = list(range(len(board.places)))
    if known is not None:
        chosen = _worthy(board, openings, least_units, below=board.key_of(known) or 0)
    if _parts_in(board) * len(chosen) > _THIN_FROM and _parts_in(board) > 2 << len(board.demands):
        chosen, known = thinned(board, chosen, known)
    if _parts_in(board) * len(chosen) * _PASSES > cells_max:
        return None
    return Grid(board, chosen, least_units, known)


def whole_grid(board: Board, *, cells_max: int) -> Grid | None:
    """The tables of all places; None when they would be too large, or numbers too small."""
    if not _is_possible(board, cells_max) or _parts_in(board) * len(board.places) * _PASSES > cells_max:
        return None
    return Grid(board, list(range(len(board.places))), least_of(board)[1], None)


def _is_possible(board: Board, cells_max: int) -> bool:
    return _parts_in(board) <= min(_PARTS_MAX, cells_max) and fits(board)


def _parts_in(board: Board) -> int:
    return prod(demand.quantity + 1 for demand in board.demands)


def _worthy(board: Board, openings: Array, least_units: list[int], *, below: int) -> list[int]:
    """The places that can be in a plan with a key below that: their own opening, the units, and what they lack."""
    units = board.base + sum(demand.quantity * unit for demand, unit in zip(board.demands, least_units, strict=True))
    others = np.where(board.stock > 0, openings[:, None], NEVER).min(axis=0)
    is_short = board.stock < [demand.quantity for demand in board.demands]
    least = units + openings + np.where(is_short, others, 0).max(axis=1)
    chosen: list[int] = np.flatnonzero(least < below).tolist()
    return chosen


def least_of(board: Board) -> tuple[Array, list[int]]:
    """What opening each place costs at least, and each unit of a demand wherever it is, freight included."""
    shift = board.scale.cost
    weights_g = np.asarray([demand.weight_g for demand in board.demands], dtype=np.int64)
    weight_g = sum(demand.weight_g * demand.quantity for demand in board.demands)
    tariffs = {id(place.tariff): place.tariff for place in board.places}
    known = {key: tariff.line(weight_g, 1 << shift) for key, tariff in tariffs.items()}
    lines = np.asarray([known[id(place.tariff)] for place in board.places], dtype=np.int64)
    openings: Array = lines[:, 0] + np.asarray([place.opening for place in board.places], dtype=np.int64)
    units = (board.unit_costs.astype(np.int64) << shift) + lines[:, 1:] * weights_g
    least: list[int] = np.where(board.stock > 0, units, NEVER).min(axis=0).tolist()
    return openings, least


def fits(board: Board) -> bool:
    """Whether no plan, however dear or however gainful, has a key too large."""
    units = sum(demand.pieces * demand.quantity for demand in board.demands) << board.scale.moved
    wanted = np.asarray([demand.quantity for demand in board.demands], dtype=float)
    tariffs = {id(place.tariff): place.tariff for place in board.places}
    freight = max(tariff.most(board.demands) for tariff in tariffs.values())
    cost = int((np.abs(board.unit_costs) @ wanted).max()) + freight
    return (
        max(place.opening for place in board.places) + (cost << board.scale.cost) + units
    ) * board.places_max < _KEY_MAX
