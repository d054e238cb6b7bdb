"""Who asks, and whether they may: each route names its permission, and `identity` knows the callers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from batuta.kernel.errors import Forbidden, Unauthenticated

PERMISSION = "permission"
SIGNED_IN = "signed_in"
CALLER = "batuta_caller"

AnyRequest = Request[Any, Any, State]
AnyConnection = ASGIConnection[Any, Any, Any, Any]


class NotSignedIn(Unauthenticated):
    """The request names no session or key, or one that does not hold any more."""


class PermissionMissing(Forbidden):
    """The caller is known and may not do this."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may do.

    actor: how facts name them (`staff:ana@…`, `key:web-shop`). channel_ids, location_ids: None is all.
    limits: the most that one act of a permission may move, in minor units (PLT-07).
    """

    id: UUID
    actor: str
    permissions: frozenset[str]
    channel_ids: frozenset[UUID] | None = None
    location_ids: frozenset[UUID] | None = None
    limits: Mapping[str, int] = {}
    customer_id: UUID | None = None
    locale: str = "en"

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def sees_channel(self, channel_id: UUID) -> bool:
        return self.channel_ids is None or channel_id in self.channel_ids

    def sees_location(self, location_id: UUID) -> bool:
        return self.location_ids is None or location_id in self.location_ids


Guard = Callable[[AnyRequest], Awaitable[Caller]]
"""Knows the callers; raises `NotSignedIn`, or `TooMany` when they ask too often."""


async def nobody(_: AnyRequest) -> Caller:
    """The guard of a house that knows no callers yet."""
    raise NotSignedIn("sign in, or send an API key")


class Requires:
    """What a route demands before anything of the request is read. permission: None lets anyone in."""

    def __init__(self, permission: str | None) -> None:
        self.permission = permission

    async def __call__(self, connection: AnyConnection, _: BaseRouteHandler) -> None:
        if self.permission is None:
            return
        request: AnyRequest = connection  # type: ignore[assignment]
        check_permission(await _caller(request), self.permission)


def requires(permission: str) -> Requires:
    """A guard of routes (`guards=[requires("orders.cancel")]`): the caller must have this permission."""
    return Requires(permission)


def signed_in() -> Requires:
    """A guard of routes that every known caller may use."""
    return Requires(SIGNED_IN)


def anyone() -> Requires:
    """A guard of routes that are public by intention; `caller_if_any` still knows who it is."""
    return Requires(None)


def check_permission(caller: Caller, permission: str) -> None:
    """Refuse a caller without the permission.

    Raises:
        PermissionMissing: naming it.
    """
    if permission != SIGNED_IN and permission not in caller.permissions:
        raise PermissionMissing("you have no permission for this", permission=permission)


def caller_of(request: AnyRequest) -> Caller:
    """Who asks, on a route that names a permission."""
    caller: Caller = request.scope["state"][CALLER]
    return caller


def become(request: AnyRequest, caller: Caller) -> None:
    """Say who asks, on a route for anyone that knows its callers by something of its own (a cart's token)."""
    request.scope["state"][CALLER] = caller


async def caller_if_any(request: AnyRequest) -> Caller | None:
    """Who asks, on a route for anyone; None when nobody is signed in."""
    try:
        return await _caller(request)
    except NotSignedIn:
        return None


def name_permission(handler: BaseRouteHandler) -> None:
    """Note a route's permission in its `opt`; one that names none is shut."""
    named = [guard for guard in handler.guards or () if isinstance(guard, Requires)]
    if named:
        handler.opt[PERMISSION] = named[-1].permission
    elif _shut not in (handler.guards or ()):
        handler.guards = [*(handler.guards or ()), _shut]


async def _shut(_: AnyConnection, handler: BaseRouteHandler) -> None:
    raise PermissionMissing("this route names no permission", route=str(handler))


async def _caller(request: AnyRequest) -> Caller:
    known: Caller | None = request.scope["state"].get(CALLER)
    if known is None:
        guard: Guard = request.app.state.guard
        known = request.scope["state"][CALLER] = await guard(request)
    return known
