"""A shorter way to the same choice: where some locations have all of an order, most others need not be looked at.

A plan that uses a location which lacks something uses two at least. When the cheapest plan among locations that lack
nothing costs less than any two locations must, it is the cheapest of all. The search is the same, over fewer
candidates; where the bound does not tell, it is asked over all of them.
"""

from collections.abc import Sequence
from uuid import UUID

from batuta.sourcing.domain.board import Board
from batuta.sourcing.domain.candidates import WEIGHTS, Candidate, Choice, Demand, Terms
from batuta.sourcing.domain.search import choose_on


def choose_among(demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> Choice | None:
    """What `choose` answers."""
    whole = _with_all(demands, candidates)
    if whole and len(whole) < len(candidates) and _is_plain(candidates, terms):
        choice = choose_on(Board(demands, whole, terms))
        if choice is not None and not choice.is_greedy:
            bound = _two_at_least_minor(demands, candidates, terms)
            if bound is None or choice.costs.total_minor < bound:
                return choice
    return choose_on(Board(demands, candidates, terms))


def _with_all(demands: Sequence[Demand], candidates: Sequence[Candidate]) -> list[Candidate]:
    wanted: dict[UUID, int] = {}
    for demand in demands:
        for sku_id, per_unit in demand.parts:
            wanted[sku_id] = wanted.get(sku_id, 0) + per_unit * demand.quantity
    needs = list(wanted.items())
    return [one for one in candidates if all(one.stock.get(sku_id, 0) >= units for sku_id, units in needs)]


def _is_plain(candidates: Sequence[Candidate], terms: Terms) -> bool:
    """Whether nothing makes a plan cheaper than what it is paid for: no margin gained, no markdown saved."""
    return terms.weights == WEIGHTS and not any(one.markdown_minor or one.margin_minor for one in candidates)


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
