"""Laws of half-open periods."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import Invalid
from batuta.kernel.periods import Period

START = datetime(2026, 3, 2, tzinfo=UTC)
instants = st.integers(min_value=0, max_value=40).map(lambda hours: START + timedelta(hours=hours))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    from_at = draw(instants)
    hours = draw(st.none() | st.integers(min_value=1, max_value=20))
    return Period(from_at, None if hours is None else from_at + timedelta(hours=hours))


@given(period=periods())
def test_the_first_instant_is_inside_and_the_last_is_not(period: Period) -> None:
    assert period.covers(period.from_at)
    assert not period.covers(period.from_at - timedelta(microseconds=1))
    if period.until_at is not None:
        assert not period.covers(period.until_at)
        assert period.covers(period.until_at - timedelta(microseconds=1))
    else:
        assert period.covers(START + timedelta(days=36_500))


@given(one=periods(), other=periods())
def test_two_periods_overlap_when_some_instant_is_in_both(one: Period, other: Period) -> None:
    is_shared = any(
        one.covers(START + timedelta(hours=hours)) and other.covers(START + timedelta(hours=hours))
        for hours in range(61)
    )

    assert one.overlaps(other) == other.overlaps(one) == is_shared
    assert one.overlaps(one)


@given(first=instants, middle=instants, last=instants)
def test_a_period_that_follows_another_does_not_overlap_it(first: datetime, middle: datetime, last: datetime) -> None:
    first, middle, last = sorted((first, middle, last))
    if first < middle < last:
        assert not Period(first, middle).overlaps(Period(middle, last))
        assert not Period(first, middle).overlaps(Period(middle))


@given(from_at=instants, until_at=instants)
def test_a_period_ends_after_it_begins(from_at: datetime, until_at: datetime) -> None:
    if until_at <= from_at:
        with pytest.raises(Invalid):
            Period(from_at, until_at)
    else:
        assert Period(from_at, until_at).until_at == until_at


def test_a_period_without_time_zone_is_invalid() -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001

    with pytest.raises(Invalid):
        Period(naive)
    with pytest.raises(Invalid):
        Period(START, naive)
