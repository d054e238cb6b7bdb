"""One order and its candidates as numbers, so that any placement of units can be priced in one comparable key.

A key is one integer: the cost in its high bits, the named ties below. The cheaper plan wins, then, in this order
unless the terms name another: fewer locations, fewer units moved from where the order holds them, nearer locations; at
last earlier location codes.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from math import gcd
from uuid import UUID

import msgspec
import numpy as np

from batuta.sourcing.domain.search.candidates import (
    ANY_AMOUNT,
    NOTHING,
    Candidate,
    Choice,
    Costs,
    Demand,
    Placement,
    Shipment,
    Terms,
    Tie,
    Weights,
    units_in,
)
from batuta.sourcing.domain.search.tariffs import Array, Tariff, freight_of


class Scale(msgspec.Struct, frozen=True):
    """Where in a key each tie begins; each has as many bits as the order can need, ranks begin at none."""

    km: int
    moved: int
    locations: int
    cost: int

    @classmethod
    def of(
        cls, demands: Sequence[Demand], candidates: Sequence[Candidate], places_max: int, ties: Sequence[Tie]
    ) -> "Scale":
        farthest_km = max((one.distance_m // 1000 for one in candidates), default=0)
        bits = {
            Tie.NEAREST: (places_max * farthest_km).bit_length(),
            Tie.LEAST_MOVED: sum(demand.pieces * demand.quantity for demand in demands).bit_length(),
            Tie.FEWEST_LOCATIONS: places_max.bit_length(),
        }
        begins, at = {}, (places_max * len(candidates)).bit_length()
        for tie in reversed(ties):
            begins[tie] = at
            at += bits[tie]
        return cls(begins[Tie.NEAREST], begins[Tie.LEAST_MOVED], begins[Tie.FEWEST_LOCATIONS], at)


class Place:
    """A candidate by position: `stock[j]` and `claimed[j]` are of the j-th demand, stock never above it.

    have: units of each of the board's SKUs. opening: the key of using the place at all, its split penalty included.
    units[j]: what one unit more costs, freight apart, as the weights count.
    """

    __slots__ = ("_moved", "candidate", "claimed", "have", "opening", "stock", "tariff", "units")

    def __init__(self, candidate: Candidate, rank: int, stocked: tuple[list[int], list[int]], board: "Board") -> None:
        weights, scale = board.weights, board.scale
        self.candidate = candidate
        self.have, stock = stocked
        self.tariff = board.tariff_of(candidate)
        self.stock = [units if mask else 0 for units, mask in zip(stock, self.tariff.masks, strict=True)]
        self.claimed = board.unclaimed
        if candidate.claimed:
            self.claimed = [units_in(candidate.claimed, demand.parts) for demand in board.demands]
        piece = candidate.handling_unit_minor * weights.handling + candidate.packaging_unit_minor * weights.packaging
        self.units = [piece * pieces for pieces in board.pieces]
        for per_sku, weight in (
            (candidate.scarcity_minor, weights.scarcity),
            (candidate.markdown_minor, -weights.markdown),
            (candidate.margin_minor, -weights.margin),
        ):
            for sku_id, worth in per_sku.items():
                for j, per_unit in board.wanted_in.get(sku_id, ()):
                    self.units[j] += worth * per_unit * weight
        self.opening = (
            (_opening_minor(candidate, weights) + board.split << scale.cost)
            + (1 << scale.locations)
            + (candidate.distance_m // 1000 << scale.km)
            + rank
        )
        self._moved = board.moved

    def moved(self, j: int, units: int) -> int:
        """The tie key of units that the order does not hold here."""
        return max(0, units - self.claimed[j]) * self._moved[j]

    def has_all(self, demands: Sequence[Demand], units: Sequence[int]) -> bool:
        """Whether units of several demands, which may want the same SKU, are there together, and hands for them."""
        if not self.takes(demands, units):
            return False
        wanted: dict[UUID, int] = {}
        for demand, count in zip(demands, units, strict=True):
            for sku_id, per_unit in demand.parts if count else ():
                wanted[sku_id] = wanted.get(sku_id, 0) + per_unit * count
        return all(self.candidate.stock.get(sku_id, 0) >= pieces for sku_id, pieces in wanted.items())

    def takes(self, demands: Sequence[Demand], units: Sequence[int]) -> bool:
        """Whether the location has the capacity for so much of the order."""
        sent = [(demand, count) for demand, count in zip(demands, units, strict=True) if count]
        return self.candidate.pieces_max >= sum(
            demand.pieces * count for demand, count in sent
        ) and self.candidate.lines_max >= sum(demand.lines for demand, _ in sent)

    def costs(self, demands: Sequence[Demand], units: Sequence[int], mask: int) -> tuple[Costs, UUID | None, int]:
        """What the units cost from here, without splitting; which service takes them, and in how many parcels."""
        weight_g, late_minor = _parcel(demands, units)
        lane = self.tariff.price(weight_g, mask, late_minor)[1]
        freight_minor, parcels = freight_of(lane, weight_g)
        sent = [(demand, count) for demand, count in zip(demands, units, strict=True) if count]
        one = self.candidate
        pieces = sum(demand.pieces * count for demand, count in sent)
        costs = Costs(
            freight_minor=freight_minor,
            handling_minor=one.handling_order_minor + one.handling_unit_minor * pieces,
            split_minor=0,
            packaging_minor=one.packaging_minor * parcels + one.packaging_unit_minor * pieces,
            lateness_minor=late_minor * lane.late_tenths if lane else 0,
            scarcity_minor=sum(_of_parts(one.scarcity_minor, demand) * count for demand, count in sent),
            markdown_minor=-sum(_of_parts(one.markdown_minor, demand) * count for demand, count in sent),
            margin_minor=-sum(_of_parts(one.margin_minor, demand) * count for demand, count in sent),
            preference_minor=one.preference_minor,
        )
        return costs, lane.service_id if lane else None, max(1, parcels)


class Board:
    """The demands, hardest to find first, and the places that have any of them, by location code.

    is_shared: some place may not have at once all that it has of each demand, for want of a SKU or of hands.
    stock, unit_costs: `stock` and `units` of the places, one row each. wanted_in: of each SKU the demands it is in, and
    how much of it is in one unit.
    """

    def __init__(self, demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> None:
        skus = list(dict.fromkeys(sku_id for demand in demands for sku_id, _ in demand.parts))
        ranked = sorted(candidates, key=lambda one: (one.code, one.location_id))
        haves = [[one.stock.get(sku_id, 0) for sku_id in skus] for one in ranked]
        at = {sku_id: s for s, sku_id in enumerate(skus)}
        made_of = {demand.parts: [(at[sku_id], per_unit) for sku_id, per_unit in demand.parts] for demand in demands}
        table = np.asarray(haves, dtype=np.int64).reshape(len(ranked), len(skus))
        stocks = {parts: np.min([table[:, s] // per for s, per in needs], axis=0) for parts, needs in made_of.items()}
        holders = {parts: int((units > 0).sum()) for parts, units in stocks.items()}
        self.terms = terms
        self.weights = _lowest(terms.weights)
        self.split = terms.split_penalty_minor * self.weights.split
        self.demands = sorted(demands, key=lambda demand: (holders[demand.parts], demand.parts))
        self.made_of = [made_of[demand.parts] for demand in self.demands]
        self.pieces = [demand.pieces for demand in self.demands]
        self.wanted_in: dict[UUID, list[tuple[int, int]]] = {}
        for j, demand in enumerate(self.demands):
            for sku_id, per_unit in demand.parts:
                self.wanted_in.setdefault(sku_id, []).append((j, per_unit))
        units = sum(demand.quantity for demand in demands)
        self.places_max = max(1, min(terms.max_splits + 1, len(candidates), units))
        self.scale = Scale.of(self.demands, candidates, self.places_max, terms.ties)
        self.base = -self.split << self.scale.cost
        self.moved = [pieces << self.scale.moved for pieces in self.pieces]
        self.unclaimed = [0] * len(self.demands)
        is_limited = any(one.pieces_max < ANY_AMOUNT or one.lines_max < ANY_AMOUNT for one in candidates)
        self.is_shared = is_limited or len(skus) < sum(len(demand.parts) for demand in demands)
        self._tariffs: dict[tuple[int, ...], Tariff] = {}
        had = np.stack([np.minimum(stocks[one.parts], one.quantity) for one in self.demands], axis=1)
        if is_limited:
            had = np.minimum(had, np.asarray([[one.pieces_max] for one in ranked]) // self.pieces)
        stock = had.tolist()
        places = [
            Place(one, rank, stocked, self)
            for rank, (one, stocked) in enumerate(zip(ranked, zip(haves, stock, strict=True), strict=True))
            if any(stocked[1])
        ]
        self.places = [place for place in places if any(place.stock)]
        self.stock: Array = np.asarray([place.stock for place in self.places], dtype=np.int64)
        self.unit_costs = np.asarray([place.units for place in self.places], dtype=float)
        self.by_location = {place.candidate.location_id: i for i, place in enumerate(self.places)}
        self._alone: dict[UUID, Costs | None] = {}

    def tariff_of(self, candidate: Candidate) -> Tariff:
        """One for all candidates with the same lanes, which know each other by being the same objects."""
        lanes = (-1,) if candidate.lanes is None else tuple(id(lane) for lane in candidate.lanes)
        alike = (candidate.packaging_minor, *lanes)
        if alike not in self._tariffs:
            tariff = Tariff(candidate.lanes, self.demands, self.weights, candidate.packaging_minor)
            self._tariffs[alike] = tariff
        return self._tariffs[alike]

    def key_of(self, placed: Mapping[int, Sequence[int]]) -> int | None:
        """The key of units by place and demand; None when a place has not all of its part, or no lane takes it."""
        key = self.base
        for i, units in placed.items():
            place, mask = self.places[i], self._mask(i, units)
            if not mask or (self.is_shared and not place.has_all(self.demands, units)) or not self.is_worth(units):
                return None
            weight_g, late_minor = _parcel(self.demands, units)
            cost = sum(unit * count for unit, count in zip(place.units, units, strict=True))
            cost += place.tariff.price(weight_g, mask, late_minor)[0]
            key += place.opening + (cost << self.scale.cost)
            key += sum(place.moved(j, count) for j, count in enumerate(units))
        return key

    def costs_of(self, placement: Placement) -> Costs | None:
        """What the placement would cost; None when a location has not or cannot send its part, or too many share it."""
        placed = self.placed_of(placement)
        if placed is None or len(placed) > self.places_max:
            return None
        found = NOTHING
        for i, units in placed.items():
            costs = self.costs_at(i, units)
            if costs is None:
                return None
            found = found.plus(costs)
        return msgspec.structs.replace(found, split_minor=self.terms.split_penalty_minor * (len(placed) - 1))

    def costs_at(self, i: int, units: Sequence[int]) -> Costs | None:
        """What one place's part costs; None when it has not or cannot send it."""
        place, mask = self.places[i], self._mask(i, units)
        if not mask or not place.has_all(self.demands, units) or not self.is_worth(units):
            return None
        return place.costs(self.demands, units, mask)[0]

    def is_worth(self, units: Sequence[int]) -> bool:
        """Whether the units are worth a shipment: all of the order always is, a part of it perhaps not."""
        least_minor = self.terms.shipment_value_least_minor
        if not least_minor or all(n == demand.quantity for n, demand in zip(units, self.demands, strict=True)):
            return True
        return sum(demand.value_minor * n for n, demand in zip(units, self.demands, strict=True)) >= least_minor

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
        costs, service_id, packages = self.places[i].costs(self.demands, units, self._mask(i, units))
        sent = [(demand.parts, count) for demand, count in zip(self.demands, units, strict=True) if count]
        return Shipment(
            location_id=self.places[i].candidate.location_id,
            units=tuple(sent),
            service_id=service_id,
            costs=costs,
            packages=packages,
        )

    def _mask(self, i: int, units: Sequence[int]) -> int:
        """The lanes that take all of it."""
        mask = -1
        for lanes, count in zip(self.places[i].tariff.masks, units, strict=True):
            if count:
                mask &= lanes
        return mask


def _opening_minor(candidate: Candidate, weights: Weights) -> int:
    return candidate.handling_order_minor * weights.handling + candidate.preference_minor * weights.preference


def _parcel(demands: Sequence[Demand], units: Sequence[int]) -> tuple[int, int]:
    """The weight of the units, and what it costs each tenth of a day that they come late."""
    weight_g = late_minor = 0
    for demand, count in zip(demands, units, strict=True):
        if count:
            weight_g += demand.weight_g * count
            late_minor += demand.late_tenth_minor * count
    return weight_g, late_minor


def _of_parts(per_sku: Mapping[UUID, int], demand: Demand) -> int:
    if not per_sku:
        return 0
    if len(demand.parts) == 1:
        sku_id, per_unit = demand.parts[0]
        return per_sku.get(sku_id, 0) * per_unit
    return sum(per_sku.get(sku_id, 0) * per_unit for sku_id, per_unit in demand.parts)


def _lowest(weights: Weights) -> Weights:
    """The same proportions in the least numbers: equal weights are ones."""
    parts = msgspec.structs.asdict(weights)
    common = reduce(gcd, parts.values()) or 1
    return Weights(**{component: weight // common for component, weight in parts.items()})
