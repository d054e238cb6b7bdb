"""What customers were told about an order, to read."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from batuta.kernel.errors import NotFound
from batuta.notifications.domain import Message
from batuta.notifications.queries import messages_of
from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller, requires
from batuta.plumbing.web.scopes import ScopesOf, sees


class UnknownOrder(NotFound):
    """There is no such order."""


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """Messages about an order, the earliest first; muted ones too."""

    messages: list[Message]


@get("/api/orders/{order_id:uuid}/messages", guards=[requires("orders.read")])
async def messages_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> Messages:
    """Answer with what the customer was told about an order."""
    async with engine.connect() as db:
        scope = (await order_scopes(db, [order_id])).get(order_id)
        if scope is None or not sees(caller, scope):
            raise UnknownOrder("there is no such order", order_id=str(order_id))
        return Messages(messages=(await messages_of(db, [order_id]))[order_id])


ROUTES = [messages_of_order]
