"""Who sees what: a caller of some channels or locations, or of one customer, sees what is theirs only (PLT-07).

What is somebody else's is told as not being there. A room knows the scope of its things, or is given by `app` who
knows it, for a payment cannot look up whose order it is of.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from uuid import UUID

from batuta.kernel.errors import Forbidden, NotFound
from batuta.kernel.scopes import Scope
from batuta.plumbing.database import Connection
from batuta.plumbing.web.callers import Caller

ScopesOf = Callable[[Connection, Collection[UUID]], Awaitable[Mapping[UUID, Scope]]]
"""Knows whose things are and where, by their ids; what is not there is left out."""


class BoundToPlaces(Forbidden):
    """Who sees only some channels or locations changes nothing that holds for all."""


def sees(caller: Caller, scope: Scope | None) -> bool:
    """Whether a thing is within what the caller may see; of what has no scope, only callers without limits see it."""
    if caller.customer_id is not None and (scope is None or scope.customer_id != caller.customer_id):
        return False
    if caller.channel_ids is not None and (scope is None or scope.channel_id not in caller.channel_ids):
        return False
    return caller.location_ids is None or (scope is not None and not caller.location_ids.isdisjoint(scope.location_ids))


def sees_all(caller: Caller) -> bool:
    """Whether nothing is hidden from the caller."""
    return caller.channel_ids is None and caller.location_ids is None and caller.customer_id is None


def check_unbound(caller: Caller) -> None:
    """Refuse who sees only a part.

    Raises:
        BoundToPlaces: the caller is bound to channels or locations.
    """
    if caller.channel_ids is not None:
        raise _bound()
    check_everywhere(caller)


def check_everywhere(caller: Caller) -> None:
    """Refuse who works at certain locations: a channel sells from all of them.

    Raises:
        BoundToPlaces: the caller is bound to locations.
    """
    if caller.location_ids is not None:
        raise _bound()


def _bound() -> BoundToPlaces:
    return BoundToPlaces("who sees only some channels or locations changes nothing that holds for all")


async def check_seen(db: Connection, caller: Caller, scopes_of: ScopesOf, id_: UUID, refusal: NotFound) -> None:
    """Refuse what the caller may not see as if it were not there.

    Raises:
        NotFound: the `refusal`.
    """
    if not sees_all(caller) and not sees(caller, (await scopes_of(db, [id_])).get(id_)):
        raise refusal
