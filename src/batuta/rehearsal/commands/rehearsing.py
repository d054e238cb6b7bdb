"""Trying a draft on the orders of a period."""

from datetime import datetime

from batuta.plumbing.database import Connection
from batuta.rehearsal.commands.replaying import located, replay, with_draft
from batuta.rehearsal.domain import BadPeriod, Rehearsal, report
from batuta.rehearsal.queries import facts_of, recorded_orders
from batuta.sourcing.domain.strategies import Strategy
from batuta.sourcing.queries import strategies, strategy_versions


async def rehearse(
    db: Connection, *, draft: Strategy, from_at: datetime, until_at: datetime, now: datetime
) -> Rehearsal:
    """Plan the orders of a period again, by the live strategies and with the draft among them, and compare (SRC-13).

    The draft takes the place of the strategy of its code, and is in force all the time. Nothing is written, so `db`
    may be one that only reads; it sees one moment if it is a snapshot.

    Raises:
        BadPeriod: it ends before it begins.
    """
    if from_at >= until_at:
        raise BadPeriod("a period begins before it ends", from_at=from_at.isoformat(), until_at=until_at.isoformat())
    live = await strategies(db)
    tried_out = with_draft(await strategy_versions(db), draft)
    orders, left_out = await recorded_orders(db, from_at=from_at, until_at=until_at)
    orders = await located(db, orders)
    before = await replay(db, orders, live, await facts_of(db, orders, [live], now=now))
    facts = await facts_of(db, orders, [tried_out], now=now)
    after = await replay(db, orders, tried_out, facts)
    codes = {one.id: one.code for one in facts.every.by_id.values()}
    return report(orders, before, after, codes, left_out=left_out)
