"""Plans with another location in them are priced as any plan is, however much is kept of what was priced before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.sourcing.domain.alternatives import Alternatives
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import Candidate, Demand, Terms, placement_of, units_in
from batuta.sourcing.domain.search.choosing import choose_on
from tests.sourcing.test_properties import cases, steep_cases


@settings(max_examples=200, deadline=None)
@given(cases() | steep_cases(), st.data())
def test_a_plan_that_lost_costs_what_its_placement_costs(
    case: tuple[list[Demand], list[Candidate], Terms], data: st.DataObject
) -> None:
    """SRC-12: the cheaper of the whole order from there, and the choice with the line's units from there."""
    demands, candidates, terms = case
    board = Board(demands, candidates, terms)
    choice = choose_on(board)
    if choice is None:
        return
    others = Alternatives(board, choice)
    chosen = placement_of(choice.shipments)
    for demand in demands:
        all_sources = [(at, units[demand.parts]) for at, units in chosen.items() if units.get(demand.parts)]
        # A line may have only a part of the units of its demand.
        sources = [(at, data.draw(st.integers(1, units))) for at, units in all_sources]
        for one in candidates:
            if one.location_id in {at for at, _ in sources} or one.location_id not in board.by_location:
                continue
            placement = {at: dict(units) for at, units in chosen.items()}
            here = placement.setdefault(one.location_id, {})
            stock = dict(one.stock)
            for parts, count in here.items():
                for sku_id, per_unit in parts:
                    stock[sku_id] = stock.get(sku_id, 0) - per_unit * count
            left = max(0, units_in(stock, demand.parts))
            for at, quantity in sources:
                units = min(quantity, left)
                left -= units
                placement[at][demand.parts] -= units
                here[demand.parts] = here.get(demand.parts, 0) + units
            expected = [board.costs_of(placement), board.costs_alone(one.location_id)]
            weighed = [costs.weighed(terms.weights) for costs in expected if costs is not None]

            found = others.cheapest_with(demand.parts, sources, one)

            assert (found is None) == (not weighed)
            if found is not None:
                costs, difference_minor = found
                assert costs.weighed(terms.weights) == min(weighed)
                assert costs in expected
                assert difference_minor == (min(weighed) - choice.costs.weighed(terms.weights)) // 100
