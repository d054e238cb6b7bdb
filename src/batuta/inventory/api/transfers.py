"""Transfers: asked for, approved, picked, shipped, under way, received, and settled (INV-03, FUL-12)."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.catalog.queries import skus_by_id
from batuta.inventory.api.sight import Few, check_seen, instant, places_of, seen_by, stocked_skus
from batuta.inventory.api.transfer_bodies import (
    ApproveBody,
    DepartBody,
    EarmarkTold,
    PickBody,
    ReceiveBody,
    SettleBody,
    ShipBody,
    StepUnits,
    TransferBody,
    TransferHead,
    TransferLineTold,
    TransferTold,
)
from batuta.inventory.commands.transferring import (
    cancel_transfers,
    pick_transfers,
    receive_transfers,
    settle_transfers,
    ship_transfers,
)
from batuta.inventory.commands.transfers import (
    approve_transfers,
    depart_transfers,
    request_transfers,
)
from batuta.inventory.domain.transfers import (
    ApproveTransfer,
    CancelTransfer,
    DepartTransfer,
    PickTransfer,
    ReceiveLine,
    ReceiveTransfer,
    RequestTransfer,
    SettleTransfer,
    ShipTransfer,
    Transfer,
    TransferKind,
    TransferStatus,
    TransferUnits,
    UnknownTransfer,
)
from batuta.inventory.queries.earmarks import earmarks_of_transfers
from batuta.inventory.queries.transfers import TransferFilter, list_transfers, transfers_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

PATH = "/api/stock/transfers/{transfer_id:uuid}"
MAY_MOVE = requires("inventory.move")
MAY_APPROVE = requires("inventory.manage")

Verb = Callable[[Connection, datetime], Awaitable[Sequence[Transfer | BatutaError]]]


@post("/api/stock/transfers", guards=[MAY_MOVE])
async def request_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[TransferBody]
) -> Response[TransferTold]:
    """Ask for units of another location, or offer it some."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[TransferTold]:
        places = await places_of(db, {data.source_location_code, data.target_location_code})
        if not any(caller.sees_location(place) for place in places.values()):
            check_seen(caller, data.source_location_code, places[data.source_location_code])
        skus = await stocked_skus(db, {one.sku_code for one in data.lines})
        wish = RequestTransfer(
            id=fresh_id(),
            source_location_id=places[data.source_location_code],
            target_location_id=places[data.target_location_code],
            lines=[TransferUnits(sku_id=skus[one.sku_code], quantity=one.quantity) for one in data.lines],
            due_at=instant(data.due_at),
            note=data.note,
            actor=caller.actor,
        )
        return Answer(await _told(db, only(await request_transfers(db, requests=[wish], now=moment()))))

    return await once(engine, request, act)


@get("/api/stock/transfers", guards=[requires("inventory.read")])
async def transfers(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: Few = None,
    source_location_id: FromQuery[UUID | None] = None,
    target_location_id: FromQuery[UUID | None] = None,
    status: FromQuery[TransferStatus | None] = None,
    kind: FromQuery[TransferKind | None] = None,
    order_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[TransferHead]:
    """List transfers from or to locations, the newest first. Those that are `received` lack units.

    Of kind `order` are those that bring orders to the stores where they are picked up; order_id: one order's.
    """
    behind = read_cursor(cursor, tuple[datetime, UUID])
    wanted = TransferFilter(
        location_ids=seen_by(caller, location_id),
        source_location_id=source_location_id,
        target_location_id=target_location_id,
        status=status,
        kind=kind,
        order_id=order_id,
    )
    async with engine.connect() as db:
        found = await list_transfers(db, wanted=wanted, behind=behind, limit=limit + 1)
    heads = [msgspec.convert(one, TransferHead, from_attributes=True) for one in found]
    return page_of(heads, limit=limit, key=lambda one: (one.created_at, one.id))


@get(PATH, guards=[requires("inventory.read")])
async def transfer(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], transfer_id: FromPath[UUID]
) -> TransferTold:
    """Answer with a transfer: its lines, what became of their units, and who did what when."""
    async with engine.connect() as db:
        found = await _seen(db, transfer_id)
        _check_side(caller, found, _either(found))
        return await _told(db, found)


@post(f"{PATH}/approve", guards=[MAY_APPROVE], status_code=HTTPStatus.OK)
async def approve_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[ApproveBody]
) -> Response[TransferTold]:
    """Agree to a transfer, or to a part of it."""
    wish = ApproveTransfer(transfer_id=transfer_id, actor=caller_of(request).actor, quantities=_units(data.lines))
    return await _act(
        request, engine, transfer_id, lambda db, now: approve_transfers(db, approvals=[wish], now=now), _either
    )


@post(f"{PATH}/pick", guards=[MAY_MOVE], status_code=HTTPStatus.OK)
async def pick_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[PickBody]
) -> Response[TransferTold]:
    """Claim approved units at their source; units that somebody else holds stay with them (409 `out_of_stock`)."""
    wish = PickTransfer(
        transfer_id=transfer_id,
        actor=caller_of(request).actor,
        quantities=_units(data.lines),
        allow_partial=data.allow_partial,
    )
    return await _act(request, engine, transfer_id, lambda db, now: pick_transfers(db, picks=[wish], now=now), _source)


@post(f"{PATH}/ship", guards=[MAY_MOVE], status_code=HTTPStatus.OK)
async def ship_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[ShipBody]
) -> Response[TransferTold]:
    """Let picked units leave their source; they are expected at the target from now on."""
    wish = ShipTransfer(
        transfer_id=transfer_id,
        actor=caller_of(request).actor,
        quantities=_units(data.lines),
        due_at=instant(data.due_at),
    )
    return await _act(
        request, engine, transfer_id, lambda db, now: ship_transfers(db, shipments=[wish], now=now), _source
    )


@post(f"{PATH}/depart", guards=[MAY_MOVE], status_code=HTTPStatus.OK)
async def depart_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[DepartBody]
) -> Response[TransferTold]:
    """Whoever drives has the units, and says when they arrive."""
    wish = DepartTransfer(
        transfer_id=transfer_id,
        actor=caller_of(request).actor,
        carrier=data.carrier,
        tracking_number=data.tracking_number,
        due_at=instant(data.due_at),
    )
    return await _act(
        request, engine, transfer_id, lambda db, now: depart_transfers(db, departures=[wish], now=now), _source
    )


@post(f"{PATH}/receive", guards=[MAY_MOVE], status_code=HTTPStatus.OK)
async def receive_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[ReceiveBody]
) -> Response[TransferTold]:
    """Take in what arrived; what did not stays missing, and the transfer `received`, until somebody settles it."""
    lines = [
        ReceiveLine(line_id=one.line_id, quantity=one.quantity, damaged=one.damaged, lot=one.lot) for one in data.lines
    ]
    wish = ReceiveTransfer(id=fresh_id(), transfer_id=transfer_id, lines=lines, actor=caller_of(request).actor)
    return await _act(
        request, engine, transfer_id, lambda db, now: receive_transfers(db, deliveries=[wish], now=now), _target
    )


@post(f"{PATH}/settle", guards=[MAY_APPROVE], status_code=HTTPStatus.OK)
async def settle_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID], data: JSONBody[SettleBody]
) -> Response[TransferTold]:
    """Say what became of units that did not arrive; with the last of them the transfer is closed."""
    wish = SettleTransfer(
        id=fresh_id(),
        transfer_id=transfer_id,
        line_id=data.line_id,
        quantity=data.quantity,
        outcome=data.outcome,
        note=data.note,
        actor=caller_of(request).actor,
    )
    return await _act(
        request, engine, transfer_id, lambda db, now: settle_transfers(db, settlements=[wish], now=now), _either
    )


@post(f"{PATH}/cancel", guards=[MAY_MOVE], status_code=HTTPStatus.OK)
async def cancel_transfer(
    request: AnyRequest, engine: NamedDependency[Engine], transfer_id: FromPath[UUID]
) -> Response[TransferTold]:
    """End a transfer that has not left; what was picked is free again."""
    wish = CancelTransfer(transfer_id=transfer_id, actor=caller_of(request).actor)
    return await _act(
        request, engine, transfer_id, lambda db, now: cancel_transfers(db, cancellations=[wish], now=now), _either
    )


def _either(found: Transfer) -> Collection[UUID]:
    return {found.source_location_id, found.target_location_id}


def _source(found: Transfer) -> Collection[UUID]:
    return {found.source_location_id}


def _target(found: Transfer) -> Collection[UUID]:
    return {found.target_location_id}


async def _act(
    request: AnyRequest,
    engine: Engine,
    transfer_id: UUID,
    verb: Verb,
    side: Callable[[Transfer], Collection[UUID]],
) -> Response[TransferTold]:
    """Do a verb of a transfer that the caller sees from that side, and answer with how it stands then."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[TransferTold]:
        found = await _seen(db, transfer_id)
        _check_side(caller, found, side(found))
        return Answer(await _told(db, only(await verb(db, moment()))))

    return await once(engine, request, act)


async def _seen(db: Connection, transfer_id: UUID) -> Transfer:
    """Raises:
    UnknownTransfer.
    """
    found = (await transfers_by_id(db, [transfer_id])).get(transfer_id)
    if found is None:
        raise UnknownTransfer("there is no such transfer", transfer_id=str(transfer_id))
    return found


def _check_side(caller: Caller, found: Transfer, location_ids: Collection[UUID]) -> None:
    """Raises:
    UnknownTransfer: the caller works at none of the locations.
    """
    if not any(caller.sees_location(location_id) for location_id in location_ids):
        raise UnknownTransfer("there is no such transfer", transfer_id=str(found.id))


async def _told(db: Connection, found: Transfer) -> TransferTold:
    skus = await skus_by_id(db, {line.sku_id for line in found.lines})
    lines = [
        TransferLineTold(
            **{name: getattr(line, name) for name in TransferLineTold.__struct_fields__ if name != "sku_code"},
            sku_code=skus[line.sku_id].code,
        )
        for line in found.lines
    ]
    head = {name: getattr(found, name) for name in TransferHead.__struct_fields__}
    marks = (await earmarks_of_transfers(db, [found.id])).get(found.id, [])
    orders = [msgspec.convert(one, EarmarkTold, from_attributes=True) for one in marks]
    return TransferTold(**head, lines=lines, steps=found.steps, orders=orders)


def _units(lines: Sequence[StepUnits]) -> dict[UUID, int]:
    return {one.line_id: one.quantity for one in lines}


ROUTES: Sequence[Any] = [
    request_transfer,
    transfers,
    transfer,
    approve_transfer,
    pick_transfer,
    ship_transfer,
    depart_transfer,
    receive_transfer,
    settle_transfer,
    cancel_transfer,
]
