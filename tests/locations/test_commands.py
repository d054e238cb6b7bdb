"""Locations as saved and read back, on a real PostgreSQL."""

from datetime import date

import msgspec

from batuta.company.commands import save_legal_entities
from batuta.company.domain import LegalEntity, UnknownLegalEntity
from batuta.kernel.addresses import Address
from batuta.locations.commands import close_days, save_locations, set_days
from batuta.locations.domain import (
    Ability,
    CapacityLimit,
    CapacityPeriod,
    CapacityUnit,
    ImplausibleLocation,
    Location,
    LocationKind,
    SpecialDay,
    UnknownLocation,
)
from batuta.locations.queries import all_locations, locations_by_code, locations_by_id
from batuta.plumbing.database import Connection, Engine
from tests.making import NOW, fresh_code, fresh_id
from tests.world import build_shop, sound

WORKDAY = [("09:00", "14:00"), ("16:00", "20:00")]


async def given_legal_entity(db: Connection) -> LegalEntity:
    entity = LegalEntity(
        id=fresh_id(), code=fresh_code("LE"), name="Casa", country="ES", currency="EUR", time_zone="Europe/Madrid"
    )
    [saved] = await save_legal_entities(db, legal_entities=[entity], now=NOW)
    assert saved == entity
    return entity


def a_store(entity: LegalEntity) -> Location:
    return Location(
        id=fresh_id(),
        code=fresh_code("STORE"),
        name="Tienda de Malasaña",
        kind=LocationKind.STORE,
        legal_entity_id=entity.id,
        address=Address(
            street=["Calle de Fuencarral 101"],
            city="Madrid",
            region="M",
            postal_code="28004",
            country="ES",
            latitude=40.4287,
            longitude=-3.7022,
        ),
        time_zone="Europe/Madrid",
        currency="EUR",
        hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), WORKDAY),
        holiday_calendar="ES-MD",
        cut_off="17:00",
        capacity=(
            CapacityLimit(limit=60, unit=CapacityUnit.ORDERS),
            CapacityLimit(limit=40, unit=CapacityUnit.UNITS, per=CapacityPeriod.HOUR, method="pickup"),
        ),
        abilities=frozenset({Ability.SHIP, Ability.PICKUP, Ability.RECEIVE_RETURNS}),
        handling_order_minor=120,
        handling_unit_minor=15,
    )


async def test_a_location_is_read_back_as_it_was_saved(db: Connection) -> None:
    store = a_store(await given_legal_entity(db))

    [saved] = await save_locations(db, locations=[store], now=NOW)

    expected = msgspec.structs.replace(store, latitude=40.4287, longitude=-3.7022)
    assert saved == expected
    assert await locations_by_id(db, [store.id]) == {store.id: expected}
    assert await locations_by_code(db, [store.code, "NOWHERE"]) == {store.code: expected}


async def test_saving_by_an_old_code_keeps_the_id_and_the_special_days(db: Connection) -> None:
    store = a_store(await given_legal_entity(db))
    await save_locations(db, locations=[store], now=NOW)
    await close_days(db, days=[SpecialDay(location_id=store.id, day=date(2026, 3, 3), reason="inventory")], now=NOW)

    [again] = await save_locations(
        db, locations=[msgspec.structs.replace(store, id=fresh_id(), name="Otra", is_active=False)], now=NOW
    )

    assert isinstance(again, Location)
    assert (again.id, again.name) == (store.id, "Otra")
    assert again.special_days == {date(2026, 3, 3): []}
    assert not (await all_locations(db)).by_id[store.id].is_active


async def test_a_bad_location_is_refused_and_its_neighbours_are_saved(db: Connection) -> None:
    entity = await given_legal_entity(db)
    good, bad_hours, orphan = a_store(entity), a_store(entity), a_store(entity)

    answers = await save_locations(
        db,
        locations=[
            msgspec.structs.replace(bad_hours, hours={"mon": [("18:00", "02:00")]}),
            good,
            msgspec.structs.replace(orphan, legal_entity_id=fresh_id()),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [ImplausibleLocation, Location, UnknownLegalEntity]
    assert list(await locations_by_code(db, [good.code, bad_hours.code, orphan.code])) == [good.code]


async def test_the_last_word_on_a_special_day_counts(db: Connection) -> None:
    store = a_store(await given_legal_entity(db))
    await save_locations(db, locations=[store], now=NOW)
    sunday = SpecialDay(location_id=store.id, day=date(2026, 12, 20), reason="Christmas", shifts=[("10:00", "21:00")])
    stranger = msgspec.structs.replace(sunday, location_id=fresh_id())

    await close_days(db, days=[sunday], now=NOW)
    answers = await set_days(db, days=[sunday, stranger], now=NOW)

    assert answers[0] == sunday
    assert isinstance(answers[1], UnknownLocation)
    assert (await locations_by_id(db, [store.id]))[store.id].special_days == {sunday.day: [("10:00", "21:00")]}


async def test_locations_kept_in_memory_are_read_again_after_a_change(engine: Engine) -> None:
    """The next look after a change of a location, or of one of its days, sees it; the same look is not read twice."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 1}})
    north = shop.locations["north"]
    async with engine.connect() as db:
        first = await all_locations(db)
        assert first.by_id[north.id].processing_minutes == 60
        assert await all_locations(db) is first

    async with engine.begin() as db:
        sound(await save_locations(db, locations=[msgspec.structs.replace(north, processing_minutes=15)], now=NOW))
        assert (await all_locations(db)).by_id[north.id].processing_minutes == 15
    day = SpecialDay(location_id=north.id, day=NOW.date(), reason="flood")
    async with engine.connect() as db:
        assert (await all_locations(db)).by_id[north.id].processing_minutes == 15
    async with engine.begin() as db:
        sound(await close_days(db, days=[day], now=NOW))
    async with engine.connect() as db:
        assert (await all_locations(db)).by_id[north.id].special_days == {NOW.date(): []}
