"""The state of a pool that is planned together: its orders as cases, what is scarce, and the best plans so far."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

import numpy as np

from batuta.sourcing.domain.capacity import Hands
from batuta.sourcing.domain.pools.cases import Case, Plan, Scarce, Thing
from batuta.sourcing.domain.pools.components import Pool, PoolPlan
from batuta.sourcing.domain.search.tariffs import Array

Chosen = dict[int, Plan | None]
SecondsLeft = Callable[[], float]
GAP_GOOD = 2e-4
"""Nobody looks for plans that are cheaper by less."""


class Batch:
    """chosen: the best plan of each order so far, by its number in the pool. bound: no plans cost less together.

    room: how much there is of each scarce thing. bounded: the orders that may use any.
    """

    def __init__(self, pool: Pool, seconds_left: SecondsLeft) -> None:
        self.seconds_left, self.seconds = seconds_left, seconds_left()
        self.cases = [Case(order) for order in pool.orders]
        self.scarce, self.room = _scarce_in(pool, self.cases)
        for case in self.cases:
            case.know(self.scarce)
        self.in_turn_chosen = self._one_by_one()
        self.chosen = self.in_turn_chosen
        self.one_by_one = self.cost(self.chosen)
        self.bounded = [n for n, case in enumerate(self.cases) if not case.is_free]
        self.chosen = self.chosen | self._moved_alone()
        bounded = set(self.bounded)
        self.cost_free = sum(self.cost_of(n, plan) for n, plan in self.chosen.items() if n not in bounded)
        self.bound = float(self.cost_free) + sum(min(self.cases[n].floor, self.cases[n].parked) for n in self.bounded)

    @property
    def is_good(self) -> bool:
        cost = self.cost(self.chosen)
        return cost - self.bound <= GAP_GOOD * abs(cost)

    def plan(self) -> PoolPlan:
        """The best plans, never dearer than one by one."""
        if self.cost(self.chosen) > self.one_by_one:
            self.chosen = self.in_turn_chosen
        choices = (case.choice_of(plan) if (plan := self.chosen[n]) else None for n, case in enumerate(self.cases))
        return PoolPlan(
            choices=tuple(choices), cost=self.cost(self.chosen), one_by_one=self.one_by_one, bound=self.bound
        )

    def accept(self, found: Mapping[int, Plan | None]) -> bool:
        """Take other plans for some orders: only when all fit, and cost less than before."""
        changed = {n: plan for n, plan in found.items() if plan is not self.chosen[n]}
        if sum(self.cost_of(n, plan) - self.cost_of(n, self.chosen[n]) for n, plan in changed.items()) >= 0:
            return False
        chosen = self.chosen | changed
        if (self.left_by(chosen.values()) < 0).any():
            return False
        self.chosen = chosen
        return True

    def go_on_from(self, found: Mapping[int, Plan | None]) -> None:
        """Take other plans for some orders if all fit, be they dearer."""
        chosen = {**self.chosen, **found}
        if (self.left_by(chosen.values()) >= 0).all():
            self.chosen = chosen

    def left_by(self, plans: Iterable[Plan | None]) -> Array:
        room = self.room.copy()
        for plan in plans:
            take(plan, room)
        return room

    def cost(self, chosen: Mapping[int, Plan | None]) -> float:
        return float(sum(self.cost_of(n, plan) for n, plan in chosen.items()))

    def cost_of(self, n: int, plan: Plan | None) -> int:
        return self.cases[n].parked if plan is None else plan.cost

    def in_turn(self, n: int, room: Array) -> Plan | None:
        """The order's best plan in what is left, unless parking it is cheaper."""
        plan = None if self.cases[n].is_hopeless else self.cases[n].in_turn(room)
        return plan if plan is not None and plan.cost < self.cases[n].parked else None

    def _moved_alone(self) -> Chosen:
        """Plans that stand of orders that want nothing scarce, and would be cheaper elsewhere."""
        moved: Chosen = {}
        for n, case in enumerate(self.cases):
            if case.is_free and case.order.standing is not None:
                plan = self.in_turn(n, self.room)
                if plan is not None and plan.cost < self.cost_of(n, self.chosen[n]):
                    moved[n] = plan
        return moved

    def _one_by_one(self) -> Chosen:
        """What stands stays, the others take what is left in turn."""
        room, chosen = self.room.copy(), Chosen()
        for n, case in enumerate(self.cases):
            standing = case.standing
            chosen[n] = standing if standing is not None and fits(standing, room) else None
            take(chosen[n], room)
        for n in range(len(self.cases)):
            if chosen[n] is None:
                chosen[n] = self.in_turn(n, room)
                take(chosen[n], room)
        return chosen


def fits(plan: Plan, room: Array) -> bool:
    return all(units <= room[r] for r, units in plan.uses)


def take(plan: Plan | None, room: Array) -> None:
    for r, units in plan.uses if plan else ():
        room[r] -= units


def give_back(plan: Plan | None, room: Array) -> None:
    for r, units in plan.uses if plan else ():
        room[r] += units


def _scarce_in(pool: Pool, cases: Sequence[Case]) -> tuple[Scarce, Array]:
    """What all orders together could use more of than there is, and how much there is."""
    limited: dict[UUID, list[Hands]] = defaultdict(list)
    for hands in pool.capacity:
        limited[hands.location_id].append(hands)
    wanted: dict[Thing, int] = defaultdict(int)
    for case in cases:
        for thing, most in case.wants(limited).items():
            wanted[thing] += most
    room: dict[Thing, int] = {}
    for thing, most in wanted.items():
        there = pool.capacity[thing] if isinstance(thing, Hands) else pool.stock.get(thing)
        if there is not None and most > there:
            room[thing] = max(0, there)
    return {thing: r for r, thing in enumerate(room)}, np.asarray(list(room.values()), dtype=np.int64)
