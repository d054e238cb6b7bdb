"""Orders that are planned together, because they want the same scarce stock or the same hands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.sourcing.domain.capacity import Hands
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.search.candidates import Candidate, Choice, Demand, Placement, Terms

PARKED_MINOR = 100_000


class PoolOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An open order of a pool.

    parked_minor: what it costs to leave it without a plan. standing: where it is planned already; another plan must
    gain more than `move_minor` (SRC-06). Accepted work belongs in no pool. method: what it uses of capacity.
    """

    order_id: UUID
    demands: Sequence[Demand]
    candidates: Sequence[Candidate]
    terms: Terms
    parked_minor: int = PARKED_MINOR
    standing: Placement | None = None
    move_minor: int = 0
    method: Method = Method.SHIP


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """Orders in the order in which they would be planned one by one, all of the same weights.

    stock: units by SKU and location that all of them may have together; what is not named has no limit but each
    candidate's own. capacity: what locations can do yet.
    """

    orders: Sequence[PoolOrder]
    stock: Mapping[tuple[UUID, UUID], int]
    capacity: Mapping[Hands, int] = msgspec.field(default_factory=dict)


class PoolPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A choice for each order, or None where it is parked.

    cost: of the plan, as weights count, with what is parked and moved; one_by_one: the same had each order been
    planned in turn; bound: no plan costs less.
    """

    choices: tuple[Choice | None, ...]
    cost: float
    one_by_one: float
    bound: float

    @property
    def parked(self) -> int:
        return sum(1 for choice in self.choices if choice is None)

    @property
    def gap(self) -> float:
        """By how much of it the cost may be above the least there is."""
        return max(0.0, self.cost - self.bound) / abs(self.cost) if self.cost else 0.0

    @property
    def gain(self) -> float:
        """How much of what one by one costs is saved."""
        return (self.one_by_one - self.cost) / abs(self.one_by_one) if self.one_by_one else 0.0


class PoolRun(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that were planned together: what that costs, what one by one would have, and what it costs at least.

    id: of its first order. orders_stale: those that were planned in turn after all, since others had been faster.
    replanned: those of them that were offered already and that nobody had accepted; moved: how many of these were
    offered elsewhere instead. gap: by how much of it the cost may be above the least there is; gain: how much of what
    one by one costs is saved; stability: how much of what was offered stayed where it was.
    """

    id: UUID
    planned_at: datetime
    orders: int
    orders_stale: int
    replanned: int
    moved: int
    cost_minor: int
    one_by_one_minor: int
    bound_minor: int
    milliseconds: int
    gap: float
    gain: float
    stability: float | None
