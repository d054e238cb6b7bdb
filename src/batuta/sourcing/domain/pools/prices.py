"""What scarce things are worth: prices at which orders, each for itself, want together what there is."""

import numpy as np

from batuta.sourcing.domain.pools.batches import GAP_GOOD, Batch
from batuta.sourcing.domain.pools.cases import Floats
from batuta.sourcing.domain.pools.master import Master, Relaxation

_ROUNDS_MAX = 80
_SHARE, _SHARE_AT_LAST = 0.6, 0.7
"""How much of the time may go to prices, and with a last look at the bound; the rest is for whole plans."""


class Pricing:
    """Rounds of prices and plans, until the bound meets the mixture or the time for it is over.

    Prices are taken midway between the latest and those of the best bound; else they swing.
    """

    def __init__(self, batch: Batch, master: Master) -> None:
        self.batch, self.master = batch, master
        self.best, self.bound = np.zeros(len(batch.room)), -np.inf
        self.relaxation: Relaxation | None = None
        self.share = _SHARE

    def run(self) -> Relaxation | None:
        prices = self.best
        for _ in range(_ROUNDS_MAX):
            is_new = self.look(prices)
            if is_new is None or (self.relaxation is not None and self._is_near()):
                break
            mixed = self.master.relax(self._seconds())
            if mixed is None:
                break
            self.relaxation = mixed
            prices = (self.best + mixed.prices) / 2 if is_new else mixed.prices
        if self.relaxation is not None and not self._is_near():
            self.share = _SHARE_AT_LAST
            self.look(self.relaxation.prices)
        return self.relaxation

    def _is_near(self) -> bool:
        assert self.relaxation is not None
        cost = self.relaxation.cost + self.batch.cost_free
        return cost - self.batch.bound <= GAP_GOOD / 2 * abs(cost)

    def look(self, prices: Floats) -> bool | None:
        """Each order's best plan at the prices, and the bound that follows; whether a plan is new.

        None when the time is over.
        """
        bound, is_new = self.batch.cost_free - float(prices @ self.batch.room), False
        for row, n in enumerate(self.batch.bounded):
            if self._seconds() <= 0:
                return None
            least, plans = self.batch.cases[n].cheapest(prices)
            bound += least
            for plan in plans:
                is_new |= self.master.add(row, plan)
        if bound > self.bound:
            self.bound, self.best = bound, prices
            self.batch.bound = max(self.batch.bound, bound)
        return is_new

    def _seconds(self) -> float:
        return self.batch.seconds_left() - (1 - self.share) * self.batch.seconds
