"""Capable to promise: the earliest way in which units can be had that stock and receipts do not give (INV-22). Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.inventory.domain.atp import AtpStep, earliest
from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Code, Quantity

DAY = timedelta(days=1)
WORKDAYS_LOOKED_AT_MAX = 5_000
COMPONENTS_MAX = 200
HOLIDAYS_MAX = 1_000

LeadDays = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
"""Monday is 1."""


class PathKind(StrEnum):
    """From another location, from a supplier, by making it, or by giving another SKU instead."""

    TRANSFER = "transfer"
    PURCHASE = "purchase"
    MAKE = "make"
    SUBSTITUTE = "substitute"


class BadPath(Refused):
    """The path does not say what its kind needs, or says too much; `field` says where."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a component for each unit that is made."""

    sku_id: UUID
    quantity: Quantity


class LeadPath(msgspec.Struct, frozen=True, kw_only=True):
    """How more of a SKU can be had at a location, and in how many working days.

    source_location_id: of a transfer. supplier_code: of a purchase. components: of what is made there, units_per_day:
    how many at most, beside the lead days. weekdays, holidays: of the calendar that lead days are counted in.
    """

    id: UUID
    sku_id: UUID
    location_id: UUID
    kind: PathKind
    lead_days: LeadDays
    source_location_id: UUID | None = None
    supplier_code: Code | None = None
    components: Annotated[list[Part], msgspec.Meta(max_length=COMPONENTS_MAX)] = []
    units_per_day: Quantity | None = None
    weekdays: Annotated[tuple[Weekday, ...], msgspec.Meta(max_length=7)] = (1, 2, 3, 4, 5)
    holidays: Annotated[list[date], msgspec.Meta(max_length=HOLIDAYS_MAX)] = []


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Units of another location, from when on they may be promised there."""

    path: LeadPath
    steps: Sequence[AtpStep]
    zone: ZoneInfo


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """As many units as one likes, ordered now. late: what the supplier's lateness adds."""

    path: LeadPath
    late: timedelta
    zone: ZoneInfo


class Make(msgspec.Struct, frozen=True, kw_only=True):
    """Units made of components, from when on these may be promised there."""

    path: LeadPath
    components: Sequence[tuple[Sequence[AtpStep], int]]
    zone: ZoneInfo


class Substitute(msgspec.Struct, frozen=True, kw_only=True):
    """Another SKU instead, from when on it may be promised."""

    sku_id: UUID
    steps: Sequence[AtpStep]


Path: TypeAlias = Transfer | Purchase | Make | Substitute


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The earliest moment, and the way. path_id: None for a substitute, whose `sku_id` is told."""

    kind: PathKind
    at: datetime
    path_id: UUID | None = None
    sku_id: UUID | None = None
    source_location_id: UUID | None = None
    supplier_code: str | None = None


def earliest_by(paths: Iterable[Path], units: int, *, now: datetime) -> Reach | None:
    """The path by which all of the units are there first; None when none leads to them.

    Where two are equally early: giving another SKU last, else as PathKind tells them.
    """
    found = [reach for path in paths if (reach := _reach(path, units, now))]
    return min(found, key=lambda one: (one.at, _RANK[one.kind], str(one.path_id or one.sku_id)), default=None)


def after_workdays(at: datetime, days: int, path: LeadPath, zone: ZoneInfo) -> datetime | None:
    """The same time of day so many working days later; not on a working day, counting begins with the next one.

    None when the calendar has too few of them.
    """
    local = at.astimezone(zone)
    if not days:
        return at
    for _ in range(WORKDAYS_LOOKED_AT_MAX):
        try:
            local += DAY
        except OverflowError:
            return None
        if local.isoweekday() in path.weekdays and local.date() not in path.holidays:
            days -= 1
            if not days:
                return local.astimezone(at.tzinfo)
    return None


def check_path(path: LeadPath) -> LeadPath:
    """Return the path if it says what its kind needs.

    Raises:
        BadPath
    """
    if path.kind is PathKind.SUBSTITUTE:
        raise BadPath("what may be given instead is said in substitution lists", field="kind")
    if (path.kind is PathKind.TRANSFER) == (path.source_location_id is None):
        raise BadPath("a transfer, and nothing else, names the location it comes from", field="source_location_id")
    if path.source_location_id == path.location_id:
        raise BadPath("a transfer comes from another location", field="source_location_id")
    if (path.kind is PathKind.MAKE) != bool(path.components):
        raise BadPath("what is made, and nothing else, has components", field="components")
    if any(part.sku_id == path.sku_id for part in path.components):
        raise BadPath("nothing is made of itself", field="components")
    if len({part.sku_id for part in path.components}) < len(path.components):
        raise BadPath("a component comes once", field="components")
    if path.lead_days and not path.weekdays:
        raise BadPath("lead days are counted in working days, and there is none", field="weekdays")
    return path


_RANK = {kind: rank for rank, kind in enumerate(PathKind)}


def _reach(path: Path, units: int, now: datetime) -> Reach | None:
    if isinstance(path, Substitute):
        at = earliest(path.steps, units)
        return Reach(kind=PathKind.SUBSTITUTE, at=at, sku_id=path.sku_id) if at else None
    begins_at = _begins(path, units, now)
    if begins_at is None:
        return None
    at = after_workdays(begins_at, _days(path, units), path.path, path.zone)
    if at is None:
        return None
    if isinstance(path, Purchase):
        at += path.late
    of = path.path
    return Reach(
        kind=of.kind,
        at=at,
        path_id=of.id,
        source_location_id=of.source_location_id,
        supplier_code=of.supplier_code,
    )


def _begins(path: Transfer | Purchase | Make, units: int, now: datetime) -> datetime | None:
    """When all that the path starts from is there."""
    if isinstance(path, Purchase):
        return now
    if isinstance(path, Transfer):
        return earliest(path.steps, units)
    ready = [earliest(steps, units * each) for steps, each in path.components]
    known = [at for at in ready if at]
    return max(known) if len(known) == len(ready) else None


def _days(path: Transfer | Purchase | Make, units: int) -> int:
    made_in = -(-units // path.path.units_per_day) if path.path.units_per_day and isinstance(path, Make) else 0
    return path.path.lead_days + made_in
