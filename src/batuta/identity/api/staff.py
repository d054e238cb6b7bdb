"""Staff: who may come in, as what and where."""

import random
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.identity.commands import admit, set_password
from batuta.identity.domain import Limits, NewPassword, NoSuchStaff, Rights, Role, Staff
from batuta.identity.domain.permissions import check_given
from batuta.identity.queries import staff_after, staff_by_id, staff_versions
from batuta.kernel.quantities import Code, Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

MANAGE = requires("identity.manage")

_chance = random.SystemRandom()
Ids = Annotated[frozenset[UUID], msgspec.Meta(max_length=1_000)]


class StaffGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member of staff as managers write them; no ids is everywhere, limits are amounts in minor units."""

    email: Text
    name: Text
    role: Role
    location_ids: Ids = frozenset()
    channel_ids: Ids = frozenset()
    limits: Limits = {}
    locale: Code = "en"
    is_active: bool = True

    def as_staff(self, staff_id: UUID) -> Staff:
        return Staff(id=staff_id, **msgspec.structs.asdict(self))


class PasswordGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password that a manager gives to somebody."""

    password: NewPassword


@get("/api/users", guards=[MANAGE])
async def list_staff(engine: NamedDependency[Engine], limit: Limit = LIMIT_USUAL, cursor: Cursor = None) -> Page[Staff]:
    """Everybody who works or worked here, by e-mail."""
    (after,) = read_cursor(cursor, tuple[str]) or ("",)
    async with engine.connect() as db:
        found = await staff_after(db, after, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.email,))


@get("/api/users/{staff_id:uuid}", guards=[MANAGE])
async def get_staff(engine: NamedDependency[Engine], staff_id: FromPath[UUID]) -> Response[Staff]:
    """One member of staff, with their version as ETag."""
    async with engine.connect() as db:
        return _told(await _present(db, staff_id))


@post("/api/users", guards=[MANAGE])
async def add_staff(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[StaffGiven],
) -> Response[Staff]:
    """Let somebody in; they sign in once they have a password, or by the OpenID provider."""

    async def act(db: Connection) -> Answer[Staff]:
        given = data.as_staff(fresh_id())
        saved = await admit(db, staff=given, by=rights_of(caller), actor=caller.actor, now=moment())
        return Answer(saved, headers={"etag": etag(1)})

    return await once(engine, request, act)


@put("/api/users/{staff_id:uuid}", guards=[MANAGE])
async def save_staff(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    staff_id: FromPath[UUID],
    data: JSONBody[StaffGiven],
) -> Response[Staff]:
    """Change somebody's name, role, places or limits, or shut them out (`is_active`)."""

    async def act(db: Connection) -> Answer[Staff]:
        _, version = await _present(db, staff_id)
        check_version(request, version)
        by = rights_of(caller)
        saved = await admit(db, staff=data.as_staff(staff_id), by=by, actor=caller.actor, now=moment())
        _, version = await _present(db, staff_id)
        return Answer(saved, headers={"etag": etag(version)})

    return await once(engine, request, act)


@put("/api/users/{staff_id:uuid}/password", guards=[MANAGE], status_code=204, opt={"takes_no_key": True})
async def give_password(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    staff_id: FromPath[UUID],
    data: JSONBody[PasswordGiven],
) -> None:
    """Give somebody a new password, which signs them out everywhere. The answer is not kept under a key."""
    async with engine.connect() as db:
        staff, _ = await _present(db, staff_id)
    check_given(rights_of(caller), staff.rights)
    await set_password(
        engine, staff_id=staff_id, password=data.password, actor=caller.actor, chance=_chance, now=moment()
    )


def rights_of(caller: Caller) -> Rights:
    """What the caller may do, and so may give."""
    return Rights(
        permissions=caller.permissions,
        channel_ids=caller.channel_ids,
        location_ids=caller.location_ids,
        limits=dict(caller.limits),
    )


async def _present(db: Connection, staff_id: UUID) -> tuple[Staff, int]:
    version = (await staff_versions(db, [staff_id])).get(staff_id)
    if version is None:
        raise NoSuchStaff("no member of staff has this id", id=staff_id)
    return (await staff_by_id(db, [staff_id]))[staff_id], version


def _told(present: tuple[Staff, int]) -> Response[Staff]:
    staff, version = present
    return Response(staff, headers={"etag": etag(version)})


ROUTES = [list_staff, get_staff, add_staff, save_staff, give_password]
