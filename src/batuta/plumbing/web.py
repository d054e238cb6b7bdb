"""The web shell: problems as RFC 9457 tells them, health, metrics, request ids. Only this file knows HTTP's numbers."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from litestar import Litestar, Request, Response, get
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Receive, Scope, Send
from sqlalchemy import text

from batuta.kernel.errors import BatutaError, Forbidden, Invalid, NotFound, Refused, Unavailable
from batuta.plumbing.database import Engine
from batuta.plumbing.outage import outage
from batuta.plumbing.telemetry import METRICS_TYPE, metrics_text, request_seconds

STATUS_BY_KIND: Mapping[type[BatutaError], int] = {
    Invalid: 400,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    Unavailable: 503,
}
BUG_STATUS = 500
PROBLEM_TYPE = "application/problem+json"
API_VERSION = "1"
RETRY_AFTER_S = "1"
READY_WITHIN_S = 2
BODY_BYTES_MAX = 10_000_000
GIVEN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

AnyRequest = Request[Any, Any, State]
Problem = Response[bytes]

log = structlog.get_logger("batuta.web")


class NulInText(Invalid):
    """Text holds the character NUL, which no database column can keep."""


def create_shell(
    routes: Sequence[ControllerRouterHandler],
    *,
    engine: Engine,
    dependencies: Mapping[str, Provide] | None = None,
    database_problem: Callable[[], BatutaError | None] = lambda: None,
) -> Litestar:
    """Put routes into the shell. Handlers may ask for `engine: NamedDependency[Engine]`.

    database_problem: what the embedded server's watch knows when the database is away.
    """
    return Litestar(
        route_handlers=[live, ready, metrics, *routes],
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "database_problem": Provide(lambda: database_problem, sync_to_thread=False),
            **(dependencies or {}),
        },
        exception_handlers={BatutaError: explain, HTTPException: explain_http, Exception: explain_accident},
        before_request=refuse_nul,
        middleware=[Observing()],
        openapi_config=OpenAPIConfig("batuta", API_VERSION, render_plugins=[JsonRenderPlugin()]),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        debug=False,
    )


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """Answer that this process runs; it says nothing about the database."""
    return {"status": "live"}


@get("/health/ready", include_in_schema=False)
async def ready(
    engine: NamedDependency[Engine], database_problem: NamedDependency[Callable[[], BatutaError | None]]
) -> dict[str, str]:
    """Answer 200 when requests can be served, else 503 with what is wrong."""
    if problem := database_problem():
        raise problem
    async with asyncio.timeout(READY_WITHIN_S):
        try:
            await _ask_database(engine)
        except Exception as error:
            # After an outage the pool's connections are dead, and it learns so from the first that fails.
            if not outage(error):
                raise
            await _ask_database(engine)
    return {"status": "ready"}


@get("/metrics", include_in_schema=False)
async def metrics() -> Response[bytes]:
    """Answer with this process's metrics."""
    return Response(metrics_text(), media_type=METRICS_TYPE)


def explain(request: AnyRequest, error: BatutaError) -> Problem:
    """Answer with the error's code and facts; the web layer never reads its sentence."""
    status = next(STATUS_BY_KIND[kind] for kind in type(error).__mro__ if kind in STATUS_BY_KIND)
    headers = {"retry-after": RETRY_AFTER_S} if status == STATUS_BY_KIND[Unavailable] else {}
    return _problem(request, status, error.code, error.sentence, facts=error.facts, headers=headers)


def explain_http(request: AnyRequest, error: HTTPException) -> Problem:
    """Answer for what the framework itself refuses: no such route, a body that does not fit, a body too large."""
    if error.status_code >= BUG_STATUS:
        return explain_accident(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    code = "invalid" if error.status_code == STATUS_BY_KIND[Invalid] else phrase.lower().replace(" ", "_")
    facts = {"errors": error.extra} if error.extra else {}
    return _problem(request, error.status_code, code, error.detail, facts=facts, headers=error.headers or {})


def explain_accident(request: AnyRequest, error: Exception) -> Problem:
    """Answer 503 when the database is away or busy; anything else is a bug: 500, logged with its trace."""
    if away := outage(error):
        log.warning("outage", code=away.code, path=request.url.path, **away.facts)
        return explain(request, away)
    log.error("bug", path=request.url.path, method=request.method, exc_info=error)
    return _problem(
        request, BUG_STATUS, "bug", "batuta made a mistake; it is logged under the request id", facts={}, headers={}
    )


async def refuse_nul(request: AnyRequest) -> None:
    """Refuse NUL in path, query and JSON before it reaches a column.

    Raises:
        NulInText: there is one.
    """
    where = None
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        where = "address"
    elif request.method not in {"GET", "HEAD"} and ESCAPED_NUL.search(await request.body()):
        where = "body"
    if where:
        raise NulInText("text must not hold the character NUL", where=where)


class Observing(ASGIMiddleware):
    """Give each request an id, in its logs and its answer, and count and time it under its route."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Watch one request."""
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status, started = BUG_STATUS, perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableScopeHeaders.from_message(message)["x-request-id"] = request_id
            await send(message)

        try:
            await next_app(scope, receive, watch)
        finally:
            labels = (str(scope.get("method", "")), scope["path_template"], str(status))
            request_seconds.labels(*labels).observe(perf_counter() - started)


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if GIVEN_REQUEST_ID.fullmatch(given) else uuid4().hex


async def _ask_database(engine: Engine) -> None:
    async with engine.connect() as db:
        await db.execute(text("SELECT 1"))


def _problem(
    request: AnyRequest,
    status: int,
    code: str,
    sentence: str,
    *,
    facts: Mapping[str, object],
    headers: Mapping[str, str],
) -> Problem:
    content: dict[str, object] = {
        "type": f"urn:batuta:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": sentence,
        "instance": request.url.path,
        "code": code,
        "facts": dict(facts),
    }
    # Facts may be of any type; a problem must never fail to be told.
    body = msgspec.json.encode(content, enc_hook=str)
    return Response(body, status_code=status, media_type=PROBLEM_TYPE, headers=dict(headers))
