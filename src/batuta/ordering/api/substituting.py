"""Sending another SKU than was ordered."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code
from batuta.ordering.api.orders import locked_order, seen_order
from batuta.ordering.commands.substituting import substitute
from batuta.ordering.domain.substituting import Substituted, SubstituteLine
from batuta.ordering.queries import substitutions_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment

Words = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class SubstituteBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sku_code: what is sent instead. consented_by: who said yes for the customer, and how; where one must."""

    sku_code: Code
    consented_by: Words = ""
    reason: Words = ""


class Substitutions(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent instead of what an order's lines say, oldest first."""

    items: list[Substituted]


@post("/api/orders/{key:str}/lines/{line_id:uuid}/substitute", guards=[requires("orders.cancel")], status_code=200)
async def substitute_line(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    key: FromPath[str],
    line_id: FromPath[UUID],
    data: JSONBody[SubstituteBody],
) -> Response[Substituted]:
    """Send another SKU than a line says, from the list of what may be: before any location is at work on it.

    The goods are claimed, and what they cost more or less is booked as the list says.
    """

    async def act(db: Connection) -> Answer[Substituted]:
        order = await locked_order(db, key, request)
        wish = SubstituteLine(
            id=fresh_id(),
            order_id=order.id,
            line_id=line_id,
            sku_code=data.sku_code,
            actor=caller_of(request).actor,
            consented_by=data.consented_by,
            reason=data.reason,
        )
        return Answer(only(await substitute(db, wishes=[wish], now=moment())))

    return await once(engine, request, act)


@get("/api/orders/{key:str}/substitutions", guards=[requires("orders.read")])
async def substitutions(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], key: FromPath[str]
) -> Substitutions:
    """List what is sent instead of what an order's lines say."""
    async with engine.connect() as db:
        order = await seen_order(db, key, caller)
        return Substitutions(items=await substitutions_of(db, order.id))


ROUTES = [substitute_line, substitutions]
