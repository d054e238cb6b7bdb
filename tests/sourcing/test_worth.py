"""Parts of orders that are worth too little, and places that are rather not used: still the cheapest plan (SRC-03)."""

from itertools import product

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.sourcing.domain import Candidate, Demand, Terms, choose
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import TIES, Tie, placement_of
from benchmarks.brute_force import fits
from tests.sourcing.test_properties import steep_cases


@settings(max_examples=150, deadline=None)
@given(
    steep_cases().filter(lambda case: sum(one.quantity for one in case[0]) * len(case[1]) <= 12),
    st.integers(0, 6),
    st.permutations(list(TIES)),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
)
def test_the_search_is_exact_under_the_terms_of_a_strategy(
    case: tuple[list[Demand], list[Candidate], Terms], least: int, ties: list[Tie], penalties: list[int]
) -> None:
    demands, places, terms = case
    demands = [msgspec.structs.replace(one, value_minor=n + 1) for n, one in enumerate(demands)]
    places = [
        msgspec.structs.replace(one, preference_minor=minor) for one, minor in zip(places, penalties, strict=False)
    ]
    terms = msgspec.structs.replace(terms, shipment_value_least_minor=least, ties=tuple(ties))
    board = Board(demands, places, terms)
    parts = list(product(*(range(demand.quantity + 1) for demand in board.demands)))
    keys = []
    for spread in product(parts, repeat=len(board.places)):
        sums = [sum(units) for units in zip(*spread, strict=True)]
        if sums == [demand.quantity for demand in board.demands]:
            placed = {i: list(units) for i, units in enumerate(spread) if any(units)}
            is_there = all(
                all(has >= n for has, n in zip(board.places[i].stock, units, strict=True))
                and fits(board.places[i].candidate, list(zip(board.demands, units, strict=True)))
                for i, units in placed.items()
            )
            values = [
                sum(n * demand.value_minor for n, demand in zip(units, board.demands, strict=True))
                for units in placed.values()
            ]
            if is_there and len(placed) <= board.places_max and (len(placed) == 1 or min(values) >= least):
                key = board.key_of(placed)
                assert key is not None
                keys.append(key)
    choice = choose(demands, places, terms)
    if choice is None:
        assert not keys
    else:
        placed_by_search = board.placed_of(placement_of(choice.shipments))
        assert placed_by_search is not None
        assert board.key_of(placed_by_search) == min(keys)
