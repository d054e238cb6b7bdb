"""Pools of orders: read, planned with no transaction open, and carried out under locks (SRC-04)."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.orchestration.commands.replanning import OpenOffers, open_offers, watch_offers, withdraw_offers
from batuta.orchestration.commands.sourcing import plan_and_offer_orders, requests_of
from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.commands import Together, end_pools, read_pools, settle_pools
from batuta.sourcing.domain import SourcingRequest
from batuta.sourcing.domain.pooling import Waiting
from batuta.sourcing.domain.pools.together import plan_together
from batuta.sourcing.domain.search.candidates import Placement

SECONDS = 10.0
"""How long a pool is planned at most; what is there by then is carried out."""


async def plan_pools(engine: Engine, payloads: Sequence[bytes], *, now: datetime) -> list[BaseException | None]:
    """Plan pools of orders and offer them to their locations; an order that was planned meanwhile stays as it is."""
    for payload in payloads:
        await plan_pool(engine, msgspec.json.decode(payload, type=list[UUID]), now=now)
    return [None] * len(payloads)


async def plan_pool(engine: Engine, order_ids: Sequence[UUID], *, now: datetime, seconds: float = SECONDS) -> None:
    """Plan orders together: what others take while the solver works is planned in turn.

    What was offered and nobody accepted is looked at as if it had been withdrawn, and is withdrawn if it is moved.
    """
    async with engine.begin() as db:
        offers = await open_offers(db, order_ids, now=now)
        waiting = await _read(db, order_ids, offers, now=now)
    together = [await asyncio.to_thread(_solve, one, seconds) for one in waiting]
    async with engine.begin() as db:
        preset = await _settle(db, together, order_ids, now=now)
        await plan_and_offer_orders(db, order_ids, now=now, preset=preset)
        await end_pools(db, order_ids=order_ids)
        await watch_offers(db, order_ids, now=now)


async def _read(
    db: Connection, order_ids: Sequence[UUID], offers: Mapping[UUID, OpenOffers], *, now: datetime
) -> list[Waiting]:
    savepoint = db.savepoint()
    await savepoint.start()
    await withdraw_offers(db, offers, now=now)
    stands = {order_id: one.stands for order_id, one in offers.items()}
    waiting = await read_pools(db, requests=_one_way(await requests_of(db, order_ids)), now=now, stands=stands)
    await (savepoint.rollback() if offers else savepoint.commit())
    return waiting


async def _settle(
    db: Connection, together: Sequence[Together], order_ids: Sequence[UUID], *, now: datetime
) -> Mapping[UUID, Placement]:
    """Withdraw what is moved; all of it can go where it was planned, or none of it is touched."""
    offers = await open_offers(db, [order_id for one in together for order_id in one.moved], now=now)
    savepoint = db.savepoint()
    await savepoint.start()
    await withdraw_offers(db, offers, now=now)
    preset = await settle_pools(db, together=together, requests=_one_way(await requests_of(db, order_ids)), now=now)
    if offers.keys() <= preset.keys():
        await savepoint.commit()
        return preset
    await savepoint.rollback()
    return await settle_pools(db, together=together, requests=_one_way(await requests_of(db, order_ids)), now=now)


def _one_way(requests: Sequence[SourcingRequest]) -> list[SourcingRequest]:
    """Orders that go several ways are planned in turn."""
    ways = Counter(one.order_id for one in requests)
    return [one for one in requests if ways[one.order_id] == 1]


def _solve(waiting: Waiting, seconds: float) -> Together:
    begun = time.monotonic()
    plan = plan_together(waiting.pool, lambda: begun + seconds - time.monotonic())
    return Together(waiting=waiting, plan=plan, milliseconds=round((time.monotonic() - begun) * 1_000))
