"""Pools of orders: read, planned with no transaction open, and carried out under locks (SRC-04)."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.orchestration.commands.sourcing import plan_and_offer_orders, requests_of
from batuta.plumbing.database import Engine
from batuta.sourcing.commands import Together, end_pools, read_pools, settle_pools
from batuta.sourcing.domain.pooling import Waiting
from batuta.sourcing.domain.together import plan_together

SECONDS = 10.0
"""How long a pool is planned at most; what is there by then is carried out."""


async def plan_pools(engine: Engine, payloads: Sequence[bytes], *, now: datetime) -> list[BaseException | None]:
    """Plan pools of orders and offer them to their locations; an order that was planned meanwhile stays as it is."""
    for payload in payloads:
        await plan_pool(engine, msgspec.json.decode(payload, type=list[UUID]), now=now)
    return [None] * len(payloads)


async def plan_pool(engine: Engine, order_ids: Sequence[UUID], *, now: datetime, seconds: float = SECONDS) -> None:
    """Plan orders together: what others take while the solver works is planned in turn."""
    async with engine.begin() as db:
        waiting = await read_pools(db, requests=await requests_of(db, order_ids), now=now)
    together = [await asyncio.to_thread(_solve, one, seconds) for one in waiting]
    async with engine.begin() as db:
        requests = await requests_of(db, order_ids)
        preset = await settle_pools(db, together=together, requests=requests, now=now)
        await plan_and_offer_orders(db, order_ids, now=now, preset=preset)
        await end_pools(db, order_ids=order_ids)


def _solve(waiting: Waiting, seconds: float) -> Together:
    begun = time.monotonic()
    plan = plan_together(waiting.pool, lambda: begun + seconds - time.monotonic())
    return Together(waiting=waiting, plan=plan, milliseconds=round((time.monotonic() - begun) * 1_000))
