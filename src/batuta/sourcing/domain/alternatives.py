"""What an order would cost with another location in its plan, asked for every location and every line.

Thousands of these are priced for each order that is decided, and most share all shipments but two: what a location's
part costs is kept.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import NOTHING, Candidate, Choice, Costs, Parts, placement_of, units_in

Units = tuple[int, ...]
"""Units of each of the board's demands."""


class Alternatives:
    """The plans that lost to a choice. sent: units by place of the board, as chosen."""

    def __init__(self, board: Board, choice: Choice) -> None:
        self.board, self.choice = board, choice
        self._weighed = choice.costs.weighed(board.terms.weights)
        placed = board.placed_of(placement_of(choice.shipments)) or {}
        self.sent: dict[int, Units] = {i: tuple(units) for i, units in placed.items()}
        self._number = {demand.parts: j for j, demand in enumerate(board.demands)}
        self._whole: Units = tuple(demand.quantity for demand in board.demands)
        self._none: Units = (0,) * len(self._whole)
        self._costs: dict[tuple[int, Units], Costs | None] = {}
        self._left: dict[tuple[int, int], int] = {}

    def cheapest_with(
        self, parts: Parts, sources: Sequence[tuple[UUID, int]], candidate: Candidate
    ) -> tuple[Costs, int] | None:
        """The cheaper of two plans with the candidate, and by how many cents it is dearer than the choice.

        All of the order from there, or the choice with as many of the line's units as it has left coming from there;
        None when it can send neither. sources: where the line's units come from now.
        """
        i = self.board.by_location.get(candidate.location_id)
        if i is None:
            return None
        weights = self.board.terms.weights
        found = [self._of(self._swapped(i, self._number[parts], sources, candidate)), self._alone(i)]
        priced = [(costs.weighed(weights), costs) for costs in found if costs is not None]
        if not priced:
            return None
        weighed, costs = min(priced, key=lambda one: one[0])
        return costs, (weighed - self._weighed) // 100

    def cheapest_whole(self) -> tuple[UUID, int] | None:
        """The location that would send all of the order at the least cost, and by how many cents that is dearer."""
        weights = self.board.terms.weights
        ids = [place.candidate.location_id for place in self.board.places]
        whole = [(costs.weighed(weights), at) for at in ids if (costs := self.board.costs_alone(at)) is not None]
        if not whole:
            return None
        weighed, at = min(whole, key=lambda one: one[0])
        return at, (weighed - self._weighed) // 100

    def _swapped(
        self, i: int, j: int, sources: Sequence[tuple[UUID, int]], candidate: Candidate
    ) -> Mapping[int, Units]:
        """The choice, with units of the line coming from the place as far as it has any left."""
        left = self._left_at(i, j, candidate)
        changed = dict(self.sent)
        for location_id, quantity in sources:
            units = min(quantity, left)
            left -= units
            source = self.board.by_location[location_id]
            changed[source] = _more(changed[source], j, -units)
            changed[i] = _more(changed.get(i, self._none), j, units)
        return changed

    def _left_at(self, i: int, j: int, candidate: Candidate) -> int:
        """How many units more of the demand the place could send, beside what it sends already."""
        if (i, j) not in self._left:
            stock = dict(candidate.stock)
            for demand, count in zip(self.board.demands, self.sent.get(i, self._none), strict=True):
                for sku_id, per_unit in demand.parts if count else ():
                    stock[sku_id] = stock.get(sku_id, 0) - per_unit * count
            self._left[i, j] = max(0, units_in(stock, self.board.demands[j].parts))
        return self._left[i, j]

    def _alone(self, i: int) -> Costs | None:
        """All of the order from one place."""
        return self.board.costs_alone(self.board.places[i].candidate.location_id)

    def _of(self, placed: Mapping[int, Units]) -> Costs | None:
        sending = [(i, units) for i, units in placed.items() if any(units)]
        if len(sending) > self.board.places_max:
            return None
        found = NOTHING
        for one in sending:
            if one not in self._costs:
                self._costs[one] = self.board.costs_at(*one)
            costs = self._costs[one]
            if costs is None:
                return None
            found = found.plus(costs)
        split_minor = self.board.terms.split_penalty_minor * (len(sending) - 1)
        return msgspec.structs.replace(found, split_minor=split_minor) if split_minor else found


def _more(units: Units, j: int, count: int) -> Units:
    return (*units[:j], units[j] + count, *units[j + 1 :])
