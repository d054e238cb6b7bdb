"""What can be had when stock and receipts do not suffice: the earliest by transfer, purchase or making (INV-22)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.inventory.domain.atp import AtpStep, earliest
from batuta.inventory.domain.reaching import (
    LeadPath,
    Make,
    Path,
    PathKind,
    Purchase,
    Reach,
    Substitute,
    Transfer,
    earliest_by,
)
from batuta.inventory.domain.supply import Reliability
from batuta.inventory.queries.supply import Place, latenesses, supply_of
from batuta.inventory.tables import lead_path
from batuta.locations.domain import Location
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, rows_with

NO_STEPS: Sequence[AtpStep] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of a SKU at a location. instead: SKUs that may be given for it, the most alike first."""

    sku_id: UUID
    location_id: UUID
    units: int
    instead: tuple[UUID, ...] = ()


class Capable(msgspec.Struct, frozen=True, kw_only=True):
    """When all of the units can be promised there, and how. by: None when stock and receipts give them."""

    sku_id: UUID
    location_id: UUID
    units: int
    at: datetime | None
    by: Reach | None


async def paths_of(db: Connection, sku_ids: Collection[UUID]) -> dict[Place, list[LeadPath]]:
    """The ways in which more of the SKUs can be had, by SKU and location."""
    found: dict[Place, list[LeadPath]] = {}
    for row in await rows_with(db, lead_path.c.sku_id, sku_ids):
        found.setdefault((row["sku_id"], row["location_id"]), []).append(_path_from(row))
    return {place: sorted(several, key=lambda one: one.id) for place, several in found.items()}


async def capable_of(db: Connection, *, wanted: Sequence[Wanted], now: datetime) -> list[Capable]:
    """When each could be promised: from stock and receipts, or else by the earliest path (INV-22).

    Receipts and purchases count with the lateness that nine of ten keep. One step deep: components and other
    locations give what stock and receipts give them, no more.
    """
    paths = await paths_of(db, {one.sku_id for one in wanted})
    ways = {place: several for place, several in paths.items() if place in {(o.sku_id, o.location_id) for o in wanted}}
    skus = {one.sku_id for one in wanted} | {id_ for one in wanted for id_ in one.instead}
    skus |= {part.sku_id for several in ways.values() for path in several for part in path.components}
    steps = await supply_of(db, sku_ids=skus, now=now)
    places = await locations_by_id(db, {one.location_id for one in wanted} | _sources(ways))
    late = {one.supplier_code: one.of(Reliability.P90) for one in await latenesses(db)}
    return [_capable(one, ways, steps, places, late, now) for one in wanted]


def _sources(ways: Mapping[Place, Sequence[LeadPath]]) -> set[UUID]:
    return {path.source_location_id for several in ways.values() for path in several if path.source_location_id}


def _capable(  # noqa: PLR0917 - what was read, in one go
    one: Wanted,
    ways: Mapping[Place, Sequence[LeadPath]],
    steps: Mapping[Place, Sequence[AtpStep]],
    places: Mapping[UUID, Location],
    late: Mapping[str, timedelta],
    now: datetime,
) -> Capable:
    place = (one.sku_id, one.location_id)
    at = earliest(steps.get(place, NO_STEPS), one.units)
    reach = None
    if at is None:
        paths = [_begun(path, steps, places, late) for path in ways.get(place, ())]
        instead = [Substitute(sku_id=id_, steps=steps.get((id_, one.location_id), NO_STEPS)) for id_ in one.instead]
        reach = earliest_by([*paths, *instead], one.units, now=now)
        at = reach.at if reach else None
    return Capable(sku_id=one.sku_id, location_id=one.location_id, units=one.units, at=at, by=reach)


def _begun(
    path: LeadPath,
    steps: Mapping[Place, Sequence[AtpStep]],
    places: Mapping[UUID, Location],
    late: Mapping[str, timedelta],
) -> Path:
    """A path with what it starts from; its days are counted where the goods leave."""
    zone = ZoneInfo(places[path.source_location_id or path.location_id].time_zone)
    if path.kind is PathKind.TRANSFER:
        assert path.source_location_id
        return Transfer(path=path, steps=steps.get((path.sku_id, path.source_location_id), NO_STEPS), zone=zone)
    if path.kind is PathKind.MAKE:
        parts = [(steps.get((part.sku_id, path.location_id), NO_STEPS), part.quantity) for part in path.components]
        return Make(path=path, components=parts, zone=zone)
    return Purchase(path=path, late=late.get(path.supplier_code or "", timedelta()), zone=zone)


def _path_from(row: Mapping[str, Any]) -> LeadPath:
    return msgspec.convert({name: row[name] for name in LeadPath.__struct_fields__}, LeadPath)
