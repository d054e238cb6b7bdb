"""Reads of transfers, and of what is under way in them."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, or_, select, union_all

from batuta.inventory.domain.transfers import Transfer, TransferKind, TransferLine, TransferStatus, TransferStep
from batuta.inventory.tables.stock import movement
from batuta.inventory.tables.transfers import (
    earmark,
    transfer,
    transfer_line,
    transfer_receipt,
    transfer_settlement,
    transfer_step,
)
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.listing import Listing


class TransferFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which transfers to list; None is any. location_ids: source or target."""

    location_ids: list[UUID] | None = None
    source_location_id: UUID | None = None
    target_location_id: UUID | None = None
    status: TransferStatus | None = None
    kind: TransferKind | None = None
    order_id: UUID | None = None


_location_ids = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_TRANSFERS = Listing(
    select(transfer),
    order=(transfer.c.created_at, transfer.c.id),
    filters={
        "location_ids": or_(
            transfer.c.source_location_id == any_(_location_ids), transfer.c.target_location_id == any_(_location_ids)
        ),
        "source_location_id": transfer.c.source_location_id == bindparam("source_location_id", type_=Uuid()),
        "target_location_id": transfer.c.target_location_id == bindparam("target_location_id", type_=Uuid()),
        "status": transfer.c.status == bindparam("status", type_=Text()),
        "kind": transfer.c.kind == bindparam("kind", type_=Text()),
        "order_id": transfer.c.id.in_(
            select(earmark.c.transfer_id).where(earmark.c.order_id == bindparam("order_id", type_=Uuid()))
        ),
    },
    is_newest_first=True,
)


async def list_transfers(
    db: Connection, *, wanted: TransferFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[Transfer]:
    """A page of transfers without lines and steps, the newest first."""
    rows = await _TRANSFERS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Transfer])


async def transfers_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Transfer]:
    """Transfers with their lines and steps, in order."""
    rows = await rows_with(db, transfer.c.id, ids)
    lines: dict[UUID, list[TransferLine]] = defaultdict(list)
    for line in msgspec.convert(await rows_with(db, transfer_line.c.transfer_id, ids), list[TransferLine]):
        lines[line.transfer_id].append(line)
    steps: dict[UUID, list[TransferStep]] = defaultdict(list)
    for row in await rows_with(db, transfer_step.c.transfer_id, ids):
        steps[row["transfer_id"]].append(msgspec.convert(row, TransferStep))
    return {
        row["id"]: msgspec.convert(
            row
            | {
                "lines": sorted(lines[row["id"]], key=lambda line: line.position),
                "steps": sorted(steps[row["id"]], key=lambda step: (step.at, list(TransferStatus).index(step.status))),
            },
            Transfer,
        )
        for row in rows
    }


async def deliveries_known(db: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Of deliveries and settlements, those that are recorded."""
    arrived = await rows_with(db, transfer_receipt.c.delivery_id, ids)
    settled = await rows_with(db, transfer_settlement.c.id, ids)
    return {row["delivery_id"] for row in arrived} | {row["id"] for row in settled}


_in = select(movement.c.document_id.label("transfer_id"), movement.c.sku_id, movement.c.lot, movement.c.quantity).where(
    movement.c.document_id == any_(_ids), movement.c.target_parcel_id == movement.c.document_id
)
_out = select(movement.c.document_id, movement.c.sku_id, movement.c.lot, -movement.c.quantity).where(
    movement.c.document_id == any_(_ids), movement.c.source_parcel_id == movement.c.document_id
)
_sides = union_all(_in, _out).subquery()
_contents = select(
    _sides.c.transfer_id, _sides.c.sku_id, _sides.c.lot, func.sum(_sides.c.quantity).label("units")
).group_by(_sides.c.transfer_id, _sides.c.sku_id, _sides.c.lot)

Contents = dict[UUID, dict[str, int]]
"""SKU to lot to units that are under way."""


async def contents_of(db: Connection, ids: Collection[UUID]) -> dict[UUID, Contents]:
    """What the ledger says is under way in each transfer."""
    found: dict[UUID, Contents] = {id_: defaultdict(dict) for id_ in ids}
    for transfer_id, sku_id, lot, units in await db.execute(_contents, {"ids": list(ids)}):
        if units:
            found[transfer_id][sku_id][lot] = units
    return found
