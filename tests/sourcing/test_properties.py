"""Laws of the search (SRC-03, SRC-04): no placement of the units is cheaper than the one it chooses."""

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.kernel.addresses import Address
from batuta.sourcing.domain import (
    Candidate,
    Choice,
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
from batuta.sourcing.domain.candidates import units_in
from tests.making import NOW

SKUS = [UUID(int=n) for n in range(1, 4)]
PARTS = [((sku_id, 1),) for sku_id in SKUS] + [((SKUS[0], 2),), ((SKUS[0], 1), (SKUS[1], 1))]
SERVICES = [UUID(int=100 + n) for n in range(3)]

small = st.integers(0, 6)


@st.composite
def lanes(draw: st.DrawFn) -> Lane:
    weights = draw(
        st.lists(st.sampled_from([1, 100, 250, 400, 700, 1000, 3000, 9000]), min_size=1, max_size=3, unique=True)
    )
    return Lane(
        service_id=draw(st.sampled_from(SERVICES)),
        length_max_mm=draw(st.sampled_from([100, 1000])),
        steps=tuple((weight_g, draw(st.sampled_from([0, 1, 2, 3, 5, 8, 13, 40]))) for weight_g in sorted(weights)),
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
            parts=parts,
            quantity=draw(st.integers(1, 3)),
            weight_g=draw(st.sampled_from([0, 1, 120, 300, 900])),
            length_mm=draw(st.sampled_from([50, 500])),
        )
        for parts in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
    ]
    places = [draw(candidates(n)) for n in range(draw(st.integers(1, 4)))]
    terms = Terms(split_penalty_minor=draw(small), max_splits=draw(st.integers(0, 3)), steps_max=1_000_000)
    return demands, places, terms


@st.composite
def steep_cases(draw: st.DrawFn) -> tuple[list[Demand], list[Candidate], Terms]:
    """Much stock everywhere and one tariff that jumps: here it pays to split what one location could send."""
    weights = draw(st.lists(st.sampled_from([200, 400, 500, 800, 1200, 2000]), min_size=1, max_size=4, unique=True))
    steps = tuple((weight_g, draw(st.sampled_from([1, 4, 9, 20, 90]))) for weight_g in sorted(weights))
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
        )
        for n in range(draw(st.integers(2, 4)))
    ]
    return demands, places, Terms(split_penalty_minor=draw(st.integers(0, 3)), max_splits=3, steps_max=1_000_000)


def spreads(units: int, stocks: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every way to take `units` from the stocks."""
    for counts in product(*(range(min(units, stock) + 1) for stock in stocks)):
        if sum(counts) == units:
            yield counts


def brute_force(demands: Sequence[Demand], places: Sequence[Candidate], terms: Terms) -> tuple[int, ...] | None:
    """The least (cost, locations, moved units, kilometres, ranks) over every placement there is; written apart."""
    best: tuple[int, ...] | None = None
    ways = (list(spreads(one.quantity, [units_in(place.stock, one.parts) for place in places])) for one in demands)
    for placement in product(*ways):
        used = [n for n in range(len(places)) if any(counts[n] for counts in placement)]
        if len(used) > terms.max_splits + 1 or not all(
            fits(places[n], [(one, counts[n]) for one, counts in zip(demands, placement, strict=True)]) for n in used
        ):
            continue
        cost, moved = terms.split_penalty_minor * (len(used) - 1), 0
        freights = []
        for n in used:
            units = [counts[n] for counts in placement]
            freights.append(freight(places[n], demands, units))
            cost += places[n].handling_order_minor + places[n].handling_unit_minor * sum(
                one.pieces * count for one, count in zip(demands, units, strict=True)
            )
            moved += sum(
                one.pieces * max(0, count - units_in(places[n].claimed, one.parts))
                for one, count in zip(demands, units, strict=True)
            )
        if any(one is None for one in freights):
            continue
        cost += sum(one for one in freights if one is not None)
        key = (cost, len(used), moved, sum(places[n].distance_m // 1000 for n in used), sum(used))
        best = min(best or key, key)
    return best


def fits(place: Candidate, sent: Sequence[tuple[Demand, int]]) -> bool:
    return all(
        sum(count * per_unit for one, count in sent for part_id, per_unit in one.parts if part_id == sku_id) <= units
        for sku_id, units in place.stock.items()
    )


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
        sum(per_unit for _, per_unit in parts) * max(0, count - units_in(by_id[one.location_id][1].claimed, parts))
        for one in choice.shipments
        for parts, count in one.units
    )
    return (
        choice.costs.total_minor,
        len(used),
        moved,
        sum(place.distance_m // 1000 for _, place in used),
        sum(n for n, _ in used),
    )


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
        assert key_of(choice, places) == expected


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
    assert cut_off.is_greedy or key_of(cut_off, places) == key_of(exact, places)
    assert key_of(cut_off, places) >= key_of(exact, places)
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
