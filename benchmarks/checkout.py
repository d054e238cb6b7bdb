"""`python -m benchmarks.checkout`: whole guest checkouts as a storefront does them, each step its own request.

A cart is opened, three goods are put into it one by one, the address is given, the ways of delivery are asked for and
one is chosen, and it is paid and ordered. Statements are counted in a second, shorter round by other processes whose
sessions PostgreSQL logs: all that is sent, BEGIN and COMMIT too.
"""

import argparse
import asyncio
import random
import re
import sys
import time

import msgspec

from benchmarks import ceiling, harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue, chosen
from benchmarks.harness import House, Process, house
from benchmarks.measuring import MICROSECONDS, percentile
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import CartBuyer, CheckoutFailed
from benchmarks.wire import ConnectionLost, Wire

WARM_UP_S = 3.0
COUNTED_S = 3.0
MILLISECONDS = 1_000
SENT = re.compile(rb"\] LOG:  (?:execute|statement)")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the load generator shall do."""

    ports: list[int]
    key: str
    clients: int
    seconds: float
    skus: int
    seed: int


class Load(msgspec.Struct):
    """What it got. latencies_ms: of whole checkouts; slowest_ms: of single requests."""

    placed: int = 0
    requests: int = 0
    seconds: float = 0
    latencies_ms: list[float] = msgspec.field(default_factory=list)
    requests_ms: list[float] = msgspec.field(default_factory=list)
    errors: dict[str, int] = msgspec.field(default_factory=dict)


async def check_out(wish: Wish) -> Load:
    """Do checkouts until the time is over."""
    load, begun = Load(), time.perf_counter()
    await asyncio.gather(*(_client(wish, number, load, begun + wish.seconds) for number in range(wish.clients)))
    load.seconds = time.perf_counter() - begun
    return load


async def _client(wish: Wish, number: int, load: Load, until: float) -> None:
    chance = random.Random(f"{wish.seed}-{number}")
    wire = Wire(wish.ports[number % len(wish.ports)])
    count = 0
    while (begun := time.perf_counter()) < until:
        buyer = CartBuyer(wire, wish.key, f"{wish.seed}-{number}-{count}")
        try:
            await buyer.check_out(chosen(chance, wish.skus), one_by_one=True)
            load.placed += 1
            load.latencies_ms.append((time.perf_counter() - begun) * MILLISECONDS)
        except (CheckoutFailed, ConnectionLost) as problem:
            load.errors[str(problem)] = load.errors.get(str(problem), 0) + 1
        load.requests += len(buyer.requests_ms)
        load.requests_ms += buyer.requests_ms
        count += 1
    wire.close()


async def measure(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Warm up, measure, count: the figures, and notes on them."""
    seconds = min(WARM_UP_S, asked.seconds)
    wish = Wish(ports=one.ports, key=one.key, clients=asked.clients, seconds=seconds, skus=asked.skus, seed=0)
    tell("warming up")
    await apart(check_out, wish)
    await one.analyze()
    await one.checkpoint()
    tell("measuring")
    app_s, database_s = one.app_cpu_s(), one.database_cpu_s()
    load, load_s = await apart(check_out, msgspec.structs.replace(wish, seconds=asked.seconds, seed=1))
    app_s, database_s = one.app_cpu_s() - app_s, one.database_cpu_s() - database_s
    tell("counting statements")
    statements = await _statements(one, wish)
    placed = max(1, load.placed)
    figures: dict[str, object] = {
        "checkouts_per_s": round(load.placed / load.seconds, 1),
        "requests_per_checkout": round(load.requests / placed, 2),
        "p50_ms": round(percentile(load.latencies_ms, 0.5), 1),
        "p99_ms": round(percentile(load.latencies_ms, 0.99), 1),
        "cpu_ms": round((app_s + database_s) / placed * MILLISECONDS, 2),
        "statements_per_checkout": round(statements, 1),
    }
    notes: dict[str, object] = {
        "app_cpu_us": round(app_s / placed * MICROSECONDS),
        "db_cpu_us": round(database_s / placed * MICROSECONDS),
        "load_cpu_us": round(load_s / placed * MICROSECONDS),
        "request_p50_ms": round(percentile(load.requests_ms, 0.5), 1),
        "request_p99_ms": round(percentile(load.requests_ms, 0.99), 1),
        "errors": load.errors,
    }
    return figures, notes


async def _statements(one: House, wish: Wish) -> float:
    """Statements a checkout, by processes whose sessions PostgreSQL logs from their first statement on."""
    async with one.engine.connect() as db:
        await ceiling.log_statements(db, wanted=True)
    counted = [Process(one.folder, 90 + number, one.settings) for number in range(len(one.processes))]
    try:
        await asyncio.gather(*(process.start() for process in counted))
        begin = one.database_log.stat().st_size
        ports = [process.port for process in counted]
        load, _ = await apart(check_out, msgspec.structs.replace(wish, ports=ports, seconds=COUNTED_S, seed=2))
        await asyncio.sleep(0.5)
        with one.database_log.open("rb") as log:
            log.seek(begin)
            return sum(len(SENT.findall(line)) for line in log) / max(1, load.placed)
    finally:
        await asyncio.gather(*(process.stop() for process in counted))
        async with one.engine.connect() as db:
            await ceiling.log_statements(db, wanted=False)


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when a step of a checkout failed."""
    with progress("checkout", steps=4, is_quiet=asked.json) as tell:
        tell("building the catalogue")
        async with house(Catalogue(skus=asked.skus), settings={"BATUTA_WORKER": "false"}) as one:
            figures, notes = await measure(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    return 1 if notes["errors"] else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkout", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--skus", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
