"""A shorter way to the same choice: where some locations have all of an order, most others need not be looked at.

When the cheapest of these alone costs less than any two locations must, it is the cheapest of all plans. It is priced
as the search prices it; where the bound does not tell, the search is asked over all candidates.
"""

from collections.abc import Sequence
from uuid import UUID

from batuta.sourcing.domain.board import Board
from batuta.sourcing.domain.candidates import WEIGHTS, Candidate, Choice, Demand, Terms
from batuta.sourcing.domain.search import choose_on


def choose_among(demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> Choice | None:
    """What `choose` answers."""
    whole = _with_all(demands, candidates) if _is_plain(candidates, terms) else []
    if whole:
        choice = _alone(Board(demands, whole, terms))
        bound = _two_at_least_minor(demands, candidates, terms)
        if choice is not None and (bound is None or choice.costs.total_minor < bound):
            return choice
    return choose_on(Board(demands, candidates, terms))


def _alone(board: Board) -> Choice | None:
    """The cheapest of the places that send all of it; each has it."""
    asked = [demand.quantity for demand in board.demands]
    keyed = [(key, i) for i in range(len(board.places)) if (key := board.key_of({i: asked})) is not None]
    return board.choice_of({min(keyed)[1]: asked}, is_greedy=False) if keyed else None


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
