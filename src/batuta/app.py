"""The web application, put together and served. This module, `worker` and `cli` are the ones that know every room."""

import asyncio
import contextlib
import errno
import importlib.util
import pkgutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import msgspec
import structlog
import uvicorn
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from sqlalchemy import text

import batuta
from batuta import connectors
from batuta.connectors.webhooks.api import ALLOW_PRIVATE as ALLOW_PRIVATE_WEBHOOKS
from batuta.fulfillment.queries import order_scopes, parcel_scopes
from batuta.identity.api import PROVIDER, guard_of
from batuta.identity.domain import OpenIdProvider
from batuta.identity.queries import Shown, shown_of_demo
from batuta.kernel.errors import Refused, Unavailable
from batuta.plumbing.database import create_engine
from batuta.plumbing.memory import settle_in
from batuta.plumbing.migrate import migrate
from batuta.plumbing.opening import OpenDatabase, open_database
from batuta.plumbing.settings import Settings
from batuta.plumbing.web import Guard, create_shell
from batuta.plumbing.web.serving import OneWrite
from batuta.web.problems import refuse_http

CONNECTIONS_WAITING_MAX = 2048
GOODBYE_WITHIN_S = 5
WORKER_CONNECTIONS = 5

log = structlog.get_logger("batuta.app")


class HttpPortTaken(Unavailable):
    """Somebody else listens on the address of batuta."""


class HttpAddressNotUsable(Refused):
    """There is no such address on this machine, or this user may not listen there."""


def create_app(database: OpenDatabase, *, guard: Guard | None = None, openid: OpenIdProvider | None = None) -> Litestar:
    """Put the rooms' routes into the web shell.

    guard: knows the callers; unless given, by their sessions and keys. openid: by which staff may sign in too.
    """
    app = create_shell(
        routes(),
        engine=database.engine,
        guard=guard or guard_of(database.engine),
        dependencies=knowledge(),
        database_problem=database.problem,
        explain_nowhere=refuse_http,
    )
    app.state[PROVIDER] = openid
    return app


def knowledge() -> dict[str, Provide]:
    """What routes of lower rooms must know of upper ones: whose an order and a parcel is, and where."""
    return {
        "order_scopes": Provide(lambda: order_scopes, sync_to_thread=False),
        "parcel_scopes": Provide(lambda: parcel_scopes, sync_to_thread=False),
    }


def routes() -> list[BaseRouteHandler]:
    """All routes of the house: `ROUTES` of every room that has an `api`."""
    rooms = [
        *pkgutil.iter_modules(batuta.__path__, "batuta."),
        *pkgutil.iter_modules(connectors.__path__, "batuta.connectors."),
    ]
    names = sorted(f"{room.name}.api" for room in rooms if room.ispkg)
    found = [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]
    return [route for api in found for route in api.ROUTES]


async def serve(settings: Settings, *, announce: Callable[[str, Shown], None]) -> None:
    """Open and migrate the database and serve until SIGINT or SIGTERM; then end everything, the database last.

    announce: called once requests are answered, with the address and the sign-ins to print.

    Raises:
        HttpPortTaken, HttpAddressNotUsable: before anything is started.
    """
    server: _Server | None = None
    this = asyncio.current_task()
    assert this is not None

    def leave() -> None:
        if server is None:
            this.cancel()
        elif server.should_exit:
            server.force_exit = True
        else:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for order in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(order, leave)

    with _listener(settings) as listener, contextlib.suppress(asyncio.CancelledError):
        async with open_database(settings) as database:
            if done := await migrate(database.engine):
                log.info("migrated", versions=done)
            await _begin_with_demo(settings, database)
            async with database.engine.connect() as db:
                shown = await shown_of_demo(db)
            app = create_app(database, openid=openid_of(settings))
            app.state[ALLOW_PRIVATE_WEBHOOKS] = settings.webhooks_allow_private
            server = _Server(_config(app), lambda: announce(_address(settings), shown))
            async with _worker_beside(settings, database):
                settle_in()
                await server.serve(sockets=[listener])


def openid_of(settings: Settings) -> OpenIdProvider | None:
    """The provider that the settings name; None without one.

    Raises:
        BadIssuer: its address is no https.
    """
    if not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    from batuta.identity.adapters.openid import Provider

    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret or "",
    )


async def _begin_with_demo(settings: Settings, database: OpenDatabase) -> None:
    """Give an empty database the demo company, unless it shall have none."""
    wanted = settings.database_url is None if settings.demo_company is None else settings.demo_company
    if not wanted:
        return
    async with database.engine.connect() as db:
        if await db.scalar(text("SELECT EXISTS (SELECT FROM company.legal_entity)")):
            return
    from batuta.cli.demo import load_demo

    made = await load_demo(database.engine, now=datetime.now(UTC))
    log.info("demo_company_made", **msgspec.structs.asdict(made))


@contextlib.asynccontextmanager
async def _worker_beside(settings: Settings, database: OpenDatabase) -> AsyncIterator[None]:
    if not settings.worker:
        yield
        return
    task = asyncio.create_task(_work(settings, database.url))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _work(settings: Settings, url: str) -> None:
    # It imports every room, and requests need not wait for that.
    worker = await asyncio.to_thread(importlib.import_module, "batuta.worker")
    settle_in()
    engine = create_engine(url, pool_size=WORKER_CONNECTIONS)
    try:
        sender = worker.Sender(is_private_allowed=settings.webhooks_allow_private)
        async with worker.working(engine, worker.clockwork(settings), sender=sender):
            await asyncio.Event().wait()
    finally:
        await engine.dispose()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again when it has ended, which would cut the database's ending short.
        yield


def _config(app: Litestar) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=OneWrite,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_WITHIN_S,
    )


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    facts = {"host": settings.host, "port": settings.port}
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=CONNECTIONS_WAITING_MAX)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sentence = f"port {settings.port} is taken: stop who listens there or set BATUTA_PORT to another"
            raise HttpPortTaken(sentence, **facts) from error
        sentence = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
        raise HttpAddressNotUsable(sentence, **facts, reason=error.strerror) from error


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
