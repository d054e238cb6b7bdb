"""Serial numbers: pieces that come in, are packed for an order line, and come back (INV-14)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import UniqueViolationError
from sqlalchemy import Uuid, bindparam, update

from batuta.catalog.domain import Tracking
from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain import Overtaken, UnknownStock
from batuta.inventory.domain.serials import (
    CameBack,
    Capture,
    Captured,
    Comeback,
    NewSerial,
    NotBySerial,
    SerialMismatch,
    SerialPiece,
    SerialStatus,
    SerialTaken,
    SerialUse,
)
from batuta.inventory.queries.serials import Piece, by_piece, piece_from, pieces_named, uses_of
from batuta.inventory.tables.lots import serial, serial_use
from batuta.inventory.tables.stock import Key
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params, upsert_rows

_lock = pieces_named.order_by(serial.c.sku_id, serial.c.serial).with_for_update(of=serial)
_ended = arrays("use", sku_id=Uuid(), serial=Key, parcel_id=Uuid())
_END_USES = (
    update(serial_use)
    .where(
        serial_use.c.sku_id == _ended.c.sku_id,
        serial_use.c.serial == _ended.c.serial,
        serial_use.c.parcel_id == _ended.c.parcel_id,
        serial_use.c.ended_at.is_(None),
    )
    .values(ended_at=bindparam("ended_at", type_=Instant))
)


class _Pieces:
    """Pieces under lock, as they will be once they are written."""

    def __init__(self, known: dict[Piece, SerialPiece], past: dict[Piece, list[SerialUse]], now: datetime) -> None:
        self.known = known
        self._past = past
        self._now = now
        self._changed: dict[Piece, SerialPiece] = {}
        self.made: list[SerialUse] = []
        self.ended: list[tuple[Piece, UUID]] = []

    def capture(self, one: Capture) -> Captured:
        for number in one.serials:
            there = self.known.get((one.sku_id, number))
            if there and there.line_id is not None and (there.line_id, there.parcel_id) != (one.line_id, one.parcel_id):
                raise SerialTaken(
                    "the piece is another order line's",
                    sku_id=str(one.sku_id),
                    serial=number,
                    order_id=str(there.order_id),
                    status=str(there.status),
                )
        for number in one.serials:
            there = self.known.get((one.sku_id, number))
            if there is None or there.line_id is None:
                self._take(one, number, there)
        return Captured(parcel_id=one.parcel_id)

    def _take(self, one: Capture, number: str, there: SerialPiece | None) -> None:
        self.write(
            SerialPiece(
                sku_id=one.sku_id,
                serial=number,
                status=SerialStatus.PACKED,
                location_id=one.location_id,
                lot=there.lot if there else "",
                order_id=one.order_id,
                line_id=one.line_id,
                parcel_id=one.parcel_id,
            )
        )
        self.made.append(
            SerialUse(
                sku_id=one.sku_id,
                serial=number,
                order_id=one.order_id,
                line_id=one.line_id,
                parcel_id=one.parcel_id,
                used_at=self._now,
                ended_at=None,
            )
        )

    def come_back(self, one: Comeback) -> CameBack:
        strange = [number for number in one.serials if one.line_id and not self._was_for(one, number)]
        if strange:
            raise SerialMismatch(
                "these are not the pieces that went out for this order line",
                sku_id=str(one.sku_id),
                line_id=str(one.line_id),
                serials=strange,
            )
        for number in one.serials:
            there = self.known.get((one.sku_id, number))
            if there and there.parcel_id and one.line_id in {None, there.line_id}:
                self.ended.append(((one.sku_id, number), there.parcel_id))
                self.write(
                    SerialPiece(
                        sku_id=one.sku_id,
                        serial=number,
                        status=one.status,
                        location_id=one.location_id,
                        lot=there.lot,
                    )
                )
        return CameBack(line_id=one.line_id)

    def _was_for(self, one: Comeback, number: str) -> bool:
        return any(use.line_id == one.line_id for use in self._past.get((one.sku_id, number), ()))

    def write(self, piece: SerialPiece) -> None:
        self.known[piece.sku_id, piece.serial] = piece
        self._changed[piece.sku_id, piece.serial] = piece

    def sell(self, one: Comeback) -> None:
        for number in one.serials:
            there = self.known.get((one.sku_id, number))
            if there and there.line_id == one.line_id:
                self.write(
                    SerialPiece(
                        **{
                            **{name: getattr(there, name) for name in SerialPiece.__struct_fields__},
                            "status": SerialStatus.SOLD,
                            "location_id": None,
                        }
                    )
                )

    def changed(self) -> list[SerialPiece]:
        return list(self._changed.values())


async def register_serials(
    db: Connection, *, pieces: Sequence[NewSerial], now: datetime
) -> list[SerialPiece | BatutaError]:
    """Write down pieces that came in. One that is somebody's stays so, and is refused here."""
    skus = await skus_by_id(db, {one.sku_id for one in pieces})
    known = await _locked(db, {(one.sku_id, one.serial) for one in pieces}, now)

    def register(one: NewSerial) -> SerialPiece:
        if one.sku_id not in skus:
            raise UnknownStock("there is no such SKU", sku_id=str(one.sku_id))
        if skus[one.sku_id].tracking is not Tracking.SERIAL:
            raise NotBySerial("the SKU's pieces have no serial numbers", sku_code=skus[one.sku_id].code)
        there = known.known.get((one.sku_id, one.serial))
        if there and there.line_id is not None:
            raise SerialTaken("the piece is an order line's", serial=one.serial, order_id=str(there.order_id))
        piece = SerialPiece(
            sku_id=one.sku_id,
            serial=one.serial,
            status=SerialStatus.IN_STOCK,
            location_id=one.location_id,
            lot=one.lot,
        )
        known.write(piece)
        return piece

    outcomes = each(pieces, register)
    await _write(db, known, now=now)
    return outcomes


async def capture_serials(
    db: Connection, *, captures: Sequence[Capture], now: datetime
) -> list[Captured | BatutaError]:
    """Make packed pieces those of their order lines, each of one at a time; a piece that nobody knew is known then.

    Raises:
        Overtaken: somebody packs the same piece at this moment.
    """
    pieces = await _locked(db, _named(captures), now)
    outcomes = each(captures, pieces.capture)
    await _write(db, pieces, now=now)
    return outcomes


async def sell_serials(db: Connection, *, sold: Sequence[Comeback], now: datetime) -> None:
    """Pieces reached their customers."""
    pieces = await _locked(db, _named(sold), now)
    for one in sold:
        pieces.sell(one)
    await _write(db, pieces, now=now)


async def bring_back(db: Connection, *, comebacks: Sequence[Comeback], now: datetime) -> list[CameBack | BatutaError]:
    """Pieces came back, and are nobody's again; only those that went out for the line are taken for it (RET-05)."""
    pieces = await _locked(db, _named(comebacks), now)
    outcomes = each(comebacks, pieces.come_back)
    await _write(db, pieces, now=now)
    return outcomes


def _named(those: Iterable[Capture | Comeback]) -> set[Piece]:
    return {(one.sku_id, number) for one in those for number in one.serials}


async def _locked(db: Connection, pieces: set[Piece], now: datetime) -> _Pieces:
    ordered = sorted(pieces)
    rows = [dict(row) for row in await db.execute(_lock, by_piece(ordered))] if ordered else []
    past = await uses_of(db, ordered)
    known = {(row["sku_id"], row["serial"]): row for row in rows}
    return _Pieces({piece: piece_from(row, past[piece]) for piece, row in known.items()}, past, now)


async def _write(db: Connection, pieces: _Pieces, *, now: datetime) -> None:
    if pieces.ended:
        given = params(
            "use",
            sku_id=[piece[0] for piece, _ in pieces.ended],
            serial=[piece[1] for piece, _ in pieces.ended],
            parcel_id=[parcel_id for _, parcel_id in pieces.ended],
        )
        await db.execute(_END_USES, {**given, "ended_at": now})
    rows = [
        {
            "sku_id": one.sku_id,
            "serial": one.serial,
            "status": str(one.status),
            "location_id": one.location_id,
            "lot": one.lot,
            "updated_at": now,
        }
        for one in pieces.changed()
    ]
    await upsert_rows(db, serial, rows, key=("sku_id", "serial"), keep=())
    made = sorted(pieces.made, key=lambda one: (one.sku_id, one.serial))
    try:
        await insert_rows(db, serial_use, [{name: getattr(one, name) for name in _USE} for one in made])
    except UniqueViolationError as problem:
        raise Overtaken("somebody packs one of these pieces at this moment") from problem


_USE = SerialUse.__struct_fields__
