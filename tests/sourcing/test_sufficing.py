"""The shorter way answers what the whole search does (PRM-04); pure."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.sourcing.domain import Candidate, Demand, Terms, choose
from batuta.sourcing.domain.search.sufficing import alone
from tests.sourcing.test_properties import PARTS, candidates


@st.composite
def wanted(draw: st.DrawFn) -> list[Demand]:
    several = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
    return [Demand(parts=parts, quantity=draw(st.integers(1, 3)), weight_g=200, length_mm=50) for parts in several]


def bare(one: Candidate) -> Candidate:
    """Without what the shorter way leaves to the search."""
    return msgspec.structs.replace(one, claimed={})


plain = st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True).flatmap(
    lambda numbers: st.tuples(*(candidates(n).map(bare) for n in numbers))
)


@settings(max_examples=300)
@given(demands=wanted(), places=plain, penalty=st.integers(0, 30), splits=st.integers(0, 4))
def test_what_one_location_answers_is_what_the_search_answers(
    demands: Sequence[Demand], places: Sequence[Candidate], penalty: int, splits: int
) -> None:
    terms = Terms(split_penalty_minor=penalty, max_splits=splits)
    whole = alone(demands, places, terms)
    choice = choose(demands, places, terms)

    if whole is not None:
        assert choice is not None
        (shipment,) = choice.shipments
        assert (shipment.location_id, shipment.service_id) == (whole[0].location_id, whole[1] and whole[1].service_id)
        assert dict(shipment.units) == {one.parts: one.quantity for one in demands}
