"""A shorter way to the same choice: where some locations have all of an order, most others need not be looked at.

When the cheapest of these alone costs less than any two locations must, it is the cheapest of all plans. It is priced
as the search prices it; where the bound does not tell, the search is asked over all candidates.
"""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from uuid import UUID

import msgspec

from batuta.sourcing.domain.candidates import WEIGHTS, Candidate, Demand, Lane, Terms, Weights
from batuta.sourcing.domain.tariffs import Tariff

_ONES = Weights(**dict.fromkeys(msgspec.structs.asdict(WEIGHTS), 1))


def alone(
    demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms
) -> tuple[Candidate, Lane | None] | None:
    """The location that sends all of it, and its lane, where that is what the search would choose; None where it has to
    be asked.
    """
    if not _is_plain(candidates, terms) or any(demand.late_day_minor for demand in demands):
        return None
    weight_g = sum(demand.weight_g * demand.quantity for demand in demands)
    pieces = sum(demand.pieces * demand.quantity for demand in demands)
    priced: dict[int, tuple[int, Lane | None] | None] = {}
    best: tuple[tuple[int, int, str, UUID], Candidate, Lane | None] | None = None
    for one in _with_all(demands, candidates):
        if id(one.lanes) not in priced:
            priced[id(one.lanes)] = _cheapest(one.lanes, demands, weight_g)
        found = priced[id(one.lanes)]
        if found is not None:
            cost_minor = found[0] + one.handling_order_minor + one.handling_unit_minor * pieces
            key = (cost_minor, one.distance_m // 1000, one.code, one.location_id)
            if best is None or key < best[0]:
                best = key, one, found[1]
    if best is None:
        return None
    bound = _two_at_least_minor(demands, candidates, terms)
    return best[1:] if bound is None or best[0][0] < bound else None


def _cheapest(lanes: Sequence[Lane] | None, demands: Sequence[Demand], weight_g: int) -> tuple[int, Lane | None] | None:
    """What all of it costs by the cheapest lane that takes it; None when none does."""
    tariff = Tariff(lanes, demands, _ONES, 0)
    mask = reduce(and_, tariff.masks)
    return tariff.price(weight_g, mask, 0) if mask else None


def _with_all(demands: Sequence[Demand], candidates: Sequence[Candidate]) -> list[Candidate]:
    wanted: dict[UUID, int] = {}
    for demand in demands:
        for sku_id, per_unit in demand.parts:
            wanted[sku_id] = wanted.get(sku_id, 0) + per_unit * demand.quantity
    needs = list(wanted.items())
    return [one for one in candidates if all(one.stock.get(sku_id, 0) >= units for sku_id, units in needs)]


def _is_plain(candidates: Sequence[Candidate], terms: Terms) -> bool:
    """Whether plans cost freight, handling and splits alone, and the order holds nothing yet."""
    return terms.weights == WEIGHTS and not any(
        one.claimed
        or one.packaging_minor
        or one.preference_minor
        or one.scarcity_minor
        or one.markdown_minor
        or one.margin_minor
        for one in candidates
    )


def _two_at_least_minor(demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> int | None:
    """No plan of two locations or more costs less; None when there can be none."""
    if terms.max_splits < 1:
        return None
    pieces = sum(demand.pieces * demand.quantity for demand in demands)
    freight = [
        min((price for lane in lanes for _, price in lane.steps), default=0)
        for lanes in {id(one.lanes): one.lanes for one in candidates if one.lanes}.values()
    ]
    return (
        terms.split_penalty_minor
        + 2 * min(one.handling_order_minor for one in candidates)
        + pieces * min(one.handling_unit_minor for one in candidates)
        + 2 * min(freight, default=0)
    )
