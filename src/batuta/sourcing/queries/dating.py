"""When shipments arrive: calendars, pickups, queues and transit put together for many ways at once (PRM-02, PRM-08)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from batuta.kernel.addresses import Address, distance_m
from batuta.kernel.zones import zone_of
from batuta.locations.domain import ImplausibleLocation, Location, TransferLane, holidays_of
from batuta.locations.queries import AllLocations
from batuta.plumbing.database import Connection
from batuta.shipping.domain import Lane as ShippingLane
from batuta.shipping.domain import (
    Preparing,
    RateRequest,
    ServiceKind,
    Tariffs,
    Timetables,
    TransitDays,
    is_working_day,
    next_pickup,
)
from batuta.shipping.queries import preparing_of, tariffs, timetables, transit_of
from batuta.sourcing.domain.promises.dates import (
    DAY,
    Asked,
    Dates,
    Desk,
    Door,
    Pickups,
    Ride,
    Road,
    Transit,
    cut_off_pickups,
    dates_by_transfer,
    dates_of,
    dates_of_collection,
)

RIDE_KM_AN_HOUR = 18
RIDE_LEAST_MINUTES = 10
RIDE_UNKNOWN_MINUTES = 30
SATURDAY = 5
CALLED = frozenset({ServiceKind.ONE_HOUR, ServiceKind.COURIER})
"""Couriers who come when they are called; all other carriers come at their times."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A shipment to be dated. service_id: None where the buyer comes. goods_at: when its goods are there; None: now.

    transfer: the lane by which the location sends it to the store where the buyer comes. making_minutes: of open time,
    that it takes besides to make what is made to order. queue_until_at: until when it works on what it has already.
    """

    asked: Asked
    location_id: UUID
    service_id: UUID | None
    address: Address
    door: Door
    goods_at: datetime | None = None
    transfer: TransferLane | None = None
    making_minutes: int = 0
    queue_until_at: datetime | None = None


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """is_estimated: days are those of a table, not learned from deliveries."""

    dates: Dates
    is_estimated: bool


def door_of(address: Address) -> Door:
    """The zone and holidays of an address. Holidays of its country: who delivers there keeps these at least."""
    country = address.country

    def is_holiday(day: date) -> bool:
        try:
            return day in holidays_of(country, day.year)
        except ImplausibleLocation:
            return False

    return Door(zone=zone_of(country, address.latitude, address.longitude), is_holiday=is_holiday)


async def date_ways(db: Connection, ways: Sequence[Way], *, every: AllLocations, now: datetime) -> list[Dated | None]:
    """When each shipment is there; None where that is never."""
    known, times = await tariffs(db), await timetables(db)
    lanes = [_lane(way, every.by_id[way.location_id], known) for way in ways]
    days = await transit_of(db, lanes={lane for lane in lanes if lane}, now=now) if any(lanes) else {}
    stores = {way.transfer.target_location_id for way in ways if way.transfer}
    prepared = await preparing_of(db, stores | {way.location_id for way in ways}, now=now)
    guides = _Guides(known, times, prepared, every)
    return [_dated(way, None if lane is None else days[lane], guides) for way, lane in zip(ways, lanes, strict=True)]


class _Guides(msgspec.Struct, frozen=True):
    known: Tariffs
    times: Timetables
    prepared: Mapping[UUID, Preparing]
    every: AllLocations

    def desk(
        self,
        location_id: UUID,
        goods_at: datetime | None = None,
        queue_until_at: datetime | None = None,
        making_minutes: int = 0,
    ) -> Desk:
        location, learned = self.every.by_id[location_id], self.prepared.get(location_id)
        return Desk(
            location=location,
            processing_minutes=(learned.p50_minutes if learned else location.processing_minutes) + making_minutes,
            processing_p90_minutes=learned.p90_minutes + making_minutes if learned else None,
            goods_at=goods_at,
            queue_until_at=queue_until_at,
        )


def _dated(way: Way, days: TransitDays | None, guides: _Guides) -> Dated | None:
    if way.transfer is not None:
        desk = guides.desk(way.location_id, way.goods_at, way.queue_until_at)
        store = way.transfer.target_location_id
        sent = dates_by_transfer(
            way.asked, desk, guides.desk(store, making_minutes=way.making_minutes), way.transfer.transit_days * DAY
        )
        return Dated(dates=sent, is_estimated=True) if sent else None
    desk = guides.desk(way.location_id, way.goods_at, way.queue_until_at, way.making_minutes)
    if way.service_id is None:
        collected = dates_of_collection(way.asked, desk)
        return Dated(dates=collected, is_estimated=False) if collected else None
    if days is None:
        return None
    road = _road(way.service_id, desk.location, way.address, days, guides)
    found = dates_of(way.asked, desk, road, way.door)
    return Dated(dates=found, is_estimated=not days.lessons) if found else None


def _lane(way: Way, location: Location, known: Tariffs) -> ShippingLane | None:
    """The lane of a shipment as shipping learns about it; None where nothing is shipped, or no more."""
    if way.service_id is None:
        return None
    origin, there = location.address, way.address
    rated = known.days(
        way.service_id,
        RateRequest(
            id=location.id,
            origin_country=origin.country,
            origin_postal_code=origin.postal_code,
            destination_country=there.country,
            destination_postal_code=there.postal_code,
            weight_g=1,
        ),
    )
    if rated is None:
        return None
    return ShippingLane(
        service_id=way.service_id,
        zone=rated.zone,
        days_min=rated.days_min,
        days_max=rated.days_max,
        origin_country=origin.country,
        origin_postal_code=origin.postal_code,
        destination_country=there.country,
        destination_postal_code=there.postal_code,
        distance_m=_distance_m(location, there),
    )


def _distance_m(location: Location, there: Address) -> int | None:
    if location.latitude is None or location.longitude is None or there.latitude is None or there.longitude is None:
        return None
    return distance_m(location.latitude, location.longitude, there.latitude, there.longitude)


def _road(service_id: UUID, location: Location, there: Address, days: TransitDays, guides: _Guides) -> Road:
    service = guides.known.service(service_id)
    calendar = guides.times.calendar(service.carrier_id)
    asked = guides.times.pickups.get((location.id, service.carrier_id))

    def works(day: date) -> bool:
        return is_working_day(calendar, day)

    def comes(at: datetime) -> datetime | None:
        assert asked is not None
        return next_pickup(asked, calendar, location, at)

    pickups: Pickups = cut_off_pickups(location) if asked is None else comes
    is_weekend = service.kind is ServiceKind.WEEKEND
    return Road(
        transit=_ride(location, there) if service.kind in CALLED else _transit(days),
        pickups=pickups,
        works_on=_always if is_weekend else works,
        delivers_on=_on_weekends if is_weekend else works,
        is_cut_off=asked is None,
    )


def _transit(days: TransitDays) -> Transit:
    return Transit(
        earliest_days=days.p10_days,
        p50_days=max(days.p10_days, days.p50_days),
        p90_days=max(days.p50_days, days.p90_days),
    )


def _ride(location: Location, there: Address) -> Ride:
    """Through town as the crow flies, at the pace of a cyclist; half as long again in nine of ten cases."""
    metres = _distance_m(location, there)
    minutes = RIDE_UNKNOWN_MINUTES
    if metres is not None:
        minutes = max(RIDE_LEAST_MINUTES, round(metres / 1_000 / RIDE_KM_AN_HOUR * 60))
    return Ride(p50_minutes=minutes, p90_minutes=minutes * 3 // 2)


def _always(_: date) -> bool:
    return True


def _on_weekends(day: date) -> bool:
    return day.weekday() >= SATURDAY
