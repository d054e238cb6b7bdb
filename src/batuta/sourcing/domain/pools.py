"""Orders that are planned together, because they want the same scarce stock or the same hands."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.sourcing.domain.candidates import Candidate, Choice, Demand, Placement, Terms

PARKED_MINOR = 100_000


class PoolOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An open order of a pool.

    parked_minor: what it costs to leave it without a plan. standing: where it is planned already; another plan must
    gain more than `move_minor` (SRC-06). Accepted work belongs in no pool.
    """

    order_id: UUID
    demands: Sequence[Demand]
    candidates: Sequence[Candidate]
    terms: Terms
    parked_minor: int = PARKED_MINOR
    standing: Placement | None = None
    move_minor: int = 0


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """Orders in the order in which they would be planned one by one, all of the same weights.

    stock: units by SKU and location that all of them may have together; what is not named has no limit but each
    candidate's own. capacity: how many orders a location takes yet.
    """

    orders: Sequence[PoolOrder]
    stock: Mapping[tuple[UUID, UUID], int]
    capacity: Mapping[UUID, int] = msgspec.field(default_factory=dict)


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
