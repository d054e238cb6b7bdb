"""What the search chooses from, and what it answers: plain numbers, no rooms, no clock."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

STEPS_MAX = 4_000
"""Placements tried before the search gives up being exact; some 50 ms."""

SPLITS_MAX = 63
WEIGHT_LEAST_G = 1


Parts = tuple[tuple[UUID, int], ...]
"""What one unit of a line is made of: SKUs, each once and in order, and how many of each."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """So many units made of the same parts, over all lines of the order; weight and length are of one unit.

    A unit travels whole: a bundle's parts come from one location.
    """

    parts: Parts
    quantity: int
    weight_g: int
    length_mm: int

    @property
    def pieces(self) -> int:
        """How many things have to be picked for one unit."""
        return sum(per_unit for _, per_unit in self.parts)


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One service from one location to the order's address.

    steps: `(weight_up_to_g, price_minor)` ascending; the last is the heaviest parcel the service takes.
    More than that travels as several parcels: full ones, and one with the rest.
    """

    service_id: UUID
    length_max_mm: int
    steps: tuple[tuple[int, int], ...]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A location that passed the rules.

    stock: units of each SKU this order may have from here, its own claims included.
    claimed: units of each SKU the order holds here already.
    lanes: None when nothing is shipped (pickup).
    """

    location_id: UUID
    code: str
    handling_order_minor: int
    handling_unit_minor: int
    stock: Mapping[UUID, int]
    claimed: Mapping[UUID, int] = msgspec.field(default_factory=dict)
    distance_m: int = 0
    lanes: tuple[Lane, ...] | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """max_splits: how many locations more than one may share the order."""

    split_penalty_minor: int
    max_splits: int
    steps_max: int = STEPS_MAX


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan costs, by component."""

    freight_minor: int
    handling_minor: int
    split_minor: int

    @property
    def total_minor(self) -> int:
        return self.freight_minor + self.handling_minor + self.split_minor


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """What one location sends, by which service; no service when nothing is shipped. units: by their parts."""

    location_id: UUID
    units: tuple[tuple[Parts, int], ...]
    service_id: UUID | None
    freight_minor: int
    handling_minor: int


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The cheapest shipments, in order of location code. is_greedy: the search was cut off; cheaper may exist."""

    shipments: tuple[Shipment, ...]
    split_minor: int
    is_greedy: bool

    @property
    def costs(self) -> Costs:
        return Costs(
            freight_minor=sum(one.freight_minor for one in self.shipments),
            handling_minor=sum(one.handling_minor for one in self.shipments),
            split_minor=self.split_minor,
        )


Placement = Mapping[UUID, Mapping[Parts, int]]
"""Units by location and parts."""


def units_in(stock: Mapping[UUID, int], parts: Parts) -> int:
    """How many whole units the stock makes."""
    if len(parts) == 1:
        sku_id, per_unit = parts[0]
        return stock.get(sku_id, 0) // per_unit
    return min((stock.get(sku_id, 0) // per_unit for sku_id, per_unit in parts), default=0)


def placement_of(shipments: Sequence[Shipment]) -> dict[UUID, dict[Parts, int]]:
    return {one.location_id: dict(one.units) for one in shipments}
