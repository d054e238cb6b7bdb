"""How late what a lane carries is expected to come, of orders that were promised a day (SRC-03)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.locations.queries import AllLocations
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Lane, Method, SourcingRequest
from batuta.sourcing.domain.promises.dates import Asked, Door
from batuta.sourcing.domain.promises.lateness import NEVER_TENTHS, expected_late_tenths
from batuta.sourcing.queries.dating import Dated, Way, date_ways, door_of
from batuta.sourcing.queries.lanes import Lanes


async def late_lanes(
    db: Connection,
    requests: Sequence[SourcingRequest],
    lanes: Lanes,
    location_ids: Collection[UUID],
    *,
    every: AllLocations,
    now: datetime,
) -> Lanes:
    """The same lanes, those of orders to which lateness matters with how late they are; by the promises' own dates."""
    asked: list[tuple[SourcingRequest, UUID, Lane, Door]] = []
    for request in requests:
        if request.method is Method.SHIP and request.late_day_bp and request.promised_at:
            door = door_of(request.destination)
            for location_id in location_ids:
                of_location = lanes.get((request.order_id, location_id), ())
                asked += [(request, location_id, lane, door) for lane in of_location]
    if not asked:
        return lanes
    ways = [
        Way(
            asked=Asked(at=now),
            location_id=location_id,
            service_id=lane.service_id,
            address=request.destination,
            door=door,
        )
        for request, location_id, lane, door in asked
    ]
    dated = await date_ways(db, ways, every=every, now=now)
    late: dict[UUID, dict[UUID, list[Lane]]] = {}
    alike: dict[tuple[int, int], Lane] = {}
    for (request, location_id, lane, door), found in zip(asked, dated, strict=True):
        tenths = _late_tenths(request, door, found)
        if (id(lane), tenths) not in alike:
            alike[id(lane), tenths] = msgspec.structs.replace(lane, late_tenths=tenths)
        late.setdefault(request.order_id, {}).setdefault(location_id, []).append(alike[id(lane), tenths])
    return lanes.instead({order_id: _shared(by_location) for order_id, by_location in late.items()})


def _late_tenths(request: SourcingRequest, door: Door, found: Dated | None) -> int:
    assert request.promised_at is not None
    if found is None:
        return NEVER_TENTHS
    dates = found.dates
    return expected_late_tenths(request.promised_at, (dates.earliest_at, dates.p50_at, dates.p90_at), door.zone)


def _shared(by_location: Mapping[UUID, Sequence[Lane]]) -> dict[UUID, tuple[Lane, ...]]:
    """The same lanes are one object, so that they are priced once."""
    alike: dict[tuple[int, ...], tuple[Lane, ...]] = {}
    return {at: alike.setdefault(tuple(map(id, lanes)), tuple(lanes)) for at, lanes in by_location.items()}
