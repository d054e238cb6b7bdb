"""What deliveries teach of lanes, on a real PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from batuta.locations.domain import WEEKDAYS
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.knowledge import mark_changed
from batuta.shipping.commands import hand_over, learn_transit, record_tracking, save_calendars
from batuta.shipping.domain import (
    Carrier,
    CarrierCalendar,
    HandOver,
    Lane,
    Scan,
    Service,
    TransitDays,
    days_of_table,
)
from batuta.shipping.queries import transit_of
from batuta.shipping.queries.rates import SHIPPING
from batuta.worker import SWEEPS
from tests.shipping.making import given_labelled, given_service

TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)
[IS_DUE] = [one.due for one in SWEEPS if one.command is learn_transit]


def to_malaga(service: Service) -> Lane:
    return a_lane(service, "29007")


def a_lane(service: Service, postal_code: str, *, zone: str = "peninsula", days: tuple[int, int] = (1, 2)) -> Lane:
    return Lane(
        service_id=service.id,
        zone=zone,
        days_min=days[0],
        days_max=days[1],
        origin_country="ES",
        origin_postal_code="28014",
        destination_country="ES",
        destination_postal_code=postal_code,
    )


async def given_delivered(
    db: Connection, carrier: Carrier, service: Service, ways: Sequence[tuple[datetime, timedelta]]
) -> None:
    """Parcels from Madrid to Málaga: when each was handed over, and how long it took."""
    parcels, numbers = await given_labelled(db, service, len(ways))
    await hand_over(
        db,
        handovers=[
            HandOver(parcel_id=one.id, at=at, actor="staff:ana") for one, (at, _) in zip(parcels, ways, strict=True)
        ],
        now=TUESDAY,
    )
    scans = [
        Scan(
            carrier_code=carrier.code,
            tracking_number=number,
            raw_code="delivered",
            happened_at=at + took,
            received_at=at + took,
        )
        for number, (at, took) in zip(numbers, ways, strict=True)
    ]
    await record_tracking(db, scans=scans, now=TUESDAY)


def each_day(days: int, *, hours: int) -> list[tuple[datetime, timedelta]]:
    """A parcel each Tuesday, for so many weeks, that takes so many hours."""
    return [(TUESDAY + timedelta(weeks=week), timedelta(hours=hours + week % 3)) for week in range(days)]


async def learn(db: Connection, *, now: datetime) -> int:
    """Learn all that is due for any service."""
    total = 0
    while done := await learn_transit(db, now=now, limit=500):
        total += done
    return total


async def the_days(db: Connection, lane: Lane, *, now: datetime) -> TransitDays:
    return (await transit_of(db, lanes=[lane], now=now))[lane]


async def test_a_lane_without_deliveries_has_the_days_of_its_rate_card(db: Connection) -> None:
    _, service = await given_service(db)

    assert await the_days(db, to_malaga(service), now=TUESDAY) == days_of_table(to_malaga(service))
    assert await transit_of(db, lanes=[], now=TUESDAY) == {}


async def test_deliveries_teach_how_long_a_lane_takes(db: Connection) -> None:
    """The card says one to two days; the carrier takes three, and the promise should know it."""
    carrier, service = await given_service(db)
    await given_delivered(db, carrier, service, each_day(40, hours=71))
    now = TUESDAY + timedelta(weeks=41)

    await learn(db, now=now)

    days = await the_days(db, to_malaga(service), now=now)
    assert days.lessons == 40
    assert days.p50_days == pytest.approx(3.0, rel=0.15)
    assert days.p10_days <= days.p50_days <= days.p90_days
    elsewhere = await the_days(db, a_lane(service, "07001", zone="islands", days=(4, 7)), now=now)
    assert elsewhere.p50_days > days.p50_days


async def test_days_on_which_the_carrier_rests_do_not_count(db: Connection) -> None:
    """PRM-02: transit is told in the carrier's working days; from Friday to Monday is one."""
    carrier, service = await given_service(db)
    fridays = [(TUESDAY + timedelta(days=3, weeks=week), timedelta(hours=72)) for week in range(40)]
    await given_delivered(db, carrier, service, fridays)
    other_carrier, restless = await given_service(db)
    every_day = CarrierCalendar(carrier_id=other_carrier.id, working_days=WEEKDAYS)
    await save_calendars(db, calendars=[every_day], now=TUESDAY)
    await given_delivered(db, other_carrier, restless, fridays)
    now = TUESDAY + timedelta(weeks=41)

    await learn(db, now=now)

    assert (await the_days(db, to_malaga(service), now=now)).p50_days == pytest.approx(1.0, abs=0.2)
    assert (await the_days(db, to_malaga(restless), now=now)).p50_days == pytest.approx(3.0, rel=0.15)


async def test_what_is_delivered_later_is_not_known_yet(db: Connection) -> None:
    carrier, service = await given_service(db)
    await given_delivered(db, carrier, service, each_day(20, hours=71))
    early = TUESDAY + timedelta(weeks=5, days=1)

    await learn(db, now=early)
    heard = await the_days(db, to_malaga(service), now=early)
    before = await the_days(db, to_malaga(service), now=TUESDAY)

    assert heard.lessons == 5
    assert before == days_of_table(to_malaga(service))


async def test_little_news_waits_and_much_is_learned_the_next_day(db: Connection) -> None:
    carrier, service = await given_service(db)
    ways = [(TUESDAY + timedelta(minutes=place), timedelta(hours=20)) for place in range(150)]
    await given_delivered(db, carrier, service, ways)
    now = TUESDAY + timedelta(days=2)
    await learn(db, now=now)

    async def due(at: datetime) -> bool:
        return bool((await db.execute(text(f"{IS_DUE} AND s.id = :id"), {"now": at, "id": service.id})).all())

    assert not await due(now + timedelta(days=1))
    await given_delivered(db, carrier, service, [(now, timedelta(hours=20))])
    assert not await due(now + timedelta(hours=21))
    assert await due(now + timedelta(days=1))

    await learn(db, now=now + timedelta(days=1))
    assert (await the_days(db, to_malaga(service), now=now + timedelta(days=1))).lessons == 150
    await given_delivered(db, carrier, service, [(now, timedelta(hours=22))] * 4)
    await learn(db, now=now + timedelta(days=2))
    assert (await the_days(db, to_malaga(service), now=now + timedelta(days=2))).lessons == 155


async def test_what_was_learned_and_undone_is_forgotten(engine: Engine) -> None:
    """Answers are kept in memory, but never those of a transaction that failed."""
    now = TUESDAY + timedelta(weeks=21)
    async with engine.connect() as db:
        await db.begin()
        carrier, service = await given_service(db)
        await given_delivered(db, carrier, service, each_day(20, hours=71))
        await learn(db, now=now)
        learned = await the_days(db, to_malaga(service), now=now)
        await db.rollback()
        after = await the_days(db, to_malaga(service), now=now)

    assert learned.lessons == 20
    assert after == days_of_table(to_malaga(service))


async def test_a_lane_that_the_rate_card_no_longer_knows_teaches_nothing(db: Connection) -> None:
    carrier, service = await given_service(db)
    await given_delivered(db, carrier, service, each_day(3, hours=71))
    await db.execute(text("DELETE FROM shipping.zone_rule WHERE service_id = :id"), {"id": service.id})
    await mark_changed(db, SHIPPING)
    now = TUESDAY + timedelta(weeks=4)

    await learn(db, now=now)

    assert await the_days(db, to_malaga(service), now=now) == days_of_table(to_malaga(service))
