"""From mixtures of plans to whole ones: a dive first, then neighbourhoods by branch and bound."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from batuta.sourcing.domain.pools.batches import Batch, Chosen, fits, give_back, take
from batuta.sourcing.domain.pools.cases import Floats, Plan
from batuta.sourcing.domain.pools.master import Known, Master, Relaxation

_SURE = 0.99
_FIXED_A_TURN = 0.15
_SHARE_LEFT = 0.25
"""How much of the time the dive leaves to neighbourhoods."""

_PLANS_LEAST, _PLANS_MAX, _PLANS_IN_ALL = 6, 30, 30_000
_PLANS_TO_MAKE_ROOM = 10
_NEIGHBOURS = 80
_SECONDS_A_NEIGHBOURHOOD = 2.0
_SHARE_OF_PLANS = 0.8


def dive(batch: Batch, master: Master, relaxation: Relaxation) -> Chosen:
    """Whole plans near the mixture: take the surest, mix again what is left, until all are taken.

    At each turn orders that wait look for plans at the new prices, because what they had may be gone.
    """
    room, taken, mixed = batch.room.copy(), dict[int, Plan | None](), relaxation
    while len(taken) < len(batch.bounded):
        before = len(taken)
        for row, plan in _surest(mixed, master, taken).items():
            if plan is None or fits(plan, room):
                taken[row] = plan
                take(plan, room)
            elif len(taken) == before:
                taken[row] = batch.in_turn(batch.bounded[row], room)
                take(taken[row], room)
        waiting = [row for row in range(len(batch.bounded)) if row not in taken]
        if waiting:
            again = _mixed_again(batch, master, taken, waiting)
            if again is None:
                for row in waiting:
                    taken[row] = batch.in_turn(batch.bounded[row], room)
                    take(taken[row], room)
            else:
                mixed = again
    master.free()
    return {batch.bounded[row]: plan for row, plan in taken.items()}


def _surest(mixed: Relaxation, master: Master, taken: dict[int, Plan | None]) -> dict[int, Plan | None]:
    """Plans that are all of their order's mixture, and some of the others, those with the greatest shares first."""
    best: dict[int, tuple[float, Plan | None]] = {}
    for share, one in zip(mixed.shares, master.plans, strict=False):
        if one.n not in taken and share > best.get(one.n, (0.0, None))[0]:
            best[one.n] = share, one.plan
    ranked = sorted(best, key=lambda row: (-best[row][0], row))
    sure = sum(1 for row in ranked if best[row][0] >= _SURE)
    count = sure + 1 + int((len(ranked) - sure) * _FIXED_A_TURN)
    return {row: best[row][1] for row in ranked[:count]}


def _mixed_again(
    batch: Batch, master: Master, taken: dict[int, Plan | None], waiting: Sequence[int]
) -> Relaxation | None:
    """A mixture beside what is taken, after a look for new plans at its prices; None when there is no time for it."""
    for row, plan in taken.items():
        if plan is not None:
            master.add(row, plan)
    master.fix(taken)
    again = master.relax(_seconds_for_dive(batch))
    if again is None:
        return None
    is_new = False
    for row in waiting:
        if _seconds_for_dive(batch) <= 0:
            return None
        for plan in batch.cases[batch.bounded[row]].cheapest(again.prices)[1]:
            is_new |= master.add(row, plan)
    return master.relax(_seconds_for_dive(batch)) if is_new else again


def _seconds_for_dive(batch: Batch) -> float:
    return batch.seconds_left() - _SHARE_LEFT * batch.seconds


def make_room(batch: Batch, prices: Floats) -> None:
    """Plan what is parked after all: who has what it wants is planned in turn again, if that is cheaper in all."""
    for n in batch.bounded:
        if batch.chosen[n] is None and not batch.cases[n].is_hopeless:
            for plan in batch.cases[n].cheapest(prices, _PLANS_TO_MAKE_ROOM)[1]:
                if batch.seconds_left() <= 0 or batch.accept(_given_way(batch, n, plan)):
                    break


def _given_way(batch: Batch, n: int, plan: Plan) -> Chosen:
    """The plan, and others for those orders, the smallest first, that have to give way to it."""
    changed: Chosen = {n: plan}
    room = batch.left_by([*batch.chosen.values(), plan])
    for r, _ in plan.uses:
        users = [m for m in batch.bounded if (one := batch.chosen[m]) and any(use == r for use, _ in one.uses)]
        for m in sorted(users, key=lambda m: batch.cases[m].parts):
            if room[r] < 0 and m not in changed:
                changed[m] = None
                give_back(batch.chosen[m], room)
    for m in list(changed)[1:]:
        changed[m] = batch.in_turn(m, room)
        take(changed[m], room)
    return changed


def polish(batch: Batch, master: Master, relaxation: Relaxation, *, seconds_kept: float) -> None:
    """Plan neighbours anew together, while there is time: those first that miss most by the prices."""
    plans: dict[int, list[Known]] = defaultdict(list)
    for one in master.known():
        plans[one.n].append(one)
    for rows in _neighbourhoods(batch, plans, relaxation):
        if batch.is_good or batch.seconds_left() <= seconds_kept:
            return
        now = {row: batch.chosen[batch.bounded[row]] for row in rows}
        ours = [one for row in rows for one in plans[row]]
        ours += [Known(row, plan, plan.cost) for row, plan in now.items() if plan and not _is_known(plan, plans[row])]
        mine = {batch.bounded[row] for row in rows}
        room = batch.left_by(plan for n, plan in batch.chosen.items() if n not in mine)
        seconds = min(batch.seconds_left(), _SECONDS_A_NEIGHBOURHOOD)
        found, _ = master.settle(now, room, ours, seconds)
        batch.accept({batch.bounded[row]: plan for row, plan in found.items()})


def know_more(batch: Batch, master: Master, relaxation: Relaxation) -> None:
    """The next best plans at the prices: whole orders need more to choose from than mixtures do."""
    count = min(_PLANS_MAX, max(_PLANS_LEAST, _PLANS_IN_ALL // len(batch.bounded)))
    for row, n in enumerate(batch.bounded):
        if batch.seconds_left() <= (1 - _SHARE_OF_PLANS) * batch.seconds:
            return
        for plan in batch.cases[n].cheapest(relaxation.prices, count)[1]:
            master.add(row, plan)


def _neighbourhoods(batch: Batch, plans: dict[int, list[Known]], relaxation: Relaxation) -> Iterator[list[int]]:
    """Orders with those that use what they would use, until a turn of all gains nothing."""
    cost = np.inf
    while batch.cost(batch.chosen) < cost:
        cost = batch.cost(batch.chosen)
        excess = {row: _excess(batch, row, relaxation) for row in range(len(batch.bounded))}
        users: dict[int, list[int]] = defaultdict(list)
        for row in excess:
            plan = batch.chosen[batch.bounded[row]]
            for r, _ in plan.uses if plan else ():
                users[r].append(row)
        seen: set[int] = set()
        for start in sorted(excess, key=lambda row: -excess[row]):
            if start not in seen:
                rows = _around(start, plans, users)
                seen.update(rows[: _NEIGHBOURS // 4])
                yield rows


def _around(start: int, plans: dict[int, list[Known]], users: dict[int, list[int]]) -> list[int]:
    found = {start: None}
    queue = [start]
    while queue and len(found) < _NEIGHBOURS:
        row = queue.pop(0)
        for one in plans[row]:
            for r, _ in one.plan.uses if one.plan else ():
                for other in users[r]:
                    if other not in found and len(found) < _NEIGHBOURS:
                        found[other] = None
                        queue.append(other)
    return list(found)


def _excess(batch: Batch, row: int, relaxation: Relaxation) -> float:
    """How much more the order's plan costs, with the prices of what it uses, than its share of the mixture."""
    n = batch.bounded[row]
    plan = batch.chosen[n]
    uses = sum(float(relaxation.prices[r]) * units for r, units in plan.uses) if plan else 0.0
    return batch.cost_of(n, plan) + uses - float(relaxation.worths[row])


def _is_known(plan: Plan, known: Sequence[Known]) -> bool:
    return any(one.plan is not None and one.plan.placed == plan.placed for one in known)
