"""The express lane: a hot route answered without the framework's ceremony (see decision 0019).

It is the same handler with the same guard, limits and problems; only what stands between the socket and the handler is
shorter, and costs a fifth. A route asks for it by `is_express=True` in its decorator. It has a fixed path, and its
handler takes nothing but `request`, `data`, `engine` and `caller`.
"""

from time import perf_counter
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from batuta.kernel.errors import BatutaError
from batuta.plumbing.keys import Kept
from batuta.plumbing.web.bodies import check_request, whole_body
from batuta.plumbing.web.callers import Requires, caller_of
from batuta.plumbing.web.idempotency import EXPRESS, media_type_of
from batuta.plumbing.web.observing import REQUEST_ID, begin_request, end_request
from batuta.plumbing.web.problems import AnyRequest, explain, explain_accident, explain_http

IS_EXPRESS = "is_express"
KNOWN = {"request", "data", "engine", "caller"}


class BodyUnfit(HTTPException):
    """The body is no JSON, or does not fit the route's type."""

    status_code = 400


class Express:
    """One hot route."""

    def __init__(self, app: Litestar, handler: HTTPRouteHandler, path: str) -> None:
        parameters = handler.parsed_fn_signature.parameters
        assert set(parameters) <= KNOWN, f"{handler} takes what the express lane does not know"
        self._app = app
        self._handler = handler
        self._path = path
        self._guards = [guard for guard in handler.guards or () if isinstance(guard, Requires)]
        self._wants = KNOWN & set(parameters)
        self._read = msgspec.json.Decoder(parameters["data"].raw).decode if "data" in parameters else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        request_id = begin_request(scope)
        request = self._request(scope, receive, send)
        answer: Any
        try:
            answer = await self._answer(request)
        except BatutaError as error:
            answer = explain(request, error)
        except HTTPException as error:
            answer = explain_http(request, error)
        except Exception as error:  # noqa: BLE001 the edge
            answer = explain_accident(request, error)
        if isinstance(answer, Kept):
            await _send(answer, request_id, send)
            status = answer.status
        else:
            answer.headers["x-request-id"] = request_id
            told = answer.to_asgi_response(app=None, request=request)
            await told(scope, receive, send)
            status = told.status_code
        end_request(request.method, self._path, status, started)

    def _request(self, scope: Any, receive: Receive, send: Send) -> AnyRequest:
        scope["app"] = scope["litestar_app"] = self._app
        scope["route_handler"] = self._handler
        scope["path_params"] = {}
        scope["path_template"] = self._path
        scope.setdefault("state", {})[EXPRESS] = True
        return Request(scope, receive, send)

    async def _answer(self, request: AnyRequest) -> Any:
        for guard in self._guards:
            await guard(request, self._handler)
        if self._read:
            # The request finds its body where the framework would have put it, for the handler may ask for it too.
            ScopeState.from_scope(request.scope).body = await whole_body(request)
        await check_request(request)
        return await self._handler.fn(**{name: await self._given(name, request) for name in self._wants})

    async def _given(self, name: str, request: AnyRequest) -> Any:
        if name == "request":
            return request
        if name == "data":
            assert self._read
            try:
                return self._read(await request.body())
            except msgspec.DecodeError as problem:
                raise BodyUnfit(str(problem)) from None
        return caller_of(request) if name == "caller" else request.app.state.engine


def express_of(app: Litestar) -> dict[tuple[str, str], Express]:
    """The hot routes of an application, by method and path."""
    lanes = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if handler.opt.get(IS_EXPRESS):
                for method in handler.http_methods:
                    lanes[method, route.path] = Express(app, handler, route.path)
    return lanes


async def _send(kept: Kept, request_id: str, send: Send) -> None:
    headers = [
        (b"content-type", media_type_of(kept).encode()),
        (b"content-length", str(len(kept.body)).encode()),
        (REQUEST_ID, request_id.encode()),
    ]
    if kept.headers:
        headers += [(name.encode(), value.encode()) for name, value in kept.headers.items()]
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body, "more_body": False})
