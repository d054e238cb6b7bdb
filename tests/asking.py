"""Asking the JSON routes: a room's routes in the shell, behind a guard that knows the callers of a test."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from batuta.fulfillment.queries import order_scopes, parcel_scopes
from batuta.plumbing.database import Engine
from batuta.plumbing.events import facts_of
from batuta.plumbing.web import AnyRequest, Caller, NotSignedIn, create_shell
from tests.making import fresh_id

WHO = "x-test-caller"


class House:
    """The routes of a room, and who asks them."""

    def __init__(self, engine: Engine, routes: Sequence[BaseRouteHandler]) -> None:
        self._callers: dict[str, Caller] = {}
        knowledge = {
            "order_scopes": Provide(lambda: order_scopes, sync_to_thread=False),
            "parcel_scopes": Provide(lambda: parcel_scopes, sync_to_thread=False),
        }
        self.app: Litestar = create_shell(routes, engine=engine, guard=self._guard, dependencies=knowledge)

    async def _guard(self, request: AnyRequest) -> Caller:
        try:
            return self._callers[request.headers[WHO]]
        except KeyError:
            raise NotSignedIn("nobody asks") from None

    def asked_by(self, caller: Caller) -> httpx.AsyncClient:
        """A client whose requests are the caller's."""
        self._callers[str(caller.id)] = caller
        return self.client(**{WHO: str(caller.id)})

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A client of nobody whom the house knows."""
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://batuta.test", headers=headers)


def a_caller(*permissions: str, **scope: Any) -> Caller:
    """Somebody with these permissions, everywhere unless `scope` says less."""
    return Caller(
        **{"id": fresh_id(), "actor": "staff:ana@example.com", "permissions": frozenset(permissions), **scope}
    )


def at(*location_ids: UUID) -> dict[str, frozenset[UUID]]:
    """The scope of whoever works at some locations."""
    return {"location_ids": frozenset(location_ids)}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def told(engine: Engine, stream: UUID | str) -> list[tuple[str, str, dict[str, Any]]]:
    """What was told of a stream: each fact's name, actor and content."""
    id_ = UUID(str(stream))
    async with engine.connect() as db:
        return [(one.name, one.actor, one.data) for one in (await facts_of(db, [id_]))[id_]]
