"""What may be promised: by place, to whom, and in all of the network."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)

from batuta.catalog.tables import sku
from batuta.inventory.domain import (
    NOBODY,
    Asker,
    Condition,
    Fence,
)
from batuta.inventory.queries.stock import IDS_OF_LOCATIONS, IDS_OF_SKUS, MOMENT, reserved_now
from batuta.inventory.queries.withholding import Withheld, changed_by, fence_of, withheld, withheld_since
from batuta.inventory.tables import stock
from batuta.plumbing.database import Connection, Row


class Available(msgspec.Struct, frozen=True, kw_only=True):
    """Sellable units of a SKU at a location: `available` is what is left of them, at least 0 (INV-05).

    safety: kept back for everybody. expired: in lots that are out of date. kept: by buffer rules, of which `rule` won,
    and for the silence of the location's feed. fenced: in pools of others.
    """

    sku_id: UUID
    location_id: UUID
    on_hand: int
    reserved: int
    safety: int
    expired: int
    kept: int = 0
    rule: str | None = None
    silent_bp: int = 0
    fenced: int = 0
    available: int

    @property
    def free(self) -> int:
        """Units that nobody holds; below 0 when more are reserved than there are."""
        return self.on_hand - self.reserved - self.safety - self.expired


_is_expired = stock.c.expires_at <= MOMENT


def _available(*, is_everywhere: bool) -> Select[UUID, UUID, int, int, int, int]:
    sellable = and_(stock.c.sku_id == any_(IDS_OF_SKUS), stock.c.condition == Condition.SELLABLE.value)
    return (
        select(
            stock.c.sku_id,
            stock.c.location_id,
            func.sum(stock.c.on_hand).label("on_hand"),
            func.sum(reserved_now).label("reserved"),
            func.sum(stock.c.safety).label("safety"),
            func.sum(case((_is_expired, stock.c.on_hand - stock.c.reserved), else_=0)).label("expired"),
        )
        .where(sellable if is_everywhere else and_(sellable, stock.c.location_id == any_(IDS_OF_LOCATIONS)))
        .group_by(stock.c.sku_id, stock.c.location_id)
    )


_available_everywhere = _available(is_everywhere=True)
_available_at = _available(is_everywhere=False)


async def availability(
    db: Connection,
    *,
    sku_ids: Collection[UUID],
    location_ids: Collection[UUID] | None = None,
    asker: Asker = NOBODY,
    now: datetime,
) -> list[Available]:
    """What can be promised to who asks, location by location (INV-05); ended claims do not count (RES-04).

    Locations without a stock row of a SKU are left out. The network's figure is the sum of `available`.
    """
    given: dict[str, Any] = {"sku_ids": list(sku_ids), "now": now}
    if location_ids is None:
        rows = await db.execute(_available_everywhere, given)
    else:
        rows = await db.execute(_available_at, given | {"location_ids": list(location_ids)})
    known = await withheld(db)
    if known.is_empty():
        return [_without_fence(row) for row in rows]
    on_hand = {(row.sku_id, row.location_id): row.on_hand for row in rows}
    fence = await fence_of(db, known, sku_ids=sku_ids, on_hand=on_hand, now=now)
    return [_within(fence, asker, _without_fence(row)) for row in rows]


def _without_fence(row: Row) -> Available:
    sku_id, location_id, on_hand, reserved, safety, expired = row
    return Available(
        sku_id=sku_id,
        location_id=location_id,
        on_hand=on_hand,
        reserved=reserved,
        safety=safety,
        expired=expired,
        available=max(0, on_hand - reserved - safety - expired),
    )


def _within(fence: Fence, asker: Asker, one: Available) -> Available:
    place = (one.sku_id, one.location_id)
    kept = fence.kept(asker, place)
    return msgspec.structs.replace(
        one,
        kept=kept.units,
        rule=kept.rule,
        silent_bp=kept.silent_bp,
        fenced=fence.fenced(asker, place),
        available=fence.usable(asker, place, one.available),
    )


_units = func.sum(stock.c.on_hand - reserved_now - stock.c.safety)
_is_good = or_(stock.c.expires_at.is_(None), stock.c.expires_at > MOMENT)


def _free_per_place(which: ColumnElement[bool]) -> Select[UUID, UUID, int]:
    """The places of some SKUs, and how many units are free there, perhaps below 0; lots and shortages added up.

    Whoever wants those alone where units are free says so of what is added up, or PostgreSQL adds up twice.
    """
    return (
        select(stock.c.sku_id, stock.c.location_id, _units.label("units"))
        .where(which, stock.c.condition == Condition.SELLABLE.value, _is_good)
        .group_by(stock.c.sku_id, stock.c.location_id)
    )


_per_place = _free_per_place(stock.c.sku_id == any_(IDS_OF_SKUS)).subquery()
_is_free = _per_place.c.units > 0
_free_places = select(
    _per_place.c.sku_id,
    func.array_agg(_per_place.c.location_id).filter(_is_free).label("location_ids"),
    func.array_agg(_per_place.c.units).filter(_is_free).label("units"),
    changed_by.label("changed_by"),
).group_by(_per_place.c.sku_id)


class Look(msgspec.Struct, frozen=True):
    """Where units may be granted as far as stock goes, and what is kept back from whom."""

    free: dict[UUID, dict[UUID, int]]
    withheld: Withheld


async def look(db: Connection, sku_ids: Collection[UUID], *, now: datetime) -> Look:
    """The locations that have free units of each SKU, how many, and what is kept back of them, by one statement."""
    free: dict[UUID, dict[UUID, int]] = {}
    changed: int | None = None
    for sku_id, location_ids, units, changed_last in await db.execute(
        _free_places, {"sku_ids": list(sku_ids), "now": now}
    ):
        if location_ids:
            free[sku_id] = dict(zip(location_ids, units, strict=True))
        changed = changed_last
    return Look(free, await withheld_since(db, changed))


class NetworkUnits(msgspec.Struct, frozen=True):
    """How many units of a SKU may be promised in all. is_stocked: the SKU has a stock of its own."""

    sku_id: UUID
    sku_code: str
    is_stocked: bool
    available: int


_places_of = _free_per_place(stock.c.sku_id == sku.c.id).correlate(sku).lateral("places")
_network = (
    select(
        sku.c.id,
        sku.c.code,
        sku.c.is_tracked,
        func.coalesce(func.sum(_places_of.c.units).filter(_places_of.c.units > 0), 0).label("units"),
        changed_by.label("changed_by"),
    )
    .select_from(sku.outerjoin(_places_of, true()))
    .where(sku.c.code == any_(bindparam("codes", type_=ARRAY(Text(), dimensions=1))))
    .group_by(sku.c.id)
)


async def network_units(
    db: Connection, asked: Mapping[Asker, Collection[str]], *, now: datetime
) -> dict[Asker, dict[str, NetworkUnits]]:
    """What may be promised in all of SKUs by their codes, to each who asks; codes of no SKU are left out.

    One statement, as long as nothing is kept back from anybody.
    """
    codes = {code for some in asked.values() for code in some}
    rows = (await db.execute(_network, {"codes": list(codes), "now": now})).all()
    found = {row.code: NetworkUnits(row.id, row.code, row.is_tracked, int(row.units)) for row in rows}
    known = await withheld_since(db, rows[0].changed_by if rows else None)
    if known.is_empty():
        return {asker: {code: found[code] for code in some if code in found} for asker, some in asked.items()}
    told: dict[Asker, dict[str, NetworkUnits]] = {}
    for asker, some in asked.items():
        own = {code: found[code] for code in some if code in found}
        places = await free_places(db, [one.sku_id for one in own.values()], asker=asker, now=now)
        told[asker] = {
            code: msgspec.structs.replace(one, available=sum(places.get(one.sku_id, {}).values()))
            for code, one in own.items()
        }
    return told


async def free_places(
    db: Connection, sku_ids: Collection[UUID], *, asker: Asker = NOBODY, now: datetime
) -> dict[UUID, dict[UUID, int]]:
    """The locations where units of each SKU may be granted to who asks, and how many."""
    seen = await look(db, sku_ids, now=now)
    if seen.withheld.is_empty():
        return seen.free
    fence = await fence_of(db, seen.withheld, sku_ids=sku_ids, now=now)
    return {
        sku_id: {at: usable for at, units in places.items() if (usable := fence.usable(asker, (sku_id, at), units))}
        for sku_id, places in seen.free.items()
    }
