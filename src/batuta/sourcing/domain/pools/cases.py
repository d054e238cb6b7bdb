"""An order of a pool, priced again and again: as scarce goods get dearer, or run out, another plan is its best."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf, prod
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from batuta.locations.domain import CapacityUnit
from batuta.sourcing.domain.capacity import Hands, Room
from batuta.sourcing.domain.pools.components import PoolOrder
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import ANY_AMOUNT, Choice
from batuta.sourcing.domain.search.choosing import choose_on
from batuta.sourcing.domain.search.covering import Cover, OutOfCells, Relaxed, relaxed_of
from batuta.sourcing.domain.search.grid import Grid, fits, least_of, whole_grid
from batuta.sourcing.domain.search.tariffs import NEVER, Array

Floats = npt.NDArray[np.float64]
Thing = tuple[UUID, UUID] | Hands
"""A SKU at a location, or something of the location's capacity."""

Scarce = Mapping[Thing, int]
"""The numbers of what orders may not have as they like."""

Rows = npt.NDArray[np.intp]

_FRACTION = 16
_ONE_UNIT = 2
"""Parts of an order for one unit: nothing, and it."""

_CELLS_MAX, _CELLS_A_WALK = 10_000_000, 400_000


class Plan(NamedTuple):
    """What each place of the board sends, what that costs, and how much of each scarce thing it uses."""

    cost: int
    placed: tuple[tuple[int, tuple[int, ...]], ...]
    uses: tuple[tuple[int, int], ...]


class Case:
    """The tables of one order. They are without ties: `money` has costs, finer than a cent by `_FRACTION` bits."""

    def __init__(self, order: PoolOrder) -> None:
        self.order = order
        self.board = Board(order.demands, order.candidates, order.terms)
        wanted = [demand.quantity for demand in self.board.demands]
        is_served = len(self.board.places) > 0 and bool((self.board.stock.sum(axis=0) >= wanted).all())
        self.base = self.board.base >> self.board.scale.cost
        self._stands = _sorted(self.board.placed_of(order.standing or {}) or {})
        self.grid: Grid | None = whole_grid(self.board, cells_max=_CELLS_MAX) if is_served else None
        self.relaxed: Relaxed | None = relaxed_of(self.grid) if self.grid else None
        self.is_hopeless = not is_served
        if self.grid is not None:
            shift = self.board.scale.cost
            keys = self.grid.keys
            self.money: Array = np.where(keys >= NEVER, NEVER, (keys >> shift) << _FRACTION)
            self.least_units = [unit >> shift << _FRACTION for unit in self.grid.least_units]
        self.floor = np.inf if self.is_hopeless else self._floor()
        self.parked = order.parked_minor * max(1, self.board.weights.freight)
        self.move = order.move_minor * max(1, self.board.weights.freight) if order.standing is not None else 0
        self._sent: dict[tuple[int, int], Plan] = {}

    def _floor(self) -> float:
        """No plan costs less: a place, and each unit at its least."""
        if not fits(self.board):
            return -np.inf
        openings, units = least_of(self.board)
        key = self.board.base + int(openings.min())
        key += sum(demand.quantity * unit for demand, unit in zip(self.board.demands, units, strict=True))
        return float(key >> self.board.scale.cost)

    @property
    def parts(self) -> int:
        """In how many ways some of it can be taken: it tells how many plans to expect."""
        return prod(demand.quantity + 1 for demand in self.board.demands)

    def wants(self, limited: Mapping[UUID, Sequence[Hands]]) -> dict[Thing, int]:
        """The most it could use of each SKU at a location, and of the location's capacity, where that is limited."""
        totals: dict[UUID, int] = defaultdict(int)
        for demand in self.board.demands:
            for sku_id, per_unit in demand.parts:
                totals[sku_id] += per_unit * demand.quantity
        most: dict[Thing, int] = {}
        for place in self.board.places:
            one = place.candidate
            for hands in limited.get(one.location_id, ()):
                if hands.method in {None, self.order.method.value}:
                    most[hands] = self._most_of(hands.unit)
            for sku_id, units in totals.items():
                most[sku_id, one.location_id] = min(units, one.stock.get(sku_id, 0))
        return most

    def _most_of(self, unit: CapacityUnit) -> int:
        """What all of the order is of one unit; in how many parcels it goes is seen when it is planned."""
        demands = self.board.demands
        if unit is CapacityUnit.UNITS:
            return sum(demand.pieces * demand.quantity for demand in demands)
        return sum(demand.lines for demand in demands) if unit is CapacityUnit.LINES else 1

    def know(self, scarce: Scarce) -> None:
        """Learn the numbers of what is scarce.

        goods: rows of (place, demand, number, units of it in one of the demand); lines: the same, once for a demand of
        which there is any; hands: rows of (place, number), once for each place. With them `standing`, the plan that
        stands, if it can be had still.
        """
        self.scarce = scarce
        at: dict[UUID, list[tuple[Hands, int]]] = defaultdict(list)
        for thing, number in scarce.items():
            if isinstance(thing, Hands) and thing.method in {None, self.order.method.value}:
                at[thing.location_id].append((thing, number))
        self.hands_at = [at.get(place.candidate.location_id, []) for place in self.board.places]
        rows: list[list[tuple[int, int, int, int]]] = []
        for j, demand in enumerate(self.board.demands):
            for n, (sku_id, per_unit) in enumerate(demand.parts):
                if n == len(rows):
                    rows.append([])
                for i, place in enumerate(self.board.places):
                    r = scarce.get((sku_id, place.candidate.location_id))
                    if r is not None:
                        rows[n].append((i, j, r, per_unit))
        self.goods = [np.asarray(some, dtype=np.intp).T for some in rows if some]
        self.units = self._rows(CapacityUnit.UNITS, [demand.pieces for demand in self.board.demands])
        self.lines = self._rows(CapacityUnit.LINES, [demand.lines for demand in self.board.demands])
        whole = {CapacityUnit.ORDERS, CapacityUnit.PACKAGES}
        hands = [(i, r) for i, several in enumerate(self.hands_at) for one, r in several if one.unit in whole]
        self.hands = np.asarray(hands, dtype=np.intp).reshape(-1, 2).T
        can_stand = bool(self._stands) and self.board.costs_of(self.order.standing or {}) is not None
        self.standing = self._plan_of(dict(self._stands)) if can_stand else None

    def _rows(self, unit: CapacityUnit, amounts: list[int]) -> Rows:
        rows = [
            (i, j, r, amount)
            for i, several in enumerate(self.hands_at)
            for one, r in several
            if one.unit is unit
            for j, amount in enumerate(amounts)
        ]
        return np.asarray(rows, dtype=np.intp).reshape(-1, 4).T

    @property
    def is_free(self) -> bool:
        """Whether it can use nothing scarce."""
        return not self.goods and not any(self.hands_at)

    def cheapest(self, prices: Floats, most: int = 1) -> tuple[float, list[Plan]]:
        """What it costs at least while scarce things have prices, those included; and its best plans."""
        if self.grid is None or self.relaxed is None:
            return min(self.floor, self.parked), []
        least, found = self._best(self._priced(self.grid, prices), self.least_units, most)
        return self._least(least, prices), [self._plan(one) for one in found]

    def below(self, prices: Floats, slack: float, cells_max: int) -> list[Plan] | None:
        """All plans dearer than the least by no more than that while scarce things have prices; None when too many."""
        if self.grid is None or self.relaxed is None:
            return [] if self.is_hopeless else None
        keys = self._priced(self.grid, prices)
        least, _ = self._best(keys, self.least_units, 1)
        below = self._least(least, prices) + slack - self.move - self.base
        cover = Cover(self.grid, self.relaxed, keys, self.least_units)
        try:
            cover.walk(below=int(below * (1 << _FRACTION)) + 1, cells_max=cells_max, most=inf)
        except OutOfCells:
            return None
        plans = [self._plan(one) for _, one in cover.found]
        return [*plans, self.standing] if self.move and self.standing and self.standing not in plans else plans

    def _least(self, key: int, prices: Floats) -> float:
        """The least of plans with at least that key, of staying where it stands, and of parking."""
        least = min(key / (1 << _FRACTION) + self.base + self.move, float(self.parked))
        if self.move and self.standing:
            least = min(least, self.standing.cost + sum(float(prices[r]) * units for r, units in self.standing.uses))
        return least

    def _priced(self, grid: Grid, prices: Floats) -> Array:
        """The keys of the parts, each with the prices of what it uses."""
        places = len(self.board.places)
        extra = np.zeros((places, len(self.board.demands)))
        for i, j, r, per_unit in self.goods:
            extra[i, j] += prices[r] * per_unit
        opening = np.zeros(places)
        np.add.at(opening, self.hands[0], prices[self.hands[1]])
        fine = grid.units @ extra.T + opening
        for rows, units in ((self.units, grid.units), (self.lines, grid.units > 0)):
            if rows.size:
                dearer = np.zeros_like(extra)
                np.add.at(dearer, (rows[0], rows[1]), prices[rows[2]] * rows[3])
                fine += units @ dearer.T
        return self.money + (fine * (1 << _FRACTION)).astype(np.int64)

    def in_turn(self, room: Array) -> Plan | None:
        """The best plan with what is left of scarce things, as if it were planned alone."""
        if self.grid is None or self.relaxed is None:
            return self._searched(room)
        keys = self.grid.keys.copy()
        for i, j, r, per_unit in self.goods:
            most = np.full((len(self.board.places), len(self.board.demands)), NEVER)
            most[i, j] = room[r] // per_unit
            for demand in np.flatnonzero((most < self.grid.quantities).any(axis=0)):
                keys[self.grid.units[:, demand, None] > most[:, demand]] = NEVER
        keys[:, self.hands[0][room[self.hands[1]] < 1]] = NEVER
        if self.board.is_shared or self.units.size or self.lines.size:
            return self._searched(room)
        _, found = self._best(keys, self.grid.least_units, 1)
        return self._plan(found[0]) if found else None

    def _searched(self, room: Array) -> Plan | None:
        """By the search for one order, on a board that shows what is left."""
        candidates = []
        places = zip(self.board.places, self.hands_at, strict=True)
        hands = {place.candidate.location_id: several for place, several in places}
        for one in self.order.candidates:
            left = _left(hands.get(one.location_id, ()), room)
            if not left.is_none:
                stock = {
                    sku_id: min(units, int(room[r]))
                    if (r := self.scarce.get((sku_id, one.location_id))) is not None
                    else units
                    for sku_id, units in one.stock.items()
                }
                pieces, lines = min(one.pieces_max, left.units), min(one.lines_max, left.lines)
                candidates.append(msgspec.structs.replace(one, stock=stock, pieces_max=pieces, lines_max=lines))
        choice = choose_on(Board(self.order.demands, candidates, self.order.terms)) if candidates else None
        if choice is None:
            return None
        placed = self.board.placed_of({one.location_id: dict(one.units) for one in choice.shipments})
        assert placed is not None, "the board shows all that was left"
        return self._plan_of(placed)

    def _best(self, keys: Array, least_units: list[int], most: int) -> tuple[int, list[dict[int, int]]]:
        """The least key, or a bound of it, and the best plans, the part of each place."""
        grid, relaxed = self.grid, self.relaxed
        assert grid is not None
        assert relaxed is not None
        if len(keys) == _ONE_UNIT:
            row = keys[1]
            best = np.argsort(row, kind="stable")[:most] if most > 1 else [row.argmin()]
            return int(row[best[0]]), [{int(i): 1} for i in best if row[i] < NEVER >> 1]
        cover = Cover(grid, relaxed, keys, least_units)
        try:
            cover.walk(below=NEVER, cells_max=_CELLS_A_WALK, most=most)
            least = cover.found[0][0] if cover.found else NEVER
        except OutOfCells:
            least = cover.least
        return least, [one for _, one in cover.found]

    def _used(self, unit: CapacityUnit, units: Sequence[int]) -> int:
        sent = [(demand, count) for demand, count in zip(self.board.demands, units, strict=True) if count]
        if unit is CapacityUnit.UNITS:
            return sum(demand.pieces * count for demand, count in sent)
        return sum(demand.lines for demand, _ in sent) if unit is CapacityUnit.LINES else 1

    def choice_of(self, plan: Plan) -> Choice:
        return self.board.choice_of(dict(plan.placed), is_greedy=False)

    def _plan(self, parts: Mapping[int, int]) -> Plan:
        """From the tables: what places send costs, and uses, by itself."""
        sent = [self._sent.get(one) or self._priced_part(*one) for one in sorted(parts.items())]
        placed = tuple(here for one in sent for here in one.placed)
        cost = self.base + sum(one.cost for one in sent) + (self.move if self.move and placed != self._stands else 0)
        return Plan(cost=cost, placed=placed, uses=tuple(use for one in sent for use in one.uses))

    def _priced_part(self, i: int, part: int) -> Plan:
        assert self.grid is not None
        units = tuple(self.grid.units[part].tolist())
        one = Plan(int(self.money[part, i]) >> _FRACTION, ((i, units),), self._uses(i, units))
        self._sent[i, part] = one
        return one

    def _plan_of(self, placed: Mapping[int, Sequence[int]]) -> Plan:
        key = self.board.key_of(placed)
        assert key is not None, "a plan can be had"
        sent = _sorted(placed)
        return Plan(
            cost=(key >> self.board.scale.cost) + (self.move if self.move and sent != self._stands else 0),
            placed=sent,
            uses=tuple(use for i, units in sent for use in self._uses(i, units)),
        )

    def _uses(self, i: int, units: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """What a place uses of scarce things to send the units; it shares none with other places."""
        location_id = self.board.places[i].candidate.location_id
        uses: dict[int, int] = defaultdict(int)
        for hands, number in self.hands_at[i]:
            uses[number] += self._used(hands.unit, units)
        for demand, count in zip(self.board.demands, units, strict=True):
            for sku_id, per_unit in demand.parts if count else ():
                r = self.scarce.get((sku_id, location_id))
                if r is not None:
                    uses[r] += per_unit * count
        return tuple(sorted(uses.items()))


def _sorted(placed: Mapping[int, Sequence[int]]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return tuple((i, tuple(units)) for i, units in sorted(placed.items()))


def _left(hands: Iterable[tuple[Hands, int]], room: Array) -> Room:
    """What is left of a location's capacity."""
    left = dict.fromkeys(CapacityUnit, ANY_AMOUNT)
    for one, r in hands:
        left[one.unit] = min(left[one.unit], int(room[r]))
    return Room(*(left[unit] for unit in CapacityUnit))
