"""Orders: listed, read whole, cancelled, held and let go."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.quantities import Text
from batuta.ordering.commands import (
    EndHold,
    UnknownHold,
    UnknownOrder,
    add_holds,
    cancel,
    end_holds,
    lock_orders,
)
from batuta.ordering.domain import (
    Cancelled,
    CancelLine,
    CancelRequest,
    Hold,
    HoldKind,
    MadeLine,
    NewHold,
    Order,
    OrderStatus,
    Promise,
    Stage,
)
from batuta.ordering.domain.listing import OrderFilter, OrderRow
from batuta.ordering.queries import (
    is_order_of,
    list_orders,
    made_lines_of,
    orders_by_id,
    orders_by_number,
    paid,
    promises_of,
)
from batuta.payments.domain import Balance, PaymentView
from batuta.payments.queries import balances, payments_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    check_version,
    etag,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

CANCEL_LINES_MAX = 1_000
LINKS = ("fulfillments", "returns", "payments", "messages", "promises")
BY_HAND = frozenset({HoldKind.MANUAL, HoldKind.FRAUD, HoldKind.ADDRESS, HoldKind.CREDIT, HoldKind.COMPLIANCE})

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class BadHoldKind(Refused):
    """Holds of this kind are not placed by hand."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of the timeline."""

    type: str
    happened_at: datetime
    recorded_at: datetime
    actor: str
    data: dict[str, Any]


class WholeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with all that belongs to it. fulfillment, payment: derived (ORD-02). made: its lines made to order."""

    order: Order
    fulfillment: str
    payment: str
    balance: Balance | None
    payments: list[PaymentView]
    timeline: list[Told]
    links: dict[str, str]
    made: list[MadeLine] = []


class Promises(msgspec.Struct, frozen=True, kw_only=True):
    """The original promise first, then the later ones; none where nothing was ever promised."""

    promises: list[Promise]


class CancelBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """lines: so many units of which lines; left out, all that is left."""

    reason: Text
    lines: Annotated[list[CancelLine], msgspec.Meta(min_length=1, max_length=CANCEL_LINES_MAX)] | None = None


class HoldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """blocks: the first stage that shall not happen. due_at: when the hold ends by itself."""

    reason: Text
    kind: HoldKind = HoldKind.MANUAL
    blocks: Stage = Stage.SOURCE
    due_at: Moment | None = None


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Text


@get("/api/orders", guards=[requires("orders.read")])
async def get_orders(  # noqa: PLR0917 - one argument a filter
    request: AnyRequest,
    engine: NamedDependency[Engine],
    status: FromQuery[list[OrderStatus] | None] = None,
    channel: FromQuery[Key | None] = None,
    customer_id: FromQuery[UUID | None] = None,
    email: FromQuery[Key | None] = None,
    external_id: FromQuery[Key | None] = None,
    number: FromQuery[Key | None] = None,
    sku: FromQuery[Key | None] = None,
    placed_from: FromQuery[Moment | None] = None,
    placed_until: FromQuery[Moment | None] = None,
    held: FromQuery[bool | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[OrderRow]:
    """Orders, the newest first."""
    caller = caller_of(request)
    wanted = OrderFilter(
        statuses=tuple(status or ()),
        channel_ids=caller.channel_ids,
        location_ids=caller.location_ids,
        channel_code=channel,
        customer_id=caller.customer_id or customer_id,
        email=email,
        external_id=external_id,
        number=number,
        sku_code=sku,
        placed_from=placed_from,
        placed_until=placed_until,
        is_held=held,
    )
    before = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_orders(db, wanted, before=before, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.placed_at, one.id))


@get("/api/orders/{key:str}", guards=[requires("orders.read")])
async def get_order(request: AnyRequest, engine: NamedDependency[Engine], key: FromPath[str]) -> Response[WholeOrder]:
    """An order by its id or its number: lines, money, timeline, and where the rest is told."""
    async with engine.connect() as db:
        order = await seen_order(db, key, caller_of(request))
        money = (await balances(db, [order.id])).get(order.id)
        whole = WholeOrder(
            order=order,
            fulfillment=order.fulfillment,
            payment=paid(money),
            balance=money,
            payments=(await payments_of(db, [order.id]))[order.id],
            timeline=[
                Told(
                    type=fact.name,
                    happened_at=fact.happened_at,
                    recorded_at=fact.recorded_at,
                    actor=fact.actor,
                    data=fact.data,
                )
                for fact in (await facts_of(db, [order.id]))[order.id]
            ],
            links={name: f"/api/orders/{order.id}/{name}" for name in LINKS},
            made=list((await made_lines_of(db, [order])).values()),
        )
    return Response(whole, headers={"etag": etag(order.version)})


@get("/api/orders/{key:str}/promises", guards=[requires("orders.read")])
async def get_promises(request: AnyRequest, engine: NamedDependency[Engine], key: FromPath[str]) -> Promises:
    """What was promised with an order, by which it is measured, and each time since that its dates changed."""
    async with engine.connect() as db:
        order = await seen_order(db, key, caller_of(request))
        return Promises(promises=(await promises_of(db, [order.id]))[order.id])


@post("/api/orders/{key:str}/cancel", guards=[requires("orders.cancel")], status_code=HTTPStatus.OK)
async def cancel_order(
    request: AnyRequest, engine: NamedDependency[Engine], key: FromPath[str], data: JSONBody[CancelBody]
) -> Response[Cancelled]:
    """Cancel units (ORD-04): at once where nobody is at work, by asking the location where one is.

    What was handed over is told as `late`: it is a return.
    """

    async def act(db: Connection) -> Answer[Cancelled]:
        order = await locked_order(db, key, request)
        wish = CancelRequest(
            id=fresh_id(), order_id=order.id, reason=data.reason, actor=caller_of(request).actor, lines=data.lines
        )
        (outcome,) = await cancel(db, requests=[wish], now=moment())
        if isinstance(outcome, BatutaError):
            raise outcome
        return Answer(outcome)

    return await once(engine, request, act)


@post("/api/orders/{key:str}/holds", guards=[requires("orders.hold")])
async def hold_order(
    request: AnyRequest, engine: NamedDependency[Engine], key: FromPath[str], data: JSONBody[HoldBody]
) -> Response[Hold]:
    """Keep an order from going on until somebody, or the time, lets it go."""
    if data.kind not in BY_HAND:
        raise BadHoldKind("holds of this kind place themselves", kind=data.kind, allowed=sorted(BY_HAND))

    async def act(db: Connection) -> Answer[Hold]:
        order = await locked_order(db, key, request)
        new = NewHold(
            id=fresh_id(),
            order_id=order.id,
            kind=data.kind,
            reason=data.reason,
            actor=caller_of(request).actor,
            blocks=data.blocks,
            due_at=data.due_at,
        )
        await add_holds(db, holds=[new], now=moment())
        (after,) = (await orders_by_id(db, [order.id])).values()
        return Answer(next(one for one in after.holds if one.id == new.id))

    return await once(engine, request, act)


@post("/api/orders/{key:str}/holds/{hold_id:uuid}/release", guards=[requires("orders.hold")], status_code=HTTPStatus.OK)
async def release_hold(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    key: FromPath[str],
    hold_id: FromPath[UUID],
    data: JSONBody[ReleaseBody],
) -> Response[Hold]:
    """Let a held order go on."""

    async def act(db: Connection) -> Answer[Hold]:
        order = await locked_order(db, key, request)
        if hold_id not in {one.id for one in order.holds}:
            raise UnknownHold("there is no such hold", hold_id=str(hold_id))
        end = EndHold(hold_id=hold_id, actor=caller_of(request).actor, reason=data.reason)
        (outcome,) = await end_holds(db, ends=[end], now=moment())
        if isinstance(outcome, BatutaError):
            raise outcome
        return Answer(outcome)

    return await once(engine, request, act)


async def locked_order(db: Connection, key: str, request: AnyRequest) -> Order:
    """The order under lock, as the caller has seen it.

    Raises:
        UnknownOrder: it is not there, or not theirs. VersionConflict: it has changed since.
    """
    seen = await seen_order(db, key, caller_of(request))
    await lock_orders(db, [seen.id])
    order = (await orders_by_id(db, [seen.id]))[seen.id]
    check_version(request, order.version)
    return order


async def seen_order(db: Connection, key: str, caller: Caller) -> Order:
    try:
        found = await orders_by_id(db, [UUID(key)])
        order = found.get(UUID(key))
    except ValueError:
        order = (await orders_by_number(db, [key])).get(key)
    if order is None or not caller.sees_channel(order.channel_id):
        raise UnknownOrder("there is no such order", order=key[:100])
    if caller.location_ids is not None and not await is_order_of(db, order.id, caller.location_ids):
        raise UnknownOrder("there is no such order", order=key[:100])
    if caller.customer_id is not None and caller.customer_id != order.customer_id:
        raise UnknownOrder("there is no such order", order=key[:100])
    return order


ROUTES = [get_orders, get_order, get_promises, cancel_order, hold_order, release_hold]
