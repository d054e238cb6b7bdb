"""Sending what is due: taken in one transaction, sent in none, booked in another."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from batuta.connectors.webhooks.commands import book, take
from batuta.connectors.webhooks.commands.sending import Sent
from batuta.connectors.webhooks.domain import Post, posting_of
from batuta.connectors.webhooks.queries import due_endpoints
from batuta.plumbing.database import Engine


async def look_for_due(engine: Engine, *, busy: Collection[UUID], now: datetime) -> list[UUID]:
    """The endpoints that have something to be sent now, but those that are `busy` already."""
    async with engine.connect() as db:
        return await due_endpoints(db, busy=busy, now=now)


async def deliver(engine: Engine, *, endpoint_ids: Collection[UUID], post: Post, now: datetime) -> int:
    """Send some of what is due to these endpoints, and return how many deliveries were tried.

    Who is killed before the booking has perhaps sent what is sent again: at least once.
    """
    async with engine.begin() as db:
        taken = await take(db, endpoint_ids=endpoint_ids, now=now)
    if not taken:
        return 0
    answers = await asyncio.gather(*(post(posting_of(one, now=now)) for one in taken))
    answered_at = now + timedelta(milliseconds=max(answer.duration_ms for answer in answers))
    async with engine.begin() as db:
        await book(db, sent=[Sent(one, answer) for one, answer in zip(taken, answers, strict=True)], now=answered_at)
    return len(taken)


async def deliver_all_due(engine: Engine, *, post: Post, now: datetime) -> int:
    """Send all that is due at a moment, until nothing is; return how many tries that took."""
    tried = 0
    while due := await look_for_due(engine, busy=(), now=now):
        done = await deliver(engine, endpoint_ids=due, post=post, now=now)
        if not done:
            break
        tried += done
    return tried
