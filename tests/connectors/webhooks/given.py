"""Endpoints and facts for them, in a database that other tests use as well."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from batuta.connectors.webhooks.commands import create_endpoint, following
from batuta.connectors.webhooks.domain import Answer, Endpoint, EndpointTerms, Posting, new_secret
from batuta.connectors.webhooks.jobs import deliver
from batuta.ordering.domain import HoldKind
from batuta.ordering.events import HoldPlaced, OrderAccepted, OrderPlaced
from batuta.plumbing.database import Engine
from batuta.plumbing.events import publish, react
from tests.hearing import is_behind
from tests.making import NOW, fresh_id

ANA = "staff:ana"
TAKEN = Answer(status=204)
BROKEN = Answer(status=500)


class Receiver:
    """The other side: it remembers what it was sent, and answers as it is told to."""

    def __init__(self, answer: Callable[[Posting], Answer] = lambda _: TAKEN) -> None:
        self.answer = answer
        self.got: list[Posting] = []

    async def __call__(self, posting: Posting) -> Answer:
        self.got.append(posting)
        return self.answer(posting)

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.got]


async def an_endpoint(engine: Engine, *event_types: str, **terms: object) -> tuple[Endpoint, str]:
    """An endpoint and its secret; what was told before, by other tests, it does not hear."""
    await hear_all(engine)
    secret = new_secret(random.SystemRandom())
    wish = EndpointTerms(url="https://shop.example.com/hooks", event_types=event_types or ("ordering.*",), **terms)  # type: ignore[arg-type]
    async with engine.begin() as db:
        made = await create_endpoint(
            db,
            id_=fresh_id(),
            terms=wish,
            secret_id=fresh_id(),
            text=secret,
            is_private_allowed=False,
            actor=ANA,
            now=NOW,
        )
    return made, secret


async def tell(engine: Engine, *streams: UUID, channel_id: UUID | None = None) -> None:
    """Tell of each stream that an order was placed."""
    told = [
        OrderPlaced(
            stream=stream,
            happened_at=NOW,
            actor=ANA,
            number=f"A-{i}",
            channel_id=channel_id or fresh_id(),
            currency="EUR",
            gross_minor=1_000 + i,
        )
        for i, stream in enumerate(streams)
    ]
    async with engine.begin() as db:
        await publish(db, told)


async def tell_accepted(engine: Engine, stream: UUID) -> None:
    async with engine.begin() as db:
        await publish(db, [OrderAccepted(stream=stream, happened_at=NOW, actor=ANA)])


async def tell_held(engine: Engine, stream: UUID) -> None:
    held = HoldPlaced(stream=stream, happened_at=NOW, actor=ANA, hold_id=fresh_id(), kind=HoldKind.MANUAL, reason="?")
    async with engine.begin() as db:
        await publish(db, [held])


async def hear_all(engine: Engine) -> None:
    """Let facts become deliveries, until none is left; other tests' open transactions hide some for a while."""
    while True:
        while not (await react(engine, following(), now=NOW)).is_last:
            pass
        if not await is_behind(engine, following()):
            return
        await asyncio.sleep(0.01)


async def send(engine: Engine, to: Endpoint, receiver: Receiver, *, after: timedelta = timedelta()) -> int:
    """Send all that is due to one endpoint some time after `NOW`; return how many tries that took."""
    tried = 0
    while done := await deliver(engine, endpoint_ids=[to.id], post=receiver, now=NOW + after):
        tried += done
    return tried


async def status_of(engine: Engine, to: Endpoint) -> dict[str, int]:
    counts = text("SELECT status, count(*) AS n FROM webhooks.delivery WHERE endpoint_id = :id GROUP BY status")
    async with engine.connect() as db:
        return {row.status: row.n for row in await db.execute(counts, {"id": to.id})}


async def pass_days(engine: Engine, to: Endpoint, receiver: Receiver, *, days: int, each: timedelta) -> datetime:
    """Try again and again, for days of simulated time."""
    at = timedelta()
    while at < timedelta(days=days):
        await send(engine, to, receiver, after=at)
        at += each
    return NOW + at
