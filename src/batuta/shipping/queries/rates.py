"""Rate cards, kept in memory until one of them changes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Table, func, select

from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import KnownWhole
from batuta.plumbing.saving import with_version
from batuta.shipping.domain import (
    Carrier,
    NotServed,
    Rate,
    RateCard,
    Rated,
    RateRequest,
    Service,
    Tariff,
    Tariffs,
    Transit,
    ZoneRule,
)
from batuta.shipping.tables import carrier, rate, service, transit, zone_rule

SHIPPING = "shipping"
"""Whoever changes a rate card or a timetable marks this subject."""


async def rates(db: Connection, *, requests: Sequence[RateRequest]) -> dict[UUID, list[Rated] | NotServed]:
    """Price many parcels with every service that takes them, the cheapest first; or why none does."""
    known = await tariffs(db)
    return {request.id: known.rate(request) for request in requests}


async def tariffs(db: Connection) -> Tariffs:
    """All rate cards, from memory."""
    return await _known.of(db)


async def carriers_by_code(db: Connection, codes: Iterable[str]) -> dict[str, Carrier]:
    """The carriers of these codes that exist."""
    return {row["code"]: msgspec.convert(row, Carrier) for row in await rows_with(db, carrier.c.code, list(codes))}


async def carriers_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Carrier]:
    """The carriers of these ids that exist."""
    return {row["id"]: msgspec.convert(row, Carrier) for row in await rows_with(db, carrier.c.id, list(ids))}


async def carrier_with_version(db: Connection, id_: UUID) -> tuple[Carrier, int] | None:
    return await with_version(db, carrier.c.id, Carrier, id_)


async def service_with_version(db: Connection, id_: UUID) -> tuple[Service, int] | None:
    return await with_version(db, service.c.id, Service, id_)


async def carriers(db: Connection) -> list[Carrier]:
    """Every carrier, by its code."""
    return [msgspec.convert(dict(row), Carrier) for row in await db.execute(_CARRIERS)]


async def services(db: Connection) -> list[Service]:
    """Every service, by its code."""
    return [msgspec.convert(dict(row), Service) for row in await db.execute(_SERVICES)]


_CARRIERS = select(carrier).order_by(carrier.c.code)
_SERVICES = select(service).order_by(service.c.code)


async def services_by_code(db: Connection, codes: Iterable[str]) -> dict[str, Service]:
    """The services of these codes that exist."""
    found = msgspec.convert(await rows_with(db, service.c.code, list(codes)), list[Service])
    return {one.code: one for one in sorted(found, key=lambda one: one.code)}


async def services_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Service]:
    """The services of these ids that exist, from memory."""
    wanted = set(ids)
    if not wanted:
        return {}
    known = await tariffs(db)
    return {id_: known.service(id_) for id_ in wanted & known.service_ids}


async def stored_services_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Service]:
    """The services of these ids that exist, as they are stored: for those who are about to write them."""
    found = msgspec.convert(await rows_with(db, service.c.id, list(ids)), list[Service])
    return {one.id: one for one in sorted(found, key=lambda one: one.code)}


async def rate_cards_of(db: Connection, service_ids: Iterable[UUID]) -> dict[UUID, RateCard]:
    """The rate card of each of these services; a service without one has an empty card."""
    ids = list(service_ids)
    zones = await _by_service(db, zone_rule, ids)
    steps = await _by_service(db, rate, ids)
    days = await _by_service(db, transit, ids)
    return {
        service_id: RateCard(
            service_id=service_id,
            zones=msgspec.convert(zones.get(service_id, []), list[ZoneRule]),
            rates=msgspec.convert(steps.get(service_id, []), list[Rate]),
            transits=msgspec.convert(days.get(service_id, []), list[Transit]),
        )
        for service_id in ids
    }


async def _read(db: Connection) -> Tariffs:
    carrier_of = {one.id: one for one in await carriers(db)}
    sold = await services(db)
    cards = await rate_cards_of(db, [one.id for one in sold])
    return Tariffs(Tariff(one, carrier_of[one.carrier_id], cards[one.id]) for one in sold)


_known = KnownWhole(SHIPPING, _read)


async def _by_service(db: Connection, table: Table, ids: Sequence[UUID]) -> Mapping[UUID, list[dict[str, Any]]]:
    statement = select(table).where(table.c.service_id == func.any(list(ids))).order_by(*table.primary_key.columns)
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await db.execute(statement):
        found.setdefault(row["service_id"], []).append({**row})
    return found
