"""Laws of calendars, in zones that change their clocks in every way."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.addresses import Address
from batuta.locations.domain import WEEKDAYS, Location, LocationKind, add_open_minutes, is_open, next_open, open_periods

zones = st.sampled_from(
    ["Europe/Madrid", "Atlantic/Canary", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"]
)
moments = st.datetimes(
    min_value=datetime(2015, 1, 1),  # noqa: DTZ001
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@st.composite
def shifts(draw: st.DrawFn) -> list[tuple[str, str]]:
    quarters = sorted(draw(st.sets(st.integers(min_value=0, max_value=96), max_size=6)))
    times = [f"{quarter // 4:02d}:{quarter % 4 * 15:02d}" for quarter in quarters]
    return list(zip(times[::2], times[1::2], strict=False))


@st.composite
def locations(draw: st.DrawFn) -> Location:
    return Location(
        id=UUID(int=1),
        code="L",
        name="L",
        kind=LocationKind.STORE,
        legal_entity_id=UUID(int=2),
        address=Address(street=["x"], city="x", country="ES"),
        time_zone=draw(zones),
        currency="EUR",
        hours=draw(st.dictionaries(st.sampled_from(WEEKDAYS), shifts())),
        holiday_calendar=draw(st.sampled_from([None, "ES-MD", "BR"])),
    )


@given(location=locations(), day=st.dates(min_value=date(2015, 1, 1), max_value=date(2030, 1, 1)))
def test_periods_of_a_day_come_in_order_do_not_overlap_and_are_of_that_day(location: Location, day: date) -> None:
    periods = open_periods(location, day)

    for period in periods:
        assert period.until_at is not None
        assert period.from_at < period.until_at <= period.from_at + timedelta(hours=25)
    for before, after in itertools.pairwise(periods):
        assert before.from_at < after.from_at


@given(location=locations(), at=moments)
def test_it_is_open_at_the_next_opening_and_closed_until_then(location: Location, at: datetime) -> None:
    opens = next_open(location, at)

    if opens is None:
        assert not is_open(location, at)
        return
    assert opens >= at
    assert is_open(location, opens)
    assert is_open(location, at) == (opens == at)
    assert next_open(location, opens) == opens
    assert not is_open(location, at + (opens - at) / 2) or opens == at


@given(
    location=locations(),
    at=moments,
    first=st.integers(min_value=1, max_value=3_000),
    second=st.integers(min_value=1, max_value=3_000),
)
def test_open_minutes_add_up(location: Location, at: datetime, first: int, second: int) -> None:
    halfway = add_open_minutes(location, at, first)
    end = add_open_minutes(location, at, first + second)

    if halfway is not None and end is not None:
        assert add_open_minutes(location, halfway, second) == end
        assert end - at >= timedelta(minutes=first + second)
        assert halfway < end
