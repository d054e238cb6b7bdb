"""The JSON route of sourcing: why an order ships from where it ships (SRC-12)."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from batuta.kernel.errors import NotFound
from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller, requires
from batuta.plumbing.web.scopes import ScopesOf, sees
from batuta.sourcing.domain import Assignment, Decision, GivenBack, explain
from batuta.sourcing.queries import assignments_of, decisions_of, given_back_of


class UnknownOrder(NotFound):
    """There is no such order."""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about one line. explanation: the same in words, in the caller's language."""

    decision: Decision
    explanation: str


class Sourcing(msgspec.Struct, frozen=True, kw_only=True):
    """assignments: where units ship from as things stand. decisions: how that came to be, the oldest first.

    given_back: what locations would not serve, the oldest first.
    """

    assignments: list[Assignment]
    decisions: list[Explained]
    given_back: list[GivenBack]


@get("/api/orders/{order_id:uuid}/sourcing", guards=[requires("orders.read")])
async def sourcing_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> Sourcing:
    """Where each line of an order ships from, what every other location would have cost, or why it is out."""
    async with engine.connect() as db:
        scope = (await order_scopes(db, [order_id])).get(order_id)
        if scope is None or not sees(caller, scope):
            raise UnknownOrder("there is no such order", order_id=str(order_id))
        assignments = (await assignments_of(db, [order_id]))[order_id]
        decisions = (await decisions_of(db, [order_id]))[order_id]
        given_back = await given_back_of(db, order_id)
    return Sourcing(
        assignments=assignments,
        decisions=[Explained(decision=one, explanation=explain(one, caller.locale)) for one in decisions],
        given_back=given_back,
    )


ROUTES = [sourcing_of_order]
