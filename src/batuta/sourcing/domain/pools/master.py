"""Which plan of each order: the program over plans that are known so far, solved by HiGHS.

Each order takes one of its plans or is parked; scarce things are not used more than there is of them. Its relaxation
to fractions gives the prices at which orders look for better plans (G. Dantzig, P. Wolfe, 1960).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import highspy
import numpy as np

from batuta.sourcing.domain.pools.cases import Floats, Plan
from batuta.sourcing.domain.search.tariffs import Array

_SECONDS_LEAST = 0.01
_MOSTLY = 0.5
_GAP = 1e-4
_PLANS_PRESOLVED = 3_000
"""With more of them looking for what can be left out takes longer than solving all."""


class Relaxation(NamedTuple):
    """cost: of the best mixture of plans. prices: of scarce things. shares: of each plan in the mixture.

    worths: what each order costs in it, the prices of what it uses included.
    """

    cost: float
    prices: Floats
    worths: Floats
    shares: Floats


class Known(NamedTuple):
    """A plan of the n-th order, None is parking it, and its cost."""

    n: int
    plan: Plan | None
    cost: int


class Master:
    """plans: those known, in the order of the shares of a mixture."""

    def __init__(self, parked: Sequence[int], room: Array) -> None:
        self.room, self.orders = room, len(parked)
        self.plans: list[Known] = []
        self._seen: set[tuple[int, tuple[tuple[int, tuple[int, ...]], ...]]] = set()
        self._new = [Known(n, None, cost) for n, cost in enumerate(parked)]
        self._fixed = np.zeros(0, dtype=np.int32)
        self._highs = _quiet()
        least = np.concatenate([np.ones(len(parked)), np.full(len(room), -highspy.kHighsInf)])
        _add_rows(self._highs, least, np.concatenate([np.ones(len(parked)), room.astype(float)]))

    def add(self, n: int, plan: Plan) -> bool:
        """Make a plan of the n-th order known; False when it is already."""
        if (n, plan.placed) in self._seen:
            return False
        self._seen.add((n, plan.placed))
        self._new.append(Known(n, plan, plan.cost))
        return True

    def fix(self, taken: Mapping[int, Plan | None]) -> None:
        """Let mixtures have these plans wholly; parking is None."""
        self._flush()
        fixed = [c for c, one in enumerate(self.plans) if one.n in taken and _is_same(one.plan, taken[one.n])]
        self._fixed = np.asarray(fixed, dtype=np.int32)
        ones = np.ones(len(fixed))
        self._highs.changeColsBounds(len(fixed), self._fixed, ones, ones)

    def free(self) -> None:
        """Let mixtures have what they like again."""
        count = len(self._fixed)
        self._highs.changeColsBounds(count, self._fixed, np.zeros(count), np.full(count, highspy.kHighsInf))

    def known(self) -> list[Known]:
        """All plans, those that no mixture has seen yet too."""
        return [*self.plans, *self._new]

    def relax(self, seconds: float) -> Relaxation | None:
        """The best mixture; None when there was no time for it."""
        self._flush()
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(_SECONDS_LEAST, seconds))
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self._highs.getSolution()
        duals = np.asarray(solution.row_dual)
        return Relaxation(
            cost=self._highs.getInfo().objective_function_value,
            prices=np.maximum(0.0, -duals[self.orders :]),
            worths=duals[: self.orders],
            shares=np.asarray(solution.col_value),
        )

    def settle(
        self, chosen: Mapping[int, Plan | None], room: Array, kept: Sequence[Known], seconds: float
    ) -> tuple[dict[int, Plan | None], float]:
        """The cheapest whole plans out of `kept` for the orders of `chosen`, from there on, within the room.

        With what any such plans cost at least. No plans when none were found in time.
        """
        rows = {n: row for row, n in enumerate(chosen)}
        highs = _quiet()
        highs.setOptionValue("time_limit", max(_SECONDS_LEAST, seconds))
        highs.setOptionValue("mip_rel_gap", _GAP)
        if len(kept) > _PLANS_PRESOLVED:
            highs.setOptionValue("presolve", "off")
        least = np.concatenate([np.ones(len(rows)), np.full(len(room), -highspy.kHighsInf)])
        _add_rows(highs, least, np.concatenate([np.ones(len(rows)), room.astype(float)]))
        _add_plans(highs, kept, rows, len(rows))
        count = len(kept)
        every = np.arange(count, dtype=np.int32)
        highs.changeColsIntegrality(count, every, np.ones(count, dtype=np.uint8))
        taken = np.asarray([_is_same(one.plan, chosen[one.n]) for one in kept], dtype=float)
        highs.setSolution(count, every, taken)
        highs.run()
        shares = np.asarray(highs.getSolution().col_value)
        found = {kept[c].n: kept[c].plan for c in np.flatnonzero(shares > _MOSTLY).tolist()}
        return found if found.keys() == rows.keys() else {}, float(highs.getInfo().mip_dual_bound)

    def _flush(self) -> None:
        """Hand new plans to HiGHS."""
        if self._new:
            _add_plans(self._highs, self._new, range(self.orders), self.orders)
            self.plans += self._new
            self._new = []


def _quiet() -> highspy.Highs:
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy is typed but for its constructor
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    return highs


def _add_rows(highs: highspy.Highs, least: Floats, most: Floats) -> None:
    nothing = np.zeros(0, dtype=np.int32)
    highs.addRows(len(least), least, most, 0, np.zeros(len(least), dtype=np.int32), nothing, np.zeros(0))


def _add_plans(highs: highspy.Highs, plans: Sequence[Known], rows: Mapping[int, int] | range, orders: int) -> None:
    """A column a plan: one in the row of its order, and what it uses in those of scarce things behind the orders'."""
    starts: list[int] = []
    indices: list[int] = []
    values: list[int] = []
    for one in plans:
        starts.append(len(indices))
        indices.append(rows[one.n])
        values.append(1)
        for r, units in one.plan.uses if one.plan else ():
            indices.append(orders + r)
            values.append(units)
    highs.addCols(
        len(plans),
        np.asarray([one.cost for one in plans], dtype=float),
        np.zeros(len(plans)),
        np.full(len(plans), highspy.kHighsInf),
        len(indices),
        np.asarray(starts, dtype=np.int32),
        np.asarray(indices, dtype=np.int32),
        np.asarray(values, dtype=float),
    )


def _is_same(one: Plan | None, other: Plan | None) -> bool:
    return one is other or (one is not None and other is not None and one.placed == other.placed)
