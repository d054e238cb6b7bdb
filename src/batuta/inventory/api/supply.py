"""Supply that is still to come: announced, moved, received; who was served from it, and how late suppliers are."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.inventory.api.sight import Few, Moment, check_seen, instant, places_of, seen_by, stocked_skus
from batuta.inventory.commands import expect, move_expected, receive_expected, save_lateness
from batuta.inventory.domain import Condition, Lot
from batuta.inventory.domain.supply import (
    Expected,
    ExpectedReceipt,
    Lateness,
    MoveExpected,
    PastDate,
    ReceiveExpected,
    SupplierLateness,
    SupplyFilter,
    SupplyKind,
    SupplyStatus,
    UnknownReceipt,
)
from batuta.inventory.queries import latenesses, list_receipts, list_runs, receipts_by_id
from batuta.inventory.queries.supply import RunFilter, SupplyRun
from batuta.kernel.errors import Refused
from batuta.kernel.outcomes import only, whole
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone, Text
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
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_unbound

RECEIPTS_MAX = 1_000
SUPPLIERS_MAX = 1_000
PATH = "/api/supply/receipts/{receipt_id:uuid}"

DocumentIs = Annotated[str | None, QueryParameter(min_length=1, max_length=500)]


class NothingToMove(Refused):
    """Neither another date nor another quantity was given."""


class BadLateness(Refused):
    """Nine of ten receipts do not come sooner than half of them."""


class ReceiptBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that are to come. id: yours, so that the same receipt again is the same; document: who says so."""

    sku_code: Code
    location_code: Code
    quantity: Quantity
    due_at: Moment
    document: Text
    id: UUID | None = None
    kind: SupplyKind = SupplyKind.PURCHASE
    supplier_code: Code | None = None


class ReceiptsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    receipts: Annotated[list[ReceiptBody], msgspec.Meta(min_length=1, max_length=RECEIPTS_MAX)]


class MoveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """quantity: in all, with what has come; no more than that ends the receipt."""

    due_at: Moment | None = None
    quantity: QuantityOrNone | None = None


class ReceiveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """delivery: the delivery note; the same again is the same units."""

    delivery: Code
    quantity: Quantity
    condition: Condition = Condition.SELLABLE
    lot: Lot = ""


class SupplierBody(Lateness, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By how many days a supplier's receipts come late: half of them no later than p50, nine of ten than p90."""


class SuppliersBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    suppliers: Annotated[list[SupplierBody], msgspec.Meta(min_length=1, max_length=SUPPLIERS_MAX)]


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    receipts: list[ExpectedReceipt]


class Suppliers(msgspec.Struct, frozen=True, kw_only=True):
    suppliers: list[SupplierLateness]


@get("/api/supply/receipts", guards=[requires("inventory.move")])
async def receipts(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromQuery[UUID | None] = None,
    location_id: Few = None,
    status: FromQuery[SupplyStatus | None] = None,
    document: DocumentIs = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[ExpectedReceipt]:
    """List what is, or was, to come, by the day it is due."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    wanted = SupplyFilter(sku_id=sku_id, location_ids=seen_by(caller, location_id), status=status, document=document)
    async with engine.connect() as db:
        found = await list_receipts(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.due_at, one.id))


@get(PATH, guards=[requires("inventory.move")])
async def receipt(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], receipt_id: FromPath[UUID]
) -> ExpectedReceipt:
    """Answer with one receipt as it stands."""
    async with engine.connect() as db:
        return await _seen(db, caller, receipt_id)


@post("/api/supply/receipts", guards=[requires("inventory.manage")])
async def announce_receipts(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ReceiptsBody],
) -> Response[Receipts]:
    """Announce units that are to come: all of them or, with each problem named, none."""

    async def act(db: Connection) -> Answer[Receipts]:
        skus = await stocked_skus(db, {one.sku_code for one in data.receipts})
        places = await places_of(db, {one.location_code for one in data.receipts})
        for code, location_id in places.items():
            check_seen(caller, code, location_id)
        announced = [
            Expected(
                id=one.id or fresh_id(),
                sku_id=skus[one.sku_code],
                location_id=places[one.location_code],
                quantity=one.quantity,
                kind=one.kind,
                due_at=_due(one.due_at),
                document=one.document,
                actor=caller.actor,
                supplier_code=one.supplier_code,
            )
            for one in data.receipts
        ]
        return Answer(Receipts(receipts=whole(await expect(db, expected=announced, now=moment()))))

    return await once(engine, request, act)


@post(f"{PATH}/move", guards=[requires("inventory.manage")], status_code=HTTPStatus.OK)
async def move_receipt(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    receipt_id: FromPath[UUID],
    data: JSONBody[MoveBody],
) -> Response[ExpectedReceipt]:
    """Say that units come on another day, or in another number; every promise that hangs on them is made anew."""
    if data.due_at is None and data.quantity is None:
        raise NothingToMove("say on which day the units come, or how many")

    async def act(db: Connection) -> Answer[ExpectedReceipt]:
        await _seen(db, caller, receipt_id)
        due_at = None if data.due_at is None else _due(data.due_at)
        move = MoveExpected(expected_id=receipt_id, actor=caller.actor, due_at=due_at, quantity=data.quantity)
        return Answer(only(await move_expected(db, moves=[move], now=moment())))

    return await once(engine, request, act)


@post(f"{PATH}/receive", guards=[requires("inventory.move")], status_code=HTTPStatus.OK)
async def receive_receipt(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    receipt_id: FromPath[UUID],
    data: JSONBody[ReceiveBody],
) -> Response[SupplyRun]:
    """Take units in, and answer with who of those that wait is served with them, in their turn."""

    async def act(db: Connection) -> Answer[SupplyRun]:
        await _seen(db, caller, receipt_id)
        now = moment()
        came = ReceiveExpected(
            key=data.delivery,
            expected_id=receipt_id,
            quantity=data.quantity,
            actor=caller.actor,
            effective_at=now,
            condition=data.condition,
            lot=data.lot,
        )
        return Answer(only(await receive_expected(db, receipts=[came], now=now)))

    return await once(engine, request, act)


@get("/api/supply/runs", guards=[requires("inventory.move")])
async def runs(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromQuery[UUID | None] = None,
    location_id: Few = None,
    receipt_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[SupplyRun]:
    """List the documents of service, the newest first: what came, who got it, and who was passed over."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    wanted = RunFilter(sku_id=sku_id, location_ids=seen_by(caller, location_id), expected_id=receipt_id)
    async with engine.connect() as db:
        found = await list_runs(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.ran_at, one.id))


@get("/api/supply/suppliers", guards=[requires("inventory.move")])
async def suppliers(engine: NamedDependency[Engine]) -> Suppliers:
    """List how late suppliers mostly are: as told, and as learned from what came, which counts where there is any."""
    async with engine.connect() as db:
        return Suppliers(suppliers=await latenesses(db))


@put("/api/supply/suppliers", guards=[requires("inventory.manage")])
async def put_suppliers(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[SuppliersBody],
) -> Response[Suppliers]:
    """Say how late suppliers mostly are; what is promised counts on it, and the more came of one, the less."""
    check_unbound(caller)
    for one in data.suppliers:
        if one.p90_days < one.p50_days:
            raise BadLateness("nine of ten do not come sooner than half of them", supplier_code=one.supplier_code)

    async def act(db: Connection) -> Answer[Suppliers]:
        await save_lateness(db, suppliers=data.suppliers, now=moment())
        return Answer(Suppliers(suppliers=await latenesses(db)))

    return await once(engine, request, act)


async def _seen(db: Connection, caller: Caller, receipt_id: UUID) -> ExpectedReceipt:
    """The receipt, if it is there for this caller.

    Raises:
        UnknownReceipt
    """
    found = (await receipts_by_id(db, [receipt_id])).get(receipt_id)
    if found is None or not caller.sees_location(found.location_id):
        raise UnknownReceipt("no such receipt is expected", receipt_id=str(receipt_id))
    return found


def _due(at: datetime) -> datetime:
    """A day as told, within what can be compared; what is past is refused further down.

    Raises:
        PastDate: the moment is none.
    """
    found = instant(at)
    if found is None:
        raise PastDate("a receipt is expected at some moment")
    return found


ROUTES = [
    receipts,
    receipt,
    announce_receipts,
    move_receipt,
    receive_receipt,
    runs,
    suppliers,
    put_suppliers,
]
