"""When a shipment arrives, step by step (PRM-01, PRM-02, PRM-04); pure."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.addresses import Address
from batuta.kernel.zones import zone_of
from batuta.locations.domain import Location, LocationKind, holidays_of, is_open, open_periods
from batuta.sourcing.domain.promises.dates import (
    Asked,
    Dates,
    Desk,
    Door,
    LimitingStep,
    Ride,
    Road,
    Transit,
    cut_off_pickups,
    dates_of,
    dates_of_collection,
    queue_until,
    working_days,
)
from tests.making import fresh_id

MADRID = ZoneInfo("Europe/Madrid")
OFFICE = {day: [("09:00", "18:00")] for day in ("mon", "tue", "wed", "thu", "fri")}
SHOP = {day: [("10:00", "14:00"), ("17:00", "20:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
MONDAY = date(2026, 11, 16)


def a_location(**changes: object) -> Location:
    place = Location(
        id=fresh_id(),
        code="north",
        name="North",
        kind=LocationKind.WAREHOUSE,
        legal_entity_id=fresh_id(),
        address=Address(street=["Calle 1"], city="Madrid", country="ES", postal_code="28001"),
        time_zone="Europe/Madrid",
        currency="EUR",
        hours=OFFICE,
        cut_off="17:00",
    )
    return msgspec.structs.replace(place, **changes)


def madrid(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=MADRID).astimezone(UTC)


def on_workdays(day: date) -> bool:
    return day.weekday() < 5


def a_road(location: Location, days: tuple[float, float, float] = (1, 1, 2), **changes: object) -> Road:
    road = Road(
        transit=Transit(earliest_days=days[0], p50_days=days[1], p90_days=days[2]),
        pickups=cut_off_pickups(location),
        works_on=on_workdays,
        delivers_on=on_workdays,
        is_cut_off=True,
    )
    return msgspec.structs.replace(road, **changes)


A_DOOR = Door(zone=MADRID, is_holiday=lambda _: False)


def promised(at: datetime, location: Location | None = None, road: Road | None = None, **changes: object) -> Dates:
    place = location or a_location()
    desk = msgspec.structs.replace(Desk(location=place, processing_minutes=60), **changes)
    found = dates_of(Asked(at=at), desk, road or a_road(place), A_DOOR)
    assert found
    return found


def test_what_is_ordered_in_the_morning_leaves_at_the_cut_off_and_comes_the_next_day() -> None:
    """PRM-02: start, ready, pickup, arrival, window."""
    found = promised(madrid(MONDAY, 11))

    assert found.start_at == madrid(MONDAY, 11)
    assert found.ready_at == madrid(MONDAY, 12)
    assert found.leaves_at == madrid(MONDAY, 17)
    assert found.p50_at == found.earliest_at == madrid(date(2026, 11, 17), 20)
    assert found.p90_at == madrid(date(2026, 11, 18), 20)
    assert found.window_from_at == madrid(date(2026, 11, 17), 9)


def test_who_orders_until_the_told_minute_has_the_same_day_and_a_minute_later_has_not() -> None:
    """PRM-04."""
    found = promised(madrid(MONDAY, 11))

    assert found.order_by_at == madrid(MONDAY, 16)
    assert promised(found.order_by_at).p50_at == found.p50_at
    assert promised(found.order_by_at + timedelta(minutes=1)).p50_at > found.p50_at


def test_what_is_ordered_in_the_night_begins_when_the_location_opens() -> None:
    found = promised(madrid(MONDAY, 3))

    assert found.start_at == madrid(MONDAY, 9)
    assert found.ready_at == madrid(MONDAY, 10)


def test_processing_counts_open_hours_alone() -> None:
    """PRM-02: two hours from one o'clock in a shop that closes from two to five end at six."""
    shop = a_location(hours=SHOP, cut_off=None)
    found = promised(madrid(MONDAY, 13), shop, a_road(shop), processing_minutes=120)

    assert found.ready_at == madrid(MONDAY, 18)
    assert found.leaves_at == madrid(MONDAY, 20)
    assert found.order_by_at == madrid(MONDAY, 18)


def test_remorse_and_clearance_come_before_everything() -> None:
    place = a_location()
    asked = Asked(at=madrid(MONDAY, 11), remorse_minutes=30, clearance_minutes=60)
    found = dates_of(asked, Desk(location=place, processing_minutes=60), a_road(place), A_DOOR)

    assert found
    assert found.start_at == madrid(MONDAY, 12, 30)
    assert found.order_by_at == madrid(MONDAY, 14, 30)


def test_a_friday_parcel_comes_on_monday_for_the_carrier_rests() -> None:
    found = promised(madrid(date(2026, 11, 20), 11))

    assert found.p50_at == madrid(date(2026, 11, 23), 20)
    assert found.limiting_step is LimitingStep.TRANSIT


def test_nobody_delivers_on_a_holiday_of_the_destination() -> None:
    """PRM-02: the 8th of December is one in Spain, the 7th is not."""
    place = a_location()
    door = msgspec.structs.replace(A_DOOR, is_holiday=lambda day: day in holidays_of("ES", day.year))
    asked = Asked(at=madrid(date(2026, 12, 7), 11))
    found = dates_of(asked, Desk(location=place, processing_minutes=60), a_road(place), door)

    assert found
    assert found.p50_at == madrid(date(2026, 12, 9), 20)


def test_a_part_of_a_day_counts_from_the_hour_it_left() -> None:
    place = a_location()

    assert promised(madrid(MONDAY, 11), place, a_road(place, (1, 1.1, 2))).p50_at == madrid(date(2026, 11, 17), 20)
    assert promised(madrid(MONDAY, 11), place, a_road(place, (1, 1.5, 2))).p50_at == madrid(date(2026, 11, 18), 20)


def test_goods_that_are_still_to_come_hold_everything_up() -> None:
    """INV-20: and then supply is what limits."""
    found = promised(madrid(MONDAY, 11), goods_at=madrid(date(2026, 12, 1), 12))

    assert found.start_at == madrid(date(2026, 12, 1), 12)
    assert found.limiting_step is LimitingStep.SUPPLY
    assert found.order_by_at >= madrid(date(2026, 12, 1), 0)


def test_a_location_without_hours_is_closed() -> None:
    """PRM-03."""
    place = a_location(hours={})
    desk = Desk(location=place, processing_minutes=60)

    assert dates_of(Asked(at=madrid(MONDAY, 11)), desk, a_road(place), A_DOOR) is None
    assert dates_of_collection(Asked(at=madrid(MONDAY, 11)), desk) is None


def test_a_carrier_that_never_works_never_arrives() -> None:
    place = a_location()
    road = a_road(place, works_on=lambda _: False, delivers_on=lambda _: False)

    assert dates_of(Asked(at=madrid(MONDAY, 11)), Desk(location=place, processing_minutes=60), road, A_DOOR) is None


def test_a_buyer_collects_when_the_store_is_open_again() -> None:
    """What is ready as the shop closes for lunch is collected in the afternoon."""
    shop = a_location(hours=SHOP)
    found = dates_of_collection(Asked(at=madrid(MONDAY, 13)), Desk(location=shop, processing_minutes=60))

    assert found
    assert found.ready_at == madrid(MONDAY, 14)
    assert found.p50_at == madrid(MONDAY, 17)
    assert found.order_by_at == madrid(MONDAY, 19)


def test_a_courier_is_called_when_it_is_ready() -> None:
    """One-hour delivery: a quarter to pack, and a ride."""
    shop = a_location(hours=SHOP)
    road = a_road(shop, transit=Ride(p50_minutes=20, p90_minutes=35))
    found = promised(madrid(MONDAY, 11), shop, road, processing_minutes=15)

    assert found.p50_at == madrid(MONDAY, 11, 35)
    assert found.p90_at == madrid(MONDAY, 11, 50)


def test_half_a_days_orders_are_worked_off_at_half_of_the_day() -> None:
    """PRM-02: the capacity queue."""
    place = a_location()

    assert queue_until(place, 0.5, madrid(MONDAY, 10)) == madrid(MONDAY, 13, 30)
    assert queue_until(place, 0, madrid(MONDAY, 10)) is None


def test_days_are_counted_by_the_clock_on_the_wall_when_it_goes_back() -> None:
    """PRM-01: the night to 25 October 2026 has an hour more, and the shift across it too."""
    night = a_location(hours={"sun": [("00:00", "06:00")], "mon": [("09:00", "18:00")]}, cut_off=None)
    found = promised(madrid(date(2026, 10, 25), 0), night, processing_minutes=6 * 60)

    assert found.ready_at == datetime(2026, 10, 25, 4, tzinfo=UTC)
    assert found.leaves_at == datetime(2026, 10, 25, 5, tzinfo=UTC)
    assert found.order_by_at == datetime(2026, 10, 24, 23, tzinfo=UTC)


def test_days_are_counted_by_the_clock_on_the_wall_when_it_goes_forward() -> None:
    """PRM-01: the night to 29 March 2026 lacks the hour from two to three."""
    night = a_location(hours={"sun": [("00:00", "06:00")], "mon": [("09:00", "18:00")]}, cut_off=None)
    found = promised(datetime(2026, 3, 28, 23, tzinfo=UTC), night, processing_minutes=4 * 60)

    assert found.ready_at == datetime(2026, 3, 29, 3, tzinfo=UTC)
    assert found.leaves_at == datetime(2026, 3, 29, 4, tzinfo=UTC)
    assert found.p50_at == madrid(date(2026, 3, 30), 20)


def test_a_promise_to_the_canaries_ends_by_their_clock() -> None:
    """PRM-01."""
    zone = zone_of("ES", 28.1, -15.4)

    assert zone.key == "Atlantic/Canary"
    assert zone_of("ES", 40.4, -3.7).key == zone_of("ES").key == "Europe/Madrid"
    assert zone_of("AR").key.startswith("America/Argentina")
    assert zone_of("??").key == "UTC"


SHIFTS = st.sampled_from([OFFICE, SHOP, {"sat": [("08:00", "12:00")]}, {"mon": [("00:00", "24:00")]}])
INSTANTS = st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(
    at=INSTANTS,
    hours=SHIFTS,
    minutes=st.integers(0, 600),
    remorse=st.integers(0, 180),
    days=st.lists(st.floats(0, 12), min_size=3, max_size=3).map(sorted),
)
def test_no_step_comes_before_the_one_before_it(
    at: datetime, hours: dict[str, list[tuple[str, str]]], minutes: int, remorse: int, days: list[float]
) -> None:
    """PRM-02: whatever the calendars, over both changes of the clock."""
    place = a_location(hours=hours)
    asked = Asked(at=at, remorse_minutes=remorse)
    road = a_road(place, (days[0], days[1], days[2]))
    found = dates_of(asked, Desk(location=place, processing_minutes=minutes), road, A_DOOR)

    assert found
    assert asked.cleared_at <= found.start_at <= found.ready_at <= found.leaves_at
    assert found.leaves_at <= found.earliest_at <= found.p50_at <= found.p90_at
    assert is_open(place, found.start_at)
    assert on_workdays(found.p50_at.astimezone(MADRID).date())
    assert asked.at <= found.order_by_at


@given(at=INSTANTS, hours=SHIFTS, minutes=st.integers(1, 600), remorse=st.integers(0, 180))
def test_the_cut_off_is_the_last_moment_with_the_same_pickup(
    at: datetime, hours: dict[str, list[tuple[str, str]]], minutes: int, remorse: int
) -> None:
    """PRM-04: until then it leaves as promised, a minute later it does not."""
    at = at.replace(second=0, microsecond=0)
    place = a_location(hours=hours)
    desk, road = Desk(location=place, processing_minutes=minutes), a_road(place)
    found = dates_of(Asked(at=at, remorse_minutes=remorse), desk, road, A_DOOR)
    assert found
    last = dates_of(Asked(at=found.order_by_at, remorse_minutes=remorse), desk, road, A_DOOR)
    late = dates_of(Asked(at=found.order_by_at + timedelta(minutes=1), remorse_minutes=remorse), desk, road, A_DOOR)

    assert last
    assert late
    assert last.leaves_at == found.leaves_at
    assert late.leaves_at > found.leaves_at


@given(at=INSTANTS, later=st.integers(1, 10_000), hours=SHIFTS, minutes=st.integers(0, 600))
def test_who_orders_later_is_never_promised_earlier(
    at: datetime, later: int, hours: dict[str, list[tuple[str, str]]], minutes: int
) -> None:
    place = a_location(hours=hours)
    first = promised(at, place, processing_minutes=minutes)
    second = promised(at + timedelta(minutes=later), place, processing_minutes=minutes)

    assert first.p50_at <= second.p50_at
    assert first.p90_at <= second.p90_at
    assert open_periods(place, first.start_at.astimezone(MADRID).date())


def test_working_days_are_no_holidays() -> None:
    works = working_days(frozenset(range(6)), lambda day: day == MONDAY)

    assert [works(MONDAY + timedelta(days=days)) for days in range(7)] == [False, True, True, True, True, True, False]
