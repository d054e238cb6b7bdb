"""Laws of ids."""

import random
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.ids import child_id, id_from, new_id

_MILLISECONDS = 253_370_764_800_000  # of the year 9999
moments = st.integers(min_value=0, max_value=_MILLISECONDS).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)
names = st.lists(st.text(max_size=20), max_size=4)


@given(at=moments, seed=st.integers())
def test_a_new_id_is_a_uuid_of_version_7_that_tells_its_millisecond(at: datetime, seed: int) -> None:
    made = new_id(at, random.Random(seed))

    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(at=moments, seed=st.integers())
def test_the_same_moment_and_chance_make_the_same_id(at: datetime, seed: int) -> None:
    assert new_id(at, random.Random(seed)) == new_id(at, random.Random(seed))


@given(at=moments, later=st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=9)))
def test_later_ids_sort_after_earlier_ones(at: datetime, later: timedelta) -> None:
    chance = random.Random(7)

    assert new_id(at, chance) < new_id(min(at + later, datetime.max.replace(tzinfo=UTC)), chance)


def test_one_millisecond_holds_many_ids() -> None:
    chance, at = random.Random(1), datetime(2026, 3, 2, tzinfo=UTC)

    assert len({new_id(at, chance) for _ in range(10_000)}) == 10_000


@given(at=moments, seed=st.integers(), names=names)
def test_a_child_is_always_the_same_and_lies_beside_its_parent(at: datetime, seed: int, names: list[str]) -> None:
    parent = new_id(at, random.Random(seed))
    child = child_id(parent, *names)

    assert child == child_id(parent, *names)
    assert (child.version, child.variant) == (7, RFC_4122)
    assert child.int >> 80 == parent.int >> 80
    assert child != parent


@given(first=names, second=names)
def test_children_of_other_names_are_others(first: list[str], second: list[str]) -> None:
    parent = UUID("0195f2a0-0000-7000-8000-000000000000")

    assert (child_id(parent, *first) == child_id(parent, *second)) == (first == second)


@given(parents=st.lists(st.integers(min_value=0, max_value=2**32), min_size=2, max_size=2, unique=True), name=st.text())
def test_children_of_other_parents_are_others(parents: list[int], name: str) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    one, other = (new_id(at, random.Random(seed)) for seed in parents)

    assert child_id(one, name) != child_id(other, name)


def test_names_are_told_apart_wherever_they_are_parted() -> None:
    parent = UUID("0195f2a0-0000-7000-8000-000000000000")

    assert child_id(parent, "ab", "c") != child_id(parent, "a", "bc")
    assert child_id(parent, 1, 2) == child_id(parent, "1", "2")


@given(text=st.text(), at=moments)
def test_an_import_repeated_makes_the_same_ids(text: str, at: datetime) -> None:
    made = id_from(text, at)

    assert made == id_from(text, at)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made != id_from(text + ".", at)
