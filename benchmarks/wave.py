"""`python -m benchmarks.wave`: how long 500 orders take through the score, from placed to offered to their locations.

One process of batuta over HTTP, its worker at work all the time. A wave is one call of the NDJSON route; its orders are
authorised, accepted, planned and offered by the score. What is measured is seen from outside, in the database:
from the first order of the wave that is accepted to the last one that is offered (`accepted_to_offered_s`), and from
the answer to the call to then (`placed_to_offered_s`).
"""

import argparse
import asyncio
import random
import sys
import time

import msgspec
from sqlalchemy import TextClause, text

from batuta.plumbing.database import Connection
from benchmarks import harness
from benchmarks.catalogue import Catalogue, chosen
from benchmarks.harness import House, house
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import headers_of, order_body
from benchmarks.wire import Wire

ROUNDS = 3
LINES = 3
ORDERS_A_CALL = 500
OFFERED_WITHIN_S = 120
LOOK_EVERY_S = 0.005
OK = 200
_ACCEPTED = text("SELECT count(*) FROM ordering.\"order\" WHERE status NOT IN ('placed', 'cancelled', 'expired')")
_OFFERED = text("SELECT count(DISTINCT order_id) FROM fulfillment.fulfillment_order")
_SHIPMENTS = text("SELECT count(*) FROM fulfillment.fulfillment_order")


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """What one wave took. offered: orders of it that locations were asked for within the time."""

    accepted_s: float
    accepted_to_offered_s: float
    placed_to_offered_s: float
    offered: int
    app_cpu_s: float
    database_cpu_s: float


class NotPlaced(RuntimeError):
    """An order of the wave was refused."""


async def roll(one: House, asked: argparse.Namespace, number: int) -> Wave:
    """Place the orders of a wave, and see them offered."""
    async with one.engine.connect() as db:
        before, offered_before = await _count(db, _ACCEPTED), await _count(db, _OFFERED)
        app_s, database_s = one.app_cpu_s(), one.database_cpu_s()
        await place(one, asked, number)
        placed_at = time.perf_counter()
        until = placed_at + OFFERED_WITHIN_S
        await _grown(db, _ACCEPTED, above=before, until=until)
        accepted_at = time.perf_counter()
        offered = await _grown(db, _OFFERED, above=offered_before + asked.orders - 1, until=until) - offered_before
        offered_at = time.perf_counter()
    return Wave(
        accepted_s=accepted_at - placed_at,
        accepted_to_offered_s=offered_at - accepted_at,
        placed_to_offered_s=offered_at - placed_at,
        offered=offered,
        app_cpu_s=one.app_cpu_s() - app_s,
        database_cpu_s=one.database_cpu_s() - database_s,
    )


async def place(one: House, asked: argparse.Namespace, number: int) -> None:
    """Place the orders of a wave by as few calls as the route takes.

    Raises:
        NotPlaced: one was refused.
    """
    chance = random.Random(f"{asked.seed}-{number}")
    bodies = [
        order_body([(sku, 1) for sku in chosen(chance, asked.skus, lines=LINES)], external_id=f"wave-{number}-{i}")
        for i in range(asked.orders)
    ]
    wire = Wire(one.ports[0])
    typed = "Content-Type: application/x-ndjson\r\n"
    for begin in range(0, len(bodies), ORDERS_A_CALL):
        headers = headers_of(one.key, idempotency_key=f"wave-{number}-{begin}", more=typed)
        some = bodies[begin : begin + ORDERS_A_CALL]
        answer = await wire.ask("POST", "/api/orders/batch", headers, b"\n".join(some))
        refused = [line for line in answer.body.splitlines() if b'"number"' not in line]
        if answer.status != OK or refused:
            raise NotPlaced(f"{answer.status}: {(refused or [answer.body])[0][:300]!r}")
    wire.close()


async def _grown(db: Connection, counting: TextClause, *, above: int, until: float) -> int:
    """Look again and again until there are more than so many, or the time is over; return how many there are."""
    while True:
        found = await _count(db, counting)
        if found > above or time.perf_counter() > until:
            return found
        await asyncio.sleep(LOOK_EVERY_S)


async def _count(db: Connection, counting: TextClause) -> int:
    return int(await db.scalar(counting) or 0)


async def measure(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """One wave to warm up, then those that count: the figures, of the slowest, and notes on them."""
    tell("warming up")
    await roll(one, asked, 0)
    await one.analyze()
    waves = []
    for number in range(1, ROUNDS + 1):
        tell(f"wave {number}")
        await one.checkpoint()
        waves.append(await roll(one, asked, number))
    tell("auditing")
    broken = await one.broken_laws()
    async with one.engine.connect() as db:
        shipments, orders = await _count(db, _SHIPMENTS), await _count(db, _OFFERED)
    figures: dict[str, object] = {
        "orders": asked.orders,
        "locations": asked.locations,
        "accepted_to_offered_s": round(max(wave.accepted_to_offered_s for wave in waves), 2),
        "placed_to_offered_s": round(max(wave.placed_to_offered_s for wave in waves), 2),
        "app_cpu_s": round(max(wave.app_cpu_s for wave in waves), 2),
        "db_cpu_s": round(max(wave.database_cpu_s for wave in waves), 2),
        "not_offered": sum(asked.orders - wave.offered for wave in waves),
        "laws_broken": len(broken),
    }
    notes: dict[str, object] = {
        "waves_accepted_to_offered_s": [round(wave.accepted_to_offered_s, 2) for wave in waves],
        "waves_placed_to_offered_s": [round(wave.placed_to_offered_s, 2) for wave in waves],
        "shipments_per_order": round(shipments / max(1, orders), 2),
        "broken": [verdict.law for verdict in broken],
    }
    return figures, notes


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when an order was not offered, or a law is broken."""
    catalogue = Catalogue(skus=asked.skus, locations=asked.locations, units=asked.units)
    with progress("wave", steps=3 + ROUNDS, is_quiet=asked.json) as tell:
        tell("building the catalogue")
        async with house(catalogue, processes=1, settings={"BATUTA_WORKER": "true"}) as one:
            figures, notes = await measure(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    return 1 if figures["not_offered"] or figures["laws_broken"] else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wave", description=__doc__)
    parser.add_argument("--orders", type=int, default=500, help="of a wave")
    parser.add_argument("--skus", type=int, default=500)
    parser.add_argument("--locations", type=int, default=40)
    parser.add_argument("--units", type=int, default=100, help="of each SKU at each location")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
