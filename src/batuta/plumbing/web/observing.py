"""Every request gets an id, in its logs and its answer, and is counted and timed under its route."""

import os
import re
from time import perf_counter
from typing import TYPE_CHECKING

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from batuta.plumbing.telemetry import request_seconds
from batuta.plumbing.web.bodies import patient
from batuta.plumbing.web.problems import BUG_STATUS

if TYPE_CHECKING:
    from prometheus_client import Histogram

GIVEN_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
REQUEST_ID = b"x-request-id"

_counted: "dict[tuple[str, str, int], Histogram]" = {}


class Observing(ASGIMiddleware):
    """Give each request an id, in its logs and its answer, and count and time it under its route."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Watch one request."""
        request_id = begin_request(scope)
        status, started = BUG_STATUS, perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableScopeHeaders.from_message(message)["x-request-id"] = request_id
            await send(message)

        try:
            await next_app(scope, patient(receive), watch)
        finally:
            end_request(str(scope.get("method", "")), scope["path_template"], status, started)


def begin_request(scope: Scope) -> str:
    """Return the request's id, and name it in all that is logged for it."""
    given = next((value for key, value in scope["headers"] if key == REQUEST_ID), b"")
    request_id = given.decode() if GIVEN_REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def end_request(method: str, route: str, status: int, started: float) -> None:
    """Count and time a request. started: by `perf_counter`."""
    key = (method, route, status)
    histogram = _counted.get(key)
    if histogram is None:
        histogram = _counted[key] = request_seconds.labels(method, route, str(status))
    histogram.observe(perf_counter() - started)
