"""What the search chooses from, and what it answers: plain numbers, no rooms, no clock."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

STEPS_MAX = 4_000
"""Placements tried before the search gives up being exact; some 50 ms."""

SPLITS_MAX = 63
WEIGHT_LEAST_G = 1


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of one SKU, over all lines of the order; weight and length are of one unit."""

    sku_id: UUID
    quantity: int
    weight_g: int
    length_mm: int


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
    """What one location sends, by which service; no service when nothing is shipped."""

    location_id: UUID
    units: tuple[tuple[UUID, int], ...]
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


Placement = Mapping[UUID, Mapping[UUID, int]]
"""Units by location and SKU."""


def placement_of(shipments: Sequence[Shipment]) -> dict[UUID, dict[UUID, int]]:
    return {one.location_id: dict(one.units) for one in shipments}
