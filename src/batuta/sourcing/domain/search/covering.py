"""The exact search over a grid: how parts from several places make up the whole, at the least key.

First a relaxation, for all parts at once: what k places can cover at least. One of them takes a piece, k - 1 cover the
rest; so tables of few numbers answer for all plans (a state-space relaxation, after N. Christofides, A. Mingozzi
and P. Toth, 1981). In it a place may be used twice, except where two cover all, and of demands of many units it only
counts lots. It bounds from below, mostly tightly, what remains of a plan that is begun. Then plans are walked depth
first, the most promising piece and place first; with these bounds most walks end at the first plan.
"""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.shapes import Indices, Shape, pairs_in, shape_of
from batuta.sourcing.domain.search.tariffs import NEVER, Array

_PAIRS_GOOD, _PAIRS_MAX = 500_000, 600_000
_NOT_YET = 1 << 60
"""Above every key of a plan, and below `NEVER` whatever gains are added to that."""

_CELLS_A_NODE, _CELLS_A_TRY, _CELLS_A_PLAN = 1_000, 200, 5_000
_PLACES_FEW = 1 << 15


class OutOfCells(Exception):
    """The search has looked at as much as it may."""


class Tables(Protocol):
    """What the search wants to know of a grid, or of a sketch of one."""

    board: Board
    quantities: list[int]
    units: Array


class Relaxed:
    """Parts counted in lots. level_of: by part, the number of its lots; shape: of the lots.

    codes: of parts, each demand's units in `fields` of its bits, with a bit of `guards` above.

    A lot has `sizes[j]` units of demand j, one begun counts whole: then shipments of a plan have at least as many
    lots together as the order, though they may have more.
    """

    def __init__(self, grid: Tables, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.parts = [count + 1 for count in grid.quantities]
        lots = lots_in(grid.quantities, sizes)
        self.falling = sorted(range(len(lots)), key=lambda j: -lots[j])
        self.is_coarse = max(sizes) > 1
        self.shape: Shape = shape_of(tuple(lots[j] for j in self.falling))
        levels = -(-grid.units[:, self.falling] // np.asarray([sizes[j] for j in self.falling]))
        self.level_of: Indices = np.ravel_multi_index(tuple(levels.T), [lots[j] + 1 for j in self.falling])
        self.by_level: Indices = np.arange(len(self.shape.units)) if self.is_coarse else np.argsort(self.level_of)
        bits = [count.bit_length() + 1 for count in grid.quantities]
        begins = [sum(bits[:j]) for j in range(len(bits))]
        self.codes: Array = grid.units @ np.asarray([1 << begin for begin in begins], dtype=np.int64)
        self.fields = [(1 << begin + count) - (1 << begin) for begin, count in zip(begins, bits, strict=True)]
        self.guards = sum(1 << begin + count - 1 for begin, count in zip(begins, bits, strict=True))

    def least(self, keys: Array) -> Array:
        """By lots and place, the least key of a part that has as many lots or more."""
        table = keys.reshape([*self.parts, -1])
        for j, size in enumerate(self.sizes):
            if size > 1:
                table = _in_lots(table, j, size)
        return table.transpose([*self.falling, len(self.parts)]).reshape(-1, keys.shape[1])


def _in_lots(table: Array, axis: int, size: int) -> Array:
    """The least of each lot, or of a higher one: the first is of nothing, the others of `size` each."""
    least, lots = table.take(-1, axis), []
    for n in range(table.shape[axis] - 1, -1, -1):
        least = np.minimum(least, table.take(n, axis))
        if n == 0 or n % size == 1 % size:
            lots.append(least)
    return np.stack(lots[::-1], axis)


def lots_in(quantities: Sequence[int], sizes: Sequence[int]) -> list[int]:
    return [-(-count // size) for count, size in zip(quantities, sizes, strict=True)]


def relaxed_of(grid: Tables) -> Relaxed | None:
    """Single units as lots as far as that makes good tables; None when there are too many demands for any."""
    sizes = [1] * len(grid.quantities)
    for j in sorted(range(len(sizes)), key=lambda j: -grid.quantities[j]):
        if pairs_in(lots_in(grid.quantities, sizes)) > _PAIRS_GOOD:
            sizes[j] = grid.quantities[j]
    return Relaxed(grid, sizes) if pairs_in(lots_in(grid.quantities, sizes)) <= _PAIRS_MAX else None


class _Begun(NamedTuple):
    """A plan begun: the part not covered yet, how many places may cover it, the key so far, and by place its part."""

    part: int
    places: int
    key: int
    chosen: dict[int, int]


class Cover:
    """One search over the keys of a grid, or others like them.

    found: keys of plans and, by place of the grid, the part that it sends; the least first. least: no plan has a key
    below it; the penalty that the first place does not pay is in it.

    least_units: what every plan pays for a unit of each demand at least; the better known, the tighter are bounds by
    lots.
    """

    def __init__(self, grid: Tables, relaxed: Relaxed, keys: Array, least_units: Sequence[int]) -> None:
        self.grid, self.relaxed, self.keys, self.least_units = grid, relaxed, keys, least_units
        self.shape = relaxed.shape
        self.counted = self._counted()
        self.layers = self._layers()
        self.least = int(self._least_of_all(self.layers) + self.counted[-1])
        self._pieces_of: dict[tuple[int, int], tuple[Indices, Array]] = {}
        self.found: list[tuple[int, dict[int, int]]] = []
        self._seen: set[frozenset[tuple[int, int]]] = set()
        self.best_key = NEVER
        self.cells = self.cells_left = 0

    @property
    def best(self) -> dict[int, int]:
        return self.found[0][1] if self.found else {}

    def least_with(self) -> Array:
        """By place, what plans in which it has a part cost at least."""
        whole = len(self.keys) - 1
        after = self._after(whole - np.arange(len(self.keys)), self.grid.board.places_max - 1, self.layers)
        least: Array = (self.keys[1:] + after[1:, None]).min(axis=0)
        return least

    def walk(self, *, below: int, cells_max: int, most: float = 1) -> dict[int, int]:
        """The cheapest plan with a key below that; none when there is none. `found` are the cheapest, `most` of them.

        Raises:
            OutOfCells: `found` is what was found until then.
        """
        self.best_key, self.cells_left, self.most = min(below, _NOT_YET), cells_max, most
        places, whole = self.grid.board.places_max, len(self.keys) - 1
        if self.least < self.best_key:
            after = self._after(whole - np.arange(len(self.keys)), places - 1, self.layers)
            self.alive: Indices = np.flatnonzero(self.cheapest + after < self.best_key)
            self.alive_codes: Array = self.relaxed.codes[self.alive]
            self._walk(_Begun(whole, places, 0, {}))
        return self.best

    def _counted(self) -> Array:
        """The part of each key that lots do not show, and every plan pays alike: the units at their least."""
        if not self.relaxed.is_coarse:
            return np.zeros(len(self.keys), dtype=np.int64)
        return self.grid.units @ np.asarray(self.least_units, dtype=np.int64)

    def _layers(self) -> list[Array]:
        """By number of places, the key that covers each part at least; no more once another place gains nothing."""
        who = self.keys.argmin(axis=1)
        table, self.cheapest = self.keys, _least_by(self.keys, who)
        if self.relaxed.is_coarse:
            table = self.relaxed.least(self.keys - self.counted[:, None])
            who = table.argmin(axis=1)
        one = _least_by(table, who)[self.relaxed.by_level]
        one[0] = 0
        nothing = np.full(len(one), NEVER, dtype=np.int64)
        nothing[0] = 0
        layers, count = [nothing, one], self.grid.board.places_max
        first: Array = one.take(self.shape.pieces) if count > 1 else one
        more = self._two(table, who, one, first) if count > 1 else one
        while len(layers) <= max(2, count - 1) and not np.array_equal(more, layers[-1]):
            layers.append(more)
            more = self._least(first + more.take(self.shape.rests)) if len(layers) < count else more
        return layers

    def _least_of_all(self, layers: list[Array]) -> int:
        """What as many places as may be cover everything at least."""
        layer, count = layers[-1], self.grid.board.places_max
        if len(layers) > count:
            return int(layer[-1])
        start = self.shape.starts[-2]
        return int(min(layer[-1], (layers[1][self.shape.pieces[start:]] + layer[self.shape.rests[start:]]).min()))

    def _two(self, table: Array, who: Indices, one: Array, first: Array) -> Array:
        """What two different places cover at least. who: by row of the table, its least place."""
        pieces, rests = self.shape.pieces, self.shape.rests
        sums = first + one.take(rests)
        few = who[self.relaxed.by_level].astype(np.int16 if table.shape[1] < _PLACES_FEW else np.int64)
        few[0] = -1
        same = (few.take(pieces) == few.take(rests)).nonzero()[0]
        if len(same):
            second = self._second(table, who)[self.relaxed.by_level]
            pieces, rests = pieces[same], rests[same]
            sums[same] = np.minimum(one[pieces] + second[rests], second[pieces] + one[rests])
        return self._least(sums)

    @staticmethod
    def _second(table: Array, who: Indices) -> Array:
        """The least of each row but for one place."""
        every = np.arange(len(table))
        first = table[every, who]
        table[every, who] = NEVER
        second = _least_by(table, table.argmin(axis=1))
        table[every, who] = first
        return second

    def _least(self, sums: Array) -> Array:
        least = np.zeros(len(self.shape.units), dtype=np.int64)
        np.minimum.reduceat(sums, self.shape.starts[1:-1], out=least[1:])
        return np.minimum(least, NEVER, out=least)

    def _after(self, parts: Indices, places: int, layers: list[Array]) -> Array:
        """What covering the parts by so many places costs at least."""
        after: Array = layers[min(places, len(layers) - 1)][self.relaxed.level_of[parts]] + self.counted[parts]
        return after

    def _walk(self, begun: _Begun) -> None:
        part, places, key, chosen = begun
        if part == 0:
            self._keep(key, chosen)
        elif places == 1:
            self._send(part, 0, begun)
        elif places:
            pieces, least = self._pieces(part, places)
            self._look(len(pieces) + _CELLS_A_NODE)
            worth = (least < self.best_key - key).nonzero()[0]
            for n in worth[least[worth].argsort(kind="stable")].tolist():
                if key + int(least[n]) >= self.best_key:
                    return
                piece = int(pieces[n])
                self._send(piece, int(least[n] - self.cheapest[piece]), begun)

    def _pieces(self, part: int, places: int) -> tuple[Indices, Array]:
        """What the shipment with the first unit of a part may be, and what the part costs with it at least."""
        known = self._pieces_of.get((part, places))
        if known is None:
            self._look(len(self.alive) + _CELLS_A_NODE)
            wanted, field = self.relaxed.codes[part], self.relaxed.fields[int(self.grid.units[part].argmax())]
            guards, codes = self.relaxed.guards, self.alive_codes
            pieces = self.alive[((wanted | guards) - codes & guards == guards) & (codes & field > 0)]
            least: Array = self.cheapest[pieces] + self._after(part - pieces, places - 1, self.layers)
            known = self._pieces_of[part, places] = pieces, least
        return known

    def _keep(self, key: int, chosen: dict[int, int]) -> None:
        """A plan in which places share a demand is come by more than once."""
        if self.most == 1:
            self.found = [(key, chosen)]
        elif (same := frozenset(chosen.items())) not in self._seen:
            self._look(_CELLS_A_PLAN)
            self._seen.add(same)
            insort(self.found, (key, chosen), key=lambda one: one[0])
            if len(self.found) > self.most:
                self.found.pop()
        if len(self.found) == self.most:
            self.best_key = self.found[-1][0]

    def _send(self, piece: int, after: int, begun: _Begun) -> None:
        """Let each place that may pay send the piece, and cover the rest."""
        part, places, key, chosen = begun
        row = self.keys[piece]
        self._look(len(row) + _CELLS_A_TRY)
        worth = (row < self.best_key - key - after).nonzero()[0]
        for i in worth[row[worth].argsort(kind="stable")].tolist():
            if key + int(row[i]) + after >= self.best_key:
                return
            if i not in chosen:
                self._walk(_Begun(part - piece, places - 1, key + int(row[i]), {**chosen, i: piece}))

    def _look(self, cells: int) -> None:
        self.cells += cells
        if self.cells > self.cells_left:
            raise OutOfCells


def _least_by(table: Array, who: Indices) -> Array:
    """Of each row the key at its place; gains may be added to one that is never to be had."""
    least = table[np.arange(len(table)), who]
    return np.where(least > _NOT_YET, NEVER, least)
