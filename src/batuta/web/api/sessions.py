"""Signing in and out by forms."""

import random
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from batuta.identity.commands import end_session, sign_in
from batuta.identity.domain import SignIn, Visitor
from batuta.identity.domain.sessions import WrongCredentials
from batuta.kernel.errors import Forbidden, TooMany
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, anyone, caller_if_any, signed_in, status_of
from batuta.plumbing.web.browsers import (
    address_of,
    browser_of,
    no_session_cookie,
    refuse_elsewhere,
    session_cookie,
    session_token,
)
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.problems import problem_headers
from batuta.web.api.frame import PAGE
from batuta.web.faces import ADDRESS_LENGTH_MAX, draw, go_to, own_address, sign_in_address, speech_for

COMPANY_ADDRESS = "/api/session/openid"
PROVIDER = "openid"
_chance = random.SystemRandom()

Told = Annotated[str, QueryParameter(max_length=20)]
Next = Annotated[str, QueryParameter(name="next", max_length=ADDRESS_LENGTH_MAX)]
NOTICES = {"ended": "good", "expired": "waiting", "company_failed": "bad"}


@get("/sign-in", guards=[anyone()], **PAGE)
async def gate(request: AnyRequest, then: Next = "/", told: Told = "") -> Response[Any]:
    """The form to sign in; whoever is signed in goes on."""
    if await caller_if_any(request):
        return go_to(own_address(then))
    return _form(request, then=then, told=told)


@post("/sign-in", guards=[anyone()], status_code=303, **PAGE)
async def enter(request: AnyRequest, engine: NamedDependency[Engine]) -> Response[Any]:
    """Begin a session and go on to the page that was wanted."""
    form = await request.form()
    then, email = own_address(_text(form.get("next"))), _text(form.get("email"))
    try:
        refuse_elsewhere(request)
        given = msgspec.convert({"email": email.strip(), "password": _text(form.get("password"))}, SignIn)
        begun = await sign_in(engine, given=given, visitor=_visitor(request), chance=_chance, now=moment())
    except (WrongCredentials, msgspec.ValidationError):
        return _form(request, then=then, email=email, problem="sign_in.wrong", status=401)
    except TooMany as error:
        return _form(request, then=then, email=email, wait=error, status=429)
    except Forbidden as error:
        return _form(request, then=then, email=email, problem="sign_in.stale", status=status_of(error))
    return go_to(then, cookies=[session_cookie(request, begun.token)])


@post("/sign-out", guards=[signed_in()], status_code=303, **PAGE)
async def leave(request: AnyRequest, engine: NamedDependency[Engine]) -> Response[None]:
    """End the session of this browser."""
    if token := session_token(request):
        async with engine.connect() as db:
            await end_session(db, token=token, now=moment())
    return go_to(sign_in_address("/", told="ended"), cookies=[no_session_cookie(request)])


def _form(
    request: AnyRequest,
    *,
    then: str,
    told: str = "",
    email: str = "",
    problem: str | None = None,
    wait: TooMany | None = None,
    status: int = 200,
) -> Response[str]:
    speech = speech_for(request, None)
    then = own_address(then)
    said = speech(problem) if problem else None
    if wait:
        said = speech.count("sign_in.too_many", wait.retry_after_s)
    company = f"{COMPANY_ADDRESS}?{urlencode({'return_to': then})}" if request.app.state.get(PROVIDER) else None
    return draw(
        request,
        "sign_in.html",
        speech,
        None,
        status=status,
        headers=problem_headers(wait) if wait else None,
        next=then,
        email=email[:254],
        problem=said,
        notice=speech(f"sign_in.{told}") if told in NOTICES else None,
        notice_tone=NOTICES.get(told),
        company_address=company,
    )


def _visitor(request: AnyRequest) -> Visitor:
    return Visitor(address=address_of(request), browser=browser_of(request), token=session_token(request))


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


ROUTES = [gate, enter, leave]
