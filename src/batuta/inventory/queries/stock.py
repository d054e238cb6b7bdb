"""Reads of stock rows, claims and the ledger."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from batuta.inventory.domain import (
    Account,
    AccountKind,
    Claim,
    ClaimKind,
    ClaimStatus,
    Condition,
    Holder,
    LedgerEntry,
    Movement,
    MovementFilter,
    MovementReason,
    StockFilter,
    StockKey,
)
from batuta.inventory.tables import holder, movement, reservation, stock
from batuta.plumbing.database import Connection, Instant, Integer, Row, is_among, rows_with
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


IDS_OF_SKUS = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
IDS_OF_LOCATIONS = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
MOMENT = bindparam("now", type_=Instant)

# Ended claims that no one has swept yet; most rows have none, and their hint says so.
_ended = (
    select(func.coalesce(func.sum(reservation.c.held), 0))
    .where(
        reservation.c.sku_id == stock.c.sku_id,
        reservation.c.location_id == stock.c.location_id,
        reservation.c.condition == stock.c.condition,
        reservation.c.lot == stock.c.lot,
        reservation.c.expires_at <= MOMENT,
    )
    .scalar_subquery()
)
reserved_now: ColumnElement[int] = stock.c.reserved - case(
    (stock.c.first_expiry_at <= MOMENT, cast(_ended, Integer())), else_=0
)


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
    reserved_now.label("reserved"),
    stock.c.safety,
)
_STOCK = Listing(
    _stock_rows,
    order=(stock.c.sku_id, stock.c.location_id, stock.c.condition, stock.c.lot),
    filters={
        "sku_ids": stock.c.sku_id == any_(IDS_OF_SKUS),
        "location_ids": stock.c.location_id == any_(IDS_OF_LOCATIONS),
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
    .where(is_among(reservation.c.holder_id, "holder_ids"))
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
            movement.c.source_location_id == any_(IDS_OF_LOCATIONS),
            movement.c.target_location_id == any_(IDS_OF_LOCATIONS),
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
