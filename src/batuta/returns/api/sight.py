"""What callers see of returns: those of their channels, and at their locations what arrived there or may yet arrive."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from litestar import Response

from batuta.kernel.errors import BatutaError
from batuta.kernel.scopes import Scope
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, caller_of, once
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import ScopesOf
from batuta.returns.commands import UnknownLocation
from batuta.returns.domain import Return, UnknownOrder, UnknownReturn
from batuta.returns.queries import return_scopes

Verb = Callable[[Connection, datetime], Awaitable[Sequence[Return | BatutaError]]]


async def act_on(request: AnyRequest, engine: Engine, return_id: UUID, verb: Verb) -> Response[Return]:
    """Do a verb of a return that the caller sees, and answer with how it stands then."""
    now = moment()

    async def act(db: Connection) -> Answer[Return]:
        await check_return_seen(db, caller_of(request), return_id)
        return Answer(good_one(await verb(db, now)))

    return await once(engine, request, act)


def good_one(outcomes: Sequence[Return | BatutaError]) -> Return:
    """Raises:
    BatutaError: the only outcome, if it is a refusal.
    """
    (outcome,) = outcomes
    if isinstance(outcome, BatutaError):
        raise outcome
    return outcome


async def check_return_seen(db: Connection, caller: Caller, return_id: UUID) -> None:
    """Raises:
    UnknownReturn: or of somebody else.
    """
    scope = (await return_scopes(db, [return_id])).get(return_id)
    if scope is None or not sees_return(caller, scope):
        raise UnknownReturn("no return has this id", return_id=str(return_id))


def sees_return(caller: Caller, scope: Scope) -> bool:
    """Whether the caller sees a return; what has not arrived anywhere may arrive at anybody's dock (RET-09)."""
    is_here = not scope.location_ids or caller.location_ids is None or caller.location_ids & scope.location_ids
    return bool(is_here) and is_customers_and_channels(caller, scope)


async def check_order_returnable(db: Connection, caller: Caller, order_scopes: ScopesOf, order_id: UUID) -> None:
    """Refuse an order of another channel or customer; a store takes back what any location sold (RET-09).

    Raises:
        UnknownOrder.
    """
    scope = (await order_scopes(db, [order_id])).get(order_id)
    if scope is None or not is_customers_and_channels(caller, scope):
        raise UnknownOrder("there is no such order", order_id=str(order_id))


def check_location_seen(caller: Caller, location_id: UUID | None) -> None:
    """Raises:
    UnknownLocation: where the caller does not work.
    """
    if location_id is not None and not caller.sees_location(location_id):
        raise UnknownLocation("no location has this id", location_id=str(location_id))


def is_customers_and_channels(caller: Caller, scope: Scope) -> bool:
    """Whether a thing is of the caller's channels, and theirs if they are a customer."""
    is_sold_here = caller.channel_ids is None or scope.channel_id in caller.channel_ids
    return is_sold_here and (caller.customer_id is None or scope.customer_id == caller.customer_id)
