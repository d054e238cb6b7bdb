"""Planning again with drafts in shadow: read, decided with no transaction of the house waiting, and kept."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.outage import outage
from batuta.rehearsal.commands import Compared, keep_compared
from batuta.rehearsal.commands.replaying import located, replay, with_draft
from batuta.rehearsal.domain import Recorded, Replayed
from batuta.rehearsal.queries import Pending, facts_of, pending_orders, recorded_at, shadows_in_force
from batuta.sourcing.domain.strategies import Strategies, read_strategy
from batuta.sourcing.queries import strategies, strategy_versions

ORDERS_AT_ONCE = 50
MOMENT_MAX = 500
"""Orders planned at one moment are planned again together, but not more than so many."""

_log = structlog.get_logger("batuta.shadow")


async def compare_pending(engine: Engine, *, now: datetime) -> int:
    """Plan the oldest orders that wait with the drafts in shadow, and keep the differences; return how many.

    An order with which that fails is left out, so that those behind it go on.
    """
    async with engine.connect() as db:
        pending = _first(await pending_orders(db, limit=MOMENT_MAX))
    if not pending:
        return 0
    compared = await _tried(engine, pending, now=now) or await _tried(engine, pending[:1], now=now)
    async with engine.begin() as db:
        return await keep_compared(db, compared=compared or _left_out(pending[:1]))


def _first(pending: Sequence[Pending]) -> list[Pending]:
    """The first of them, and all of the same moments."""
    return [one for one in pending if one.at <= pending[:ORDERS_AT_ONCE][-1].at]


async def _tried(engine: Engine, pending: Sequence[Pending], *, now: datetime) -> list[Compared] | None:
    try:
        async with engine.snapshot() as db:
            return await _compare(db, pending, now=now)
    except Exception as problem:
        # Whatever it is, the orders behind are planned; an outage of the database is waited for.
        if outage(problem):
            raise
        _log.exception("shadow_failed", orders=len(pending), order_id=str(pending[0].order_id))
        return None


async def _compare(db: Connection, pending: Sequence[Pending], *, now: datetime) -> list[Compared]:
    """Every order of the same moments is planned again, for each saw what those before it took; those pending count."""
    orders = await located(db, await recorded_at(db, {one.at for one in pending}))
    if len(orders) > MOMENT_MAX:
        ids = {one.order_id for one in pending}
        orders = [one for one in orders if one.request.order_id in ids]
    live = await _replayed(db, orders, await strategies(db), now=now)
    wanted: dict[UUID, set[UUID]] = defaultdict(set)
    for one in pending:
        wanted[one.shadow_id].add(one.order_id)
    versions = await strategy_versions(db)
    found = []
    for shadow in await shadows_in_force(db):
        if shadow.id in wanted:
            draft = read_strategy(shadow.document)
            assert not isinstance(draft, list), draft
            replayed, codes = await _replayed(db, orders, with_draft(versions, draft), now=now)
            found.append(
                Compared(
                    shadow_id=shadow.id,
                    order_ids=wanted[shadow.id],
                    recorded=orders,
                    live=live[0],
                    draft=replayed,
                    codes=codes,
                )
            )
    return found


async def _replayed(
    db: Connection, orders: Sequence[Recorded], rules: Strategies, *, now: datetime
) -> tuple[list[Replayed], Mapping[UUID, str]]:
    """Each moment by itself, on the stock as it was: the draft of a shadow never had a hand in it."""
    facts = await facts_of(db, orders, [rules], now=now)
    moments: dict[datetime, list[Recorded]] = defaultdict(list)
    for one in orders:
        moments[one.at].append(one)
    found = [again for at in sorted(moments) for again in await replay(db, moments[at], rules, facts)]
    return found, {one.id: one.code for one in facts.every.by_id.values()}


def _left_out(pending: Sequence[Pending]) -> list[Compared]:
    return [
        Compared(shadow_id=one.shadow_id, order_ids=[one.order_id], recorded=[], live=[], draft=[], codes={})
        for one in pending
    ]
