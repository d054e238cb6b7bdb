"""The greedy rule: a first plan that the exact search must beat, and the answer when that is cut off."""

from collections.abc import Callable

from batuta.sourcing.domain.board import COST_SHIFT, Board, Place
from batuta.sourcing.domain.candidates import units_in

Placed = dict[int, list[int]]
_MICRO = 1_000_000


def greedy(board: Board) -> Placed | None:
    """The best of three simple plans: one place that has all; the cheapest per unit; the one with most units next."""
    plans = [_alone(board), _open_by(board, _cheapest_per_unit), _open_by(board, _most_units)]
    keyed = [(key, n) for n, plan in enumerate(plans) if plan and (key := board.key_of(plan)) is not None]
    return plans[min(keyed)[1]] if keyed else None


def _alone(board: Board) -> Placed | None:
    asked = [demand.quantity for demand in board.demands]
    whole = [
        (key, i) for i, place in enumerate(board.places) if place.stock == asked and (key := board.key_of({i: asked}))
    ]
    return {min(whole)[1]: asked} if whole else None


def _open_by(board: Board, rank: Callable[[int, int], tuple[int, int]]) -> Placed | None:
    """Open place after place, the least by `rank` of (key, units) first, each taking all it can."""
    left = [demand.quantity for demand in board.demands]
    placed: Placed = {}
    while any(left) and len(placed) < board.places_max:
        offers = []
        for i, place in enumerate(board.places):
            if i not in placed:
                units = _takes(board, place, left)
                key = board.key_of({i: units}) if any(units) else None
                if key is not None:
                    offers.append((rank(key - board.base, sum(units)), i, units))
        if not offers:
            return None
        _, i, placed_units = min(offers)
        placed[i] = placed_units
        left = [need - count for need, count in zip(left, placed_units, strict=True)]
    return None if any(left) else placed


def _takes(board: Board, place: Place, left: list[int]) -> list[int]:
    """As many units as the place has, in the order of the demands where two want the same SKU."""
    units = [min(have, need) for have, need in zip(place.stock, left, strict=True)]
    if not board.is_shared or place.has_all(board.demands, units):
        return units
    stock = dict(place.candidate.stock)
    for j, demand in enumerate(board.demands):
        units[j] = min(units[j], units_in(stock, demand.parts))
        for sku_id, per_unit in demand.parts:
            stock[sku_id] = stock.get(sku_id, 0) - per_unit * units[j]
    return units


def _cheapest_per_unit(key: int, units: int) -> tuple[int, int]:
    return (key >> COST_SHIFT) * _MICRO // units, -units


def _most_units(key: int, units: int) -> tuple[int, int]:
    return -units, key
