"""Cancelling units in three steps: choose, look at what would happen, confirm."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency

from batuta.kernel.errors import BatutaError, Invalid
from batuta.kernel.ids import child_id
from batuta.ordering.commands import cancel
from batuta.ordering.domain import Cancelled, CancelRequest, NothingToCancel, Order
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, Caller, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.web.api.frame import PAGE
from batuta.web.api.orders import Number, seen_order
from batuta.web.cancelling import Chosen, choosing, read_choice, review
from batuta.web.faces import draw, go_to, reader_of, speech_for
from batuta.web.queries import line_names

WRONG, CONFLICT = 400, 409


class BadWish(Invalid):
    """The form names no wish; its page made it."""


@get("/orders/{number:str}/cancel", guards=[requires("orders.cancel")], **PAGE)
async def choose(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], number: Number
) -> Response[str]:
    """The form where units are chosen."""
    async with engine.connect() as db:
        order = await seen_order(db, caller, number)
    return await _choosing(request, engine, caller, order)


@post("/orders/{number:str}/cancel/review", guards=[requires("orders.cancel")], status_code=200, **PAGE)
async def look(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], number: Number
) -> Response[str]:
    """What would happen; nothing is changed yet."""
    form = await request.form()
    speech = speech_for(request, caller)
    async with engine.connect() as db:
        order = await seen_order(db, caller, number)
        reader = await reader_of(db, caller, speech)
        names = await line_names(db, order)
    chosen = read_choice(form, order)
    if chosen.problem:
        return await _choosing(request, engine, caller, order, chosen, status=WRONG)
    shown = review(order, names, chosen, fresh_id(), speech)
    return draw(request, "cancel_review.html", speech, reader, order=shown)


@post("/orders/{number:str}/cancel/change", guards=[requires("orders.cancel")], status_code=200, **PAGE)
async def change(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], number: Number
) -> Response[str]:
    """Back to the form, with what was chosen."""
    form = await request.form()
    async with engine.connect() as db:
        order = await seen_order(db, caller, number)
    return await _choosing(request, engine, caller, order, read_choice(form, order))


@post("/orders/{number:str}/cancel", guards=[requires("orders.cancel")], status_code=303, **PAGE)
async def confirm(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], number: Number
) -> Response[Any]:
    """Cancel what was looked at; the same form sent twice is one wish."""
    form = await request.form()
    async with engine.begin() as db:
        order = await seen_order(db, caller, number)
        chosen = read_choice(form, order)
        wish = child_id(order.id, "cancelled on a page", _wish(form.get("wish")))
        asked = CancelRequest(id=wish, order_id=order.id, reason=chosen.reason, actor=caller.actor, lines=chosen.lines)
        (outcome,) = await cancel(db, requests=[asked], now=moment())
    if isinstance(outcome, NothingToCancel):
        return await _choosing(request, engine, caller, order, problem="cancel.gone", status=CONFLICT)
    if isinstance(outcome, BatutaError):
        raise outcome
    return go_to(f"/orders/{order.number}?told={_told(outcome)}")


async def _choosing(
    request: AnyRequest,
    engine: Engine,
    caller: Caller,
    order: Order,
    chosen: Chosen | None = None,
    *,
    problem: str | None = None,
    status: int = 200,
) -> Response[str]:
    speech = speech_for(request, caller)
    wrong = problem or (chosen.problem if chosen else None)
    async with engine.connect() as db:
        reader = await reader_of(db, caller, speech)
        names = await line_names(db, order)
    return draw(
        request,
        "cancel.html",
        speech,
        reader,
        status=status,
        order=choosing(order, names, chosen),
        problem=speech(wrong) if wrong else None,
    )


def _wish(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError:
        raise BadWish("the form names no wish", field="wish") from None


def _told(outcome: Cancelled) -> str:
    return "asked" if any(line.asked for line in outcome.lines) else "cancelled"


ROUTES = [choose, look, change, confirm]
