"""Every route as every role: who may do what is written down here, for people to read, and tried (PLT-07)."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from batuta.app import create_app
from batuta.identity.commands import revoke_keys
from batuta.identity.domain import PERMISSIONS, ROLE_PERMISSIONS, STOREFRONT, Role
from batuta.plumbing.database import Engine
from batuta.plumbing.opening import OpenDatabase
from batuta.plumbing.web.browsers import SAFE
from tests.identity.given import a_key, browser, fresh_address, sign_in, somebody, with_key
from tests.making import fresh_id

MATRIX = """
                    admin operator agent finance viewer store picker | front
orders.read           x      x       x      x      x      x     .    |   .
orders.place          x      x       x      .      .      x     .    |   x
orders.discount       x      x       x      .      .      .     .    |   .
orders.cancel         x      x       x      .      .      .     .    |   .
orders.hold           x      x       x      .      .      .     .    |   .
carts.write           x      x       x      .      .      x     .    |   x
inventory.read        x      x       x      x      x      x     x    |   x
inventory.reserve     x      x       x      .      .      x     .    |   .
inventory.move        x      x       .      .      .      x     .    |   .
inventory.count       x      x       .      .      .      x     x    |   .
inventory.manage      x      x       .      .      .      .     .    |   .
catalog.read          x      x       x      x      x      x     x    |   x
catalog.write         x      x       .      .      .      .     .    |   .
locations.read        x      x       x      x      x      x     x    |   x
locations.write       x      x       .      .      .      .     .    |   .
customers.read        x      x       x      x      .      x     .    |   .
customers.write       x      x       x      .      .      x     .    |   x
fulfillment.read      x      x       x      x      x      x     x    |   .
fulfillment.work      x      x       .      .      .      x     x    |   .
shipping.read         x      x       x      x      x      x     x    |   .
shipping.track        x      x       .      .      .      .     .    |   .
sourcing.override     x      x       .      .      .      .     .    |   .
returns.read          x      x       x      x      x      x     .    |   .
returns.write         x      x       x      x      .      x     .    |   .
payments.read         x      x       x      x      x      .     .    |   .
payments.capture      x      x       .      x      .      .     .    |   .
payments.refund       x      x       x      x      .      .     .    |   .
sourcing.manage       x      x       .      .      .      .     .    |   .
pricing.read          x      x       x      x      x      x     .    |   x
pricing.manage        x      x       .      x      .      .     .    |   .
company.manage        x      x       .      .      .      .     .    |   .
purchasing.read       x      x       x      x      x      x     .    |   .
purchasing.manage     x      x       .      x      .      .     .    |   .
events.read           x      x       .      x      .      .     .    |   .
webhooks.manage       x      .       .      .      .      .     .    |   .
identity.manage       x      .       .      .      .      .     .    |   .
"""
"""Rows are permissions, columns roles; `front` is the key of a shop's front."""

PUBLIC = {
    "GET /health/live": "whether the process runs",
    "GET /health/ready": "whether it can serve",
    "GET /metrics": "numbers, no business",
    "GET /api/availability": "what every product page shows",
    "GET /api/products/{sku:str}/promise": "when every product page says it can be there",
    "POST /api/session": "the e-mail and the password are looked at",
    "GET /api/session/openid": "the provider asks who it is",
    "GET /api/session/openid/callback": "the provider's token is looked at",
    "GET /api/carts/{cart_id:uuid}": "the cart's own token is looked at",
    "PUT /api/carts/{cart_id:uuid}/lines": "the cart's own token is looked at",
    "PUT /api/carts/{cart_id:uuid}/address": "the cart's own token is looked at",
    "GET /api/carts/{cart_id:uuid}/delivery-options": "the cart's own token is looked at",
    "PUT /api/carts/{cart_id:uuid}/delivery": "the cart's own token is looked at",
    "POST /api/carts/{cart_id:uuid}/reservation": "the cart's own token is looked at",
    "DELETE /api/carts/{cart_id:uuid}/reservation": "the cart's own token is looked at",
    "POST /api/carts/{cart_id:uuid}/order": "the cart's own token is looked at",
    "GET /api/reroutes/{link:str}": "the link is signed",
    "POST /api/reroutes/{link:str}": "the link is signed",
    "GET /api/proofs/{link:str}": "the link is signed",
    "POST /api/proofs/{link:str}": "the link is signed",
    "POST /api/payments/webhooks/{provider:str}": "the provider's signature is looked at",
    "GET /api/slots": "windows and what is left of them, nobody's orders",
    "GET /api/openapi.json": "how to ask",
    "GET /api/docs": "how to ask, for people",
    "GET /assets/{name:str}": "style sheets",
    "GET /language/{language:str}": "which language the browser wants",
    "GET /reroutes/{link:str}": "the link is signed",
    "POST /reroutes/{link:str}": "the link is signed",
    "GET /proofs/{link:str}": "the link is signed",
    "POST /proofs/{link:str}": "the link is signed",
    "GET /sign-in": "the form",
    "POST /sign-in": "the e-mail and the password are looked at",
}
"""Routes that let anyone in by intention, and why that is no harm."""

LAST = ("DELETE /api/session", "POST /sign-out", "PUT /api/me/password")
"""They end the session with which the others are tried."""

EXAMPLES: Mapping[str, object] = {"str": "none", "int": 1, "date": date(2026, 3, 2), "path": "none"}


class Route:
    """One method of one path. needs: its permission; None lets anyone in."""

    def __init__(self, method: str, path: str, handler: HTTPRouteHandler) -> None:
        self.name = f"{method} {path}"
        # The framework serves the documents of the API by handlers of its own, which name nothing.
        unnamed = None if handler.fn.__module__.startswith("litestar") else "nothing"
        self.method, self.path, self.needs = method, path, handler.opt.get("permission", unnamed)

    def address(self) -> str:
        """The path with something that is not there."""
        return re.sub(r"\{\w+:(\w+)\}", lambda kind: str(EXAMPLES.get(kind[1]) or fresh_id()), self.path)

    async def ask(self, client: httpx.AsyncClient) -> httpx.Response:
        content: dict[str, Any] = {} if self.method in SAFE else {"json": {}}
        return await client.request(self.method, self.address(), **content)


def routes_of(app: Litestar) -> list[Route]:
    found = [
        Route(method, route.path, handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler)
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]
    return sorted(found, key=lambda one: (one.name in LAST, one.name))


def matrix() -> dict[str, frozenset[str]]:
    head, *rows = MATRIX.strip("\n").replace("|", " ").splitlines()
    columns = head.split()
    marks = {name: dict(zip(columns, found, strict=True)) for name, *found in map(str.split, rows)}
    return {column: frozenset(name for name in marks if marks[name][column] == "x") for column in columns}


@pytest.fixture
def app(engine: Engine, database_url: str) -> Litestar:
    return create_app(OpenDatabase(engine, database_url, None))


@pytest.fixture
async def anybody(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as client:
        client.headers["accept"] = "application/json"
        yield client


def test_the_roles_are_as_written_down() -> None:
    """PLT-07."""
    written = matrix()

    assert {str(role): permissions for role, permissions in ROLE_PERMISSIONS.items()} == {
        role: written[role] for role in Role
    }
    assert written["front"] == STOREFRONT
    assert written["admin"] == PERMISSIONS


def test_every_route_names_a_permission_that_somebody_has_or_is_public_by_intention(app: Litestar) -> None:
    routes = routes_of(app)

    for route in routes:
        if route.needs is None:
            assert route.name in PUBLIC, f"{route.name} lets anyone in: say in PUBLIC why"
        else:
            assert route.needs in PERMISSIONS | {"signed_in"}, f"{route.name} needs {route.needs}, which nobody has"
    assert len(routes) > 100


async def test_nobody_comes_in_without_a_session_or_key(app: Litestar, anybody: httpx.AsyncClient) -> None:
    for route in routes_of(app):
        if route.needs is not None:
            assert (await route.ask(anybody)).status_code == 401, route.name


async def test_a_key_that_is_revoked_over_or_made_up_opens_no_route(engine: Engine, app: Litestar) -> None:
    revoked = await a_key(engine, *PERMISSIONS)
    over = await a_key(engine, *PERMISSIONS, expires_at=datetime.now(UTC) + timedelta(milliseconds=300))
    async with engine.begin() as db:
        await revoke_keys(db, ids=[revoked.key.id], actor="test:house", now=datetime.now(UTC))
    assert over.key.expires_at is not None
    while datetime.now(UTC) <= over.key.expires_at:
        pass
    for secret in (revoked.secret, over.secret, f"bat_{fresh_id().hex}_made-up"):
        async with with_key(app, secret) as client:
            for route in routes_of(app):
                if route.needs is not None:
                    assert (await route.ask(client)).status_code == 401, route.name


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_what_the_matrix_says_and_nothing_else(engine: Engine, app: Litestar, role: Role) -> None:
    """PLT-07."""
    may = matrix()[role] | {"signed_in"}
    async with browser(app, address=fresh_address()) as client:
        client.headers["accept"] = "application/json"
        await sign_in(client, staff := await somebody(engine, role))
        for route in routes_of(app):
            if route.name in LAST:
                await sign_in(client, staff)
            if route.needs is not None:
                check(route, await route.ask(client), is_let_in=route.needs in may)


async def test_the_key_of_a_shops_front_may_what_the_matrix_says(engine: Engine, app: Litestar) -> None:
    """PLT-07."""
    may = matrix()["front"] | {"signed_in"}
    made = await a_key(engine, *STOREFRONT)
    async with with_key(app, made.secret) as client:
        client.headers["accept"] = "application/json"
        for route in routes_of(app):
            if route.needs is not None and route.name not in LAST:
                check(route, await route.ask(client), is_let_in=route.needs in may)


def check(route: Route, answer: httpx.Response, *, is_let_in: bool) -> None:
    if is_let_in:
        assert answer.status_code not in {401, 403}, f"{route.name}: {answer.text}"
        assert answer.status_code < 500, f"{route.name}: {answer.text}"
    else:
        assert answer.status_code == 403, f"{route.name}: {answer.status_code} {answer.text}"


async def test_every_change_by_a_session_needs_its_token(engine: Engine, app: Litestar) -> None:
    """A page of another site can make the browser send the cookie, but not the token."""
    async with browser(app, address=fresh_address()) as client:
        client.headers["accept"] = "application/json"
        await sign_in(client, await somebody(engine))
        client.headers["x-csrf-token"] = "made up"
        for route in routes_of(app):
            if route.needs is not None and route.method not in SAFE:
                answer = await route.ask(client)
                assert (answer.status_code, answer.json()["code"]) == (403, "wrong_csrf_token"), route.name


async def test_a_stolen_cookie_opens_no_route_in_another_browser(engine: Engine, app: Litestar) -> None:
    async with browser(app, address=fresh_address()) as client, browser(app, agent="another browser") as thief:
        thief.headers["accept"] = "application/json"
        await sign_in(client, await somebody(engine))
        thief.cookies.update(client.cookies)
        thief.headers["x-csrf-token"] = client.headers["x-csrf-token"]
        for route in routes_of(app):
            if route.needs is not None:
                assert (await route.ask(thief)).status_code == 401, route.name
        assert (await client.get("/api/me")).status_code == 200
