"""The express lane: a hot route answered without the framework's ceremony (see decision 0019).

It is the same handler with the same guard, limits and problems; only what stands between the socket and the handler is
shorter, and costs less than half. A route asks for it by `is_express=True` in its decorator. Its path has no variable
parts but UUIDs, and its handler takes nothing else but `request`, `data`, `engine` and `caller`.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from batuta.kernel.errors import BatutaError
from batuta.plumbing.keys import Kept
from batuta.plumbing.web.bodies import check_request, whole_body, with_whole_numbers
from batuta.plumbing.web.callers import AnyRequest, Requires, caller_of
from batuta.plumbing.web.idempotency import EXPRESS, media_type_of
from batuta.plumbing.web.observing import REQUEST_ID, begin_request, end_request
from batuta.plumbing.web.problems import explain, explain_accident, explain_http

IS_EXPRESS = "is_express"
KNOWN = {"request", "data", "engine", "caller"}
NO_IDS: Mapping[str, UUID] = {}


class BodyUnfit(HTTPException):
    """The body is no JSON, or does not fit the route's type."""

    status_code = 400


class Express:
    """One hot route."""

    def __init__(self, app: Litestar, handler: HTTPRouteHandler, route: HTTPRoute) -> None:
        parameters = handler.parsed_fn_signature.parameters
        self._app = app
        self._handler = handler
        self._path = route.path_format
        self._parts = [None if part.startswith("{") else part for part in route.path_format.split("/")]
        self._ids = list(route.path_parameters)
        self._guards = [guard for guard in handler.guards or () if isinstance(guard, Requires)]
        self._wants = KNOWN & set(parameters)
        self._read = msgspec.json.Decoder(parameters["data"].raw).decode if "data" in parameters else None
        are_ids = all(one.type is UUID for one in route.path_parameters.values())
        assert are_ids, f"{handler} has variable parts of its path that the express lane does not know"
        unknown = set(parameters) - KNOWN - set(self._ids)
        assert not unknown, f"{handler} takes what the express lane does not know: {unknown}"

    def ids_in(self, path: str) -> dict[str, UUID] | None:
        """The variable parts of a path; None when it is not this route's."""
        ids: dict[str, UUID] = {}
        for part, fixed in zip(path.split("/"), self._parts, strict=False):
            if fixed is None:
                try:
                    ids[self._ids[len(ids)]] = UUID(part)
                except ValueError:
                    return None
            elif part != fixed:
                return None
        return ids

    async def answer(self, ids: Mapping[str, UUID], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. ids: the variable parts of its path."""
        started = perf_counter()
        request_id = begin_request(scope)
        request = self._request(ids, scope, receive, send)
        answer: Any
        try:
            answer = await self._act(request, ids)
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
            told: Any = await self._handler.to_response(app=self._app, data=answer, request=request)
            told.headers["x-request-id"] = request_id
            await told(scope, receive, send)
            status = told.status_code
        end_request(request.method, self._path, status, started)

    def _request(self, ids: Mapping[str, UUID], scope: Any, receive: Receive, send: Send) -> AnyRequest:
        scope["app"] = scope["litestar_app"] = self._app
        scope["route_handler"] = self._handler
        scope["path_params"] = ids
        scope["path_template"] = self._path
        scope.setdefault("state", {})[EXPRESS] = True
        return Request(scope, receive, send)

    async def _act(self, request: AnyRequest, ids: Mapping[str, UUID]) -> Any:
        for guard in self._guards:
            await guard(request, self._handler)
        if self._read:
            # The request finds its body where the framework would have put it, for the handler may ask for it too.
            ScopeState.from_scope(request.scope).body = request._body = await whole_body(request)  # noqa: SLF001
        await check_request(request)
        return await self._handler.fn(**{name: await self._given(name, request) for name in self._wants}, **ids)

    async def _given(self, name: str, request: AnyRequest) -> Any:
        if name == "request":
            return request
        if name == "data":
            assert self._read
            try:
                return self._read(with_whole_numbers(await request.body()))
            except msgspec.DecodeError as problem:
                raise BodyUnfit(str(problem)) from None
        return caller_of(request) if name == "caller" else request.app.state.engine


class Lanes:
    """The hot routes of an application."""

    def __init__(self, app: Litestar) -> None:
        self._fixed: dict[tuple[str, str], Express] = {}
        self._shaped: dict[tuple[str, int], list[Express]] = {}
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                for handler in route.route_handlers:
                    if handler.opt.get(IS_EXPRESS):
                        self._open(Express(app, handler, route), handler, route)

    def find(self, method: str, path: str) -> tuple[Express, Mapping[str, UUID]] | None:
        """The hot route of a request, with the variable parts of its path."""
        if fixed := self._fixed.get((method, path)):
            return fixed, NO_IDS
        for shaped in self._shaped.get((method, path.count("/")), ()):
            if (ids := shaped.ids_in(path)) is not None:
                return shaped, ids
        return None

    def _open(self, lane: Express, handler: HTTPRouteHandler, route: HTTPRoute) -> None:
        for method in handler.http_methods:
            if route.path_parameters:
                self._shaped.setdefault((method, route.path_format.count("/")), []).append(lane)
            else:
                self._fixed[method, route.path] = lane


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
