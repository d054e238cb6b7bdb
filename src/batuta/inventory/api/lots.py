"""Lots and serial numbers: what is known of them, where they are, and calling lots back."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.catalog.queries import skus_by_code
from batuta.inventory.commands.lots import lift_recalls, recall, save_lots, unknown
from batuta.inventory.commands.serials import register_serials
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.lots import (
    Lifted,
    Lot,
    LotFilter,
    LotStock,
    NewLot,
    NotEverywhere,
    Recall,
    Recalled,
)
from batuta.inventory.domain.serials import (
    NewSerial,
    SerialAnswer,
    SerialFilter,
    SerialHistory,
    SerialPiece,
    SerialsBody,
)
from batuta.inventory.queries.lots import list_lots, lots_by_id, stock_of_lots
from batuta.inventory.queries.serials import list_serials
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Text
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import moment

CodeIs = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, in words."""

    reason: Text


class Serials(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each piece, in the order they were told; a refusal tells why."""

    answers: list[SerialAnswer]


@post("/api/lots", guards=[requires("inventory.move")], status_code=200)
async def save_lot(request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[NewLot]) -> Response[Lot]:
    """Register a lot of a SKU, or say better what is known of it; what is on the shelf follows its date."""

    async def act(db: Connection) -> Answer[Lot]:
        return Answer(only(await save_lots(db, lots=[data], now=moment())))

    return await once(engine, request, act)


@get("/api/lots", guards=[requires("inventory.read")])
async def lots(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    sku_id: FromQuery[UUID | None] = None,
    code: CodeIs = None,
    expires_until: FromQuery[date | None] = None,
    is_recalled: FromQuery[bool | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Lot]:
    """List lots by SKU and code: those that end soon, or are called back."""
    behind = read_cursor(cursor, tuple[UUID, Code])
    wanted = LotFilter(sku_id=sku_id, code=code, expires_until=expires_until, is_recalled=is_recalled)
    async with engine.connect() as db:
        found = await list_lots(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.sku_id, one.code))


@get("/api/lots/{lot_id:uuid}", guards=[requires("inventory.read")])
async def lot(engine: NamedDependency[Engine], caller: NamedDependency[Caller], lot_id: FromPath[UUID]) -> LotStock:
    """Answer with a lot, and where its units are."""
    async with engine.connect() as db:
        found = (await lots_by_id(db, [lot_id])).get(lot_id)
        if found is None:
            raise unknown(lot_id)
        stock = (await stock_of_lots(db, [found]))[lot_id]
    return LotStock(lot=found, stock=[one for one in stock if caller.sees_location(one.location_id)])


@post("/api/lots/{lot_id:uuid}/recall", guards=[requires("inventory.move")], status_code=200)
async def recall_lot(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    lot_id: FromPath[UUID],
    data: JSONBody[ReasonBody],
) -> Response[Recalled]:
    """Call a lot back: all of it goes into quarantine, everywhere and promised or not, and none is sold any more."""
    _check_everywhere(caller)
    wish = Recall(lot_id=lot_id, reason=data.reason, actor=caller.actor)

    async def act(db: Connection) -> Answer[Recalled]:
        return Answer(only(await recall(db, recalls=[wish], now=moment())))

    return await once(engine, request, act)


@post("/api/lots/{lot_id:uuid}/lift-recall", guards=[requires("inventory.move")], status_code=200)
async def lift_recall(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    lot_id: FromPath[UUID],
    data: JSONBody[ReasonBody],
) -> Response[Lifted]:
    """Say that a lot need not be called back; its units stay in quarantine until somebody moves them."""
    _check_everywhere(caller)
    wish = Recall(lot_id=lot_id, reason=data.reason, actor=caller.actor)

    async def act(db: Connection) -> Answer[Lifted]:
        return Answer(only(await lift_recalls(db, recalls=[wish], now=moment())))

    return await once(engine, request, act)


@post("/api/serials", guards=[requires("inventory.move")], status_code=200)
async def register_pieces(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[SerialsBody]
) -> Response[Serials]:
    """Write down the serial numbers of pieces that came in. Those not known are written down as they are packed."""

    async def act(db: Connection) -> Answer[Serials]:
        sku = (await skus_by_code(db, [data.sku_code])).get(data.sku_code)
        location_id = (await location_ids_by_code(db, [data.location_code])).get(data.location_code)
        if sku is None or location_id is None or not caller.sees_location(location_id):
            raise UnknownStock(
                "there is no such SKU or location", sku_code=data.sku_code, location_code=data.location_code
            )
        pieces = [
            NewSerial(sku_id=sku.id, serial=number, location_id=location_id, lot=data.lot)
            for number in dict.fromkeys(data.serials)
        ]
        told = await register_serials(db, pieces=pieces, now=moment())
        return Answer(Serials(answers=[_told(new, one) for new, one in zip(pieces, told, strict=True)]))

    return await once(engine, request, act)


@get("/api/serials", guards=[requires("inventory.read")])
async def serials(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromQuery[UUID | None] = None,
    serial: CodeIs = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[SerialHistory]:
    """List pieces by serial number: where each is, and for which order lines it was packed.

    Whoever works at some locations sees the pieces that are there.
    """
    behind = read_cursor(cursor, tuple[Text, UUID])
    places = None if caller.location_ids is None else sorted(caller.location_ids)
    wanted = SerialFilter(sku_id=sku_id, serial=serial, location_ids=places)
    async with engine.connect() as db:
        found = await list_serials(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.piece.serial, one.piece.sku_id))


def _check_everywhere(caller: Caller) -> None:
    """Raises:
    NotEverywhere: the caller works at some locations.
    """
    if caller.location_ids is not None:
        raise NotEverywhere("a lot is called back everywhere, and you work at some locations")


def _told(new: NewSerial, outcome: SerialPiece | BatutaError) -> SerialAnswer:
    if isinstance(outcome, BatutaError):
        return SerialAnswer(serial=new.serial, is_registered=False, code=outcome.code, detail=outcome.sentence)
    return SerialAnswer(serial=new.serial, is_registered=True)


ROUTES = [save_lot, lots, lot, recall_lot, lift_recall, register_pieces, serials]
