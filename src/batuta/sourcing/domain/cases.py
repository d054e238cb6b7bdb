"""An order of a pool, priced again and again: as scarce goods get dearer, or run out, another plan is its best."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from batuta.sourcing.domain.board import Board
from batuta.sourcing.domain.candidates import Choice
from batuta.sourcing.domain.covering import Cover, OutOfCells, Relaxed, relaxed_of
from batuta.sourcing.domain.greedy import Placed
from batuta.sourcing.domain.grid import Grid, fits, least_of, whole_grid
from batuta.sourcing.domain.pools import PoolOrder
from batuta.sourcing.domain.search import choose_on
from batuta.sourcing.domain.tariffs import NEVER, Array

Floats = npt.NDArray[np.float64]
Scarce = Mapping[tuple[UUID | None, UUID], int]
"""The numbers of what orders may not have as they like: a SKU at a location, or (without a SKU) its capacity."""

_FRACTION = 16
_ONE_UNIT = 2
"""Parts of an order for one unit: nothing, and it."""

_CELLS_MAX, _CELLS_A_WALK = 10_000_000, 400_000
_CELLS_OF_ALL, _PLANS_OF_ALL = 4_000_000, 1_000


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

    def _floor(self) -> float:
        """No plan costs less: a place, and each unit at its least."""
        if not fits(self.board):
            return -np.inf
        openings, units = least_of(self.board)
        key = self.board.base + int(openings.min())
        key += sum(demand.quantity * unit for demand, unit in zip(self.board.demands, units, strict=True))
        return float(key >> self.board.scale.cost)

    def wants(self) -> dict[tuple[UUID | None, UUID], int]:
        """The most it could use of each SKU at a location, and of the location's capacity."""
        totals: dict[UUID, int] = defaultdict(int)
        for demand in self.board.demands:
            for sku_id, per_unit in demand.parts:
                totals[sku_id] += per_unit * demand.quantity
        most: dict[tuple[UUID | None, UUID], int] = {}
        for place in self.board.places:
            one = place.candidate
            most[None, one.location_id] = 1
            for sku_id, units in totals.items():
                most[sku_id, one.location_id] = min(units, one.stock.get(sku_id, 0))
        return most

    def know(self, scarce: Scarce) -> None:
        """Learn the numbers of what is scarce: rows of (place, demand, number, units of it in one of the demand)."""
        self.scarce = scarce
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
        hands = [
            (i, r)
            for i, place in enumerate(self.board.places)
            if (r := scarce.get((None, place.candidate.location_id))) is not None
        ]
        self.hands = np.asarray(hands, dtype=np.intp).reshape(-1, 2).T

    @property
    def is_free(self) -> bool:
        """Whether it can use nothing scarce."""
        return not self.goods and not self.hands.size

    def cheapest(self, prices: Floats, most: int = 1) -> tuple[float, list[Plan]]:
        """What no plan is below while scarce things have prices, those included; and the best plans, `most` of them."""
        if self.grid is None or self.relaxed is None:
            return self.floor, []
        least, placed = self._best(self._priced(self.grid, prices), self.least_units, most)
        base = self.board.base >> self.board.scale.cost
        return least / (1 << _FRACTION) + base, [self._plan(one) for one in placed]

    def below(self, prices: Floats, slack: float) -> list[Plan] | None:
        """All plans dearer than the best by no more than that while scarce things have prices; None when too many."""
        if self.grid is None or self.relaxed is None:
            return None
        keys = self._priced(self.grid, prices)
        least, _ = self._best(keys, self.least_units, 1)
        key = min(least, self._key_of_parked()) + int(slack * (1 << _FRACTION)) + 1
        cover = Cover(self.grid, self.relaxed, keys, self.least_units)
        try:
            cover.walk(below=key, cells_max=_CELLS_OF_ALL, most=_PLANS_OF_ALL)
        except OutOfCells:
            return None
        if len(cover.found) == _PLANS_OF_ALL:
            return None
        units = self.grid.units
        return [self._plan({i: units[part].tolist() for i, part in one.items()}) for _, one in cover.found]

    def _key_of_parked(self) -> int:
        return (self.parked - (self.board.base >> self.board.scale.cost)) << _FRACTION

    def _priced(self, grid: Grid, prices: Floats) -> Array:
        """The keys of the parts, each with the prices of what it uses."""
        places = len(self.board.places)
        extra = np.zeros((places, len(self.board.demands)))
        for i, j, r, per_unit in self.goods:
            extra[i, j] += prices[r] * per_unit
        opening = np.zeros(places)
        opening[self.hands[0]] = prices[self.hands[1]]
        fine = (grid.units @ extra.T + opening) * (1 << _FRACTION)
        return self.money + fine.astype(np.int64)

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
        if self.board.is_shared:
            return self._searched(room)
        _, placed = self._best(keys, self.grid.least_units, 1)
        return self._plan(placed[0]) if placed else None

    def _searched(self, room: Array) -> Plan | None:
        """By the search for one order, on a board that shows what is left."""
        candidates = []
        for one in self.order.candidates:
            hands = self.scarce.get((None, one.location_id))
            if hands is None or room[hands] > 0:
                stock = {
                    sku_id: min(units, int(room[r]))
                    if (r := self.scarce.get((sku_id, one.location_id))) is not None
                    else units
                    for sku_id, units in one.stock.items()
                }
                candidates.append(msgspec.structs.replace(one, stock=stock))
        choice = choose_on(Board(self.order.demands, candidates, self.order.terms)) if candidates else None
        if choice is None:
            return None
        placed = self.board.placed_of({one.location_id: dict(one.units) for one in choice.shipments})
        assert placed is not None, "the board shows all that was left"
        return self._plan(placed)

    def _best(self, keys: Array, least_units: list[int], most: int) -> tuple[int, list[Placed]]:
        """The least key, or a bound of it, and the best plans."""
        grid, relaxed = self.grid, self.relaxed
        assert grid is not None
        assert relaxed is not None
        if len(keys) == _ONE_UNIT:
            row = keys[1]
            best = np.argsort(row, kind="stable")[:most] if most > 1 else [row.argmin()]
            return int(row[best[0]]), [{int(i): [1]} for i in best if row[i] < NEVER >> 1]
        cover = Cover(grid, relaxed, keys, least_units)
        try:
            cover.walk(below=NEVER, cells_max=_CELLS_A_WALK, most=most)
            least = cover.found[0][0] if cover.found else NEVER
        except OutOfCells:
            least = cover.least
        return least, [{i: grid.units[part].tolist() for i, part in one.items()} for _, one in cover.found]

    def standing(self) -> Plan | None:
        """The plan that stands, if it can be had still."""
        placed = self.board.placed_of(self.order.standing) if self.order.standing is not None else None
        if placed is None or len(placed) > self.board.places_max or self.board.key_of(placed) is None:
            return None
        return self._plan(placed)

    def standing_at(self, prices: Floats) -> float:
        plan = self.standing()
        return np.inf if plan is None else plan.cost + sum(float(prices[r]) * units for r, units in plan.uses)

    def choice_of(self, plan: Plan) -> Choice:
        return self.board.choice_of(dict(plan.placed), is_greedy=False)

    def _plan(self, placed: Mapping[int, list[int]]) -> Plan:
        uses: dict[int, int] = defaultdict(int)
        for i, units in placed.items():
            location_id = self.board.places[i].candidate.location_id
            hands = self.scarce.get((None, location_id))
            if hands is not None:
                uses[hands] += 1
            for demand, count in zip(self.board.demands, units, strict=True):
                for sku_id, per_unit in demand.parts if count else ():
                    r = self.scarce.get((sku_id, location_id))
                    if r is not None:
                        uses[r] += per_unit * count
        key = self.board.key_of(placed)
        assert key is not None, "a plan can be had"
        is_moved = self.move and placed != self.board.placed_of(self.order.standing or {})
        return Plan(
            cost=(key >> self.board.scale.cost) + (self.move if is_moved else 0),
            placed=tuple(sorted((i, tuple(units)) for i, units in placed.items())),
            uses=tuple(sorted(uses.items())),
        )
