"""Laws of the search (SRC-03, SRC-04): no placement of the units is cheaper than the one it chooses."""

from random import Random
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.kernel.addresses import Address
from batuta.sourcing.domain import (
    Candidate,
    Demand,
    Good,
    Known,
    Lane,
    Plan,
    Shelf,
    Site,
    SourcingLine,
    SourcingRequest,
    Terms,
    Verdict,
    choose,
    decide_all,
    explain,
)
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.branching import Branching
from batuta.sourcing.domain.search.candidates import ANY_AMOUNT, Weights
from batuta.sourcing.domain.search.covering import Cover, Relaxed
from batuta.sourcing.domain.search.grid import whole_grid
from batuta.sourcing.domain.search.tariffs import NEVER
from batuta.sourcing.domain.search.thinning import thinned
from benchmarks.brute_force import brute_force, fits, key_of
from tests.making import NOW

SKUS = [UUID(int=n) for n in range(1, 4)]
PARTS = [((sku_id, 1),) for sku_id in SKUS] + [((SKUS[0], 2),), ((SKUS[0], 1), (SKUS[1], 1))]
SERVICES = [UUID(int=100 + n) for n in range(3)]

small = st.integers(0, 6)
hands = st.just(ANY_AMOUNT) | st.just(ANY_AMOUNT) | st.integers(1, 5)
worths: st.SearchStrategy[dict[UUID, int]] = st.just({}) | st.fixed_dictionaries(dict.fromkeys(SKUS, st.integers(0, 4)))
weights = st.just(Weights()) | st.builds(
    Weights, **dict.fromkeys(msgspec.structs.asdict(Weights()), st.sampled_from([0, 50, 100, 300]))
)


@st.composite
def lanes(draw: st.DrawFn) -> Lane:
    tops_g = draw(
        st.lists(st.sampled_from([1, 100, 250, 400, 700, 1000, 3000, 9000]), min_size=1, max_size=3, unique=True)
    )
    return Lane(
        service_id=draw(st.sampled_from(SERVICES)),
        length_max_mm=draw(st.sampled_from([100, 1000])),
        steps=tuple((weight_g, draw(st.sampled_from([0, 1, 2, 3, 5, 8, 13, 40]))) for weight_g in sorted(tops_g)),
        late_tenths=draw(st.sampled_from([0, 0, 1, 3])),
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
        packaging_minor=draw(st.integers(0, 2)),
        packaging_unit_minor=draw(st.integers(0, 2)),
        scarcity_minor=draw(worths),
        markdown_minor=draw(worths),
        margin_minor=draw(worths),
        pieces_max=draw(hands),
        lines_max=draw(hands),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Demand], list[Candidate], Terms]:
    demands = [
        Demand(
            parts=parts,
            quantity=draw(st.integers(1, 3)),
            weight_g=draw(st.sampled_from([0, 1, 120, 300, 900])),
            length_mm=draw(st.sampled_from([50, 500])),
            late_tenth_minor=draw(st.sampled_from([0, 0, 1, 4])),
            lines=draw(st.sampled_from([1, 1, 2])),
        )
        for parts in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
    ]
    places = [draw(candidates(n)) for n in range(draw(st.integers(1, 4)))]
    terms = Terms(
        split_penalty_minor=draw(small),
        max_splits=draw(st.integers(0, 3)),
        steps_max=100_000_000,
        weights=draw(weights),
    )
    return demands, places, terms


@st.composite
def steep_cases(draw: st.DrawFn) -> tuple[list[Demand], list[Candidate], Terms]:
    """Much stock everywhere and one tariff that jumps: here it pays to split what one location could send."""
    tops_g = draw(st.lists(st.sampled_from([200, 400, 500, 800, 1200, 2000]), min_size=1, max_size=4, unique=True))
    steps = tuple((weight_g, draw(st.sampled_from([1, 4, 9, 20, 90]))) for weight_g in sorted(tops_g))
    lane = Lane(service_id=SERVICES[0], length_max_mm=1000, steps=steps)
    demands = [
        Demand(
            parts=((sku_id, 1),),
            quantity=draw(st.integers(1, 4)),
            weight_g=draw(st.sampled_from([100, 200])),
            length_mm=9,
        )
        for sku_id in SKUS[: draw(st.integers(1, 2))]
    ]
    places = [
        Candidate(
            location_id=UUID(int=1000 + n),
            code=f"L{n}",
            handling_order_minor=draw(st.integers(0, 2)),
            handling_unit_minor=draw(st.integers(0, 2)),
            stock=dict.fromkeys(SKUS, draw(st.integers(2, 4))),
            claimed=dict.fromkeys(SKUS, draw(st.integers(0, 1))),
            lanes=(lane,),
            pieces_max=draw(hands),
        )
        for n in range(draw(st.integers(2, 4)))
    ]
    return demands, places, Terms(split_penalty_minor=draw(st.integers(0, 3)), max_splits=3, steps_max=100_000_000)


@settings(max_examples=300, deadline=None)
@given(cases() | steep_cases())
def test_the_search_equals_brute_force(case: tuple[list[Demand], list[Candidate], Terms]) -> None:
    demands, places, terms = case

    choice = choose(demands, places, terms)

    expected = brute_force(demands, places, terms)
    if expected is None:
        assert choice is None
    else:
        assert choice is not None
        assert not choice.is_greedy
        assert key_of(choice, places, terms) == expected


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases(), st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_choice(
    case: tuple[list[Demand], list[Candidate], Terms], chance: Random
) -> None:
    demands, places, terms = case
    shuffled = chance.sample(places, len(places))

    assert choose(chance.sample(demands, len(demands)), shuffled, terms) == choose(demands, places, terms)


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases())
def test_the_greedy_answer_of_a_search_cut_off_is_whole_and_never_cheaper(
    case: tuple[list[Demand], list[Candidate], Terms],
) -> None:
    demands, places, terms = case

    cut_off = choose(demands, places, msgspec.structs.replace(terms, steps_max=1))

    exact = choose(demands, places, terms)
    if cut_off is None:
        assert exact is None or len(exact.shipments) > 0
        return
    assert exact is not None
    assert cut_off.is_greedy or key_of(cut_off, places, terms) == key_of(exact, places, terms)
    assert key_of(cut_off, places, terms) >= key_of(exact, places, terms)
    sent = {one.parts: 0 for one in demands}
    by_parts = {one.parts: one for one in demands}
    by_location = {place.location_id: place for place in places}
    for shipment in cut_off.shipments:
        assert fits(by_location[shipment.location_id], [(by_parts[parts], units) for parts, units in shipment.units])
        for parts, units in shipment.units:
            sent[parts] += units
    assert sent == {one.parts: one.quantity for one in demands}


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases(), st.data())
def test_no_location_that_lost_would_have_been_cheaper(
    case: tuple[list[Demand], list[Candidate], Terms], data: st.DataObject
) -> None:
    """Each line is a part of one demand's units; every location is in its decision with a reason (SRC-12)."""
    demands, places, terms = case
    order_id = UUID(int=1)
    lines = []
    for n, one in enumerate(demands):
        part = data.draw(st.integers(1, one.quantity))
        for half, units in ((0, part), (1, one.quantity - part)):
            if units:
                line_id = UUID(int=10 * n + half + 1)
                lines.append(SourcingLine(line_id=line_id, components=one.parts, quantity=units))
    request = SourcingRequest(
        order_id=order_id,
        lines=tuple(lines),
        destination=Address(street=["1"], city="Madrid", country="ES"),
        currency="EUR",
        split_penalty_minor=terms.split_penalty_minor,
        max_splits=terms.max_splits,
    )
    known = Known(
        now=NOW,
        goods=dict.fromkeys(SKUS, Good(weight_g=data.draw(st.sampled_from([0, 120, 900])), length_mm=50)),
        sites={place.location_id: site_of(place) for place in places},
        shelves={
            (sku_id, place.location_id): Shelf(on_hand=units, room=units)
            for place in places
            for sku_id, units in place.stock.items()
        },
        holders={sku_id: [place.location_id for place in places] for sku_id in SKUS},
        claims={},
        lanes={(order_id, place.location_id): place.lanes or () for place in places},
        sites_active=len(places) + 3,
    )

    (draft,) = decide_all([request], known)

    for decision in draft.decisions:
        assert {one.location_id for one in decision.considered} == {place.location_id for place in places}
        assert decision.elsewhere == 3
        for seen in decision.considered:
            assert (seen.verdict is Verdict.EXCLUDED) == (seen.rule is not None)
            assert (seen.verdict is Verdict.DEARER) == (seen.difference_minor is not None)
            assert seen.difference_minor is None or seen.difference_minor >= 0
        assert all(explain(decision, locale) for locale in ("es", "en"))
    if isinstance(draft.answer, Plan):
        assert sum(one.price_minor for one in draft.answer.assignments) == draft.answer.costs.freight_minor
        for line in request.lines:
            pieces = [one for one in draft.answer.assignments if one.line_id == line.line_id]
            for sku_id, per_unit in line.components:
                assert sum(one.quantity for one in pieces if one.sku_id == sku_id) == per_unit * line.quantity
            whole = {(one.location_id, one.quantity // dict(line.components)[one.sku_id]) for one in pieces}
            assert len(whole) == len({one.location_id for one in pieces}), "a unit travels whole"


def site_of(place: Candidate) -> Site:
    return Site(
        location_id=place.location_id,
        code=place.code,
        name=place.code,
        currency="EUR",
        abilities=frozenset({"ship"}),
        opens_at=NOW,
        handling_order_minor=place.handling_order_minor,
        handling_unit_minor=place.handling_unit_minor,
    )


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases())
def test_the_search_of_orders_too_large_for_tables_equals_brute_force(
    case: tuple[list[Demand], list[Candidate], Terms],
) -> None:
    demands, places, terms = case
    board = Board(demands, places, terms)
    expected = brute_force(demands, places, terms)
    if any(sum(place.stock[j] for place in board.places) < one.quantity for j, one in enumerate(board.demands)):
        assert expected is None
        return

    search = Branching(board, None, steps_max=1_000_000)

    assert search.run()
    if expected is None:
        assert not search.best
    else:
        assert key_of(board.choice_of(search.best, is_greedy=False), places, terms) == expected


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases())
def test_bounds_that_count_lots_lead_to_the_cheapest_plan_too(
    case: tuple[list[Demand], list[Candidate], Terms],
) -> None:
    demands, places, terms = case
    expected = brute_force(demands, places, terms)
    board = Board(demands, places, terms)
    grid = whole_grid(board, cells_max=terms.steps_max) if board.stock.any(axis=0).all() else None
    if grid is None:
        assert expected is None
        return

    cover = Cover(grid, Relaxed(grid, grid.quantities), grid.keys, grid.least_units)
    best = cover.walk(below=NEVER, cells_max=terms.steps_max)

    if expected is None:
        assert not best
    else:
        placed = {grid.places[i]: grid.units[part].tolist() for i, part in best.items()}
        assert key_of(board.choice_of(placed, is_greedy=False), places, terms) == expected
        assert cover.least <= cover.best_key


@settings(max_examples=150, deadline=None)
@given(cases() | steep_cases())
def test_places_that_a_sketch_shuts_out_are_in_no_plan_worth_having(
    case: tuple[list[Demand], list[Candidate], Terms],
) -> None:
    demands, places, terms = case
    board = Board(demands, places, terms)
    choice = choose(demands, places, terms)
    if choice is None:
        return
    placed = board.placed_of({one.location_id: dict(one.units) for one in choice.shipments})
    assert placed is not None

    kept, better = thinned(board, list(range(len(board.places))), None)

    assert set(placed) <= set(kept) or better == placed
    if better is not None:
        assert (board.key_of(better) or 0) >= (board.key_of(placed) or 0)
