"""Laws of the search (SRC-03, SRC-04): no placement of the units is cheaper than the one it chooses."""

from collections.abc import Iterator, Sequence
from itertools import product
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.sourcing.domain.candidates import Candidate, Choice, Demand, Lane, Terms
from batuta.sourcing.domain.search import choose

SKUS = [UUID(int=n) for n in range(1, 4)]
SERVICES = [UUID(int=100 + n) for n in range(3)]

small = st.integers(0, 6)


@st.composite
def lanes(draw: st.DrawFn) -> Lane:
    weights = draw(st.lists(st.sampled_from([1, 100, 250, 400, 700, 1000, 3000]), min_size=1, max_size=3, unique=True))
    return Lane(
        service_id=draw(st.sampled_from(SERVICES)),
        length_max_mm=draw(st.sampled_from([100, 1000])),
        steps=tuple((weight_g, draw(st.integers(0, 12))) for weight_g in sorted(weights)),
    )


@st.composite
def candidates(draw: st.DrawFn, n: int) -> Candidate:
    return Candidate(
        location_id=UUID(int=1000 + n),
        code=f"L{n}",
        handling_order_minor=draw(small),
        handling_unit_minor=draw(st.integers(0, 3)),
        stock={sku_id: draw(st.integers(0, 3)) for sku_id in SKUS},
        claimed={sku_id: draw(st.integers(0, 2)) for sku_id in SKUS},
        distance_m=draw(st.sampled_from([0, 5_000, 90_000])),
        lanes=draw(st.none() | st.lists(lanes(), max_size=2, unique_by=lambda lane: lane.service_id).map(tuple)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Demand], list[Candidate], Terms]:
    demands = [
        Demand(
            sku_id=sku_id,
            quantity=draw(st.integers(1, 3)),
            weight_g=draw(st.sampled_from([0, 1, 120, 300, 900])),
            length_mm=draw(st.sampled_from([50, 500])),
        )
        for sku_id in SKUS[: draw(st.integers(1, 3))]
    ]
    places = [draw(candidates(n)) for n in range(draw(st.integers(1, 4)))]
    terms = Terms(split_penalty_minor=draw(small), max_splits=draw(st.integers(0, 3)), steps_max=1_000_000)
    return demands, places, terms


def spreads(units: int, stocks: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every way to take `units` from the stocks."""
    for counts in product(*(range(min(units, stock) + 1) for stock in stocks)):
        if sum(counts) == units:
            yield counts


def brute_force(demands: Sequence[Demand], places: Sequence[Candidate], terms: Terms) -> tuple[int, ...] | None:
    """The least (cost, locations, moved units, kilometres, ranks) over every placement there is; written apart."""
    best: tuple[int, ...] | None = None
    ways = (list(spreads(one.quantity, [place.stock[one.sku_id] for place in places])) for one in demands)
    for placement in product(*ways):
        used = [n for n in range(len(places)) if any(counts[n] for counts in placement)]
        if len(used) > terms.max_splits + 1:
            continue
        cost, moved = terms.split_penalty_minor * (len(used) - 1), 0
        freights = []
        for n in used:
            units = [counts[n] for counts in placement]
            freights.append(freight(places[n], demands, units))
            cost += places[n].handling_order_minor + places[n].handling_unit_minor * sum(units)
            moved += sum(
                max(0, count - places[n].claimed[one.sku_id]) for one, count in zip(demands, units, strict=True)
            )
        if any(one is None for one in freights):
            continue
        cost += sum(one for one in freights if one is not None)
        key = (cost, len(used), moved, sum(places[n].distance_m // 1000 for n in used), sum(used))
        best = min(best or key, key)
    return best


def freight(place: Candidate, demands: Sequence[Demand], units: Sequence[int]) -> int | None:
    if place.lanes is None:
        return 0
    sent = [(one, count) for one, count in zip(demands, units, strict=True) if count]
    weight_g = max(1, sum(one.weight_g * count for one, count in sent))
    prices = []
    for lane in place.lanes:
        heaviest_g, heaviest_minor = lane.steps[-1]
        if all(one.weight_g <= heaviest_g and one.length_mm <= lane.length_max_mm for one, _ in sent):
            price, left_g = 0, weight_g
            while left_g > heaviest_g:
                price, left_g = price + heaviest_minor, left_g - heaviest_g
            prices.append(price + next(minor for up_to_g, minor in lane.steps if left_g <= up_to_g))
    return min(prices, default=None)


def key_of(choice: Choice, places: Sequence[Candidate]) -> tuple[int, ...]:
    by_id = {place.location_id: (n, place) for n, place in enumerate(places)}
    used = [by_id[one.location_id] for one in choice.shipments]
    moved = sum(
        max(0, count - by_id[one.location_id][1].claimed[sku_id])
        for one in choice.shipments
        for sku_id, count in one.units
    )
    return (
        choice.costs.total_minor,
        len(used),
        moved,
        sum(place.distance_m // 1000 for _, place in used),
        sum(n for n, _ in used),
    )


@settings(max_examples=400, deadline=None)
@given(cases())
def test_the_search_equals_brute_force(case: tuple[list[Demand], list[Candidate], Terms]) -> None:
    demands, places, terms = case

    choice = choose(demands, places, terms)

    expected = brute_force(demands, places, terms)
    if expected is None:
        assert choice is None
    else:
        assert choice is not None
        assert not choice.is_greedy
        assert key_of(choice, places) == expected
