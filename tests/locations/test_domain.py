"""When locations are open, over both daylight-saving changes."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from batuta.kernel.addresses import Address
from batuta.kernel.periods import Period
from batuta.locations.domain import (
    WEEKDAYS,
    BadLocation,
    ImplausibleLocation,
    Location,
    LocationKind,
    add_open_minutes,
    check_location,
    cut_off_at,
    is_open,
    local_day,
    next_open,
    open_periods,
    shifts_on,
)

MADRID = ZoneInfo("Europe/Madrid")
SPRING = date(2026, 3, 29)  # clocks jump from 02:00 to 03:00
AUTUMN = date(2026, 10, 25)  # clocks fall back from 03:00 to 02:00
ALWAYS = {key: [("00:00", "24:00")] for key in WEEKDAYS}

STORE = Location(
    id=UUID(int=1),
    code="MAD",
    name="Fuencarral",
    kind=LocationKind.STORE,
    legal_entity_id=UUID(int=2),
    address=Address(
        street=["Calle de Fuencarral 101"],
        city="Madrid",
        postal_code="28004",
        country="ES",
        latitude=40.4287,
        longitude=-3.7022,
    ),
    time_zone="Europe/Madrid",
    currency="EUR",
    hours={key: [("10:00", "14:00"), ("17:00", "20:30")] for key in ("mon", "tue", "wed", "thu", "fri")},
    holiday_calendar="ES-MD",
    cut_off="17:00",
)


def with_hours(*shifts: tuple[str, str], zone: str = "Europe/Madrid") -> Location:
    return msgspec.structs.replace(
        STORE, hours={key: list(shifts) for key in WEEKDAYS}, holiday_calendar=None, time_zone=zone
    )


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=MADRID)


def minutes_of(periods: list[Period]) -> int:
    return sum(int((period.until_at - period.from_at).total_seconds()) // 60 for period in periods if period.until_at)


def test_hours_are_local_wall_time_in_winter_and_in_summer() -> None:
    """PRM-01."""
    winter, summer = date(2026, 3, 27), date(2026, 3, 30)

    assert [period.from_at.hour for period in open_periods(STORE, winter)] == [9, 16]
    assert [period.from_at.hour for period in open_periods(STORE, summer)] == [8, 15]
    for day in (winter, summer):
        assert is_open(STORE, at(day, 10))
        assert not is_open(STORE, at(day, 14))
        assert not is_open(STORE, at(day, 9, 59))


def test_a_location_without_hours_is_closed_not_open() -> None:
    """PRM-03."""
    closed = msgspec.structs.replace(STORE, hours={})

    assert open_periods(closed, date(2026, 3, 2)) == []
    assert next_open(closed, at(date(2026, 3, 2), 10)) is None
    assert add_open_minutes(closed, at(date(2026, 3, 2), 10), 1) is None
    assert cut_off_at(closed, date(2026, 3, 2)) is None


def test_the_day_of_the_spring_change_has_23_hours_and_the_autumn_one_25() -> None:
    """PRM-01."""
    always = with_hours(("00:00", "24:00"))

    assert minutes_of(open_periods(always, SPRING)) == 23 * 60
    assert minutes_of(open_periods(always, AUTUMN)) == 25 * 60
    assert minutes_of(open_periods(always, date(2026, 6, 1))) == 24 * 60


@pytest.mark.parametrize(
    ("shift", "spring", "autumn"),
    [
        (("01:00", "04:00"), 120, 240),
        (("01:00", "02:30"), 60, 150),
        (("02:15", "02:45"), 0, 90),
        (("02:30", "05:00"), 120, 210),
        (("03:00", "05:00"), 120, 120),
        (("00:30", "02:00"), 90, 90 + 60),
    ],
)
def test_a_shift_across_a_change_lasts_as_long_as_people_are_there(
    shift: tuple[str, str], spring: int, autumn: int
) -> None:
    """PRM-01: skipped wall times are cut away; of two equal ones, a shift opens at the first and closes at the last."""
    night = with_hours(shift)

    assert minutes_of(open_periods(night, SPRING)) == spring
    assert minutes_of(open_periods(night, AUTUMN)) == autumn


def test_days_follow_each_other_without_gap_or_overlap_where_clocks_change_at_midnight() -> None:
    """Havana falls back from 01:00 to 00:00, São Paulo fell back from 00:00 to 23:00 of the day before."""
    for zone, day in (("America/Havana", date(2026, 11, 1)), ("America/Sao_Paulo", date(2018, 2, 17))):
        always = with_hours(("00:00", "24:00"), zone=zone)
        days = [open_periods(always, day + timedelta(days=n)) for n in (-1, 0, 1, 2)]

        for (before,), (after,) in itertools.pairwise(days):
            assert before.until_at == after.from_at
        assert sum(map(minutes_of, days)) == (4 * 24 + 1) * 60


def test_opening_at_a_skipped_wall_time_is_the_moment_of_the_jump() -> None:
    [period] = open_periods(with_hours(("02:30", "05:00")), SPRING)

    assert period.from_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_public_holidays_close_and_a_special_day_has_the_last_word() -> None:
    """PRM-03: weekly hours, exceptions, holidays by country and region, temporary closure."""
    madrid_day, all_saints, stocktaking = date(2025, 5, 2), date(2026, 1, 6), date(2026, 3, 3)
    special = msgspec.structs.replace(STORE, special_days={all_saints: [("10:00", "15:00")], stocktaking: []})

    assert shifts_on(STORE, madrid_day) == ()
    assert shifts_on(msgspec.structs.replace(STORE, holiday_calendar="ES-CT"), madrid_day)
    assert shifts_on(special, all_saints) == [("10:00", "15:00")]
    assert open_periods(special, stocktaking) == []
    assert next_open(special, at(stocktaking, 11)) == at(date(2026, 3, 4), 10)


def test_the_next_opening_is_now_when_open_else_after_lunch_night_or_weekend() -> None:
    friday = date(2026, 3, 6)

    assert next_open(STORE, at(friday, 11, 7)) == at(friday, 11, 7)
    assert next_open(STORE, at(friday, 14)) == at(friday, 17)
    assert next_open(STORE, at(friday, 20, 30)) == at(date(2026, 3, 9), 10)


def test_open_minutes_are_counted_over_lunch_night_weekend_and_the_change_of_clocks() -> None:
    """PRM-02: processing minutes are counted in open hours."""
    friday = date(2026, 3, 27)

    assert add_open_minutes(STORE, at(friday, 13), 30) == at(friday, 13, 30)
    assert add_open_minutes(STORE, at(friday, 13), 60) == at(friday, 14), "work that fills the morning ends with it"
    assert add_open_minutes(STORE, at(friday, 13), 61) == at(friday, 17, 1)
    assert add_open_minutes(STORE, at(friday, 20), 60) == at(date(2026, 3, 30), 10, 30)
    assert add_open_minutes(STORE, at(friday, 15), 0) == at(friday, 17)
    assert add_open_minutes(with_hours(("00:00", "24:00")), at(SPRING, 1), 120) == at(SPRING, 4)
    assert add_open_minutes(STORE, at(friday, 10), 10_000_000) is None


def test_the_cut_off_is_wall_time_of_an_open_day() -> None:
    assert cut_off_at(STORE, date(2026, 3, 27)) == datetime(2026, 3, 27, 16, tzinfo=UTC)
    assert cut_off_at(STORE, date(2026, 3, 30)) == datetime(2026, 3, 30, 15, tzinfo=UTC)
    assert cut_off_at(STORE, date(2026, 3, 29)) is None
    assert cut_off_at(msgspec.structs.replace(STORE, cut_off=None), date(2026, 3, 27)) is None


def test_the_local_day_is_not_the_day_of_greenwich() -> None:
    late = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    assert local_day(STORE, late) == date(2026, 7, 2)


@pytest.mark.parametrize(
    "parts",
    [
        {"time_zone": "Europe/Vigo"},
        {"time_zone": ""},
        {"time_zone": "Europe"},
        {"time_zone": "."},
        {"time_zone": "/etc"},
        {"currency": "EURO"},
        {"hours": {"monday": [("09:00", "10:00")]}},
        {"hours": {"mon": [("9:00", "10:00")]}},
        {"hours": {"mon": [("09:00", "25:00")]}},
        {"hours": {"mon": [("09:00", "24:30")]}},
        {"hours": {"mon": [("20:00", "02:00")]}},
        {"hours": {"mon": [("09:00", "09:00")]}},
        {"hours": {"mon": [("09:00", "14:00"), ("13:00", "20:00")]}},
        {"hours": {"mon": [("16:00", "20:00"), ("09:00", "14:00")]}},
        {"holiday_calendar": "ES-XX"},
        {"holiday_calendar": "Atlantis"},
        {"cut_off": "noon"},
        {"latitude": 40.0},
        {"latitude": 91.0, "longitude": 0.0},
    ],
)
def test_a_location_that_cannot_be_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises((BadLocation, ImplausibleLocation)):
        check_location(msgspec.structs.replace(STORE, **parts))


def test_a_gln_is_checked_and_coordinates_come_from_the_address() -> None:
    checked = check_location(msgspec.structs.replace(STORE, gln="8412345 000010"))

    assert checked.gln == "8412345000010"
    assert (checked.latitude, checked.longitude) == (40.4287, -3.7022)
    with pytest.raises(ImplausibleLocation):
        check_location(msgspec.structs.replace(STORE, gln="8412345000011"))
