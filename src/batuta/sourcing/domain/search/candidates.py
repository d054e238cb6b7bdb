"""What the search chooses from, and what it answers: plain numbers, no rooms, no clock."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid

STEPS_MAX = 2_000_000
"""Cells of its tables that the search looks at before it gives up being exact; some 15 ms."""

SPLITS_MAX = 63
WEIGHT_LEAST_G = 1
ANY_AMOUNT = 1_000_000_000
"""More than anybody asks for."""


Parts = tuple[tuple[UUID, int], ...]
"""What one unit of a line is made of: SKUs, each once and in order, and how many of each."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """So many units made of the same parts, over all lines of the order; weight and length are of one unit.

    A unit travels whole: a bundle's parts come from one location. late_tenth_minor: what a unit costs each tenth of a
    day that it comes after its promise. value_minor: what a unit is sold for. heaviest_g: of what cannot be parted,
    where a unit is several things that need not be in one parcel. lines: how many of the order want it.
    """

    parts: Parts
    quantity: int
    weight_g: int
    length_mm: int
    late_tenth_minor: int = 0
    value_minor: int = 0
    heaviest_g: int | None = None
    lines: int = 1

    @property
    def pieces(self) -> int:
        """How many things have to be picked for one unit."""
        return sum(per_unit for _, per_unit in self.parts)


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One service from one location to the order's address.

    steps: `(weight_up_to_g, price_minor)` ascending; the last is the heaviest parcel the service takes.
    More than that travels as several parcels: full ones, and one with the rest. late_tenths: how many
    tenths of a day after its promise what it carries is expected.
    """

    service_id: UUID
    length_max_mm: int
    steps: tuple[tuple[int, int], ...]
    late_tenths: int = 0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A location that passed the rules.

    stock: units of each SKU this order may have from here, its own claims included.
    claimed: units of each SKU the order holds here already.
    lanes: None when nothing is shipped (pickup). packaging_minor: of one parcel; packaging_unit_minor: of one unit.
    preference_minor: how much dearer it counts for what a strategy would rather have. lines_max, pieces_max: how much
    it takes of the order.
    By SKU, of one unit: scarcity_minor is what it is worth to the location's own demand, markdown_minor what keeping
    it would cost, margin_minor what is earned on it more than elsewhere.
    """

    location_id: UUID
    code: str
    handling_order_minor: int
    handling_unit_minor: int
    stock: Mapping[UUID, int]
    claimed: Mapping[UUID, int] = msgspec.field(default_factory=dict)
    distance_m: int = 0
    lanes: tuple[Lane, ...] | None = None
    packaging_minor: int = 0
    packaging_unit_minor: int = 0
    preference_minor: int = 0
    lines_max: int = ANY_AMOUNT
    pieces_max: int = ANY_AMOUNT
    scarcity_minor: Mapping[UUID, int] = msgspec.field(default_factory=dict)
    markdown_minor: Mapping[UUID, int] = msgspec.field(default_factory=dict)
    margin_minor: Mapping[UUID, int] = msgspec.field(default_factory=dict)


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How much a cent of each component counts when plans are compared, in hundredths."""

    freight: int = 100
    handling: int = 100
    packaging: int = 100
    split: int = 100
    lateness: int = 100
    scarcity: int = 100
    markdown: int = 100
    margin: int = 100
    preference: int = 100

    def __post_init__(self) -> None:
        if any(weight < 0 for weight in msgspec.structs.astuple(self)):
            raise Invalid("no component weighs less than nothing")


WEIGHTS = Weights()


class Tie(StrEnum):
    """What is preferred among plans that cost the same; at the very last, the earlier location code."""

    FEWEST_LOCATIONS = "fewest_locations"
    LEAST_MOVED = "least_moved"
    NEAREST = "nearest"


TIES = tuple(Tie)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """max_splits: how many locations more than one may share the order.

    shipment_value_least_minor: what each shipment of an order that is split is worth at least. ties: the first counts
    most.
    """

    split_penalty_minor: int
    max_splits: int
    steps_max: int = STEPS_MAX
    weights: Weights = WEIGHTS
    shipment_value_least_minor: int = 0
    ties: tuple[Tie, ...] = TIES


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan costs, by component, in money; what it gains (markdown, margin) is below nothing.

    preference is paid to nobody: it counts when plans are compared, and is in no total.
    """

    freight_minor: int
    handling_minor: int
    split_minor: int
    packaging_minor: int = 0
    lateness_minor: int = 0
    scarcity_minor: int = 0
    markdown_minor: int = 0
    margin_minor: int = 0
    preference_minor: int = 0

    @property
    def total_minor(self) -> int:
        everything: int = sum(msgspec.structs.astuple(self))
        return everything - self.preference_minor

    def weighed(self, weights: Weights) -> int:
        """What plans are compared by, in hundredths."""
        return (
            self.freight_minor * weights.freight
            + self.handling_minor * weights.handling
            + self.split_minor * weights.split
            + self.packaging_minor * weights.packaging
            + self.lateness_minor * weights.lateness
            + self.scarcity_minor * weights.scarcity
            + self.markdown_minor * weights.markdown
            + self.margin_minor * weights.margin
            + self.preference_minor * weights.preference
        )

    def plus(self, other: "Costs") -> "Costs":
        return Costs(
            freight_minor=self.freight_minor + other.freight_minor,
            handling_minor=self.handling_minor + other.handling_minor,
            split_minor=self.split_minor + other.split_minor,
            packaging_minor=self.packaging_minor + other.packaging_minor,
            lateness_minor=self.lateness_minor + other.lateness_minor,
            scarcity_minor=self.scarcity_minor + other.scarcity_minor,
            markdown_minor=self.markdown_minor + other.markdown_minor,
            margin_minor=self.margin_minor + other.margin_minor,
            preference_minor=self.preference_minor + other.preference_minor,
        )


NOTHING = Costs(freight_minor=0, handling_minor=0, split_minor=0)


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """What one location sends, by which service; no service when nothing is shipped. units: by their parts."""

    location_id: UUID
    units: tuple[tuple[Parts, int], ...]
    service_id: UUID | None
    costs: Costs
    packages: int = 1

    @property
    def freight_minor(self) -> int:
        return self.costs.freight_minor

    @property
    def handling_minor(self) -> int:
        return self.costs.handling_minor


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The cheapest shipments, in order of location code. is_greedy: the search was cut off; cheaper may exist."""

    shipments: tuple[Shipment, ...]
    split_minor: int
    is_greedy: bool

    @property
    def costs(self) -> Costs:
        found = Costs(freight_minor=0, handling_minor=0, split_minor=self.split_minor)
        for one in self.shipments:
            found = found.plus(one.costs)
        return found


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
