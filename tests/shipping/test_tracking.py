"""Scans on a real PostgreSQL: late, twice, shuffled, unknown, and misunderstood."""

import asyncio
import random
from datetime import timedelta, timezone
from uuid import UUID

import msgspec

from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.shipping.commands import (
    give_numbers,
    hand_over,
    match_scans,
    open_parcels,
    record_tracking,
    save_tracking_codes,
    void_parcels,
)
from batuta.shipping.domain import (
    AlreadyHandedOver,
    GivenNumber,
    HandOver,
    Parcel,
    ParcelStatus,
    Recorded,
    TrackingCode,
    TrackingDetail,
    TrackingStatus,
    UnknownParcel,
    Void,
)
from batuta.shipping.events import ParcelDelivered
from batuta.shipping.queries import parcels_by_id, scans_of, unmatched_scans
from tests.making import NOW, fresh_code
from tests.shipping.making import (
    a_parcel,
    given_handed_over,
    given_labelled,
    given_service,
    scans_of_a_life,
)

LIFE = ["accepted", "exception:customs", "in_transit", "out_for_delivery", "delivered:signed", "returning", "returned"]


async def told_of(db: Connection, owner_id: UUID) -> list[str]:
    return [fact.name.removeprefix("shipping.parcel_") for fact in (await facts_of(db, [owner_id]))[owner_id]]


async def the_parcel(db: Connection, parcel_id: UUID) -> Parcel:
    return (await parcels_by_id(db, [parcel_id]))[parcel_id]


async def test_a_parcel_goes_from_the_packing_table_to_the_door(db: Connection) -> None:
    """SHP-05: delivered is when the carrier says it was."""
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    life = scans_of_a_life(carrier, number, ["accepted", "in_transit", "out_for_delivery", "delivered:signed"])

    answers = await record_tracking(db, scans=life, now=NOW)

    assert answers == [Recorded(parcel.id, ParcelStatus.DELIVERED, is_new=True)] * 4
    known = await the_parcel(db, parcel.id)
    assert (known.status, known.carrier_status, known.carrier_detail) == ("delivered", "delivered", "signed")
    assert known.delivered_at == life[-1].happened_at
    assert (known.contents, known.origin) == (parcel.contents, parcel.origin)
    told = (await facts_of(db, [parcel.owner_id]))[parcel.owner_id]
    assert [one.name for one in told] == ["shipping.parcel_handed_over", "shipping.parcel_delivered"]
    assert told[1].as_event(ParcelDelivered) == ParcelDelivered(
        stream=parcel.owner_id,
        happened_at=life[-1].happened_at,
        actor=f"carrier:{carrier.code}",
        parcel_id=parcel.id,
        delivered_at=life[-1].happened_at,
    )


async def test_every_shuffle_with_repetitions_ends_in_the_same_state(db: Connection) -> None:
    """SHP-03: thirty parcels live one life, each told in another order, in other portions, some of it twice."""
    carrier, service = await given_service(db)
    parcels, numbers = await given_labelled(db, service, 30)
    await hand_over(db, handovers=[HandOver(parcel_id=one.id, at=NOW, actor="staff:ana") for one in parcels], now=NOW)
    for seed, number in enumerate(numbers):
        chance = random.Random(seed)
        life = scans_of_a_life(carrier, number, LIFE)
        told = [*life, *chance.sample(life, 3)]
        chance.shuffle(told)
        cut = chance.randrange(len(told))
        await record_tracking(db, scans=told[:cut], now=NOW)
        await record_tracking(db, scans=told[cut:], now=NOW)

    known = await parcels_by_id(db, [one.id for one in parcels])

    shape = {(one.status, one.carrier_status, one.carrier_at, one.delivered_at) for one in known.values()}
    assert shape == {("returned", "returned", NOW + timedelta(hours=7), NOW + timedelta(hours=5))}
    for one in parcels:
        told_facts = await told_of(db, one.owner_id)
        assert told_facts.count("delivered") == told_facts.count("returned") == 1


async def test_a_scan_that_came_before_is_known(db: Connection) -> None:
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    [scan] = scans_of_a_life(carrier, number, ["delivered"])
    elsewhere = msgspec.structs.replace(scan, happened_at=scan.happened_at.astimezone(timezone(timedelta(hours=-5))))

    first = await record_tracking(db, scans=[scan, scan], now=NOW)
    again = await record_tracking(db, scans=[elsewhere], now=NOW)

    assert [answer.is_new for answer in (*first, *again) if isinstance(answer, Recorded)] == [True, False, False]
    assert await told_of(db, parcel.owner_id) == ["handed_over", "delivered"]


async def test_scans_keep_the_carrier_s_offset_and_place(db: Connection) -> None:
    """SHP-02."""
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    canary = timezone(timedelta(hours=1, minutes=30))
    [scan] = scans_of_a_life(carrier, number, ["in_transit"], start=NOW.astimezone(canary), place="Las Palmas")
    await record_tracking(db, scans=[scan], now=NOW)

    [seen] = (await scans_of(db, [parcel.id]))[parcel.id]

    assert seen.happened_at.isoformat() == scan.happened_at.isoformat()
    assert (seen.status, seen.raw_code, seen.place) == ("in_transit", "in_transit", "Las Palmas")


async def test_a_scan_of_an_unknown_parcel_waits_until_the_parcel_appears(db: Connection) -> None:
    carrier, service = await given_service(db)
    number = fresh_code("T")
    life = scans_of_a_life(carrier, number, ["accepted", "delivered"])
    waiting = await unmatched_scans(db)

    answers = await record_tracking(db, scans=[*life, life[0]], now=NOW)
    kept = await unmatched_scans(db)
    parcel = a_parcel(service)
    await open_parcels(db, parcels=[parcel], now=NOW)
    await give_numbers(db, numbers=[GivenNumber(parcel_id=parcel.id, tracking_number=number)], now=NOW)

    assert [type(answer) for answer in answers] == [UnknownParcel] * 3
    assert kept == waiting + 2
    assert await unmatched_scans(db) == waiting
    known = await the_parcel(db, parcel.id)
    assert (known.status, known.delivered_at) == (ParcelStatus.DELIVERED, life[1].happened_at)
    assert await told_of(db, parcel.owner_id) == ["taken_unannounced", "delivered"]


async def test_a_scan_kept_while_its_parcel_was_being_labelled_is_swept_up(engine: Engine) -> None:
    async with engine.begin() as db:
        carrier, service = await given_service(db)
    number = fresh_code("T")
    parcel = a_parcel(service)
    [scan] = scans_of_a_life(carrier, number, ["in_transit"])

    async with engine.begin() as labelling, engine.begin() as reporting:
        await open_parcels(labelling, parcels=[parcel], now=NOW)
        await give_numbers(labelling, numbers=[GivenNumber(parcel_id=parcel.id, tracking_number=number)], now=NOW)
        [answer] = await record_tracking(reporting, scans=[scan], now=NOW)

    async with engine.begin() as db:
        before = (await the_parcel(db, parcel.id)).status
        swept = await match_scans(db, now=NOW, limit=500)
        after = (await the_parcel(db, parcel.id)).status
        again = await match_scans(db, now=NOW, limit=500)

    assert isinstance(answer, UnknownParcel)
    assert (before, swept, after, again) == ("labelled", 1, "in_transit", 0)


async def test_batches_of_the_same_scans_at_once_record_each_of_them_once(engine: Engine) -> None:
    async with engine.begin() as db:
        carrier, service = await given_service(db)
        parcels, numbers = await given_labelled(db, service, 20)
    scans = [scan for number in numbers for scan in scans_of_a_life(carrier, number, ["accepted", "delivered"])]

    async def report(seed: int) -> int:
        shuffled = random.Random(seed).sample(scans, len(scans))
        async with engine.begin() as db:
            answers = await record_tracking(db, scans=shuffled, now=NOW)
        return sum(isinstance(answer, Recorded) and answer.is_new for answer in answers)

    new = await asyncio.gather(*(report(seed) for seed in range(6)))

    assert sum(new) == len(scans)
    async with engine.begin() as db:
        for parcel in parcels:
            assert await told_of(db, parcel.owner_id) == ["taken_unannounced", "delivered"]


async def test_an_exception_is_told_with_its_code_each_time_it_happens(db: Connection) -> None:
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    life = scans_of_a_life(
        carrier, number, ["out_for_delivery", "attempt_failed:recipient_absent", "in_transit", "exception:damaged"]
    )
    for scan in life:
        await record_tracking(db, scans=[scan], now=NOW)

    told = (await facts_of(db, [parcel.owner_id]))[parcel.owner_id]

    exceptions = [fact for fact in told if fact.name == "shipping.parcel_exception"]
    assert [msgspec.to_builtins(fact)["data"]["code"] for fact in exceptions] == ["recipient_absent", "damaged"]
    known = await the_parcel(db, parcel.id)
    assert (known.status, known.exception_code) == ("exception", "damaged")


async def test_the_ends_of_a_parcel_are_told(db: Connection) -> None:
    carrier, service = await given_service(db)
    lost, number_lost = await given_handed_over(db, service)
    back, number_back = await given_handed_over(db, service)
    await record_tracking(
        db,
        scans=[
            *scans_of_a_life(carrier, number_lost, ["accepted", "lost"]),
            *scans_of_a_life(carrier, number_back, ["accepted", "returning"]),
        ],
        now=NOW,
    )
    await record_tracking(db, scans=scans_of_a_life(carrier, number_back, ["", "", "returned"])[2:], now=NOW)

    assert await told_of(db, lost.owner_id) == ["handed_over", "lost"]
    assert await told_of(db, back.owner_id) == ["handed_over", "returning", "returned"]


async def test_a_parcel_seen_on_the_road_can_still_be_handed_over_but_not_voided(db: Connection) -> None:
    """SHP-01: what we did is not what the carrier reports, and neither overwrites the other."""
    carrier, service = await given_service(db)
    [parcel], [number] = await given_labelled(db, service)
    await record_tracking(db, scans=scans_of_a_life(carrier, number, ["in_transit"]), now=NOW)

    [void] = await void_parcels(db, voids=[Void(parcel_id=parcel.id, actor="staff:ana")], now=NOW)
    await hand_over(db, handovers=[HandOver(parcel_id=parcel.id, at=NOW, actor="staff:ana")], now=NOW)

    assert isinstance(void, AlreadyHandedOver)
    known = await the_parcel(db, parcel.id)
    assert (known.status, known.handed_over_at) == (ParcelStatus.IN_TRANSIT, NOW)
    assert await told_of(db, parcel.owner_id) == ["taken_unannounced", "handed_over"]


async def test_a_code_that_nobody_knew_is_told_anew_once_it_has_a_meaning(db: Connection) -> None:
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    life = scans_of_a_life(carrier, number, ["01", "Z9"])
    await save_tracking_codes(
        db, codes=[TrackingCode(carrier_id=carrier.id, raw_code="01", status=TrackingStatus.IN_TRANSIT)], now=NOW
    )
    [_, before] = await record_tracking(db, scans=life, now=NOW)

    await save_tracking_codes(
        db,
        codes=[
            TrackingCode(
                carrier_id=carrier.id,
                raw_code="Z9",
                status=TrackingStatus.DELIVERED,
                detail=TrackingDetail.LEFT_WITH_NEIGHBOUR,
            )
        ],
        now=NOW,
    )

    assert before == Recorded(parcel.id, ParcelStatus.IN_TRANSIT, is_new=True)
    known = await the_parcel(db, parcel.id)
    assert (known.status, known.carrier_detail) == ("delivered", "left_with_neighbour")
    assert known.delivered_at == life[1].happened_at
    assert await told_of(db, parcel.owner_id) == ["handed_over", "delivered"]


async def test_no_scans_are_no_work(db: Connection) -> None:
    assert await record_tracking(db, scans=[], now=NOW) == []
    await save_tracking_codes(db, codes=[], now=NOW)
