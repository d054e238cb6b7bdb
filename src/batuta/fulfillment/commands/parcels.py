"""Parcels of shipping follow the packages of shipments; a pickup's bags are no parcels of a carrier."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.catalog.domain import Tracking
from batuta.catalog.queries import skus_by_id
from batuta.fulfillment.domain import Cartons, Change, Changes, FulfillmentOrder, Goods, Method, PackedParcel, measure
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.locations.queries import all_locations
from batuta.plumbing.database import Connection
from batuta.shipping.commands import give_numbers, hand_over, label_parcels, open_parcels, void_parcels
from batuta.shipping.domain import (
    Content,
    GivenNumber,
    HandedOver,
    HandOver,
    LabelFormat,
    Labelled,
    NewParcel,
    Numbered,
    Opened,
    Void,
    Voided,
)
from batuta.shipping.queries import services_by_id


async def cartons_for(db: Connection, fulfillments: Mapping[UUID, FulfillmentOrder]) -> dict[UUID, Cartons]:
    """What is known of the goods of each fulfillment order, and of what its carrier takes."""
    lines = [line for one in fulfillments.values() for line in one.lines]
    goods = await _goods(db, {sku_id for line in lines for sku_id in (line.sku_id, line.makes) if sku_id})
    services = await services_by_id(db, {one.service_id for one in fulfillments.values() if one.service_id})
    cartons = {}
    for one in fulfillments.values():
        service = services.get(one.service_id) if one.service_id else None
        cartons[one.id] = Cartons(
            goods=goods,
            weight_max_g=service.weight_max_g if service else None,
            length_max_mm=service.length_max_mm if service else None,
        )
    return cartons


async def _goods(db: Connection, sku_ids: set[UUID]) -> dict[UUID, Goods]:
    return {
        sku.id: Goods(
            weight_g=sku.weight_g,
            sides_mm=(sku.length_mm, sku.width_mm, sku.height_mm),
            has_serials=sku.tracking is Tracking.SERIAL,
            is_weighed=sku.is_weighed,
        )
        for sku in (await skus_by_id(db, sku_ids)).values()
    }


async def open_packed(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Open a parcel for each package of a shipment, and label it where a carrier's service takes it."""
    packed = [
        (i, change, parcel) for i, change in changes if change.after.method is Method.SHIP for parcel in change.packed
    ]
    if not packed:
        return {}
    goods = await _goods(db, {one.sku_id for _, _, parcel in packed for one in parcel.contents})
    locations = (await all_locations(db)).by_id
    new = [_new_parcel(change, one, goods, locations[change.after.location_id].address) for _, change, one in packed]
    opened = await open_parcels(db, parcels=new, now=now)
    refusals: dict[int, BatutaError] = {
        i: answer for (i, _, _), answer in zip(packed, opened, strict=True) if not isinstance(answer, Opened)
    }
    by_format: dict[str, dict[UUID, int]] = defaultdict(dict)
    for i, change, parcel in packed:
        if change.after.service_id is not None and i not in refusals and parcel.tracking_number is None:
            by_format[change.label_format][parcel.id] = i
    for label_format, parcels in by_format.items():
        answers = await label_parcels(db, parcel_ids=list(parcels), label_format=LabelFormat(label_format), now=now)
        refusals |= {
            i: answer for i, answer in zip(parcels.values(), answers, strict=True) if not isinstance(answer, Labelled)
        }
    return refusals | await _number(db, [one for one in packed if one[0] not in refusals], now=now)


async def _number(
    db: Connection, packed: Sequence[tuple[int, Change, PackedParcel]], *, now: datetime
) -> dict[int, BatutaError]:
    """Record the numbers of labels that somebody else printed."""
    numbers = {
        parcel.id: GivenNumber(parcel_id=parcel.id, tracking_number=parcel.tracking_number)
        for _, change, parcel in packed
        if parcel.tracking_number is not None and change.after.service_id is not None
    }
    if not numbers:
        return {}
    answers = dict(zip(numbers, await give_numbers(db, numbers=list(numbers.values()), now=now), strict=True))
    return {
        i: answer
        for i, _, parcel in packed
        if parcel.id in answers and not isinstance(answer := answers[parcel.id], Numbered)
    }


def _new_parcel(change: Change, parcel: PackedParcel, goods: Mapping[UUID, Goods], origin: Address) -> NewParcel:
    destination = change.after.ship_to
    assert destination is not None, "a shipment was offered with its address"
    size = measure(parcel.contents, goods)
    return NewParcel(
        id=parcel.id,
        owner_id=change.after.order_id,
        reference=change.after.order_number,
        service_id=change.after.service_id,
        origin=origin,
        destination=destination,
        weight_g=parcel.weight_g or size.weight_g,
        length_mm=parcel.length_mm or size.length_mm,
        width_mm=parcel.width_mm or size.width_mm,
        height_mm=parcel.height_mm or size.height_mm,
        contents=[Content(line_id=one.line_id, sku_id=one.sku_id, quantity=one.quantity) for one in parcel.contents],
    )


async def hand_to_carriers(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Give the parcels to their carriers."""
    gone = [(i, change, package) for i, change in changes for package in change.handed_over]
    if not gone:
        return {}
    handovers = [
        HandOver(parcel_id=package.parcel_id, at=package.handed_over_at or now, actor=change.actor)
        for _, change, package in gone
    ]
    answers = await hand_over(db, handovers=handovers, now=now)
    return {i: answer for (i, _, _), answer in zip(gone, answers, strict=True) if not isinstance(answer, HandedOver)}


async def void_unpacked(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """The parcels of what was unpacked will not travel."""
    opened = [
        (i, change, package)
        for i, change in changes
        if change.after.method is Method.SHIP
        for package in change.unpacked
    ]
    if not opened:
        return {}
    voids = [Void(parcel_id=package.parcel_id, actor=change.actor) for _, change, package in opened]
    answers = await void_parcels(db, voids=voids, now=now)
    return {i: answer for (i, _, _), answer in zip(opened, answers, strict=True) if not isinstance(answer, Voided)}
