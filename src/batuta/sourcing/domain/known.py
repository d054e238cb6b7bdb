"""What a batch of orders is decided on."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.domain import Asker, Fence
from batuta.inventory.domain.worth import NO_WORTHS, StockWorths
from batuta.locations.domain import TransferLane
from batuta.pricing.domain.costs import NO_COSTS, UnitCosts
from batuta.sourcing.domain.capacity import Capacity, Full, Work
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.search.candidates import Lane
from batuta.sourcing.domain.sites import Site
from batuta.sourcing.domain.strategies import NO_STRATEGIES, Strategies

Claims = Mapping[tuple[UUID, UUID, UUID], int]
"""Units an order holds, by line, SKU and location."""


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU as a carrier sees it; one that is not tracked is everywhere."""

    weight_g: int = 0
    length_mm: int = 0
    is_tracked: bool = True
    code: str = ""
    category: str = ""


class Shelf(msgspec.Struct, kw_only=True):
    """Units of one SKU at one location. room: what is neither reserved nor kept back; below zero when it fell short."""

    on_hand: int
    room: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The facts. Deciding an order takes from `shelves` and `capacity`, so that the next one sees it.

    holders: the locations with a shelf of each SKU. claims: by order, those that no earlier plan stands on;
    unheld: orders that could not be given all claims they lack. lanes: by order and location. capacity: of the
    locations that have limits; `full` are the orders by location that found it full when they tried. barred: (order
    or None for all, SKU, location) that must not be planned. sites_active: how many locations work at all. fence:
    what is kept back from whom, if anything is. strategies: what merchants want of plans. costs: what units cost us.
    worths: what they are worth to their locations. transfer_lanes: by the store they lead to.
    """

    now: datetime
    goods: Mapping[UUID, Good]
    sites: Mapping[UUID, Site]
    shelves: MutableMapping[tuple[UUID, UUID], Shelf]
    holders: Mapping[UUID, Sequence[UUID]]
    claims: Mapping[UUID, Claims]
    unheld: frozenset[UUID] = frozenset()
    lanes: Mapping[tuple[UUID, UUID], tuple[Lane, ...]]
    attempts: Mapping[UUID, int] = {}
    capacity: Mapping[UUID, Capacity] = msgspec.field(default_factory=dict)
    barred: frozenset[tuple[UUID | None, UUID, UUID]] = frozenset()
    full: frozenset[tuple[UUID, UUID]] = frozenset()
    sites_active: int = 0
    fence: Fence | None = None
    strategies: Strategies = NO_STRATEGIES
    costs: UnitCosts = NO_COSTS
    worths: StockWorths = NO_WORTHS
    transfer_lanes: Mapping[UUID, tuple[TransferLane, ...]] = {}

    def room(self, asker: Asker, sku_id: UUID, location_id: UUID) -> int:
        """Units there that an order of who asks may have, besides those it holds."""
        room = max(0, self.shelves[sku_id, location_id].room)
        return self.fence.usable(asker, (sku_id, location_id), room) if self.fence else room

    def is_full(self, order_id: UUID, location_id: UUID, method: Method) -> bool:
        """Whether the location takes nothing more of an order now."""
        if (order_id, location_id) in self.full:
            return True
        limited = self.capacity.get(location_id)
        return limited is not None and limited.room(method).is_none

    def full_for(self, location_id: UUID, method: Method, work: Work) -> Full | None:
        """The limit that leaves too little room for so much work at a location."""
        limited = self.capacity.get(location_id)
        return limited.full_for(method, work) if limited else None

    def is_barred(self, order_id: UUID, sku_id: UUID, location_id: UUID) -> bool:
        return (order_id, sku_id, location_id) in self.barred or (None, sku_id, location_id) in self.barred
