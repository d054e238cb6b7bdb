"""Many past orders: what a shop has after years.

Of two orders, each made by the house's own commands, all rows are copied by single statements. One lived in the house,
from the click to the door: the order, its lines and unit moves, its facts, entries, claims, movements, decisions,
parcels and messages. One was taken over closed, as most are of a shop that moved in: order, lines, money, goods.
Every law of the audit holds over both.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import create_engine
from benchmarks.copies import Original, copy_of, original_of
from benchmarks.harness import LASTING, House
from benchmarks.living import Life

LIVED_LINES, TAKEN_OVER_LINES = 1, 3
LIVED_PART = 0.05
LIVED_BEFORE = timedelta(days=2)
ORDERS_AT_ONCE = 25_000
SIDE_BY_SIDE = 2
LOADING = LASTING | {"session_replication_role": "replica", "synchronous_commit": "off"}
"""As when a dump is restored: foreign keys of copies are those of the orders that were made."""
LOADS = """
    INSERT INTO sourcing.load (location_id, begins_at, per, method, orders, lines, units, packages)
    SELECT location_id, begins_at, per, method, sum(orders), sum(lines), sum(units), sum(packages)
    FROM sourcing.capacity_hold
    CROSS JOIN LATERAL (VALUES ('day', day_at), ('hour', hour_at)) AS counted (per, begins_at)
    WHERE status IN ('held', 'confirmed') GROUP BY location_id, begins_at, per, method
"""
STOCK = """
    UPDATE inventory.stock s SET on_hand = moved.units FROM (
        SELECT sku_id, location_id, condition, lot, sum(units) AS units FROM (
            SELECT sku_id, source_location_id AS location_id, source_condition AS condition, lot, -quantity AS units
            FROM inventory.movement WHERE source_kind = 'location'
            UNION ALL
            SELECT sku_id, target_location_id, target_condition, lot, quantity
            FROM inventory.movement WHERE target_kind = 'location') AS sides
        GROUP BY sku_id, location_id, condition, lot) AS moved
    WHERE (s.sku_id, s.location_id, s.condition, s.lot)
        = (moved.sku_id, moved.location_id, moved.condition, moved.lot) AND s.on_hand <> moved.units
"""
KEEP_NUMBERS = """
    SELECT setval('ordering.order_number', last_value + CAST(:orders AS bigint) + 1) FROM ordering.order_number
"""


class Originals(msgspec.Struct, frozen=True, kw_only=True):
    """What is copied."""

    lived: Original
    taken_over: Original


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What it took."""

    orders: int
    lived: int
    rows: int
    seconds: float
    bytes: int


async def make_originals(one: House, *, skus: int, orders: int) -> Originals:
    """Let one order live and take one over, some time ago; nothing else may happen in the house meanwhile.

    orders: how many there shall be before them, whose numbers are kept for them.
    """
    async with one.engine.connect() as db:
        await db.execute(text(KEEP_NUMBERS), {"orders": orders})
    placed_at = datetime.now(UTC).replace(microsecond=0) - LIVED_BEFORE
    life = Life(one.engine, now=placed_at)
    await life.rest()
    taken_over = await original_of(one, life.take_over, name="past-90000000", lines=TAKEN_OVER_LINES, catalogue=skus)
    lived = await original_of(one, life.live, name="past-00000000", lines=LIVED_LINES, catalogue=skus)
    return Originals(lived=lived, taken_over=taken_over)


async def load_past(one: House, originals: Originals, *, orders: int) -> Loaded:
    """Put so many orders into the past, those that lived here the latest: what it took, with the disk."""
    begun, before = time.perf_counter(), await _bytes(one)
    lived = max(1, round(orders * LIVED_PART))
    statements = iter([*_statements(originals.taken_over, lived + 1, orders), *_statements(originals.lived, 1, lived)])
    engine = create_engine(one.server.url, pool_size=SIDE_BY_SIDE, settings=LOADING)

    async def load() -> None:
        for statement in statements:
            async with engine.begin() as db:
                await db.run_script(statement)

    try:
        await asyncio.gather(*(load() for _ in range(SIDE_BY_SIDE)))
        async with engine.begin() as db:
            for statement in (STOCK, "DELETE FROM sourcing.load", LOADS):
                await db.run_script(statement)
        # What grew over years has been vacuumed many times; of what was loaded just now nothing has.
        async with engine.connect() as db:
            await db.run_script("VACUUM (FREEZE, ANALYZE)")
    finally:
        await engine.dispose()
    await one.checkpoint()
    return Loaded(
        orders=orders,
        lived=lived,
        rows=lived * originals.lived.rows + (orders - lived) * originals.taken_over.rows,
        seconds=time.perf_counter() - begun,
        bytes=await _bytes(one) - before,
    )


def _statements(original: Original, first: int, last: int) -> list[str]:
    """The oldest orders first, and tables in turn, so that sessions side by side seldom write to the same."""
    parts = [(begin, min(last, begin + ORDERS_AT_ONCE - 1)) for begin in range(first, last + 1, ORDERS_AT_ONCE)]
    return [copy_of(original, name, first=a, last=b) for a, b in reversed(parts) for name in original.tables]


async def _bytes(one: House) -> int:
    async with one.engine.connect() as db:
        return int(await db.scalar(text("SELECT pg_database_size(current_database())")))
