"""How cheap a pool can be at all: branch and bound over every plan that can still matter.

At prices of what is scarce each plan has an excess: what it costs, with those prices, more than its order's best. The
excesses of all that is chosen add up to no more than its cost is above the bound at the prices. So whatever is cheaper
than the bound and some slack has no plan with more excess than the slack, and what HiGHS proves of the other plans
holds for all (reduced-cost fixing; R. Baldacci and others, 2008).
"""

import numpy as np

from batuta.sourcing.domain.pools.batches import Batch
from batuta.sourcing.domain.pools.cases import Floats
from batuta.sourcing.domain.pools.master import Known, Master
from batuta.sourcing.domain.pools.prices import Pricing

_SHARES_OF_SLACK = (1.0, 0.7, 0.5, 0.35, 0.25)
_ORDERS_MAX = 400
_CELLS_A_PLAN, _CELLS_A_SECOND = 6_000, 50_000_000
_SHARE_OF_TIME = 0.4


def prove(batch: Batch, master: Master, pricing: Pricing, plans_max: int) -> None:
    """Choose from all plans that can be in anything cheaper than what is chosen.

    If those are too many, from those of a smaller slack: then the bound rises at least by that.
    """
    slack = batch.cost(batch.chosen) - pricing.bound
    if batch.is_good or len(batch.bounded) > _ORDERS_MAX or slack == np.inf:
        return
    for share in _SHARES_OF_SLACK:
        least = pricing.bound + share * slack
        plans = _plans_within(batch, pricing.best, share * slack, plans_max) if least > batch.bound else []
        if plans:
            _settle(batch, master, plans, least)
            return


def _plans_within(batch: Batch, prices: Floats, slack: float, plans_max: int) -> list[Known]:
    """Every plan with no more excess, parking among them; none when they are too many, or the time is over."""
    plans = [Known(row, None, batch.cases[n].parked) for row, n in enumerate(batch.bounded)]
    for row, n in sorted(enumerate(batch.bounded), key=lambda one: -batch.cases[one[1]].parts):
        cells_max = min(plans_max * _CELLS_A_PLAN, int(batch.seconds_left() * _CELLS_A_SECOND))
        every = batch.cases[n].below(prices, slack, cells_max) if cells_max > 0 else None
        if every is None or len(plans) + len(every) > plans_max:
            return []
        plans += [Known(row, plan, plan.cost) for plan in every]
    return plans


def _settle(batch: Batch, master: Master, plans: list[Known], else_least: float) -> None:
    """Choose from these plans; what has others in it costs at least `else_least`."""
    now = {row: batch.chosen[n] for row, n in enumerate(batch.bounded)}
    room = batch.left_by(plan for n, plan in batch.chosen.items() if n not in set(batch.bounded))
    cost = batch.cost(batch.chosen)
    found, bound = master.settle(now, room, plans, min(batch.seconds_left(), _SHARE_OF_TIME * batch.seconds))
    batch.accept({batch.bounded[row]: plan for row, plan in found.items()})
    batch.bound = max(batch.bound, min(cost, bound + batch.cost_free, else_least))
