"""How long a location takes to get parcels ready, by those it got ready."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from batuta.kernel.addresses import Address
from batuta.locations.domain import Location, LocationKind, add_open_minutes
from batuta.shipping.domain import Prepared, learn_preparing
from tests.making import fresh_id

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
OFFICE = {day: [("09:00", "17:00")] for day in ("mon", "tue", "wed", "thu", "fri")}


def a_location(hours: dict[str, list[tuple[str, str]]], *, minutes: int = 60) -> Location:
    return Location(
        id=fresh_id(),
        code="north",
        name="North",
        kind=LocationKind.WAREHOUSE,
        legal_entity_id=fresh_id(),
        address=Address(street=["Calle Mayor 1"], city="Madrid", postal_code="28013", country="ES"),
        time_zone="Europe/Madrid",
        currency="EUR",
        hours=hours,
        processing_minutes=minutes,
    )


def ready_after(location: Location, minutes: list[int]) -> list[Prepared]:
    """A parcel every seven hours, day and night, ready after so many minutes of open time."""
    prepared = []
    for place, taken in enumerate(minutes):
        asked_at = MONDAY + timedelta(hours=7 * place)
        ready_at = add_open_minutes(location, asked_at, taken)
        assert ready_at
        prepared.append(Prepared(parcel_id=fresh_id(), location_id=location.id, asked_at=asked_at, ready_at=ready_at))
    return prepared


def test_without_parcels_a_location_takes_as_long_as_it_says() -> None:
    learned = learn_preparing(a_location(OFFICE, minutes=90), [], at=MONDAY)

    assert (learned.p50_minutes, learned.p90_minutes, learned.lessons) == (90, 90, 0)


def test_time_counts_while_the_location_is_open() -> None:
    """PRM-02: an order of Friday evening that is ready on Monday at eleven took two hours."""
    location = a_location(OFFICE)

    learned = learn_preparing(location, ready_after(location, [120] * 100), at=MONDAY + timedelta(days=40))

    assert learned.p50_minutes == pytest.approx(120, rel=0.1)
    assert learned.p90_minutes == pytest.approx(120, rel=0.15)


def test_nine_of_ten_parcels_are_ready_within_the_p90() -> None:
    chance = random.Random(1)
    location = a_location(OFFICE)
    taken = [chance.randrange(60, 240) for _ in range(400)]

    learned = learn_preparing(location, ready_after(location, taken), at=MONDAY + timedelta(days=120))

    within = sum(minutes <= learned.p90_minutes for minutes in taken) / len(taken)
    assert within == pytest.approx(0.9, abs=0.07)
    assert learned.p50_minutes == pytest.approx(150, rel=0.15)


def test_a_location_that_never_opens_is_believed() -> None:
    location = a_location({})
    strange = Prepared(
        parcel_id=fresh_id(), location_id=location.id, asked_at=MONDAY, ready_at=MONDAY + timedelta(hours=5)
    )

    learned = learn_preparing(location, [strange], at=MONDAY + timedelta(days=1))

    assert (learned.p50_minutes, learned.p90_minutes, learned.lessons) == (60, 60, 0)


def test_what_was_ready_later_is_not_known() -> None:
    location = a_location(OFFICE)
    prepared = ready_after(location, [120] * 10 + [400] * 10)
    at = prepared[9].ready_at + timedelta(minutes=1)

    assert learn_preparing(location, prepared, at=at) == learn_preparing(location, prepared[:10], at=at)
