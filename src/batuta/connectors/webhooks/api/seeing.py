"""Whose endpoints are: a caller of some channels manages the endpoints of these channels and sees no others."""

from uuid import UUID

from batuta.connectors.webhooks.commands import lock_endpoint
from batuta.connectors.webhooks.domain import Endpoint, EndpointTerms, UnknownEndpoint
from batuta.kernel.errors import Forbidden
from batuta.kernel.scopes import Scope
from batuta.plumbing.database import Connection
from batuta.plumbing.web import AnyRequest, Caller, check_version, etag, requires
from batuta.plumbing.web.scopes import sees

MANAGE = requires("webhooks.manage")


class OutsideOfScope(Forbidden):
    """The caller may send only facts about orders of their own channels."""


async def lock(db: Connection, request: AnyRequest, caller: Caller, id_: UUID) -> None:
    """Lock an endpoint that the caller sees and that is of the version that they name, if they name one."""
    check_version(request, seen(caller, await lock_endpoint(db, id_)).version)


def seen(caller: Caller, one: Endpoint) -> Endpoint:
    """Return the endpoint if the caller sees it.

    Raises:
        UnknownEndpoint: they do not.
    """
    if not is_seen(caller, one):
        raise UnknownEndpoint("there is no such webhook endpoint", id=str(one.id))
    return one


def is_seen(caller: Caller, one: Endpoint) -> bool:
    """Whether the caller manages this endpoint."""
    return sees(caller, Scope(channel_id=one.channel_id))


def check_terms(caller: Caller, terms: EndpointTerms) -> None:
    """Refuse terms by which a caller would hear more than is theirs.

    Raises:
        OutsideOfScope: the endpoint is for no channel of theirs.
    """
    if not sees(caller, Scope(channel_id=terms.channel_id)):
        raise OutsideOfScope("name a channel that is yours", channel_id=terms.channel_id)


def tag(one: Endpoint) -> dict[str, str]:
    """The header that says an endpoint's version."""
    return {"etag": etag(one.version)}
