"""A shorter way to the same choice: where some locations have all of an order, most others need not be looked at.

When the cheapest of these alone costs less than any two locations must, it is the cheapest of all plans. It is priced
as the search prices it; where the bound does not tell, the search is asked over all candidates.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from uuid import UUID

import msgspec

from batuta.sourcing.domain.search.candidates import WEIGHTS, Candidate, Demand, Lane, Terms, Weights
from batuta.sourcing.domain.search.tariffs import Tariff

_ONES = Weights(**dict.fromkeys(msgspec.structs.asdict(WEIGHTS), 1))


def alone(
    demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms
) -> tuple[Candidate, Lane | None] | None:
    """The location that sends all of it, and its lane, where that is what the search would choose; None where it has to
    be asked.
    """
    if not _is_plain(candidates, terms) or any(demand.late_tenth_minor for demand in demands):
        return None
    weight_g = sum(demand.weight_g * demand.quantity for demand in demands)
    pieces = _pieces(demands)
    priced: dict[tuple[int, int], tuple[int, Lane | None] | None] = {}
    best: tuple[tuple[int, int, str, UUID], Candidate, Lane | None] | None = None
    for one in _with_all(pieces, sum(demand.lines for demand in demands), candidates):
        alike = id(one.lanes), one.packaging_minor
        if alike not in priced:
            priced[alike] = _cheapest(one, demands, weight_g)
        found = priced[alike]
        if found is not None:
            units_minor = sum(units * _unit_minor(one, sku_id) for sku_id, units in pieces.items())
            cost_minor = found[0] + one.handling_order_minor + one.preference_minor + units_minor
            key = (cost_minor, one.distance_m // 1000, one.code, one.location_id)
            if best is None or key < best[0]:
                best = key, one, found[1]
    if best is None:
        return None
    bound = _two_at_least_minor(pieces, candidates, terms)
    return best[1:] if bound is None or best[0][0] < bound else None


def _cheapest(one: Candidate, demands: Sequence[Demand], weight_g: int) -> tuple[int, Lane | None] | None:
    """What all of it costs by the cheapest lane that takes it, packaged; None when none does."""
    tariff = Tariff(one.lanes, demands, _ONES, one.packaging_minor)
    mask = reduce(and_, tariff.masks)
    return tariff.price(weight_g, mask, 0) if mask else None


def _with_all(pieces: Mapping[UUID, int], lines: int, candidates: Sequence[Candidate]) -> list[Candidate]:
    needs, in_all = list(pieces.items()), sum(pieces.values())
    return [
        one
        for one in candidates
        if one.pieces_max >= in_all
        and one.lines_max >= lines
        and all(one.stock.get(sku_id, 0) >= units for sku_id, units in needs)
    ]


def _pieces(demands: Sequence[Demand]) -> dict[UUID, int]:
    """Units of each SKU in all of it."""
    pieces: dict[UUID, int] = {}
    for demand in demands:
        for sku_id, per_unit in demand.parts:
            pieces[sku_id] = pieces.get(sku_id, 0) + per_unit * demand.quantity
    return pieces


def _unit_minor(one: Candidate, sku_id: UUID) -> int:
    """What a unit costs there, freight apart."""
    return (
        one.handling_unit_minor
        + one.packaging_unit_minor
        + one.scarcity_minor.get(sku_id, 0)
        - one.markdown_minor.get(sku_id, 0)
        - one.margin_minor.get(sku_id, 0)
    )


def _is_plain(candidates: Sequence[Candidate], terms: Terms) -> bool:
    """Whether each cent of a plan counts alike, and the order holds nothing yet."""
    return terms.weights == WEIGHTS and not any(one.claimed for one in candidates)


def _two_at_least_minor(pieces: Mapping[UUID, int], candidates: Sequence[Candidate], terms: Terms) -> int | None:
    """No plan of two locations or more costs less; None when there can be none."""
    if terms.max_splits < 1:
        return None
    alike = {(id(one.lanes), one.packaging_minor): one for one in candidates if one.lanes != ()}.values()
    return (
        terms.split_penalty_minor
        + 2 * min(one.handling_order_minor + one.preference_minor for one in candidates)
        + sum(units * min(_unit_minor(one, sku_id) for one in candidates) for sku_id, units in pieces.items())
        + 2 * min(map(_parcel_least_minor, alike), default=0)
    )


def _parcel_least_minor(one: Candidate) -> int:
    """No parcel from there costs less; nothing where none is sent."""
    if one.lanes is None:
        return 0
    return one.packaging_minor + min((price for lane in one.lanes for _, price in lane.steps), default=0)
