"""Much stock and many past orders, put into the database by single statements: what a shop has after years.

The rows are those that the rooms' own commands would have written, and every law of the audit holds over them.
"""

import time

from sqlalchemy import text

from benchmarks.catalogue import ACTOR, FIRST_SKU
from benchmarks.harness import House, lasting

LOAD_STOCK = f"""
    INSERT INTO inventory.movement (key, sku_id, quantity, source_kind, target_kind, target_location_id,
        target_condition, lot, reason, document_id, actor, effective_at, recorded_at)
    SELECT 'opening:' || n || ':' || l.code, ({FIRST_SKU} + n || '-0000-7000-8000-000000000000')::uuid,
        1 + (n * 7 + row_number) % CAST(:spread AS integer), 'supplier', 'location', l.id, 'sellable', '', 'receipt',
        l.id, '{ACTOR}',
        '2026-01-01', '2026-01-01'
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n,
        (SELECT id, code, row_number() OVER (ORDER BY code) FROM locations.location) l
"""
OPEN_ROWS = """
    INSERT INTO inventory.stock (sku_id, location_id, condition, lot, on_hand, reserved, safety)
    SELECT sku_id, target_location_id, 'sellable', '', quantity, 0, 0
    FROM inventory.movement WHERE sku_id BETWEEN :first AND :last AND reason = 'receipt'
    ORDER BY sku_id, target_location_id
"""
SKUS_AT_ONCE = 2_000


async def load_stock(one: House, *, skus: int, spread: int = 60) -> float:
    """Receive up to `spread` units of every SKU at every location; return the seconds it took."""
    begun = time.perf_counter()
    async with lasting(one.server.url) as engine:
        for first in range(0, skus, SKUS_AT_ONCE):
            last = min(skus, first + SKUS_AT_ONCE) - 1
            ids = [f"{FIRST_SKU + number}-0000-7000-8000-000000000000" for number in (first, last)]
            async with engine.begin() as db:
                await db.execute(text(LOAD_STOCK), {"first": first, "last": last, "spread": spread})
                await db.execute(text(OPEN_ROWS.replace(":first", f"'{ids[0]}'").replace(":last", f"'{ids[1]}'")), {})
    return time.perf_counter() - begun
