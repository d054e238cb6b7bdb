"""Where orders go, when their addresses do not say it themselves."""

from collections.abc import Sequence

import msgspec

from batuta.locations.queries import places_of
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Method, SourcingRequest


async def locate(db: Connection, requests: Sequence[SourcingRequest]) -> list[SourcingRequest]:
    """The requests, their destinations on the map by their postal codes where they have no coordinates.

    One statement, and none when nothing lacks them.
    """
    lost = {(request.destination.country, request.destination.postal_code) for request in requests if _is_lost(request)}
    found = await places_of(db, lost)
    located = []
    for request in requests:
        there = request.destination
        at = found.get((there.country, there.postal_code)) if _is_lost(request) else None
        on_map = at and msgspec.structs.replace(there, latitude=at.latitude, longitude=at.longitude)
        located.append(msgspec.structs.replace(request, destination=on_map) if on_map else request)
    return located


def _is_lost(request: SourcingRequest) -> bool:
    there = request.destination
    return request.method is Method.SHIP and there.latitude is None and bool(there.postal_code)
