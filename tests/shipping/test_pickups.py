"""When carriers come, and on which days they work."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import BatutaError
from batuta.locations.domain import Location
from batuta.plumbing.database import Connection, Engine
from batuta.shipping.api import ROUTES
from batuta.shipping.commands import forget_pickups, save_calendars, save_carriers, save_pickups
from batuta.shipping.domain import (
    BadTimetable,
    CarrierCalendar,
    CarrierDay,
    ImplausibleTimetable,
    PickupDay,
    Pickups,
    UnknownCarrier,
    check_calendar,
    check_pickups,
    is_working_day,
    next_pickup,
)
from batuta.shipping.queries import calendars_of, pickups_of
from tests.asking import House, a_caller, at, problem, told
from tests.making import NOW, fresh_id
from tests.shipping.making import a_carrier
from tests.world import MADRID, build_shop

HERE, CARRIER = fresh_id(), fresh_id()
ALL_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = date(2026, 3, 2)


def a_location(**more: Any) -> Location:
    return Location(
        **{
            "id": HERE,
            "code": "here",
            "name": "Here",
            "kind": "warehouse",
            "legal_entity_id": HERE,
            "address": MADRID,
            "time_zone": "Europe/Madrid",
            "currency": "EUR",
            "hours": {day: [("08:00", "20:00")] for day in ALL_WEEK},
            **more,
        }
    )


def comes(*times: str, days: tuple[str, ...] = ALL_WEEK, special: dict[date, list[str]] | None = None) -> Pickups:
    return check_pickups(
        Pickups(
            location_id=HERE,
            carrier_id=CARRIER,
            weekly={day: list(times) for day in days},
            special_days=[PickupDay(day=day, reason="Sale", times=of_day) for day, of_day in (special or {}).items()],
        )
    )


def works(**more: Any) -> CarrierCalendar:
    return check_calendar(CarrierCalendar(**{"carrier_id": CARRIER, "working_days": ALL_WEEK, **more}))


def madrid(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("at_", "comes_at"),
    [
        ("2026-03-02T09:00+01:00", "2026-03-02T12:00+01:00"),
        ("2026-03-02T12:00+01:00", "2026-03-02T12:00+01:00"),
        ("2026-03-02T12:00:01+01:00", "2026-03-02T18:30+01:00"),
        ("2026-03-02T19:00+01:00", "2026-03-03T12:00+01:00"),
    ],
)
def test_the_next_pickup_is_the_first_time_at_or_after_the_parcel_is_ready(at_: str, comes_at: str) -> None:
    """PRM-02"""
    assert next_pickup(comes("18:30", "12:00"), works(), a_location(), madrid(at_)) == madrid(comes_at)


@pytest.mark.parametrize(
    ("day", "offset_before", "offset_after"),
    [("2026-03-29", "+01:00", "+02:00"), ("2026-10-25", "+02:00", "+01:00")],
)
def test_a_carrier_comes_by_the_clock_on_the_wall_when_clocks_change(
    day: str, offset_before: str, offset_after: str
) -> None:
    """PRM-01"""
    evening = madrid(f"{day}T00:00{offset_before}") - timedelta(hours=4)

    assert next_pickup(comes("12:00"), works(), a_location(), evening) == madrid(f"{day}T12:00{offset_after}")


def test_a_time_that_clocks_skip_is_when_they_jump_and_one_that_comes_twice_is_the_first() -> None:
    """PRM-01"""
    night = a_location(hours={day: [("00:00", "24:00")] for day in ALL_WEEK})

    skipped = next_pickup(comes("02:30"), works(), night, datetime(2026, 3, 29, tzinfo=UTC))
    twice = next_pickup(comes("02:30"), works(), night, datetime(2026, 10, 25, tzinfo=UTC))

    assert skipped == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_carrier_does_not_come_on_the_locations_holidays_its_own_or_when_it_is_shut() -> None:
    """PRM-02, PRM-03"""
    closed_monday = a_location(special_days={MONDAY: []}, holiday_calendar="ES")
    at_ = datetime(2026, 3, 2, 8, tzinfo=UTC)

    assert next_pickup(comes("12:00"), works(), closed_monday, at_) == datetime(2026, 3, 3, 11, tzinfo=UTC)
    epiphany = datetime(2026, 1, 6, 8, tzinfo=UTC)
    assert next_pickup(comes("12:00"), works(), closed_monday, epiphany) == datetime(2026, 1, 7, 11, tzinfo=UTC)
    own = works(holiday_calendar="ES")
    assert next_pickup(comes("12:00"), own, a_location(), epiphany) == datetime(2026, 1, 7, 11, tzinfo=UTC)
    free = works(special_days=[CarrierDay(day=MONDAY, reason="Inventory", is_working=False)])
    assert next_pickup(comes("12:00"), free, a_location(), at_) == datetime(2026, 3, 3, 11, tzinfo=UTC)


def test_a_date_named_for_the_pickup_goes_before_all_else() -> None:
    """PRM-03"""
    shut = a_location(special_days={MONDAY: []})
    at_ = datetime(2026, 3, 2, 8, tzinfo=UTC)

    extra = comes("12:00", special={MONDAY: ["15:00"]})
    none = comes("12:00", special={MONDAY: []})

    assert next_pickup(extra, works(), shut, at_) == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert next_pickup(none, works(), a_location(), at_) == datetime(2026, 3, 3, 11, tzinfo=UTC)


def test_a_carrier_that_never_comes_never_comes() -> None:
    assert next_pickup(comes(), works(), a_location(), NOW) is None
    assert next_pickup(comes("12:00"), works(), a_location(hours={}), NOW) is None


def test_a_carrier_works_on_its_weekdays_but_on_no_holiday_and_on_special_days() -> None:
    """PRM-02"""
    calendar = works(
        working_days=("mon", "sat"),
        holiday_calendar="ES",
        special_days=[CarrierDay(day=date(2026, 10, 18), reason="Sale", is_working=True)],
    )

    working = [day for day in range(1, 32) if is_working_day(calendar, date(2026, 10, day))]

    assert working == [3, 5, 10, 17, 18, 19, 24, 26, 31]
    assert not is_working_day(works(working_days=("tue",), holiday_calendar="ES"), date(2026, 1, 6))


@given(
    times=st.lists(st.times(), max_size=3),
    at_=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the bounds
    zone=st.sampled_from(["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_pickup_is_never_before_the_parcel_is_ready_and_waiting_for_it_changes_nothing(
    times: list[Any], at_: datetime, zone: str
) -> None:
    """PRM-01, PRM-02"""
    pickups = comes(*(f"{one:%H:%M}" for one in times), days=("mon", "wed", "sat"))
    here = a_location(time_zone=zone)

    found = next_pickup(pickups, works(), here, at_)

    assert (found is None) == (not times)
    if found:
        assert at_ <= found < at_ + timedelta(days=9)
        assert next_pickup(pickups, works(), here, found) == found


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekly": {"someday": ["12:00"]}},
        {"weekly": {"mon": ["25:00"]}},
        {"weekly": {"mon": ["24:00"]}},
        {"special_days": [PickupDay(day=MONDAY, reason="x"), PickupDay(day=MONDAY, reason="y")]},
    ],
)
def test_times_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadTimetable):
        check_pickups(Pickups(location_id=HERE, carrier_id=CARRIER, **wrong))


def test_a_calendar_that_nobody_has_is_refused() -> None:
    with pytest.raises(ImplausibleTimetable):
        works(holiday_calendar="QQ")
    with pytest.raises(BadTimetable):
        works(working_days=("someday",))


async def test_timetables_are_known_as_soon_as_they_are_saved_and_forgotten_again(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 1}})
    north, carrier = shop.locations["north"], a_carrier()
    await save_carriers(db, carriers=[carrier], now=NOW)
    wanted = Pickups(location_id=north.id, carrier_id=carrier.id, weekly={"mon": ["12:00"]})

    outcomes = await save_pickups(db, pickups=[wanted], now=NOW)
    await save_calendars(db, calendars=[CarrierCalendar(carrier_id=carrier.id, working_days=("sun",))], now=NOW)

    assert outcomes == [wanted]
    assert await pickups_of(db, [north.id]) == {(north.id, carrier.id): wanted}
    assert (await calendars_of(db, [carrier.id]))[carrier.id].working_days == ("sun",)
    stranger = fresh_id()
    assert (await calendars_of(db, [stranger]))[stranger].working_days == ("mon", "tue", "wed", "thu", "fri")

    await forget_pickups(db, location_id=north.id, carrier_id=carrier.id, now=NOW)
    assert await pickups_of(db, [north.id]) == {}


async def test_one_timetable_of_nobody_does_not_keep_the_others_from_being_saved(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 1}})
    north, carrier = shop.locations["north"], a_carrier()
    await save_carriers(db, carriers=[carrier], now=NOW)
    good = Pickups(location_id=north.id, carrier_id=carrier.id, weekly={"mon": ["12:00"]})

    outcomes = await save_pickups(
        db,
        pickups=[
            good,
            Pickups(location_id=fresh_id(), carrier_id=carrier.id),
            Pickups(location_id=north.id, carrier_id=fresh_id()),
        ],
        now=NOW,
    )

    assert [isinstance(one, BatutaError) for one in outcomes] == [False, True, True]
    assert isinstance(outcomes[2], UnknownCarrier)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
async def place(engine: Engine) -> tuple[UUID, UUID]:
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 1}})
        carrier = a_carrier()
        await save_carriers(db, carriers=[carrier], now=NOW)
    return shop.locations["north"].id, carrier.id


async def test_pickups_are_said_read_and_taken_back_through_the_api(house: House, place: tuple[UUID, UUID]) -> None:
    """PLT-02"""
    location_id, carrier_id = place
    clerk = house.asked_by(a_caller("locations.read", "locations.write"))
    path = f"/api/locations/{location_id}/pickups"
    body = {"weekly": {"mon": ["18:00", "12:00"]}, "special_days": [{"day": "2026-12-24", "reason": "Eve"}]}

    saved = await clerk.put(f"{path}/{carrier_id}", json=body)
    stale = await clerk.put(f"{path}/{carrier_id}", json={"weekly": {}}, headers={"if-match": '"7"'})
    read = await clerk.get(path)
    gone = await clerk.delete(f"{path}/{carrier_id}")

    assert saved.status_code == 200, saved.text
    assert saved.headers["etag"] == '"1"'
    assert saved.json()["weekly"] == {"mon": ["12:00", "18:00"]}
    assert problem(stale) == (409, "version_conflict")
    assert read.json() == {"items": [saved.json()]}
    assert gone.status_code == 204
    assert (await clerk.get(path)).json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"weekly": {"someday": ["12:00"]}},
        {"weekly": {"mon": ["noon"]}},
        {"weekly": {}, "special_days": [{"day": "2026-02-30", "reason": "x"}]},
    ],
)
async def test_bad_pickups_are_refused(house: House, place: tuple[UUID, UUID], body: dict[str, Any]) -> None:
    clerk = house.asked_by(a_caller("locations.write"))

    answer = await clerk.put(f"/api/locations/{place[0]}/pickups/{place[1]}", json=body)

    assert problem(answer)[0] == 400


async def test_pickups_of_places_one_does_not_see_and_of_strange_carriers_are_not_found(
    house: House, place: tuple[UUID, UUID]
) -> None:
    """PLT-07"""
    location_id, carrier_id = place
    elsewhere = house.asked_by(a_caller("locations.read", "locations.write", **at(fresh_id())))
    clerk = house.asked_by(a_caller("locations.read", "locations.write", "shipping.read"))
    path = f"/api/locations/{location_id}/pickups"

    assert problem(await elsewhere.get(path)) == (404, "unknown_location")
    answer = await elsewhere.put(f"{path}/{carrier_id}", json={"weekly": {}})
    assert problem(answer) == (404, "unknown_location")
    answer = await clerk.put(f"{path}/{fresh_id()}", json={"weekly": {}})
    assert problem(answer) == (404, "unknown_carrier")
    assert problem(await clerk.get(f"/api/shipping/carriers/{fresh_id()}/calendar")) == (404, "unknown_carrier")


async def test_a_carriers_calendar_is_said_and_read(house: House, place: tuple[UUID, UUID]) -> None:
    clerk = house.asked_by(a_caller("shipping.read", "locations.write"))
    path = f"/api/shipping/carriers/{place[1]}/calendar"

    before = await clerk.get(path)
    saved = await clerk.put(path, json={"working_days": ["sat", "mon"], "holiday_calendar": "ES-MD"})
    strange = await clerk.put(path, json={"holiday_calendar": "QQ"})

    assert (before.headers["etag"], before.json()["working_days"]) == ('"0"', ["mon", "tue", "wed", "thu", "fri"])
    assert (saved.headers["etag"], saved.json()["working_days"]) == ('"1"', ["mon", "sat"])
    assert problem(strange) == (409, "implausible_timetable")
    assert (await clerk.get(path)).json() == saved.json()


async def test_who_works_at_one_location_does_not_say_when_a_carrier_works(
    house: House, place: tuple[UUID, UUID]
) -> None:
    """PLT-07"""
    keeper: httpx.AsyncClient = house.asked_by(a_caller("locations.write", **at(place[0])))

    answer = await keeper.put(f"/api/shipping/carriers/{place[1]}/calendar", json={})

    assert problem(answer) == (403, "carrier_is_shared")


async def test_who_changed_a_timetable_is_told_with_the_one_before(
    engine: Engine, house: House, place: tuple[UUID, UUID]
) -> None:
    """PLT-06"""
    location_id, carrier_id = place
    clerk = house.asked_by(a_caller("locations.write"))
    path = f"/api/locations/{location_id}/pickups/{carrier_id}"
    for _ in range(2):
        await clerk.put(path, json={"weekly": {"mon": ["12:00"]}})
        await clerk.put(f"/api/shipping/carriers/{carrier_id}/calendar", json={"working_days": ["mon"]})
    await clerk.delete(path)

    _, *facts = await told(engine, carrier_id)

    assert {(name, actor) for name, actor, _ in facts} == {("shipping.carrier_saved", "staff:ana@example.com")}
    pickups, calendar, gone = [said["changes"] for _, _, said in facts]
    assert pickups[f"pickups.{location_id}"]["after"]["weekly"] == {"mon": ["12:00"]}
    assert calendar["calendar"]["before"] is None
    assert calendar["calendar"]["after"]["working_days"] == ["mon"]
    assert gone[f"pickups.{location_id}"] == {"before": pickups[f"pickups.{location_id}"]["after"], "after": None}
