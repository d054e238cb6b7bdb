"""Saying where an order ships from, by hand (SRC-15)."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.errors import BatutaError
from batuta.kernel.quantities import Text
from batuta.orchestration.commands.overriding import OverriddenLine, OverrideSourcing, override_sourcing
from batuta.ordering.commands import UnknownOrder
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import ScopesOf, check_seen
from batuta.sourcing.domain import Plan

LINES_MAX = 1_000


class OverrideBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """lines: so many units of which lines; without them, all that no location has accepted."""

    location_id: UUID
    reason: Text
    lines: Annotated[tuple[OverriddenLine, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)] | None = None


@post(
    "/api/orders/{order_id:uuid}/sourcing/override", guards=[requires("sourcing.override")], status_code=HTTPStatus.OK
)
async def override_order_sourcing(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[OverrideBody],
) -> Response[Plan]:
    """Let units ship from one location, whatever the rules prefer, as long as it has them and can.

    Offers that nobody accepted are taken back; who wanted it and why stands in the decision.
    """
    wish = OverrideSourcing(
        order_id=order_id,
        location_id=data.location_id,
        reason=data.reason,
        lines=data.lines,
        actor=caller_of(request).actor,
    )

    async def act(db: Connection) -> Answer[Plan]:
        refusal = UnknownOrder("there is no such order", order_id=str(order_id))
        await check_seen(db, caller_of(request), order_scopes, order_id, refusal)
        (outcome,) = await override_sourcing(db, wishes=[wish], now=moment())
        if isinstance(outcome, BatutaError):
            raise outcome
        return Answer(outcome)

    return await once(engine, request, act)


ROUTES = [override_order_sourcing]
