"""The benchmark of sourcing on instances of a size for tests."""

import msgspec
import pytest

from benchmarks import sourcing
from benchmarks.sourcing_instances import Size, pool_of

SMALL = Size(name="small", orders=30, locations=10, seconds=2)


@pytest.mark.parametrize("changes", [{}, {"is_tight": False}, {"has_capacity": True}], ids=["tight", "ample", "hands"])
def test_a_batch_costs_no_more_than_any_other_way_to_plan_and_no_less_than_its_bound(changes: dict[str, bool]) -> None:
    size = msgspec.structs.replace(SMALL, **changes)

    row = sourcing._measured(size.name, pool_of(size), size.seconds)

    assert row["lower_bound"] - 0.1 <= row["batch_cost"] <= row["exact_cost"]
    assert row["orders"] == 30


def test_the_same_seed_makes_the_same_instance() -> None:
    assert pool_of(SMALL) == pool_of(SMALL)
    assert pool_of(SMALL) != pool_of(msgspec.structs.replace(SMALL, seed=2))


def test_orders_are_timed_and_told_exact_or_not() -> None:
    timed = sourcing._timed(Size(name="timed", orders=20, locations=10, lines=2))

    assert timed["orders"] == 20
    assert 0 < timed["p50_ms"] <= timed["p99_ms"]
    assert timed["exact_share"] == 1.0
