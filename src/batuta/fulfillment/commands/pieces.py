"""Lots and serial numbers of what is packed, unpacked, delivered and brought home (INV-14)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, update

from batuta.fulfillment.domain import Change, Changes, LotUnits, Package
from batuta.fulfillment.tables import package
from batuta.inventory.commands.serials import bring_back, capture_serials, sell_serials
from batuta.inventory.domain import Issued
from batuta.inventory.domain.serials import Capture, Comeback, SerialStatus
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Json, arrays, params

Refusals = dict[int, BatutaError]

_given = arrays("given", parcel_id=Uuid(), contents=Json)
_NOTE = update(package).where(package.c.parcel_id == _given.c.parcel_id).values(contents=_given.c.contents)


def pack_key(parcel_id: UUID, line_id: UUID, sku_id: UUID) -> str:
    """The key in the ledger of units that went into a parcel."""
    return f"pack:{parcel_id}:{line_id}:{sku_id}"


def by_lot(key: str, lots: Sequence[LotUnits], quantity: int) -> Iterator[tuple[str, str | None, int]]:
    """A key of the ledger, a lot and units for each lot that is known; all of it without one where none is."""
    if not lots:
        yield key, None, quantity
    for one in lots:
        yield f"{key}:{one.lot}", one.lot, one.quantity


async def note_lots(db: Connection, changes: Changes, issued: Sequence[Issued]) -> None:
    """Keep in the packages of which lots their units are, as the shelf gave them."""
    lots = {one.key: one.lots for one in issued}
    if not lots:
        return
    noted = {}
    for _, change in changes:
        ids = {parcel.id for parcel in change.packed}
        for one in change.after.packages:
            if one.parcel_id in ids and (contents := _noted(one, lots)) != one.contents:
                noted[one.parcel_id] = contents
    if noted:
        ordered = sorted(noted)
        await db.execute(_NOTE, params("given", parcel_id=ordered, contents=[list(noted[id_]) for id_ in ordered]))


def _noted(one: Package, lots: dict[str, tuple[tuple[str, int], ...]]) -> tuple[msgspec.Struct, ...]:
    return tuple(
        msgspec.structs.replace(
            part,
            lots=tuple(
                LotUnits(lot=lot, quantity=units)
                for lot, units in lots.get(pack_key(one.parcel_id, part.line_id, part.sku_id), ())
            ),
        )
        if not part.lots
        else part
        for part in one.contents
    )


async def move_pieces(db: Connection, changes: Changes, *, now: datetime) -> Refusals:
    """Let pieces with serial numbers be those of their order lines while they are packed, sold, or home again."""
    refusals: Refusals = {}
    captures = [(i, one) for i, change in changes for one in _captures(change)]
    if captures:
        told = await capture_serials(db, captures=[one for _, one in captures], now=now)
        refusals |= {
            i: answer for (i, _), answer in zip(captures, told, strict=True) if isinstance(answer, BatutaError)
        }
    home = [(i, one) for i, change in changes for one in _home(change)]
    if home and not refusals:
        came = await bring_back(db, comebacks=[one for _, one in home], now=now)
        refusals |= {i: answer for (i, _), answer in zip(home, came, strict=True) if isinstance(answer, BatutaError)}
    sold = [one for _, change in changes for one in _pieces(change, change.delivered, SerialStatus.SOLD)]
    if sold and not refusals:
        await sell_serials(db, sold=sold, now=now)
    return refusals


def _captures(change: Change) -> Iterator[Capture]:
    for parcel in change.packed:
        for one in parcel.contents:
            if one.serials:
                yield Capture(
                    sku_id=one.sku_id,
                    serials=one.serials,
                    order_id=change.after.order_id,
                    line_id=one.line_id,
                    parcel_id=parcel.id,
                    location_id=change.after.location_id,
                )


def _home(change: Change) -> Iterator[Comeback]:
    yield from _pieces(change, change.unpacked, SerialStatus.IN_STOCK)
    yield from _pieces(change, change.taken_back, SerialStatus.RETURNED, at=change.taken_to)


def _pieces(
    change: Change, packages: Sequence[Package], status: SerialStatus, *, at: UUID | None = None
) -> Iterator[Comeback]:
    for one in packages:
        for part in one.contents:
            if part.serials:
                yield Comeback(
                    sku_id=part.sku_id,
                    serials=part.serials,
                    line_id=part.line_id,
                    location_id=at or change.after.location_id,
                    status=status,
                )
