"""Taking from rate limits, which all processes share."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Interval, bindparam, text

from batuta.identity.domain import Allowance
from batuta.kernel.errors import TooMany
from batuta.plumbing.database import Connection, Instant

_take = text("""
    INSERT INTO identity.allowance AS held (name, until_at) VALUES (:name, :now + :cost)
    ON CONFLICT (name) DO UPDATE SET until_at = greatest(held.until_at, :now) + :cost
    WHERE greatest(held.until_at, :now) + :cost <= :now + :lead
    RETURNING until_at
""").bindparams(
    bindparam("now", type_=Instant), bindparam("cost", type_=Interval()), bindparam("lead", type_=Interval())
)
_until = text("SELECT until_at FROM identity.allowance WHERE name = :name")
_give_back = text("UPDATE identity.allowance SET until_at = until_at - :cost WHERE name = :name").bindparams(
    bindparam("cost", type_=Interval())
)


async def take(db: Connection, allowance: Allowance, *, refusal: type[TooMany], now: datetime, units: int = 1) -> None:
    """Take from an allowance, in the caller's transaction; what is rolled back was not taken.

    Raises:
        TooMany: as `refusal`, with the seconds to wait; nothing was taken.
    """
    asked = {"name": allowance.name, "now": now, "cost": units * allowance.each, "lead": allowance.window}
    if await db.scalar(_take, asked) is not None:
        return
    until_at: datetime = await db.scalar(_until, {"name": allowance.name}) or now
    wait_s = allowance.wait_s(until_at, now=now)
    raise refusal(f"too many: try again in {wait_s} s", retry_after_s=wait_s)


async def give_back(db: Connection, allowances: Sequence[Allowance]) -> None:
    """Give one of each back, in the order in which they were taken."""
    for one in allowances:
        await db.execute(_give_back, {"name": one.name, "cost": one.each})


async def forget_allowances(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete allowances that nobody has used up for a day."""
    gone = text("""
        DELETE FROM identity.allowance WHERE name IN (
            SELECT name FROM identity.allowance WHERE until_at < :before LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING name
    """).bindparams(bindparam("before", type_=Instant))
    return len((await db.execute(gone, {"before": now - timedelta(days=1), "limit": limit})).all())
