"""`python -m benchmarks.torture`: full load while processes and PostgreSQL are killed, and nothing said is lost.

Buyers, cancellers, stock feeds, transfers, counts, receipts (some with lots), snapshots of tills, builders of kits and
recalls of lots ask until they are answered and write down what was acknowledged.
A seed decides when a process of batuta, PostgreSQL's first process or one of its sessions gets kill -9. Afterwards each
line of the list is looked for, by GET and by SQL, and the house is audited.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import DatabaseError
from benchmarks import harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue, receive
from benchmarks.harness import House, NotReady, Process, house, lasting
from benchmarks.persisting import NoAnswer, Persistent
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import headers_of
from benchmarks.supplying import EXTRA_SKUS, lost_supplies, prepare, torment
from benchmarks.tormenting import Acknowledged, Torment

OK = 200
READERS = 16
SETTLED_WITHIN_S = 300
SECONDS_PER_KILL = 7.0
KILLS_MIN = 2
SCARCE_UNITS = 10
AFTER_COUNTING = {"open": ("counted", "posted", "cancelled"), "counted": ("open", "posted", "cancelled")}

FOUND_ORDERS = "SELECT id::text || ' ' || number FROM ordering.\"order\" WHERE id = ANY(CAST(:ids AS uuid[]))"
FOUND_CANCELS = """
    SELECT DISTINCT order_id::text FROM ordering.line WHERE order_id = ANY(CAST(:ids AS uuid[])) AND cancelled > 0
    UNION SELECT DISTINCT stream::text FROM plumbing.event
    WHERE stream = ANY(CAST(:ids AS uuid[])) AND type IN ('ordering.cancellation_asked', 'ordering.units_cancelled')
"""
FOUND_STEPS = """
    SELECT transfer_id::text || ' ' || status FROM inventory.transfer_step
    WHERE transfer_id = ANY(CAST(:ids AS uuid[]))
"""
FOUND_COUNTS = "SELECT id::text || ' ' || status FROM inventory.stock_count WHERE id = ANY(CAST(:ids AS uuid[]))"
OVERSOLD = """
    SELECT coalesce(sum(s.reserved - s.on_hand), 0)
    FROM inventory.stock s LEFT JOIN inventory.lot l ON l.sku_id = s.sku_id AND l.code = s.lot
    WHERE s.reserved > s.on_hand AND l.recalled_at IS NULL
"""
DOUBLE_CAPTURED = """
    SELECT count(*) FROM payments.payment p LEFT JOIN payments_test_provider.charge c ON c.id = p.id
    WHERE coalesce(c.captured_minor, 0) > p.amount_minor OR p.amount_minor < (
            SELECT coalesce(sum(e.amount_minor), 0) FROM payments.entry e
            WHERE e.payment_id = p.id AND e.kind = 'capture')
        OR 1 < (SELECT count(DISTINCT o.instruction_id) FROM payments_test_provider.operation o
            WHERE o.charge_id = p.id AND o.kind IN ('pay', 'capture') AND o.result IN ('captured', 'paid'))
"""
TWICE = """
    SELECT count(*) FROM (SELECT external_id FROM ordering."order" GROUP BY channel_id, external_id
        HAVING count(*) > 1) AS twice
"""
UNSETTLED = """
    SELECT count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM payments.entry e WHERE e.order_id = o.id AND e.kind <> 'due'))
        + (SELECT count(*) FROM payments.instruction WHERE status = 'pending') FROM ordering."order" o
"""


class Kills(msgspec.Struct):
    """What was killed."""

    processes: int = 0
    postgres: int = 0


async def kill_by_chance(one: House, *, seconds: float, seed: int) -> Kills:
    """Kill so many times in these seconds, PostgreSQL every other time, and start again what does not by itself."""
    chance, kills = random.Random(seed), Kills()
    times = max(KILLS_MIN, round(seconds / SECONDS_PER_KILL))
    begun = time.monotonic()
    restarts: list[asyncio.Task[None]] = []
    for number in range(times):
        at = begun + seconds * (number + chance.uniform(0.2, 0.8)) / times
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        if number % 2 == 0:
            await _kill_postgres(one, chance)
            kills.postgres += 1
        else:
            process = chance.choice(one.processes)
            await process.kill()
            restarts.append(asyncio.create_task(_start_again(process, one)))
            kills.processes += 1
    await asyncio.gather(*restarts)
    return kills


async def _start_again(process: Process, one: House) -> None:
    # A process that finds no database when it starts ends; so it is started when there is one.
    await one.wait_for_database()
    await process.launch()


async def _kill_postgres(one: House, chance: random.Random) -> None:
    """Kill the first process of PostgreSQL, or one session, whose end ends all sessions."""
    await one.wait_for_database()
    if chance.random() < 0.5:
        one.kill_database()
        return
    async with one.engine.connect() as db:
        pids = await db.scalars(
            text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        )
    os.kill(chance.choice(sorted(pids)), signal.SIGKILL)


async def recover(one: House) -> None:
    """Return when everything runs and the score has followed what was placed."""
    await one.wait_for_database()
    for process in one.processes:
        try:
            await process.wait_until_ready()
        except NotReady:
            await process.start()
    until = time.monotonic() + SETTLED_WITHIN_S
    while time.monotonic() < until:
        try:
            async with one.engine.connect() as db:
                if not await db.scalar(text(UNSETTLED)):
                    return
        except (*DatabaseError, OSError):
            await one.wait_for_database()
        await asyncio.sleep(0.5)


async def lost_of(one: House, acknowledged: Sequence[Acknowledged]) -> list[Acknowledged]:
    """What was acknowledged and is not there, by SQL or by GET."""
    orders = [done for done in acknowledged if done.kind == "order"]
    cancels = [done for done in acknowledged if done.kind == "cancel"]
    movements = [done for done in acknowledged if done.kind == "movement"]
    steps = [done for done in acknowledged if done.kind == "transfer"]
    counts = [done for done in acknowledged if done.kind == "count"]
    async with one.engine.connect() as db:
        stepped = set(await db.scalars(text(FOUND_STEPS), {"ids": [done.id for done in steps]}))
        counted = set(await db.scalars(text(FOUND_COUNTS), {"ids": [done.id for done in counts]}))
        by_sql = set(await db.scalars(text(FOUND_ORDERS), {"ids": [done.id for done in orders]}))
        cancelled = set(await db.scalars(text(FOUND_CANCELS), {"ids": [done.id for done in cancels]}))
        keys = set(await db.scalars(text("SELECT key FROM inventory.movement")))
    moved = {key.rpartition(":")[2] for key in keys}
    by_get = await _found_by_get(one, orders)
    return [
        *(done for done in orders if f"{done.id} {done.number}" not in by_sql or done.id not in by_get),
        *(done for done in cancels if done.id not in cancelled),
        *(done for done in movements if done.name not in moved),
        *(done for done in steps if f"{done.id} {done.number}" not in stepped),
        *(done for done in counts if not counted & _statuses(done)),
        *await lost_supplies(one, acknowledged),
    ]


def _statuses(done: Acknowledged) -> set[str]:
    """As what an acknowledged count may stand in the database."""
    return {f"{done.id} {status}" for status in (done.number, *AFTER_COUNTING.get(done.number, ()))}


async def _found_by_get(one: House, orders: Sequence[Acknowledged]) -> set[str]:
    """The orders that the house shows, with the number that was acknowledged."""
    found: set[str] = set()
    left = iter(orders)

    async def read(number: int) -> None:
        client = Persistent(one.ports, first=number)
        for done in left:
            try:
                answer = await client.ask("GET", f"/api/orders/{done.id}", headers_of(one.key))
            except NoAnswer:
                continue
            if answer.status == OK and msgspec.json.decode(answer.body)["order"]["number"] == done.number:
                found.add(done.id)
        client.close()

    await asyncio.gather(*(read(number) for number in range(READERS)))
    return found


async def torture(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Torment, recover, compare: the figures, and notes on them."""
    scarce = asked.skus // 2
    cells = [(sku, place, SCARCE_UNITS) for sku in range(scarce) for place in range(asked.locations)]
    ample = [(sku, place, 1_000_000) for sku in range(scarce, asked.skus) for place in range(asked.locations)]
    async with one.engine.begin() as db:
        await receive(db, cells + ample, now=datetime.now(UTC))
    await prepare(one, skus=asked.skus, scarce=scarce)
    path = one.folder / "acknowledged.jsonl"
    wish = Torment(
        ports=one.ports,
        key=one.key,
        seconds=asked.seconds,
        seed=asked.seed,
        skus=asked.skus,
        scarce=scarce,
        locations=asked.locations,
        buyers=asked.clients,
        cancellers=max(1, asked.clients // 8),
        feeders=max(1, asked.clients // 16),
        movers=max(1, asked.clients // 16),
        carriers=max(1, asked.clients // 8),
        counters=max(1, asked.clients // 16),
        list_path=str(path),
    )
    tell("tormenting")
    (told, _), kills = await asyncio.gather(
        apart(torment, wish), kill_by_chance(one, seconds=asked.seconds, seed=asked.seed)
    )
    tell("recovering")
    await recover(one)
    tell("comparing")
    acknowledged = await asyncio.to_thread(_read, path)
    lost = await lost_of(one, acknowledged)
    await one.analyze()
    async with lasting(one.server.url) as engine, engine.connect() as db:
        counted = {
            name: int(await db.scalar(text(sql)) or 0)
            for name, sql in (
                ("oversold", OVERSOLD),
                ("double", DOUBLE_CAPTURED),
                ("twice", TWICE),
                ("unsettled", UNSETTLED),
            )
        }
    tell("auditing")
    broken = await one.broken_laws()
    figures: dict[str, object] = {
        "acknowledged": len(acknowledged),
        "found": len(acknowledged) - len(lost),
        "lost": len(lost),
        "oversold": counted["oversold"],
        "double_captured": counted["double"],
        "kills": kills.processes + kills.postgres,
        "postgres_kills": kills.postgres,
        "audit_ok": not broken,
    }
    notes: dict[str, object] = {
        "seed": asked.seed,
        "acknowledged": dict(Counter(done.kind for done in acknowledged)),
        "orders_twice": counted["twice"],
        "orders_not_settled": counted["unsettled"],
        "refused": told.refused,
        "connections_lost": told.lost,
        "asked_to_come_again": told.turned_away,
        "errors": told.errors,
        "lost": [msgspec.to_builtins(done) for done in lost[:20]],
        "broken_laws": [msgspec.to_builtins(verdict) for verdict in broken],
    }
    return figures, notes


def _read(path: Path) -> list[Acknowledged]:
    return [msgspec.json.decode(line, type=Acknowledged) for line in path.read_bytes().splitlines()]


async def run(asked: argparse.Namespace) -> tuple[dict[str, object], dict[str, object]]:
    """Torture a house of its own and report."""
    with progress("torture", steps=5, is_quiet=asked.json) as tell:
        tell("building the shop")
        catalogue = Catalogue(skus=asked.skus + EXTRA_SKUS, locations=asked.locations, units=0)
        async with house(catalogue) as one:
            figures, notes = await torture(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    return figures, notes


def is_right(figures: dict[str, object], notes: dict[str, object]) -> bool:
    """Whether nothing was lost, sold twice or taken twice, and nobody was told of a bug."""
    zeros = (figures["lost"], figures["oversold"], figures["double_captured"], notes["orders_twice"], notes["errors"])
    return not any(zeros) and bool(figures["audit_ok"])


def main() -> None:
    """Read the arguments and run; 1 when anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=32, help="buyers; there are fewer of the others")
    parser.add_argument("--skus", type=int, default=200)
    parser.add_argument("--locations", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(0 if is_right(*harness.run(run(parser.parse_args()))) else 1)


if __name__ == "__main__":
    main()
