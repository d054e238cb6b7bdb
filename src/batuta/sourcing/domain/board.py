"""One order and its candidates as numbers, so that any placement of units can be priced in one comparable key.

A key is one integer: the cost in its high bits, the named ties below. The cheaper plan wins, then, in this order:
fewer locations, fewer units moved from where the order holds them, nearer locations, earlier location codes.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from batuta.sourcing.domain.candidates import Candidate, Choice, Costs, Demand, Placement, Shipment, Terms, units_in
from batuta.sourcing.domain.tariffs import Tariff

# Wide enough for 64 locations of 65,536 candidates half the world away, and for a thousand million units.
_RANK_BITS, _KM_BITS, _MOVED_BITS, _LOCATIONS_BITS = 22, 21, 30, 7
_KM_SHIFT = _RANK_BITS
_MOVED_SHIFT = _KM_SHIFT + _KM_BITS
_LOCATIONS_SHIFT = _MOVED_SHIFT + _MOVED_BITS
COST_SHIFT = _LOCATIONS_SHIFT + _LOCATIONS_BITS
MOVED = 1 << _MOVED_SHIFT


class Place:
    """A candidate by position: `stock[j]` and `claimed[j]` are of the j-th demand, stock never above it.

    opening: the key of using the place at all, its split penalty included. units[j]: the key of one unit more.
    least_opening, least_units[j]: no placement of units here costs less than these, freight included.
    """

    __slots__ = (
        "candidate",
        "claimed",
        "least_opening",
        "least_units",
        "opening",
        "pieces",
        "stock",
        "tariff",
        "units",
    )

    def __init__(self, candidate: Candidate, rank: int, demands: Sequence[Demand], terms: Terms) -> None:
        self.candidate = candidate
        self.tariff = Tariff(candidate.lanes, demands)
        self.stock = [
            min(demand.quantity, units_in(candidate.stock, demand.parts)) if mask else 0
            for demand, mask in zip(demands, self.tariff.masks, strict=True)
        ]
        self.claimed = [units_in(candidate.claimed, demand.parts) for demand in demands]
        self.pieces = [demand.pieces for demand in demands]
        self.units = [candidate.handling_unit_minor * pieces << COST_SHIFT for pieces in self.pieces]
        self.opening = (
            (candidate.handling_order_minor + terms.split_penalty_minor << COST_SHIFT)
            + (1 << _LOCATIONS_SHIFT)
            + (candidate.distance_m // 1000 << _KM_SHIFT)
            + rank
        )
        weight_g = sum(demand.weight_g * units for demand, units in zip(demands, self.stock, strict=True))
        at_nothing, per_gram = self.tariff.line(weight_g, 1 << COST_SHIFT)
        self.least_opening = self.opening + at_nothing
        self.least_units = [unit + per_gram * demand.weight_g for unit, demand in zip(self.units, demands, strict=True)]

    def handling_minor(self, units: Sequence[int]) -> int:
        """What picking and packing these units of each demand costs."""
        pieces = sum(per_unit * count for per_unit, count in zip(self.pieces, units, strict=True))
        return self.candidate.handling_order_minor + self.candidate.handling_unit_minor * pieces

    def moved(self, j: int, units: int) -> int:
        """The tie key of units that the order does not hold here."""
        return max(0, units - self.claimed[j]) * self.pieces[j] * MOVED

    def has_all(self, demands: Sequence[Demand], units: Sequence[int]) -> bool:
        """Whether units of several demands, which may want the same SKU, are there together."""
        wanted: dict[UUID, int] = {}
        for demand, count in zip(demands, units, strict=True):
            for sku_id, per_unit in demand.parts if count else ():
                wanted[sku_id] = wanted.get(sku_id, 0) + per_unit * count
        return all(self.candidate.stock.get(sku_id, 0) >= pieces for sku_id, pieces in wanted.items())


class Board:
    """The demands, hardest to find first, and the places that have any of them, by location code."""

    def __init__(self, demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> None:
        holders = {
            demand.parts: sum(1 for one in candidates if units_in(one.stock, demand.parts)) for demand in demands
        }
        self.terms = terms
        self.demands = sorted(demands, key=lambda demand: (holders[demand.parts], demand.parts))
        ranked = enumerate(sorted(candidates, key=lambda one: (one.code, one.location_id)))
        places = [Place(candidate, rank, self.demands, terms) for rank, candidate in ranked]
        self.places = [place for place in places if any(place.stock)]
        self.by_location = {place.candidate.location_id: i for i, place in enumerate(self.places)}
        skus = [sku_id for demand in self.demands for sku_id, _ in demand.parts]
        self.is_shared = len(set(skus)) < len(skus)
        self.base = -terms.split_penalty_minor << COST_SHIFT
        self.places_max = terms.max_splits + 1
        self._alone: dict[UUID, Costs | None] = {}

    def key_of(self, placed: Mapping[int, Sequence[int]]) -> int | None:
        """The key of units by place and demand; None when a place has not all of its part, or no lane takes it."""
        key = self.base
        for i, units in placed.items():
            place, (weight_g, mask) = self.places[i], self._parcel(i, units)
            if not mask or (self.is_shared and not place.has_all(self.demands, units)):
                return None
            key += place.opening + sum(unit * count for unit, count in zip(place.units, units, strict=True))
            key += place.tariff.price(weight_g, mask)[0] << COST_SHIFT
            key += sum(place.moved(j, count) for j, count in enumerate(units))
        return key

    def costs_of(self, placement: Placement) -> Costs | None:
        """What the placement would cost; None when a location has not or cannot send its part, or too many share it."""
        placed = self.placed_of(placement)
        if placed is None or len(placed) > self.places_max:
            return None
        freight_minor = handling_minor = 0
        for i, units in placed.items():
            place, (weight_g, mask) = self.places[i], self._parcel(i, units)
            if not mask or not place.has_all(self.demands, units):
                return None
            freight_minor += place.tariff.price(weight_g, mask)[0]
            handling_minor += place.handling_minor(units)
        split_minor = self.terms.split_penalty_minor * (len(placed) - 1)
        return Costs(freight_minor=freight_minor, handling_minor=handling_minor, split_minor=split_minor)

    def costs_alone(self, location_id: UUID) -> Costs | None:
        """What the whole order from one location would cost; asked of every line, so it is kept."""
        if location_id not in self._alone:
            whole = {location_id: {one.parts: one.quantity for one in self.demands}}
            self._alone[location_id] = self.costs_of(whole)
        return self._alone[location_id]

    def placed_of(self, placement: Placement) -> dict[int, list[int]] | None:
        placed = {}
        for location_id, units in placement.items():
            if any(units.values()):
                i = self.by_location.get(location_id)
                if i is None:
                    return None
                placed[i] = [units.get(demand.parts, 0) for demand in self.demands]
        return placed

    def choice_of(self, placed: Mapping[int, Sequence[int]], *, is_greedy: bool) -> Choice:
        shipments = [self._shipment(i, placed[i]) for i in sorted(placed)]
        penalty_minor = self.terms.split_penalty_minor * (len(shipments) - 1)
        return Choice(shipments=tuple(shipments), split_minor=penalty_minor, is_greedy=is_greedy)

    def _shipment(self, i: int, units: Sequence[int]) -> Shipment:
        candidate = self.places[i].candidate
        price_minor, lane = self.places[i].tariff.price(*self._parcel(i, units))
        sent = [(demand.parts, count) for demand, count in zip(self.demands, units, strict=True) if count]
        return Shipment(
            location_id=candidate.location_id,
            units=tuple(sent),
            service_id=lane.service_id if lane else None,
            freight_minor=price_minor,
            handling_minor=self.places[i].handling_minor(units),
        )

    def _parcel(self, i: int, units: Sequence[int]) -> tuple[int, int]:
        weight_g, mask = 0, -1
        for j, count in enumerate(units):
            if count:
                weight_g += self.demands[j].weight_g * count
                mask &= self.places[i].tariff.masks[j]
        return weight_g, mask
