"""Rate cards, kept in memory until one of them changes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Table, func, select

from batuta.plumbing.database import Connection, Engine, rows_with
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
from batuta.shipping.tables import carrier, rate, service, tariff_change, transit, zone_rule

_kept: WeakKeyDictionary[Engine, tuple[int, Tariffs]] = WeakKeyDictionary()


class Change(NamedTuple):
    """A transaction by its id. is_ours: it is the one that asks, and may yet be undone."""

    id: int
    is_ours: bool


_is_ours = func.pg_current_xact_id_if_assigned() == tariff_change.c.changed_by
_changed = select(tariff_change.c.changed_by, func.coalesce(_is_ours, False))


async def rates(db: Connection, *, requests: Sequence[RateRequest]) -> dict[UUID, list[Rated] | NotServed]:
    """Price many parcels with every service that takes them, the cheapest first; or why none does."""
    known = await tariffs(db)
    return {request.id: known.rate(request) for request in requests}


async def tariffs(db: Connection) -> Tariffs:
    """All rate cards. One small read tells whether those in memory still hold.

    A change that this very transaction made may yet be undone, so it is read but not kept.
    """
    change = await changed_by(db)
    if change is None:
        return Tariffs([])
    kept = _kept.get(db.engine)
    if kept and kept[0] == change.id:
        return kept[1]
    read = await _read(db)
    if not change.is_ours:
        _kept[db.engine] = (change.id, read)
    return read


async def changed_by(db: Connection) -> Change | None:
    """The transaction that last changed what carriers offer; None when nothing was ever offered."""
    row = (await db.execute(_changed)).one_or_none()
    return None if row is None else Change(*row)


async def carriers_by_code(db: Connection, codes: Iterable[str]) -> dict[str, Carrier]:
    """The carriers of these codes that exist."""
    return {row["code"]: msgspec.convert(row, Carrier) for row in await rows_with(db, carrier.c.code, list(codes))}


async def carriers_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Carrier]:
    """The carriers of these ids that exist."""
    return {row["id"]: msgspec.convert(row, Carrier) for row in await rows_with(db, carrier.c.id, list(ids))}


async def carrier_with_version(db: Connection, id_: UUID) -> tuple[Carrier, int] | None:
    for row in await rows_with(db, carrier.c.id, [id_]):
        return msgspec.convert(row, Carrier), row["version"]
    return None


async def service_with_version(db: Connection, id_: UUID) -> tuple[Service, int] | None:
    for row in await rows_with(db, service.c.id, [id_]):
        return msgspec.convert(row, Service), row["version"]
    return None


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
    """The services of these ids that exist."""
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


async def _by_service(db: Connection, table: Table, ids: Sequence[UUID]) -> Mapping[UUID, list[dict[str, Any]]]:
    statement = select(table).where(table.c.service_id == func.any(list(ids))).order_by(*table.primary_key.columns)
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await db.execute(statement):
        found.setdefault(row["service_id"], []).append({**row})
    return found
