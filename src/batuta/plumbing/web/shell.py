"""The application that routes are put into: health, metrics, problems, limits."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from inspect import getclosurevars
from typing import Any

from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from sqlalchemy import text

from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Engine
from batuta.plumbing.outage import outage
from batuta.plumbing.telemetry import METRICS_TYPE, metrics_text
from batuta.plumbing.web.bodies import BODY_BYTES_MAX, check_request, note_body, note_parameters
from batuta.plumbing.web.callers import Guard, anyone, caller_of, name_permission, nobody
from batuta.plumbing.web.express import Lanes
from batuta.plumbing.web.observing import Observing
from batuta.plumbing.web.openapi import DOCUMENTATION_ROUTES
from batuta.plumbing.web.problems import explain, explain_accident, explain_http
from batuta.plumbing.web.strict import StrictRequest

READY_WITHIN_S = 2


class Shell(Litestar):
    """The application, with its express lanes."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        for route in self.routes:
            for handler in getattr(route, "route_handlers", ()):
                note_body(handler)
                note_parameters(handler)
                if "OPTIONS" in getattr(handler, "http_methods", ()):
                    # It was made for the first route of its path, and knows no others.
                    getclosurevars(handler.fn).nonlocals["self"].methods = route.methods
        self._lanes = Lanes(self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, by the short way if there is one."""
        found = self._lanes.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found:
            lane, ids = found
            await lane.answer(ids, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_shell(
    routes: Sequence[BaseRouteHandler],
    *,
    engine: Engine,
    guard: Guard = nobody,
    dependencies: Mapping[str, Provide] | None = None,
    database_problem: Callable[[], BatutaError | None] = lambda: None,
    explain_nowhere: Callable[[Any, HTTPException], Response[Any]] = explain_http,
) -> Litestar:
    """Put routes into the shell. Handlers may ask for `engine: NamedDependency[Engine]`.

    guard: knows the callers. A route that names no permission is shut.
    database_problem: what the embedded server's watch knows when the database is away.
    explain_nowhere: answers for addresses where no route is.
    """
    handlers = [live, ready, metrics, *DOCUMENTATION_ROUTES, *routes]
    for handler in handlers:
        name_permission(handler)
    return Shell(
        route_handlers=handlers,
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
            "database_problem": Provide(lambda: database_problem, sync_to_thread=False),
            **(dependencies or {}),
        },
        exception_handlers={BatutaError: explain, HTTPException: explain_nowhere, Exception: explain_accident},
        before_request=check_request,
        request_class=StrictRequest,
        middleware=[Observing()],
        openapi_config=None,
        request_max_body_size=BODY_BYTES_MAX,
        state=State({"engine": engine, "guard": guard, "batchers": {}, "readers": {}}),
        on_shutdown=[_end_batches],
        logging_config=None,
        debug=False,
    )


@get("/health/live", include_in_schema=False, guards=[anyone()])
async def live() -> dict[str, str]:
    """Answer that this process runs; it says nothing about the database."""
    return {"status": "live"}


@get("/health/ready", include_in_schema=False, guards=[anyone()])
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


@get("/metrics", include_in_schema=False, guards=[anyone()])
async def metrics() -> Response[bytes]:
    """Answer with this process's metrics."""
    return Response(metrics_text(), media_type=METRICS_TYPE)


async def _ask_database(engine: Engine) -> None:
    async with engine.connect() as db:
        await db.execute(text("SELECT 1"))


async def _end_batches(app: Litestar) -> None:
    for batcher in app.state.batchers.values():
        await batcher.close()
