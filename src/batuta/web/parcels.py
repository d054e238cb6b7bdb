"""What travels of an order, and what locations do for it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.catalog.domain import name_in
from batuta.fulfillment.domain import OVER, FulfillmentOrder, FulfillmentStatus
from batuta.fulfillment.events import Offered
from batuta.kernel.events import type_of
from batuta.locations.domain import Location
from batuta.plumbing.events import Fact
from batuta.shipping.domain import Carrier, Parcel, SeenScan, Service, TrackingStatus
from batuta.web.catalogue import Speech
from batuta.web.pills import Pill, pill
from batuta.web.timeline import reason_in_words

OFFERED = type_of(Offered)
CAME_TO_NOTHING = OVER - {FulfillmentStatus.CLOSED}


class ScanView(msgspec.Struct, frozen=True, kw_only=True):
    """One report of the carrier."""

    at: str
    word: str
    place: str


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel. slip: where its packing slip is, if it has one and its reader may print it."""

    tracking: str | None
    carrier: str
    origin: str
    units: str
    status: Pill
    scans: Sequence[ScanView]
    slip: str


class WorkView(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one location."""

    location: str
    service: str
    units: str
    status: Pill
    reason: str


class WorkOfOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The work of all locations."""

    standing: Sequence[WorkView]
    over: Sequence[WorkView]
    over_words: str


def parcels_seen(
    parcels: Sequence[Parcel],
    scans: Mapping[UUID, Sequence[SeenScan]],
    carriers: Mapping[str, Carrier],
    speech: Speech,
    *,
    with_slips: Collection[UUID],
) -> list[ParcelView]:
    """The parcels, with what their carriers saw, the newest first."""
    return [
        ParcelView(
            tracking=one.tracking_number,
            carrier=carriers[one.carrier_code].name if one.carrier_code in carriers else one.carrier_code,
            origin=one.origin.company or one.origin.name or one.origin.city,
            units=speech.count("order.parcel_units", sum(part.quantity for part in one.contents)),
            status=pill(speech, "parcel", one.status),
            scans=[_scan(each, speech) for each in reversed(scans.get(one.id, ()))],
            slip=f"/api/parcels/{one.id}/packing-slip" if one.id in with_slips else "",
        )
        for one in parcels
    ]


def work_seen(
    work: Sequence[FulfillmentOrder],
    facts: Sequence[Fact],
    locations: Mapping[UUID, Location],
    services: Mapping[UUID, Service],
    speech: Speech,
) -> WorkOfOrder:
    """What was asked of locations, the latest first; what came to nothing stands apart."""
    offered = {one.data.get("fulfillment_order_id"): one.position for one in facts if one.name == OFFERED}
    first = min(offered.values(), default=(0, 0, 0))
    latest = sorted(work, key=lambda one: offered.get(str(one.id), first), reverse=True)
    views = [(one.status in CAME_TO_NOTHING, _work(one, locations, services, speech)) for one in latest]
    over = [view for is_over, view in views if is_over]
    return WorkOfOrder(
        standing=[view for is_over, view in views if not is_over],
        over=over,
        over_words=speech.count("order.over", len(over)),
    )


def _work(
    one: FulfillmentOrder, locations: Mapping[UUID, Location], services: Mapping[UUID, Service], speech: Speech
) -> WorkView:
    return WorkView(
        location=locations[one.location_id].name if one.location_id in locations else "",
        service=_service(one, services, speech),
        units=speech.count("order.unit_count", sum(one.units("quantity").values())),
        status=pill(speech, "work", one.status),
        reason=reason_in_words(one.reason or "", speech),
    )


def _service(one: FulfillmentOrder, services: Mapping[UUID, Service], speech: Speech) -> str:
    service = services.get(one.service_id) if one.service_id else None
    return name_in(service.name, speech.language, service.code) if service else speech(f"way.{one.method}")


def _scan(one: SeenScan, speech: Speech) -> ScanView:
    word = (
        speech("scan.unknown", code=one.raw_code)
        if one.status is TrackingStatus.UNKNOWN
        else speech.of("scan", one.status)
    )
    detail = speech.of("detail", one.detail) if one.detail else ""
    return ScanView(at=speech.moment(one.happened_at), word=f"{word}: {detail}" if detail else word, place=one.place)
