"""Replenishment: which units a distribution center sends to which stores, so that none runs out (INV-03).

A store whose stock, with what is under way to it, is below its minimum is filled up to its maximum, in whole cases.
Both are units, or days of what it sells, whichever is more. The center keeps its own minimum; where there is not
enough for all, every store is filled to the same share of its maximum.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import QUANTITY_MAX, Quantity, QuantityOrNone, Text

EVERY_MINUTES_MAX = 60 * 24 * 31
PROPOSAL_LINES_MAX = 5_000
LEVELS = 1_000_000_000

PerDay = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
CaseSize = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Minutes = Annotated[int, msgspec.Meta(ge=5, le=EVERY_MINUTES_MAX)]


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """How many units of a SKU a location is expected to need a day."""

    sku_id: UUID
    location_id: UUID
    units_per_day: PerDay


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a SKU a location shall have, and from where; without a source, only what it keeps for itself."""

    sku_id: UUID
    location_id: UUID
    source_location_id: UUID | None = None
    min_units: QuantityOrNone = 0
    max_units: QuantityOrNone = 0
    min_days: Days = 0
    max_days: Days = 0
    case_size: CaseSize = 1
    is_active: bool = True

    def least(self, units_per_day: float) -> int:
        return _units(self.min_units, self.min_days, units_per_day)

    def most(self, units_per_day: float) -> int:
        return max(self.least(units_per_day), _units(self.max_units, self.max_days, units_per_day))


def _units(units: int, days: int, units_per_day: float) -> int:
    return min(QUANTITY_MAX, max(units, math.ceil(days * units_per_day)))


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a center proposes what to send. is_automatic: without asking a person."""

    source_location_id: UUID
    every_minutes: Minutes
    is_automatic: bool
    next_at: datetime
    actor: Text


class ProposalStatus(StrEnum):
    """replaced: by a later one."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"


PROPOSAL_MOVES = {
    ProposalStatus.PROPOSED: {ProposalStatus.APPROVED, ProposalStatus.REJECTED, ProposalStatus.REPLACED},
    ProposalStatus.APPROVED: set[ProposalStatus](),
    ProposalStatus.REJECTED: set[ProposalStatus](),
    ProposalStatus.REPLACED: set[ProposalStatus](),
}


class ProposalLine(msgspec.Struct, frozen=True, kw_only=True):
    """position: what the store had, with what was under way. wanted: up to its maximum. units: what it shall get.

    approved: what a person made of it, None before.
    """

    id: UUID
    proposal_id: UUID
    sku_id: UUID
    location_id: UUID
    position: int
    min_units: int
    max_units: int
    case_size: int
    wanted: int
    units: int
    approved: int | None = None


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a center should send where; approved, it has become transfers."""

    id: UUID
    source_location_id: UUID
    status: ProposalStatus
    actor: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    lines: list[ProposalLine] = []


class Propose(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    source_location_id: UUID
    actor: Text


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """Approve a proposal, some lines with fewer units."""

    proposal_id: UUID
    actor: Text
    quantities: dict[UUID, QuantityOrNone] = {}


class UnknownProposal(NotFound):
    """There is no such proposal, or no such line in it."""


class NothingNeeded(Refused):
    """No store is below its minimum, or the center has nothing to spare."""


class MinimumAboveMaximum(Refused):
    """A location has at least its minimum and at most its maximum."""


class OwnSource(Refused):
    """A location is filled up from another one."""


class MoreThanProposed(Refused):
    """A person lessens what is proposed; more is a transfer of its own."""


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """What a place wants of a SKU: whole cases, to come nearer to its most."""

    position: int
    most: int
    case_size: Quantity
    units: int

    def at_level(self, level: int, *, base: int) -> int:
        """Whole cases that do not lift the place above that share of the way from `base` to its most."""
        room = base + (self.most - base) * level // LEVELS - self.position
        return max(0, min(self.units, room // self.case_size * self.case_size))


def wanted(position: int, *, least: int, most: int, case_size: int) -> int:
    """Units that fill a place up: whole cases up to its most, and one more if it would stay below its least."""
    if position >= least:
        return 0
    units = (most - position) // case_size * case_size
    return units if position + units >= least else units + case_size


def share(spare: int, wants: Sequence[Want]) -> list[int]:
    """Give what a center can spare: to each what it wants or, where that is too much, the same share of its most.

    Whole cases; what is left over goes case by case to whoever is emptiest.
    """
    spare = max(0, spare)
    if sum(want.units for want in wants) <= spare:
        return [want.units for want in wants]
    base = min(0, *(want.position for want in wants))
    low, high = 0, LEVELS
    while low < high:
        middle = (low + high + 1) // 2
        if sum(want.at_level(middle, base=base) for want in wants) <= spare:
            low = middle
        else:
            high = middle - 1
    given = [want.at_level(low, base=base) for want in wants]
    _deal(spare - sum(given), wants, given)
    return given


def _deal(left: int, wants: Sequence[Want], given: list[int]) -> None:
    def fill(i: int) -> tuple[float, int]:
        return (wants[i].position + given[i]) / max(1, wants[i].most), i

    waiting = [fill(i) for i, want in enumerate(wants) if given[i] < want.units]
    heapify(waiting)
    while waiting:
        _, i = heappop(waiting)
        if wants[i].case_size <= left:
            given[i] += wants[i].case_size
            left -= wants[i].case_size
            if given[i] < wants[i].units:
                heappush(waiting, fill(i))
