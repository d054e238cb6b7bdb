"""The shorter way answers what the whole search does (PRM-04); pure."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.sourcing.domain import Candidate, Demand, Terms, choose
from batuta.sourcing.domain.sufficing import choose_among
from tests.sourcing.test_properties import PARTS, candidates


@st.composite
def wanted(draw: st.DrawFn) -> list[Demand]:
    several = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
    return [Demand(parts=parts, quantity=draw(st.integers(1, 3)), weight_g=200, length_mm=50) for parts in several]


plain = st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True).flatmap(
    lambda numbers: st.tuples(*(candidates(n) for n in numbers))
)


@settings(max_examples=300)
@given(demands=wanted(), places=plain, penalty=st.integers(0, 30), splits=st.integers(0, 4))
def test_what_few_candidates_answer_is_what_all_answer(
    demands: Sequence[Demand], places: Sequence[Candidate], penalty: int, splits: int
) -> None:
    terms = Terms(split_penalty_minor=penalty, max_splits=splits)

    assert choose_among(demands, places, terms) == choose(demands, places, terms)
