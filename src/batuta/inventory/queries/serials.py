"""Reads of serial numbers: where a piece is, and for whom it was packed."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select

from batuta.inventory.domain.serials import SerialFilter, SerialHistory, SerialPiece, SerialUse
from batuta.inventory.tables.lots import serial, serial_use
from batuta.inventory.tables.stock import Key
from batuta.plumbing.database import Connection, arrays, params
from batuta.plumbing.listing import Listing

Piece = tuple[UUID, str]

_given = arrays("piece", sku_id=Uuid(), serial=Key)
pieces_named = select(serial).join_from(
    _given, serial, (serial.c.sku_id == _given.c.sku_id) & (serial.c.serial == _given.c.serial)
)
_USES = (
    select(serial_use)
    .join_from(_given, serial_use, (serial_use.c.sku_id == _given.c.sku_id) & (serial_use.c.serial == _given.c.serial))
    .order_by(serial_use.c.sku_id, serial_use.c.serial, serial_use.c.used_at.desc(), serial_use.c.parcel_id)
)
_SERIALS = Listing(
    select(serial.c.sku_id, serial.c.serial),
    order=(serial.c.serial, serial.c.sku_id),
    filters={
        "sku_id": serial.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "serial": serial.c.serial == bindparam("serial", type_=Text()),
        "location_ids": serial.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
    },
)


def by_piece(pieces: Collection[Piece]) -> dict[str, Any]:
    """The parameters of `pieces_named`."""
    return params("piece", sku_id=[sku_id for sku_id, _ in pieces], serial=[number for _, number in pieces])


async def uses_of(db: Connection, pieces: Collection[Piece]) -> dict[Piece, list[SerialUse]]:
    """For which order lines each piece was packed, the latest first."""
    found: dict[Piece, list[SerialUse]] = {piece: [] for piece in pieces}
    if pieces:
        for row in await db.execute(_USES, by_piece(list(found))):
            found[row.sku_id, row.serial].append(msgspec.convert(dict(row), SerialUse))
    return found


async def list_serials(
    db: Connection, *, wanted: SerialFilter, behind: tuple[str, UUID] | None = None, limit: int
) -> list[SerialHistory]:
    """A page of pieces in the order of their numbers, each with its history."""
    rows = await _SERIALS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    pieces = [(row.sku_id, row.serial) for row in rows]
    found = {(row.sku_id, row.serial): dict(row) for row in await db.execute(pieces_named, by_piece(pieces))}
    uses = await uses_of(db, pieces)
    return [SerialHistory(piece=piece_from(found[piece], uses[piece]), uses=uses[piece]) for piece in pieces]


def piece_from(row: dict[str, Any], uses: list[SerialUse]) -> SerialPiece:
    """Read a row of the serial table, with the use that is not over."""
    known = {name: row[name] for name in ("sku_id", "serial", "status", "location_id", "lot")}
    for one in uses:
        if one.ended_at is None:
            known |= {"order_id": one.order_id, "line_id": one.line_id, "parcel_id": one.parcel_id}
    return msgspec.convert(known, SerialPiece)
