"""What goes wrong, as a page: for browsers in words, for programs as every other route answers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from batuta.kernel.errors import BatutaError, Forbidden, Invalid, NotFound, Refused, TooMany, Unavailable
from batuta.plumbing.outage import outage
from batuta.plumbing.web import AnyRequest, Caller, NotSignedIn, explain, explain_accident, explain_http, status_of
from batuta.plumbing.web.callers import CALLER
from batuta.plumbing.web.problems import problem_headers
from batuta.web.faces import Reader, draw, go_to, here, sign_in_address, speech_for

_WORDS: tuple[tuple[type[BatutaError], str], ...] = (
    (NotFound, "missing"),
    (Forbidden, "forbidden"),
    (Refused, "refused"),
    (TooMany, "busy"),
    (Unavailable, "busy"),
    (Invalid, "invalid"),
)
_STALE = frozenset({"wrong_csrf_token", "from_elsewhere"})
_WORDS_BY_STATUS = {401: "forbidden", 403: "forbidden", 404: "missing", 405: "missing", 503: "busy"}
BUG_STATUS = 500
MIDDLE = "·"
ORDER_DEPTH = 2


def refuse(request: AnyRequest, error: BatutaError) -> Response[str] | Response[None] | Response[bytes]:
    """Answer a refusal; whoever is not signed in is sent to sign in, and back afterwards."""
    if not reads_pages(request):
        return explain(request, error)
    if isinstance(error, NotSignedIn):
        return go_to(sign_in_address(here(request), told="expired"))
    words = "stale" if error.code in _STALE else next(words for kind, words in _WORDS if isinstance(error, kind))
    return _problem(request, status_of(error), words, headers=problem_headers(error))


def refuse_http(request: AnyRequest, error: HTTPException) -> Response[str] | Response[bytes]:
    """Answer what the framework refuses, as an address where nothing is."""
    told = explain_http(request, error)
    if not reads_pages(request):
        return told
    return _problem(request, error.status_code, _WORDS_BY_STATUS.get(error.status_code, "invalid"))


def apologise(request: AnyRequest, error: Exception) -> Response[str] | Response[bytes]:
    """Answer a mistake of ours, or that the database is away; it is logged as on every route."""
    told = explain_accident(request, error)
    if not reads_pages(request):
        return told
    return _problem(request, told.status_code or BUG_STATUS, "busy" if outage(error) else "bug", headers=told.headers)


def reads_pages(request: AnyRequest) -> bool:
    """Whether a browser asks, for a page; programs are told problems as JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/api/")


EXPLAINED: dict[int | type[Exception], Any] = {
    BatutaError: refuse,
    HTTPException: refuse_http,
    Exception: apologise,
}
"""What a page's route answers to what goes wrong."""


def _problem(
    request: AnyRequest, status: int, words: str, *, headers: Mapping[str, str] | None = None
) -> Response[str]:
    caller: Caller | None = request.scope.get("state", {}).get(CALLER)
    speech = speech_for(request, caller)
    reader = _reader(caller) if caller else None
    return draw(
        request,
        "problem.html",
        speech,
        reader,
        status=status,
        headers=headers,
        shown=status,
        title=speech(f"problem.{words}_title"),
        lead=speech(f"problem.{words}_lead"),
        request_id=structlog.contextvars.get_contextvars().get("request_id") if words == "bug" else None,
        back=_back(request),
    )


def _reader(caller: Caller) -> Reader:
    """Whoever reads, without asking the database, which may be what is wrong."""
    name = caller.actor.partition(":")[2] or caller.actor
    return Reader(name=name, email="", role="", initials=name[:1].upper() or MIDDLE)


def _back(request: AnyRequest) -> str | None:
    """From the page of an order back to it, from elsewhere to the list, and from the list nowhere."""
    path = request.scope["path"]
    if path == "/":
        return None
    number = path.removeprefix("/orders/").partition("/")[0]
    return f"/orders/{quote(number, safe='')}" if path.startswith("/orders/") and path.count("/") > ORDER_DEPTH else "/"
