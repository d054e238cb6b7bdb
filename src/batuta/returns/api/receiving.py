"""Goods at the dock, and what state they are in."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import ScopesOf
from batuta.returns.api.bodies import BlindBody, GradeBody, ReceiptBody
from batuta.returns.api.sight import act_on, check_location_seen, check_order_returnable, good_one
from batuta.returns.commands import grade, receive, receive_blind
from batuta.returns.domain import BlindReceipt, BlindUnits, GradeUnits, Receipt, ReceivedUnits, Return, UnknownOrder

PATH = "/api/returns/{return_id:uuid}"
MAY_WRITE = requires("returns.write")


@post(f"{PATH}/receipts", guards=[MAY_WRITE])
async def receive_goods(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID], data: JSONBody[ReceiptBody]
) -> Response[Return]:
    """Count goods that arrived, whatever was announced, into quarantine (RET-05)."""
    caller = caller_of(request)
    check_location_seen(caller, data.location_id)
    wish = Receipt(
        id=fresh_id(),
        return_id=return_id,
        location_id=data.location_id,
        lines=tuple(
            ReceivedUnits(
                quantity=one.quantity,
                line_id=one.line_id,
                sku_id=one.sku_id,
                note=one.note,
                lot=one.lot,
                serials=one.serials,
            )
            for one in data.lines
        ),
        actor=caller.actor,
    )
    return await act_on(request, engine, return_id, lambda db, now: receive(db, receipts=[wish], now=now))


@post("/api/returns/blind", guards=[MAY_WRITE])
async def receive_unannounced(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    data: JSONBody[BlindBody],
) -> Response[Return]:
    """Receive goods that nobody announced, against an order, a customer or nothing; never refused (RET-06)."""
    caller = caller_of(request)
    check_location_seen(caller, data.location_id)

    async def act(db: Connection) -> Answer[Return]:
        order_id = data.order_id
        try:
            if order_id is not None:
                await check_order_returnable(db, caller, order_scopes, order_id)
        except UnknownOrder:
            order_id = None
        wish = BlindReceipt(
            id=fresh_id(),
            location_id=data.location_id,
            lines=tuple(
                BlindUnits(
                    quantity=one.quantity,
                    sku_id=one.sku_id,
                    order_line_id=one.order_line_id,
                    worth_minor=one.worth_minor,
                    reason=one.reason,
                    note=one.note,
                    lot=one.lot,
                    serials=one.serials,
                )
                for one in data.lines
            ),
            currency=data.currency,
            order_id=order_id,
            customer_id=data.customer_id,
            actor=caller.actor,
        )
        return Answer(good_one(await receive_blind(db, receipts=[wish], now=moment())))

    return await once(engine, request, act)


@post(f"{PATH}/gradings", guards=[MAY_WRITE])
async def grade_goods(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID], data: JSONBody[GradeBody]
) -> Response[Return]:
    """Say in what state units came back; they go where that state lies (RET-05)."""
    caller = caller_of(request)
    check_location_seen(caller, data.location_id)
    wish = GradeUnits(
        id=fresh_id(),
        return_id=return_id,
        line_id=data.line_id,
        grade=data.grade,
        quantity=data.quantity,
        note=data.note,
        location_id=data.location_id,
        lot=data.lot,
        actor=caller.actor,
    )
    return await act_on(request, engine, return_id, lambda db, now: grade(db, gradings=[wish], now=now))
