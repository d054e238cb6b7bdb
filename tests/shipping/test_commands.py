"""Parcels on a real PostgreSQL: rated, opened, labelled, handed over, voided."""

import asyncio

import msgspec

from batuta.kernel.states import IllegalMove
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.shipping.commands import (
    close_parcels,
    give_numbers,
    hand_over,
    label_parcels,
    open_parcels,
    save_carriers,
    save_services,
    set_rate_cards,
    void_parcels,
)
from batuta.shipping.domain import (
    AlreadyHandedOver,
    AlreadyNumbered,
    BadRateCard,
    Closed,
    Closing,
    Content,
    GivenNumber,
    HandedOver,
    HandOver,
    LabelFormat,
    Labelled,
    NoCarrier,
    NotLabelled,
    NotOurLabel,
    NotServed,
    Numbered,
    Opened,
    ParcelNotFound,
    ParcelStatus,
    ParcelTooBig,
    RateRequest,
    TrackingNumberTaken,
    UnknownService,
    Void,
    Voided,
)
from batuta.shipping.queries import (
    carriers_by_code,
    parcel_by_tracking,
    parcels_by_id,
    parcels_of_owner,
    rate_cards_of,
    rates,
    services_by_code,
    services_by_id,
)
from tests.making import NOW, fresh_id
from tests.shipping.making import (
    a_card,
    a_carrier,
    a_parcel,
    a_service,
    given_handed_over,
    given_labelled,
    given_service,
)

LATER = NOW.replace(hour=18)


def to_the_islands() -> RateRequest:
    return RateRequest(
        id=fresh_id(),
        origin_country="ES",
        origin_postal_code="28014",
        destination_country="ES",
        destination_postal_code="07001",
        weight_g=1_001,
    )


async def test_a_parcel_is_rated_by_every_service_that_takes_it(db: Connection) -> None:
    carrier, service = await given_service(db)
    request = to_the_islands()

    answers = await rates(db, requests=[request])

    rated = answers[request.id]
    assert isinstance(rated, list)
    [ours] = [one for one in rated if one.service_id == service.id]
    assert (ours.zone, ours.price_minor, ours.currency, ours.days_max) == ("islands", 1_300, "EUR", 7)
    assert (ours.carrier_code, ours.service_code) == (carrier.code, service.code)


async def test_a_changed_rate_card_is_seen_at_once_by_every_connection(engine: Engine) -> None:
    request = to_the_islands()
    async with engine.begin() as db:
        _, service = await given_service(db)
    async with engine.begin() as db:
        before = await rates(db, requests=[request])
    card = a_card(service)
    dearer = [msgspec.structs.replace(rate, price_minor=rate.price_minor + 77) for rate in card.rates]

    async with engine.begin() as db:
        await set_rate_cards(db, cards=[msgspec.structs.replace(card, rates=dearer)], now=NOW)
    async with engine.begin() as db:
        after = await rates(db, requests=[request])

    def ours(answer: object) -> list[int]:
        assert isinstance(answer, list)
        return [one.price_minor for one in answer if one.service_id == service.id]

    assert (ours(before[request.id]), ours(after[request.id])) == ([1_300], [1_377])


async def test_a_rate_card_that_was_undone_is_forgotten(engine: Engine) -> None:
    async with engine.begin() as db:
        _, service = await given_service(db)
    request = to_the_islands()
    empty = msgspec.structs.replace(a_card(service), zones=[], rates=[], transits=[])

    async with engine.connect() as db:
        await db.begin()
        await set_rate_cards(db, cards=[empty], now=NOW)
        during = await rates(db, requests=[request])
        await db.rollback()
        after = await rates(db, requests=[request])

    def is_offered(answer: object) -> bool:
        return isinstance(answer, list) and service.id in {one.service_id for one in answer}

    assert (is_offered(during[request.id]), is_offered(after[request.id])) == (False, True)


async def test_an_address_no_carrier_serves_is_answered_with_reasons(db: Connection) -> None:
    _, service = await given_service(db)
    request = msgspec.structs.replace(to_the_islands(), destination_country="AQ")

    answers = await rates(db, requests=[request])

    refusal = answers[request.id]
    assert isinstance(refusal, NotServed)
    assert refusal.facts["services"][service.code] == "no_zone"  # type: ignore[index]


async def test_rate_cards_are_refused_one_by_one(db: Connection) -> None:
    _, service = await given_service(db)
    good = a_card(service)
    bad = msgspec.structs.replace(good, transits=[])
    lost = msgspec.structs.replace(good, service_id=fresh_id())

    answers = await set_rate_cards(db, cards=[bad, lost, good], now=NOW)

    assert [type(answer) for answer in answers] == [BadRateCard, UnknownService, type(good)]
    kept = (await rate_cards_of(db, [service.id]))[service.id]
    assert sorted(kept.rates, key=str) == sorted(good.rates, key=str)
    assert sorted(kept.zones, key=str) == sorted(good.zones, key=str)


async def test_carriers_and_services_saved_again_keep_their_ids(db: Connection) -> None:
    carrier, service = await given_service(db)

    await save_carriers(db, carriers=[msgspec.structs.replace(carrier, id=fresh_id(), name="Otra")], now=NOW)
    await save_services(db, services=[msgspec.structs.replace(service, id=fresh_id(), weight_max_g=5)], now=NOW)

    assert (await carriers_by_code(db, [carrier.code])) == {carrier.code: msgspec.structs.replace(carrier, name="Otra")}
    assert (await services_by_code(db, [service.code]))[service.code].weight_max_g == 5
    assert set(await services_by_id(db, [service.id])) == {service.id}


async def test_opening_the_same_parcel_again_changes_nothing(db: Connection) -> None:
    _, service = await given_service(db)
    parcel = a_parcel(service)
    line = parcel.contents[0]
    twice = msgspec.structs.replace(parcel, contents=[line, line])

    first = await open_parcels(db, parcels=[twice, twice], now=NOW)
    again = await open_parcels(db, parcels=[msgspec.structs.replace(parcel, weight_g=9)], now=NOW)

    assert first == [Opened(parcel.id)] * 2
    assert again == [Opened(parcel.id)]
    [known] = (await parcels_of_owner(db, [parcel.owner_id]))[parcel.owner_id]
    assert known.weight_g == 1_200
    assert known.contents == [Content(line_id=line.line_id, sku_id=line.sku_id, quantity=4)]


async def test_a_parcel_that_its_service_cannot_carry_is_refused_and_its_neighbour_opened(db: Connection) -> None:
    carrier, service = await given_service(db)
    good = a_parcel(service)
    lost = a_parcel(a_service(carrier))

    answers = await open_parcels(db, parcels=[a_parcel(service, weight_g=30_001), lost, good], now=NOW)

    assert [type(answer) for answer in answers] == [ParcelTooBig, UnknownService, Opened]
    assert isinstance(answers[0], ParcelTooBig)
    assert answers[0].facts["weight_max_g"] == 30_000


async def test_a_closed_parcel_is_labelled_with_what_the_scale_said(db: Connection) -> None:
    _, service = await given_service(db)
    parcel, heavy = a_parcel(service), a_parcel(service)
    await open_parcels(db, parcels=[parcel, heavy], now=NOW)

    answers = await close_parcels(
        db,
        closings=[
            Closing(parcel_id=parcel.id, weight_g=2_345, length_mm=500),
            Closing(parcel_id=heavy.id, weight_g=31_000),
            Closing(parcel_id=fresh_id(), weight_g=1),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [Closed, ParcelTooBig, ParcelNotFound]
    known = (await parcels_by_id(db, [parcel.id]))[parcel.id]
    assert (known.status, known.weight_g, known.length_mm, known.closed_at) == ("closed", 2_345, 500, NOW)


async def test_a_labelled_parcel_is_not_closed_again(db: Connection) -> None:
    _, service = await given_service(db)
    [parcel], _ = await given_labelled(db, service)

    [answer] = await close_parcels(db, closings=[Closing(parcel_id=parcel.id, weight_g=2)], now=NOW)

    assert isinstance(answer, IllegalMove)
    assert answer.facts["allowed"] == ["manifested", "voided"]


async def test_labelling_again_gives_the_same_numbers(db: Connection) -> None:
    carrier, service = await given_service(db)
    [parcel], [number] = await given_labelled(db, service)

    [again] = await label_parcels(db, parcel_ids=[parcel.id], label_format=LabelFormat.ZPL, now=LATER)

    assert isinstance(again, Labelled)
    assert again.tracking_number == number
    assert await parcel_by_tracking(db, [(carrier.code, number), (carrier.code, "X")]) == {
        (carrier.code, number): parcel.id
    }


async def test_fifty_parcels_labelled_at_once_have_a_hundred_numbers(engine: Engine) -> None:
    async with engine.begin() as db:
        _, service = await given_service(db)

    async def label_ten() -> list[Labelled]:
        parcels = [a_parcel(service) for _ in range(10)]
        async with engine.begin() as db:
            await open_parcels(db, parcels=parcels, now=NOW)
            answers = await label_parcels(
                db, parcel_ids=[one.id for one in parcels], label_format=LabelFormat.ZPL, now=NOW
            )
        return [one for one in answers if isinstance(one, Labelled)]

    labels = [one for ten in await asyncio.gather(*(label_ten() for _ in range(5))) for one in ten]

    assert len({one.tracking_number for one in labels} | {one.sscc for one in labels}) == 100


async def test_what_cannot_be_labelled_says_why(db: Connection) -> None:
    elsewhere = msgspec.structs.replace(a_carrier(), adapter="acme")
    service = a_service(elsewhere)
    await save_carriers(db, carriers=[elsewhere], now=NOW)
    await save_services(db, services=[service], now=NOW)
    _, ours = await given_service(db)
    foreign, bare, dead = a_parcel(service), a_parcel(None), a_parcel(ours)
    await open_parcels(db, parcels=[foreign, bare, dead], now=NOW)
    await void_parcels(db, voids=[Void(parcel_id=dead.id, actor="staff:ana")], now=NOW)

    answers = await label_parcels(
        db, parcel_ids=[foreign.id, bare.id, dead.id, fresh_id()], label_format=LabelFormat.ZPL, now=NOW
    )

    assert [type(answer) for answer in answers] == [NotOurLabel, NoCarrier, IllegalMove, ParcelNotFound]


async def test_a_number_given_elsewhere_belongs_to_one_parcel(db: Connection) -> None:
    _, service = await given_service(db)
    one, other, bare = a_parcel(service), a_parcel(service), a_parcel(None)
    await open_parcels(db, parcels=[one, other, bare], now=NOW)

    answers = await give_numbers(
        db,
        numbers=[
            GivenNumber(parcel_id=one.id, tracking_number="A1"),
            GivenNumber(parcel_id=other.id, tracking_number="A1"),
            GivenNumber(parcel_id=bare.id, tracking_number="A2"),
            GivenNumber(parcel_id=fresh_id(), tracking_number="A3"),
        ],
        now=NOW,
    )
    later = await give_numbers(
        db,
        numbers=[
            GivenNumber(parcel_id=one.id, tracking_number="A1"),
            GivenNumber(parcel_id=one.id, tracking_number="A4"),
            GivenNumber(parcel_id=other.id, tracking_number="A1"),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [Numbered, TrackingNumberTaken, NoCarrier, ParcelNotFound]
    assert [type(answer) for answer in later] == [Numbered, AlreadyNumbered, TrackingNumberTaken]
    assert (await parcels_by_id(db, [one.id]))[one.id].status == "labelled"


async def test_handing_over_twice_keeps_the_first_time_and_tells_it_once(db: Connection) -> None:
    _, service = await given_service(db)
    parcel, _ = await given_handed_over(db, service)
    again = HandOver(parcel_id=parcel.id, at=LATER, actor="staff:eva")

    answers = await hand_over(db, handovers=[again, again], now=LATER)

    assert answers == [HandedOver(parcel.id, NOW)] * 2
    known = (await parcels_by_id(db, [parcel.id]))[parcel.id]
    assert (known.status, known.handed_over_at) == (ParcelStatus.MANIFESTED, NOW)
    told = (await facts_of(db, [parcel.owner_id]))[parcel.owner_id]
    assert [(fact.name, fact.actor) for fact in told] == [("shipping.parcel_handed_over", "staff:ana")]


async def test_a_carrier_s_parcel_is_labelled_before_it_is_handed_over(db: Connection) -> None:
    _, service = await given_service(db)
    unlabelled, carried_by_us = a_parcel(service), a_parcel(None)
    await open_parcels(db, parcels=[unlabelled, carried_by_us], now=NOW)
    ids = [unlabelled.id, carried_by_us.id, fresh_id()]

    answers = await hand_over(
        db, handovers=[HandOver(parcel_id=one, at=NOW, actor="staff:ana") for one in ids], now=NOW
    )

    assert [type(answer) for answer in answers] == [NotLabelled, HandedOver, ParcelNotFound]


async def test_a_parcel_is_voided_only_before_it_leaves(db: Connection) -> None:
    _, service = await given_service(db)
    gone, _ = await given_handed_over(db, service)
    [here], _ = await given_labelled(db, service)
    voids = [Void(parcel_id=one, actor="staff:ana") for one in (gone.id, here.id, here.id, fresh_id())]

    answers = await void_parcels(db, voids=voids, now=NOW)
    again = await void_parcels(db, voids=voids[1:2], now=LATER)
    [left] = await hand_over(db, handovers=[HandOver(parcel_id=here.id, at=NOW, actor="staff:ana")], now=NOW)

    assert [type(answer) for answer in answers] == [AlreadyHandedOver, Voided, Voided, ParcelNotFound]
    assert again == [Voided(here.id)]
    assert isinstance(left, IllegalMove)
    told = (await facts_of(db, [here.owner_id]))[here.owner_id]
    assert [fact.name for fact in told] == ["shipping.parcel_voided"]


async def test_nothing_asked_is_nothing_done(db: Connection) -> None:
    assert await open_parcels(db, parcels=[], now=NOW) == []
    assert await close_parcels(db, closings=[], now=NOW) == []
    assert await label_parcels(db, parcel_ids=[], label_format=LabelFormat.ZPL, now=NOW) == []
    assert await give_numbers(db, numbers=[], now=NOW) == []
    assert await hand_over(db, handovers=[], now=NOW) == []
    assert await void_parcels(db, voids=[], now=NOW) == []
    assert await rates(db, requests=[]) == {}
    assert await parcels_by_id(db, []) == {}
