"""Reads of stock, availability, claims and the ledger."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from batuta.inventory.domain import (
    NOBODY,
    Account,
    AccountKind,
    Asker,
    Claim,
    ClaimKind,
    ClaimStatus,
    Condition,
    Fence,
    Holder,
    LedgerEntry,
    Movement,
    MovementFilter,
    MovementReason,
    StockFilter,
    StockKey,
)
from batuta.inventory.queries.withholding import Withheld, changed_by, fence_of, withheld, withheld_since
from batuta.inventory.tables import holder, movement, reservation, stock
from batuta.plumbing.database import Connection, Instant, Integer, Row, rows_with
from batuta.plumbing.listing import Listing


class StockLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A stock row: units of one SKU at one location, in one condition and lot."""

    sku_id: UUID
    location_id: UUID
    condition: Condition
    lot: str
    on_hand: int
    reserved: int
    safety: int


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


_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_location_ids = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_now = bindparam("now", type_=Instant)

# Ended claims that no one has swept yet; most rows have none, and their hint says so.
_ended = (
    select(func.coalesce(func.sum(reservation.c.held), 0))
    .where(
        reservation.c.sku_id == stock.c.sku_id,
        reservation.c.location_id == stock.c.location_id,
        reservation.c.condition == stock.c.condition,
        reservation.c.lot == stock.c.lot,
        reservation.c.expires_at <= _now,
    )
    .scalar_subquery()
)
_reserved: ColumnElement[int] = stock.c.reserved - case(
    (stock.c.first_expiry_at <= _now, cast(_ended, Integer())), else_=0
)


_is_expired = stock.c.expires_at <= _now


def _available(*, is_everywhere: bool) -> Select[UUID, UUID, int, int, int, int]:
    sellable = and_(stock.c.sku_id == any_(_sku_ids), stock.c.condition == Condition.SELLABLE.value)
    return (
        select(
            stock.c.sku_id,
            stock.c.location_id,
            func.sum(stock.c.on_hand).label("on_hand"),
            func.sum(_reserved).label("reserved"),
            func.sum(stock.c.safety).label("safety"),
            func.sum(case((_is_expired, stock.c.on_hand - stock.c.reserved), else_=0)).label("expired"),
        )
        .where(sellable if is_everywhere else and_(sellable, stock.c.location_id == any_(_location_ids)))
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


_units = func.sum(stock.c.on_hand - _reserved - stock.c.safety)
_is_good = or_(stock.c.expires_at.is_(None), stock.c.expires_at > _now)
_per_place = (
    select(stock.c.sku_id, stock.c.location_id, _units.label("units"))
    .where(stock.c.sku_id == any_(_sku_ids), stock.c.condition == Condition.SELLABLE.value, _is_good)
    .group_by(stock.c.sku_id, stock.c.location_id)
    .having(_units > 0)
    .subquery()
)
_free_places = select(
    _per_place.c.sku_id,
    func.array_agg(_per_place.c.location_id).label("location_ids"),
    func.array_agg(_per_place.c.units).label("units"),
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
        free[sku_id] = dict(zip(location_ids, units, strict=True))
        changed = changed_last
    return Look(free, await withheld_since(db, changed))


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


async def stock_of(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, list[StockLevel]]:
    """Every stock row of the SKUs, whatever the condition."""
    found: dict[UUID, list[StockLevel]] = {sku_id: [] for sku_id in sku_ids}
    for row in await rows_with(db, stock.c.sku_id, sku_ids):
        found[row["sku_id"]].append(msgspec.convert(row, StockLevel))
    return found


_stock_rows = select(
    stock.c.sku_id,
    stock.c.location_id,
    stock.c.condition,
    stock.c.lot,
    stock.c.on_hand,
    _reserved.label("reserved"),
    stock.c.safety,
)
_STOCK = Listing(
    _stock_rows,
    order=(stock.c.sku_id, stock.c.location_id, stock.c.condition, stock.c.lot),
    filters={
        "sku_ids": stock.c.sku_id == any_(_sku_ids),
        "location_ids": stock.c.location_id == any_(_location_ids),
        "condition": stock.c.condition == bindparam("condition", type_=Text()),
    },
)


async def list_stock(
    db: Connection, *, wanted: StockFilter, behind: StockKey | None = None, limit: int, now: datetime
) -> list[StockLevel]:
    """A page of stock rows in the order of their keys; ended claims do not count as reserved (RES-04)."""
    rows = await _STOCK.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit, always={"now": now})
    return msgspec.convert([dict(row) for row in rows], list[StockLevel])


async def holders_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Holder]:
    """Those who reserved by the API."""
    return {row["id"]: msgspec.convert(row, Holder) for row in await rows_with(db, holder.c.id, ids)}


async def claims_of(db: Connection, holder_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[Claim]]:
    """What each holder holds now; claims that ended, were used up or given back are not among them."""
    found: dict[UUID, list[Claim]] = {holder_id: [] for holder_id in holder_ids}
    for claim in await all_claims_of(db, holder_ids):
        if claim.is_live(now):
            found[claim.holder_id].append(claim)
    return found


async def all_claims_of(db: Connection, holder_ids: Collection[UUID]) -> list[Claim]:
    """Every claim the holders ever had, oldest grant of a line first."""
    rows = await db.execute(claims_by_holder, {"holder_ids": list(holder_ids)})
    return [claim_from(row) for row in rows]


claims_by_holder = (
    select(reservation)
    .where(reservation.c.holder_id == any_(bindparam("holder_ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(reservation.c.created_at, reservation.c.lot, reservation.c.id)
)


def claim_from(row: Row) -> Claim:
    """Read a row of the reservation table."""
    return Claim(**{**row, "kind": ClaimKind(row["kind"]), "status": ClaimStatus(row["status"])})


async def movements_of_document(db: Connection, document_ids: Collection[UUID]) -> dict[UUID, list[Movement]]:
    """What each document moved, in order of time."""
    found: dict[UUID, list[Movement]] = {document_id: [] for document_id in document_ids}
    for row in await rows_with(db, movement.c.document_id, document_ids):
        found[row["document_id"]].append(movement_from(row))
    for moved in found.values():
        moved.sort(key=lambda one: (one.effective_at, one.key))
    return found


_MOVEMENTS = Listing(
    select(movement),
    order=(movement.c.recorded_at, movement.c.key),
    filters={
        "sku_id": movement.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "location_ids": or_(
            movement.c.source_location_id == any_(_location_ids), movement.c.target_location_id == any_(_location_ids)
        ),
        "document_id": movement.c.document_id == bindparam("document_id", type_=Uuid()),
        "reason": movement.c.reason == bindparam("reason", type_=Text()),
        "recorded_from": movement.c.recorded_at >= bindparam("recorded_from", type_=Instant),
        "recorded_until": movement.c.recorded_at < bindparam("recorded_until", type_=Instant),
    },
    is_newest_first=True,
)


async def list_movements(
    db: Connection, *, wanted: MovementFilter, behind: tuple[datetime, str] | None = None, limit: int
) -> list[LedgerEntry]:
    """A page of the ledger, what was recorded last first, behind the moment and key of the page before."""
    rows = await _MOVEMENTS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [
        LedgerEntry(**msgspec.structs.asdict(movement_from(dict(row))), recorded_at=row["recorded_at"]) for row in rows
    ]


async def movements_by_key(db: Connection, keys: Sequence[str]) -> dict[str, Movement]:
    """The movements already recorded under these keys."""
    return {row["key"]: movement_from(row) for row in await rows_with(db, movement.c.key, keys)}


def movement_from(row: Mapping[str, Any]) -> Movement:
    """Read a row of the movement table."""
    return Movement(
        key=row["key"],
        sku_id=row["sku_id"],
        quantity=row["quantity"],
        source=_account(row, "source"),
        target=_account(row, "target"),
        lot=row["lot"],
        reason=MovementReason(row["reason"]),
        document_id=row["document_id"],
        actor=row["actor"],
        effective_at=row["effective_at"],
    )


def _account(row: Mapping[str, Any], side: str) -> Account:
    condition = row[f"{side}_condition"]
    return Account(
        kind=AccountKind(row[f"{side}_kind"]),
        location_id=row[f"{side}_location_id"],
        condition=Condition(condition) if condition else None,
        parcel_id=row[f"{side}_parcel_id"],
    )
