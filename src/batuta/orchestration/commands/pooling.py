"""Orders that wait a little, so that those who want the same goods are planned together."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from batuta.company.domain import Channel
from batuta.ordering.domain import Order
from batuta.plumbing import jobs
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import Pooled, add_to_pools, begin_pools

PLAN_POOLS = "orchestration.plan_pools"


async def wait_in_pools(
    db: Connection, *, orders: Iterable[Order], channels: Mapping[UUID, Channel], now: datetime
) -> set[UUID]:
    """Let orders of channels that have pools wait in them; return which."""
    waiting = [
        Pooled(order_id=one.id, channel_id=one.channel_id, due_at=now + timedelta(minutes=minutes))
        for one in orders
        if (minutes := channels[one.channel_id].policies.pool_minutes)
    ]
    if waiting:
        await add_to_pools(db, orders=waiting, now=now)
    return {one.order_id for one in waiting}


async def begin_due_pools(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: have pools planned whose oldest order waited long enough; the solver works with no transaction open."""
    del limit
    order_ids = await begin_pools(db, now=now)
    if order_ids:
        key = f"{order_ids[0]}:{now.isoformat()}"
        await jobs.enqueue(db, [jobs.Job(entrypoint=PLAN_POOLS, key=key, payload=order_ids)])
    return len(order_ids)
