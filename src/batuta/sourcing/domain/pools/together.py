"""Pools of orders planned together under shared stock and capacity, never worse than one by one.

One by one first: that plan stands until a cheaper one is found. Then prices of what is scarce are looked for (column
generation): at each round every order gives its best plan at the prices, and HiGHS the best mixture of all plans known
and new prices. Each round also proves a bound: what all orders cost at least at the prices, less what the scarce
things themselves are worth. The mixture is made whole by a dive, and what is left of the time goes to neighbourhoods:
orders that want the same scarce things, by branch and bound over their plans. Orders that want nothing scarce are
planned once, alone.
"""

from batuta.sourcing.domain.pools.batches import Batch, SecondsLeft
from batuta.sourcing.domain.pools.components import Pool, PoolPlan
from batuta.sourcing.domain.pools.master import Master
from batuta.sourcing.domain.pools.prices import Pricing
from batuta.sourcing.domain.pools.proving import prove
from batuta.sourcing.domain.pools.rounding import dive, know_more, make_room, polish

_PROOFS = ((0.75, 5_000), (0.5, 20_000), (0.3, 25_000))
"""How much of the time is left each time that a proof is tried, and over how many plans at most."""


def plan_together(pool: Pool, seconds_left: SecondsLeft) -> PoolPlan:
    """Plan the orders of a pool, as well as the seconds allow; what is cut off is a whole plan all the same."""
    batch = Batch(pool, seconds_left)
    if batch.bounded:
        _improve(batch)
    return batch.plan()


def _improve(batch: Batch) -> None:
    master = Master([batch.cases[n].parked for n in batch.bounded], batch.room)
    for row, n in enumerate(batch.bounded):
        for plan in (batch.chosen[n], batch.cases[n].standing):
            if plan is not None:
                master.add(row, plan)
    pricing = Pricing(batch, master)
    relaxation = pricing.run()
    if relaxation is not None and not batch.is_good:
        batch.go_on_from(dive(batch, master, relaxation))
        make_room(batch, relaxation.prices)
        know_more(batch, master, relaxation)
        for share_kept, plans_max in _PROOFS:
            polish(batch, master, relaxation, seconds_kept=share_kept * batch.seconds)
            prove(batch, master, pricing, plans_max)
        polish(batch, master, relaxation, seconds_kept=0)
