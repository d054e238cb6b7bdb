"""People who sign in, keys, and a client of the routes of identity alone."""

import random
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import msgspec
from litestar import Litestar

from batuta.identity.api import PROVIDER, ROUTES, guard_of
from batuta.identity.commands import admit, make_key, set_password
from batuta.identity.domain import (
    ROLE_PERMISSIONS,
    MadeApiKey,
    NewApiKey,
    OpenIdProvider,
    Rights,
    Role,
    Staff,
)
from batuta.plumbing.database import Engine
from batuta.plumbing.web import create_shell
from tests.making import fresh_code, fresh_id

CHANCE = random.Random(7)
PASSWORD = "correct horse battery"
ALL = Rights(permissions=ROLE_PERMISSIONS[Role.ADMIN])
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) test"
HOUSE = "http://localhost:8000"


class Clock:
    """The guard's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


async def somebody(
    engine: Engine,
    role: Role = Role.ADMIN,
    *,
    location_ids: Collection[UUID] = (),
    channel_ids: Collection[UUID] = (),
    password: str | None = PASSWORD,
) -> Staff:
    """A fresh member of staff who may sign in."""
    now = datetime.now(UTC)
    staff = Staff(
        id=fresh_id(),
        email=f"{fresh_code(role)}@example.com",
        name="Marta Ruiz",
        role=role,
        location_ids=frozenset(location_ids or ([fresh_id()] if role in {Role.PICKER, Role.STORE} else [])),
        channel_ids=frozenset(channel_ids),
        locale="es",
    )
    async with engine.begin() as db:
        await admit(db, staff=staff, by=ALL, actor="test:house", now=now)
    if password:
        await set_password(engine, staff_id=staff.id, password=password, actor="test:house", chance=CHANCE, now=now)
    return staff


async def a_key(engine: Engine, *permissions: str, **given: object) -> MadeApiKey:
    """A fresh key."""
    asked = {"name": fresh_code("key"), "permissions": set(permissions or {"catalog.read"}), **given}
    new = msgspec.convert(asked, NewApiKey)
    async with engine.begin() as db:
        return await make_key(db, new=new, actor="test:house", chance=random.SystemRandom(), now=datetime.now(UTC))


def house(
    engine: Engine, *, clock: Callable[[], datetime] | None = None, openid: OpenIdProvider | None = None
) -> Litestar:
    """The web shell with identity's routes."""
    guard = guard_of(engine, clock=clock) if clock else guard_of(engine)
    shell = create_shell(ROUTES, engine=engine, guard=guard)
    shell.state[PROVIDER] = openid
    return shell


def browser(shell: Litestar, *, address: str = "127.0.0.1", agent: str = BROWSER) -> httpx.AsyncClient:
    """A browser with its own cookies, at a network address."""
    transport = httpx.ASGITransport(shell, client=(address, 5_000))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=HOUSE, headers={"user-agent": agent})


async def sign_in(client: httpx.AsyncClient, staff: Staff, password: str = PASSWORD) -> httpx.Response:
    """Sign in, and send the session's token with every change from now on."""
    answer = await client.post("/api/session", json={"email": staff.email, "password": password})
    if answer.status_code == 201:
        client.headers["x-csrf-token"] = answer.json()["csrf"]
    return answer


def with_key(shell: Litestar, secret: str) -> httpx.AsyncClient:
    """A program that sends a key."""
    client = browser(shell, agent="program")
    client.headers["authorization"] = f"Bearer {secret}"
    return client


def fresh_address() -> str:
    """An address of the network that no other test uses."""
    return str(f"2001:db8:{CHANCE_OF_ADDRESSES.getrandbits(16):x}:{CHANCE_OF_ADDRESSES.getrandbits(16):x}::1")


CHANCE_OF_ADDRESSES = random.SystemRandom()
