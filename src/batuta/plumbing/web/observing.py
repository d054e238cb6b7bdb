"""Every request gets an id, in its logs and its answer, and is counted and timed under its route."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from batuta.plumbing.telemetry import request_seconds
from batuta.plumbing.web.problems import BUG_STATUS

GIVEN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


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
