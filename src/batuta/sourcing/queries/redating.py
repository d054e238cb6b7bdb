"""Promises of orders that are planned: the dates of the plan that was made (PRM-05)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.locations.queries import AllLocations, all_locations
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Assignment, Method, Plan, SourcingRequest
from batuta.sourcing.domain.promises.dates import Asked
from batuta.sourcing.domain.promises.promising import Promised, PromisedLine, PromisedShipment, together
from batuta.sourcing.queries.dating import Dated, Way, date_ways, door_of

_Place = tuple[UUID, UUID | None]
"""A location and the service that goes from it."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An order and the plan that was made for it. sku_codes: by line. price_minor: what its buyer pays for shipping."""

    request: SourcingRequest
    plan: Plan
    sku_codes: Mapping[UUID, str]
    price_minor: int | None = None


async def promises_of_plans(db: Connection, plans: Sequence[Planned], *, now: datetime) -> dict[UUID, Promised]:
    """When each order is there by its plan, begun now; orders of which something never arrives are left out."""
    every = await all_locations(db)
    shipments = [_shipments(one) for one in plans]
    ways = [
        _way(one, place, sent, every, now)
        for one, several in zip(plans, shipments, strict=True)
        for place, sent in several.items()
    ]
    dated = iter(await date_ways(db, ways, every=every, now=now) if ways else ())
    found = {}
    for one, several in zip(plans, shipments, strict=True):
        known = [(place, sent, next(dated)) for place, sent in several.items()]
        promised = _promised(one, known, every)
        if promised:
            found[one.request.order_id] = promised
    return found


def _shipments(one: Planned) -> dict[_Place, list[Assignment]]:
    found: dict[_Place, list[Assignment]] = {}
    for assigned in one.plan.assignments:
        found.setdefault((assigned.location_id, assigned.service_id), []).append(assigned)
    return found


def _way(one: Planned, place: _Place, sent: Sequence[Assignment], every: AllLocations, now: datetime) -> Way:
    request, (location_id, service_id) = one.request, place
    is_collected = request.method is Method.PICKUP
    address = every.by_id[location_id].address if is_collected else request.destination
    minutes = {line.line_id: line.making_minutes for line in request.lines}
    return Way(
        asked=Asked(at=now),
        location_id=location_id,
        service_id=service_id,
        address=address,
        door=door_of(address),
        transfer=every.lane(location_id, request.pickup_location_id),
        making_minutes=sum(minutes[line_id] * units for line_id, units in _units(one, sent).items()),
    )


def _promised(
    one: Planned, known: Sequence[tuple[_Place, Sequence[Assignment], Dated | None]], every: AllLocations
) -> Promised | None:
    request = one.request
    is_collected = request.method is Method.PICKUP
    dated = [(place, sent, found) for place, sent, found in known if found is not None]
    if not dated or len(dated) < len(known):
        return None
    store_id = request.pickup_location_id
    address = every.by_id[store_id].address if store_id else request.destination
    return together(
        [_shipment(one, place, sent, found, every) for place, sent, found in dated],
        [found.dates for _, _, found in dated],
        is_estimated=any(found.is_estimated for _, _, found in dated),
        method=request.method,
        service_kind=str(Method.PICKUP) if is_collected else request.service_kind,
        pickup_location_id=request.pickup_location_id,
        time_zone=door_of(address).zone.key,
        price_minor=one.price_minor,
        currency=request.currency,
    )


def _shipment(
    one: Planned, place: _Place, sent: Sequence[Assignment], found: Dated, every: AllLocations
) -> PromisedShipment:
    dates = found.dates
    return PromisedShipment(
        location_id=place[0],
        location_code=every.by_id[place[0]].code,
        service_id=place[1],
        lines=_lines(one, sent),
        ready_at=dates.ready_at,
        leaves_at=dates.leaves_at,
        earliest_at=dates.earliest_at,
        p50_at=dates.p50_at,
        p90_at=dates.p90_at,
        limiting_step=dates.limiting_step,
    )


def _lines(one: Planned, sent: Sequence[Assignment]) -> tuple[PromisedLine, ...]:
    return tuple(
        PromisedLine(sku_code=one.sku_codes[line_id], quantity=quantity)
        for line_id, quantity in _units(one, sent).items()
    )


def _units(one: Planned, sent: Sequence[Assignment]) -> dict[UUID, int]:
    """Units of the order's lines: those of a bundle are told by its first part, for it ships whole."""
    units: dict[UUID, int] = {}
    firsts = {line.line_id: line.components[0] for line in one.request.lines}
    for assigned in sent:
        sku_id, per_unit = firsts[assigned.line_id]
        if assigned.sku_id == sku_id:
            units[assigned.line_id] = units.get(assigned.line_id, 0) + assigned.quantity // per_unit
    return units
