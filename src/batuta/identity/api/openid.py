"""Signing in by an OpenID Connect provider: two steps of a browser."""

import random
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from batuta.identity.api.sessions import visitor_of
from batuta.identity.commands import begin_session, keep_begun, take, take_begun
from batuta.identity.domain import OpenIdNotSet, OpenIdProvider, OpenIdRefused, TooManySignIns
from batuta.identity.domain.allowances import of_departures
from batuta.identity.domain.openid import BEGUN_LASTS, begin
from batuta.identity.domain.sessions import new_token
from batuta.identity.queries import staff_by_email
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, anyone
from batuta.plumbing.web.bodies import TAKES_ANY_PARAMETER
from batuta.plumbing.web.browsers import address_of, own_cookie, session_cookie
from batuta.plumbing.web.moments import moment

PROVIDER = "openid"
"""Under this name the application's state holds the provider, if one is set."""
COOKIE = "batuta_openid"
CALLBACK = "/api/session/openid/callback"

NOT_SET = {"also_answers": [404]}
"""What both routes answer where no provider is set."""

_chance = random.SystemRandom()

Given = Annotated[str | None, QueryParameter(max_length=2_000)]


@get("/api/session/openid", guards=[anyone()], status_code=302, opt=NOT_SET)
async def go(request: AnyRequest, engine: NamedDependency[Engine], return_to: Given = None) -> Response[None]:
    """Send the browser to the provider; it comes back to the callback, and then to `return_to`."""
    provider, now = _provider(request), moment()
    begun, binding = begin(_chance, return_to=return_to or "/"), new_token(_chance)
    address = await provider.address(begun, callback=_callback(request), now=now)
    async with engine.begin() as db:
        await take(db, of_departures(address_of(request)), refusal=TooManySignIns, now=now)
        await keep_begun(db, begun=begun, browser=binding, now=now)
    cookie = own_cookie(request, COOKIE, binding, lasts_s=int(BEGUN_LASTS.total_seconds()))
    return Redirect(address, status_code=302, cookies=[cookie])


@get(CALLBACK, guards=[anyone()], status_code=302, opt={**NOT_SET, TAKES_ANY_PARAMETER: True})
async def come_back(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    came_with: Annotated[str | None, QueryParameter(name="state", max_length=2_000)] = None,
    code: Given = None,
    error: Given = None,
) -> Response[None]:
    """Begin a session for the member of staff whose verified e-mail the provider tells."""
    provider, now = _provider(request), moment()
    async with engine.begin() as db:
        begun = await take_begun(db, state=came_with or "", browser=request.cookies.get(COOKIE, ""), now=now)
    if error or not code:
        raise OpenIdRefused("the provider has let nobody in", why=error or "no code")
    email = await provider.email(begun, code=code, callback=_callback(request), now=now)
    async with engine.begin() as db:
        staff = (await staff_by_email(db, [email])).get(email.lower())
        if staff is None or not staff.is_active:
            raise OpenIdRefused("nobody with this e-mail works here", why="email")
        begun_session = await begin_session(
            db, staff=staff, visitor=visitor_of(request), way="openid", chance=_chance, now=now
        )
    return Redirect(
        begun.return_to,
        status_code=302,
        cookies=[session_cookie(request, begun_session.token), own_cookie(request, COOKIE, "", lasts_s=0)],
    )


def _provider(request: AnyRequest) -> OpenIdProvider:
    provider: OpenIdProvider | None = request.app.state.get(PROVIDER)
    if provider is None:
        raise OpenIdNotSet("no OpenID provider is set: oidc_issuer, oidc_client_id, oidc_client_secret")
    return provider


def _callback(request: AnyRequest) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"


ROUTES = [go, come_back]
