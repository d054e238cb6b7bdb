"""Parcels on a real PostgreSQL: rated, opened, labelled, handed over, tracked."""

from sqlalchemy.ext.asyncio import AsyncConnection

from batuta.shipping.commands import hand_over, record_tracking
from batuta.shipping.domain import HandedOver, HandOver, ParcelStatus, RateRequest, Recorded
from batuta.shipping.queries import parcels_by_id, rates
from tests.making import NOW, fresh_id
from tests.shipping.making import given_handed_over, given_service, scans_of_a_life


async def test_a_parcel_is_rated_by_every_service_that_takes_it(db: AsyncConnection) -> None:
    _, service = await given_service(db)
    request = RateRequest(
        id=fresh_id(),
        origin_country="ES",
        origin_postal_code="28014",
        destination_country="ES",
        destination_postal_code="07001",
        weight_g=1_001,
    )

    answers = await rates(db, requests=[request])

    rated = answers[request.id]
    assert isinstance(rated, list)
    ours = [one for one in rated if one.service_id == service.id]
    assert [(one.zone, one.price_minor, one.days_max) for one in ours] == [("islands", 1_300, 7)]


async def test_a_parcel_goes_from_the_packing_table_to_the_door(db: AsyncConnection) -> None:
    """SHP-05: delivered is when the carrier says it was."""
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    life = scans_of_a_life(carrier, number, ["accepted", "in_transit", "out_for_delivery", "delivered:signed"])

    answers = await record_tracking(db, scans=life, now=NOW)

    assert answers == [Recorded(parcel.id, ParcelStatus.DELIVERED, is_new=True)] * 4
    known = (await parcels_by_id(db, [parcel.id]))[parcel.id]
    assert (known.status, known.carrier_status, known.carrier_detail) == ("delivered", "delivered", "signed")
    assert known.delivered_at == life[-1].happened_at
    assert known.contents == parcel.contents
    assert known.origin == parcel.origin


async def test_handing_over_twice_keeps_the_first_time(db: AsyncConnection) -> None:
    _, service = await given_service(db)
    parcel, _ = await given_handed_over(db, service)

    again = await hand_over(
        db, handovers=[HandOver(parcel_id=parcel.id, at=NOW.replace(hour=23), actor="staff:eva")], now=NOW
    )

    assert again == [HandedOver(parcel.id, NOW)]
