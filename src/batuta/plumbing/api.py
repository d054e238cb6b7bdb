"""The feed of facts: everything that happened, in order, for whoever follows (PLT-03)."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from batuta.kernel.errors import Forbidden
from batuta.plumbing.database import Engine
from batuta.plumbing.events.feed import BEGINNING, end_of, follow
from batuta.plumbing.events.log import Fact
from batuta.plumbing.web import CURSOR_MAX, Caller, cursor_of, read_cursor, requires
from batuta.plumbing.web.scopes import sees_all

WAIT_MAX_S = 25
LOOK_EVERY_S = 0.5
LIMIT_MAX = 1_000
LIMIT_USUAL = 100
TYPES_MAX = 50
END = "end"

Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
After = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=CURSOR_MAX,
        description="`next` of the answer before, or a fact's position; `end` for what happens from now on",
    ),
]
Types = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=100)]] | None,
    QueryParameter(name="type", max_items=TYPES_MAX, description="Only these, as `ordering.order_placed`"),
]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many to answer at most")]
Wait = Annotated[
    int, QueryParameter(ge=0, le=WAIT_MAX_S, description="For how many seconds to wait for a fact if there is none")
]


class FeedIsForAll(Forbidden):
    """The feed tells of every channel, location and customer; who sees only some follows none."""


class ToldFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact. position: where it stands; `after` it comes the next. stream: what it is about, mostly an order."""

    position: str
    type: str
    stream: UUID
    actor: str
    happened_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Facts in the order in which they became true. next: where to read on, also when there are none yet."""

    items: list[ToldFact]
    next: str


@get("/api/events", guards=[requires("events.read")])
async def events(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    after: After = None,
    stream: FromQuery[UUID | None] = None,
    types: Types = None,
    limit: Limit = LIMIT_USUAL,
    wait: Wait = 0,
) -> Feed:
    """Answer with facts that no later one can precede any more; each is told once, in order, to who follows `next`."""
    if not sees_all(caller):
        raise FeedIsForAll("the feed is for callers who see every channel, location and customer")
    if after == END:
        async with engine.connect() as db:
            position = await end_of(db)
    else:
        position = read_cursor(after, tuple[Epoch, Count, Count]) or BEGINNING
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        async with engine.connect() as db:
            facts, position = await follow(db, position, stream=stream, types=types, limit=limit)
        if facts or loop.time() >= until:
            return Feed(items=[_told(fact) for fact in facts], next=cursor_of(position))
        await asyncio.sleep(LOOK_EVERY_S)


def _told(fact: Fact) -> ToldFact:
    return ToldFact(
        position=cursor_of(fact.position),
        type=fact.name,
        stream=fact.stream,
        actor=fact.actor,
        happened_at=fact.happened_at,
        recorded_at=fact.recorded_at,
        data=fact.data,
    )


ROUTES = [events]
