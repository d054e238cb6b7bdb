"""Signing in and out, and who one is."""

import random
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from batuta.identity.commands import change_password, end_session, sign_in
from batuta.identity.domain import Password, SignIn, Staff, Visitor, csrf_of
from batuta.identity.domain.sessions import hash_of
from batuta.identity.queries import staff_by_id
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, Caller, PermissionMissing, anyone, signed_in
from batuta.plumbing.web.browsers import (
    address_of,
    browser_of,
    no_session_cookie,
    refuse_elsewhere,
    session_cookie,
    session_token,
)
from batuta.plumbing.web.moments import moment

_chance = random.SystemRandom()


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, what they may do and where. channel_ids, location_ids: null is everywhere.

    csrf: the token to send back in `X-CSRF-Token` with every change; null for an API key, which needs none.
    """

    id: UUID
    actor: str
    name: str
    role: str | None
    permissions: list[str]
    channel_ids: list[UUID] | None
    location_ids: list[UUID] | None
    limits: dict[str, int]
    locale: str
    csrf: str | None


class ChangePassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own new password, and the present one as proof."""

    present: Password
    wanted: Annotated[Password, msgspec.Meta(min_length=1)]


@post("/api/session", guards=[anyone()])
async def begin(request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[SignIn]) -> Response[Me]:
    """Sign in by e-mail and password: sets the session's cookie and answers with the token for changes."""
    refuse_elsewhere(request)
    begun = await sign_in(engine, given=data, visitor=visitor_of(request), chance=_chance, now=moment())
    told = _me(begun.staff, csrf_of(begun.token))
    return Response(told, cookies=[session_cookie(request, begun.token)], headers={"cache-control": "no-store"})


@get(["/api/me", "/api/session"], guards=[signed_in()])
async def me(request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller]) -> Response[Me]:
    """Who one is, and what one may do."""
    async with engine.connect() as db:
        staff = (await staff_by_id(db, [caller.id])).get(caller.id)
    token = session_token(request)
    told = _me(staff, csrf_of(token) if token else None) if staff else _of_key(caller)
    return Response(told, headers={"cache-control": "no-store"})


@delete("/api/session", guards=[signed_in()], opt={"takes_no_key": True})
async def end(request: AnyRequest, engine: NamedDependency[Engine]) -> Response[None]:
    """Sign out this browser."""
    if token := session_token(request):
        async with engine.connect() as db:
            await end_session(db, token=token, now=moment())
    return Response(None, status_code=204, cookies=[no_session_cookie(request)])


@put("/api/me/password", guards=[signed_in()], status_code=204)
async def change(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ChangePassword],
) -> None:
    """Change one's own password; whoever is signed in with the old one elsewhere is signed out."""
    token = session_token(request)
    if not token or request.headers.get("authorization"):
        raise PermissionMissing("an API key has no password", permission="session")
    await change_password(
        engine,
        staff_id=caller.id,
        old=data.present,
        new=data.wanted,
        address=address_of(request),
        but=hash_of(token),
        chance=_chance,
        now=moment(),
    )


def visitor_of(request: AnyRequest) -> Visitor:
    """Where a request comes from."""
    return Visitor(address=address_of(request), browser=browser_of(request), token=session_token(request))


def _me(staff: Staff, csrf: str | None) -> Me:
    rights = staff.rights
    return Me(
        id=staff.id,
        actor=staff.actor,
        name=staff.name,
        role=staff.role,
        permissions=sorted(rights.permissions),
        channel_ids=_listed(rights.channel_ids),
        location_ids=_listed(rights.location_ids),
        limits=dict(rights.limits),
        locale=staff.locale,
        csrf=csrf,
    )


def _of_key(caller: Caller) -> Me:
    return Me(
        id=caller.id,
        actor=caller.actor,
        name=caller.actor.partition(":")[2],
        role=None,
        permissions=sorted(caller.permissions),
        channel_ids=_listed(caller.channel_ids),
        location_ids=_listed(caller.location_ids),
        limits=dict(caller.limits),
        locale=caller.locale,
        csrf=None,
    )


def _listed(ids: frozenset[UUID] | None) -> list[UUID] | None:
    return None if ids is None else sorted(ids)


ROUTES = [begin, me, end, change]
