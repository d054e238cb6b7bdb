"""Sourcing by trying everything: written apart from the search, to prove it by."""

from collections.abc import Iterator, Sequence
from itertools import product

from batuta.sourcing.domain import Candidate, Choice, Demand, Terms
from batuta.sourcing.domain.search.candidates import Weights, units_in


def spreads(units: int, stocks: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every way to take `units` from the stocks."""
    for counts in product(*(range(min(units, stock) + 1) for stock in stocks)):
        if sum(counts) == units:
            yield counts


def brute_force(demands: Sequence[Demand], places: Sequence[Candidate], terms: Terms) -> tuple[int, ...] | None:
    """The least (cost, locations, moved units, kilometres, ranks) over every placement there is; written apart."""
    best: tuple[int, ...] | None = None
    ways = (list(spreads(one.quantity, [units_in(place.stock, one.parts) for place in places])) for one in demands)
    for placement in product(*ways):
        used = [n for n in range(len(places)) if any(counts[n] for counts in placement)]
        if len(used) > terms.max_splits + 1 or not all(
            fits(places[n], [(one, counts[n]) for one, counts in zip(demands, placement, strict=True)]) for n in used
        ):
            continue
        cost, moved = terms.split_penalty_minor * (len(used) - 1), 0
        cost *= terms.weights.split
        prices = []
        for n in used:
            units = [counts[n] for counts in placement]
            prices.append(freight(places[n], demands, units, terms.weights))
            cost += worth(places[n], demands, units, terms.weights)
            moved += sum(
                one.pieces * max(0, count - units_in(places[n].claimed, one.parts))
                for one, count in zip(demands, units, strict=True)
            )
        if any(one is None for one in prices):
            continue
        cost += sum(one for one in prices if one is not None)
        key = (cost, len(used), moved, sum(places[n].distance_m // 1000 for n in used), sum(used))
        best = min(best or key, key)
    return best


def fits(place: Candidate, sent: Sequence[tuple[Demand, int]]) -> bool:
    pieces = sum(one.pieces * count for one, count in sent)
    lines = sum(one.lines for one, count in sent if count)
    if pieces > place.pieces_max or lines > place.lines_max:
        return False
    return all(
        sum(count * per_unit for one, count in sent for part_id, per_unit in one.parts if part_id == sku_id) <= units
        for sku_id, units in place.stock.items()
    )


def worth(place: Candidate, demands: Sequence[Demand], units: Sequence[int], weights: Weights) -> int:
    """Handling and what the units are worth there, as the weights count."""
    cost = weights.handling * place.handling_order_minor
    for one, count in zip(demands, units, strict=True):
        for sku_id, per_unit in one.parts:
            cost += (
                count
                * per_unit
                * (
                    weights.handling * place.handling_unit_minor
                    + weights.packaging * place.packaging_unit_minor
                    + weights.scarcity * place.scarcity_minor.get(sku_id, 0)
                    - weights.markdown * place.markdown_minor.get(sku_id, 0)
                    - weights.margin * place.margin_minor.get(sku_id, 0)
                )
            )
    return cost


def freight(place: Candidate, demands: Sequence[Demand], units: Sequence[int], weights: Weights) -> int | None:
    """The cheapest way to send the units, packaged, late or not, as the weights count."""
    if place.lanes is None:
        return 0
    sent = [(one, count) for one, count in zip(demands, units, strict=True) if count]
    weight_g = max(1, sum(one.weight_g * count for one, count in sent))
    late_minor = sum(one.late_tenth_minor * count for one, count in sent)
    prices = []
    for lane in place.lanes:
        heaviest_g, heaviest_minor = lane.steps[-1]
        if all(one.weight_g <= heaviest_g and one.length_mm <= lane.length_max_mm for one, _ in sent):
            price, left_g, parcels = 0, weight_g, 1
            while left_g > heaviest_g:
                price, left_g, parcels = price + heaviest_minor, left_g - heaviest_g, parcels + 1
            price += next(minor for up_to_g, minor in lane.steps if left_g <= up_to_g)
            prices.append(
                price * weights.freight
                + parcels * place.packaging_minor * weights.packaging
                + late_minor * lane.late_tenths * weights.lateness
            )
    return min(prices, default=None)


def key_of(choice: Choice, places: Sequence[Candidate], terms: Terms) -> tuple[int, ...]:
    by_id = {place.location_id: (n, place) for n, place in enumerate(places)}
    used = [by_id[one.location_id] for one in choice.shipments]
    moved = sum(
        sum(per_unit for _, per_unit in parts) * max(0, count - units_in(by_id[one.location_id][1].claimed, parts))
        for one in choice.shipments
        for parts, count in one.units
    )
    return (
        choice.costs.weighed(terms.weights),
        len(used),
        moved,
        sum(place.distance_m // 1000 for _, place in used),
        sum(n for n, _ in used),
    )
