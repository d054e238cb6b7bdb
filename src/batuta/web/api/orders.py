"""The list of orders, one order, and letting go of what keeps it."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter

from batuta.fulfillment.queries import order_scopes
from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.text import one_line
from batuta.ordering.commands import EndHold, UnknownHold, end_holds
from batuta.ordering.domain import Order
from batuta.ordering.queries import orders_by_number
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import AnyRequest, Caller, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_seen
from batuta.web.api.frame import PAGE
from batuta.web.cancelling import REASON_LENGTH_MAX
from batuta.web.faces import draw, go_to, reader_of, speech_for
from batuta.web.listing import Asked, listing
from batuta.web.order_page import order_view, read_order

Number = Annotated[str, PathParameter(max_length=40)]
Given = Annotated[str, QueryParameter(max_length=500)]
Told = Annotated[str, QueryParameter(max_length=20)]
NOTICES = {"cancelled": "good", "asked": "waiting", "released": "good"}


class UnknownNumber(NotFound):
    """No order that the reader may see has this number."""


@get("/", guards=[requires("orders.read")], **PAGE)
async def orders(  # noqa: PLR0917 - each is a part of the address
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    view: Given = "",
    q: Given = "",
    channel: Given = "",
    since: Given = "",
    until: Given = "",
    before: Given = "",
) -> Response[str]:
    """A page of the list."""
    speech = speech_for(request, caller)
    asked = Asked(view=view, q=q.strip(), channel=channel, since=since, until=until, before=before)
    async with engine.connect() as db:
        reader = await reader_of(db, caller, speech)
        found = await listing(db, caller, asked, speech)
    return draw(request, "orders.html", speech, reader, list=found, is_section_itself=True)


@get("/orders", guards=[requires("orders.read")], **PAGE)
async def to_orders() -> Response[None]:
    """The list is at the top; whoever shortens an address finds it."""
    return go_to("/")


@get("/orders/{number:str}", guards=[requires("orders.read")], **PAGE)
async def order(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    number: Number,
    told: Told = "",
) -> Response[str]:
    """One order."""
    async with engine.connect() as db:
        known = await read_order(db, await seen_order(db, caller, number))
        speech = speech_for(request, caller, known.home.zone)
        reader = await reader_of(db, caller, speech)
    return draw(
        request,
        "order.html",
        speech,
        reader,
        order=order_view(known, caller, speech),
        notice=speech(f"order.{told}_done") if told in NOTICES else None,
        notice_tone=NOTICES.get(told),
    )


@post("/orders/{number:str}/holds/{hold_id:uuid}/release", guards=[requires("orders.hold")], status_code=303, **PAGE)
async def release(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    number: Number,
    hold_id: FromPath[UUID],
) -> Response[None]:
    """Release a hold of the order; released before, it stays so."""
    reason = one_line(str((await request.form()).get("reason") or ""))[:REASON_LENGTH_MAX]
    async with engine.begin() as db:
        held = await seen_order(db, caller, number)
        if hold_id not in {one.id for one in held.holds}:
            raise UnknownHold("the order has no such hold", order_id=str(held.id), hold_id=str(hold_id))
        ends = [EndHold(hold_id=hold_id, actor=caller.actor, reason=reason)]
        (outcome,) = await end_holds(db, ends=ends, now=moment())
        if isinstance(outcome, BatutaError):
            raise outcome
    return go_to(f"/orders/{held.number}?told=released")


async def seen_order(db: Connection, caller: Caller, number: str) -> Order:
    """The order of this number.

    Raises:
        UnknownNumber: none that the caller may see.
    """
    refusal = UnknownNumber("there is no such order", number=number)
    found = (await orders_by_number(db, [number])).get(number)
    if found is None:
        raise refusal
    await check_seen(db, caller, order_scopes, found.id, refusal)
    return found


ROUTES = [orders, to_orders, order, release]
