"""`python -m benchmarks.orders`: orders a second, one call each, against pgbench running the same statements.

Three rounds of each in turn on one warm database; the medians are compared. The worker rests while orders are
measured: what the score does afterwards (authorisation, sourcing, offers) is measured on its own, on the orders of the
warm-up, and each of them must come out authorised. `--worker` lets it work meanwhile.
"""

import argparse
import asyncio
import random
import sys
import time
from statistics import median

import msgspec
from sqlalchemy import text

from benchmarks import ceiling, harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue, chosen
from benchmarks.harness import House, Process, house
from benchmarks.measuring import MICROSECONDS, grown, percentile, row_counts
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import headers_of, order_body
from benchmarks.wire import ConnectionLost, Wire

ROUNDS = 3
LINES = 3
WARM_UP_S = 3.0
CREATED = 201
OK = 200
RECORDED = 8
RECORDED_FROM = 90_000_000
CEILING_FROM = 20_000_000
SCORE_WITHIN_S = 300
BATCH_LINES = 500
AUTHORISED = """
    SELECT count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM payments.entry e WHERE e.order_id = o.id AND e.kind = 'authorise')) FROM ordering."order" o
"""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the load generator shall do. batch: so many orders a call by the NDJSON route; 0: one call each."""

    ports: list[int]
    key: str
    clients: int
    seconds: float
    skus: int
    seed: int
    batch: int = 0
    is_hot: bool = False


class Load(msgspec.Struct):
    """What it got."""

    placed: int = 0
    seconds: float = 0
    latencies_ms: list[float] = msgspec.field(default_factory=list)
    others: dict[str, int] = msgspec.field(default_factory=dict)

    def note(self, other: str) -> None:
        self.others[other] = self.others.get(other, 0) + 1


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One measured round, of batuta."""

    orders_per_s: float
    load: Load
    app_us: float
    database_us: float
    load_us: float
    rows: float


async def place_orders(wish: Wish) -> Load:
    """Place orders until the time is over; every client waits for its answer before it asks again."""
    load = Load()
    begun = time.perf_counter()
    until = begun + wish.seconds
    await asyncio.gather(*(_client(wish, number, load, until) for number in range(wish.clients)))
    load.seconds = time.perf_counter() - begun
    return load


async def _client(wish: Wish, number: int, load: Load, until: float) -> None:
    chance = random.Random(f"{wish.seed}-{number}")
    wire = Wire(wish.ports[number % len(wish.ports)])
    count = 0
    while (begun := time.perf_counter()) < until:
        try:
            if wish.batch:
                await _ask_batch(wire, wish, chance, load, f"{wish.seed}-{number}-{count}")
            else:
                await _ask_one(wire, wish, chance, load, f"{wish.seed}-{number}-{count}")
        except ConnectionLost as problem:
            load.note(f"lost: {problem}")
            await asyncio.sleep(0.1)
        load.latencies_ms.append((time.perf_counter() - begun) * 1_000)
        count += 1
    wire.close()


async def _ask_one(wire: Wire, wish: Wish, chance: random.Random, load: Load, name: str) -> None:
    body = order_body(_lines(wish, chance), external_id=name)
    answer = await wire.ask("POST", "/api/orders", headers_of(wish.key, idempotency_key=name), body)
    if answer.status == CREATED:
        load.placed += 1
    else:
        load.note(f"{answer.status}: {answer.body[:200]!r}")


async def _ask_batch(wire: Wire, wish: Wish, chance: random.Random, load: Load, name: str) -> None:
    body = b"\n".join(order_body(_lines(wish, chance), external_id=f"{name}-{i}") for i in range(wish.batch))
    typed = "Content-Type: application/x-ndjson\r\n"
    answer = await wire.ask("POST", "/api/orders/batch", headers_of(wish.key, idempotency_key=name, more=typed), body)
    if answer.status != OK:
        load.note(f"{answer.status}: {answer.body[:200]!r}")
        return
    for line in answer.body.splitlines():
        if b'"number"' in line:
            load.placed += 1
        else:
            load.note(f"refused: {line[:200]!r}")


def _lines(wish: Wish, chance: random.Random) -> list[tuple[int, int]]:
    numbers = chosen(chance, wish.skus, lines=LINES)
    return [(number, 1) for number in ([0, *numbers[1:]] if wish.is_hot else numbers)]


async def measure(one: House, wish: Wish) -> Round:
    """One round of batuta."""
    async with one.engine.connect() as db:
        before = await row_counts(db)
    app_s, database_s = one.app_cpu_s(), one.database_cpu_s()
    load, load_s = await apart(place_orders, wish)
    app_s, database_s = one.app_cpu_s() - app_s, one.database_cpu_s() - database_s
    async with one.engine.connect() as db:
        rows = sum(grown(before, await row_counts(db)).values())
    placed = max(1, load.placed)
    return Round(
        orders_per_s=load.placed / load.seconds,
        load=load,
        app_us=app_s / placed * MICROSECONDS,
        database_us=database_s / placed * MICROSECONDS,
        load_us=load_s / placed * MICROSECONDS,
        rows=rows / placed,
    )


async def record(one: House, skus: int) -> ceiling.Script:
    """Let one process of batuta take orders while PostgreSQL logs its statements; make a script of the last."""
    async with one.engine.connect() as db:
        await ceiling.log_statements(db, wanted=True)
        known = await ceiling.known_ids(db)
    recorder = Process(one.folder, 99, {**one.settings, "BATUTA_WORKER": "false"})
    try:
        await recorder.start()
        statements, number = await _recorded(one, recorder.port, skus)
    finally:
        await recorder.stop()
        async with one.engine.connect() as db:
            await ceiling.log_statements(db, wanted=False)
    async with one.engine.connect() as db:
        statements = await ceiling.without_copies(db, statements, number=number)
    fresh = [found for found in ceiling.ids_in(statements) if found not in known]
    async with one.engine.connect() as db:
        return await ceiling.script_of(
            db,
            statements,
            skus=_recorded_skus(skus),
            fresh=[*fresh, number, str(RECORDED_FROM + RECORDED - 1)],
            catalogue=skus,
        )


def _recorded_skus(skus: int) -> list[int]:
    return [line * (skus // LINES) + 7 for line in range(LINES)]


async def _recorded(one: House, port: int, skus: int) -> tuple[list[ceiling.Statement], str]:
    wire = Wire(port)
    begin, answer = 0, None
    for number in range(RECORDED_FROM, RECORDED_FROM + RECORDED):
        begin = one.database_log.stat().st_size
        lines = [(sku, 1) for sku in _recorded_skus(skus)]
        body = order_body(lines, external_id=f"w-{number}")
        answer = await wire.ask("POST", "/api/orders", headers_of(one.key, idempotency_key=f"k-{number}"), body)
        if answer.status != CREATED:
            raise ceiling.CannotReplay(f"the order to record was not placed: {answer}")
    wire.close()
    await asyncio.sleep(0.5)
    with one.database_log.open("rb") as log:
        log.seek(begin)
        said = log.read().decode(errors="replace")
    assert answer
    placed = msgspec.json.decode(answer.body)
    return ceiling.transaction_with(said, 'INSERT INTO ordering."order"'), str(placed["number"])


async def play_score(one: House) -> dict[str, object]:
    """Let a worker do what follows the orders so far, wait until each is authorised, and say what it cost."""
    async with one.engine.connect() as db:
        orders = int(await db.scalar(text('SELECT count(*) FROM ordering."order"')) or 0)
        waiting = orders
        worker = Process(one.folder, 98, {**one.settings, "BATUTA_WORKER": "true"})
        database_s, begun = one.database_cpu_s(), time.perf_counter()
        await worker.start()
        try:
            while waiting and time.perf_counter() - begun < SCORE_WITHIN_S:
                await asyncio.sleep(0.2)
                waiting = int(await db.scalar(text(AUTHORISED)) or 0)
            seconds = time.perf_counter() - begun
            app_us, database_us = worker.cpu_s() / orders, (one.database_cpu_s() - database_s) / orders
        finally:
            await worker.stop()
    return {
        "score_orders": orders,
        "score_not_authorised": waiting,
        "score_seconds": round(seconds, 1),
        "score_app_us_per_order": round(app_us * MICROSECONDS),
        "score_db_us_per_order": round(database_us * MICROSECONDS),
    }


async def compare(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Warm up, play the score, then batuta and pgbench in turn: the figures, and notes on them."""
    wish = Wish(
        ports=one.ports,
        key=one.key,
        clients=asked.clients,
        seconds=min(WARM_UP_S, asked.seconds),
        skus=asked.skus,
        seed=0,
        batch=BATCH_LINES if asked.batch else 0,
        is_hot=asked.hot,
    )
    tell("warming up")
    await apart(place_orders, wish)
    tell("playing the score")
    notes = {} if asked.worker else await play_score(one)
    tell("recording an order")
    script = await record(one, asked.skus)
    first = CEILING_FROM
    warm = await ceiling.run(one, script, clients=asked.clients, seconds=wish.seconds, first=first)
    await one.analyze()

    rounds: list[Round] = []
    ceilings: list[ceiling.Ran] = []
    ceiling_rows: list[float] = []
    for number in range(1, ROUNDS + 1):
        tell(f"round {number}, batuta")
        await one.checkpoint()
        rounds.append(await measure(one, msgspec.structs.replace(wish, seconds=asked.seconds, seed=number)))
        tell(f"round {number}, pgbench")
        await one.checkpoint()
        first += (warm.orders + 2 * asked.clients) * 100 if number == 1 else (ceilings[-1].orders + 200) * 100
        ran, rows = await _ceiling_round(one, script, asked, first)
        ceilings.append(ran)
        ceiling_rows.append(rows)
    notes |= {
        "rounds_orders_per_s": [round(one.orders_per_s) for one in rounds],
        "rounds_ceiling_per_s": [round(one.orders_per_s) for one in ceilings],
        "ceiling_rows_per_order": round(median(ceiling_rows), 2),
        "ceiling_failed": sum(one.failed for one in ceilings),
        "statements_per_order_in_ceiling": script.statements,
        "other_answers": {name: count for one in rounds for name, count in one.load.others.items()},
    }
    return _figures(rounds, ceilings), notes


async def _ceiling_round(
    one: House, script: ceiling.Script, asked: argparse.Namespace, first: int
) -> tuple[ceiling.Ran, float]:
    async with one.engine.connect() as db:
        before = await row_counts(db)
    ran = await ceiling.run(one, script, clients=asked.clients, seconds=asked.seconds, first=first)
    async with one.engine.connect() as db:
        rows = sum(grown(before, await row_counts(db)).values())
    return ran, rows / max(1, ran.orders)


def _figures(rounds: list[Round], ceilings: list[ceiling.Ran]) -> dict[str, object]:
    orders_per_s = median(one.orders_per_s for one in rounds)
    ceiling_per_s = median(one.orders_per_s for one in ceilings)
    every = [taken for one in rounds for taken in one.load.latencies_ms]
    return {
        "orders_per_s": round(orders_per_s, 1),
        "p50_ms": round(percentile(every, 0.5), 1),
        "p99_ms": round(percentile(every, 0.99), 1),
        "app_cpu_us_per_order": round(median(one.app_us for one in rounds)),
        "db_cpu_us_per_order": round(median(one.database_us for one in rounds)),
        "load_cpu_us_per_order": round(median(one.load_us for one in rounds)),
        "rows_per_order": round(median(one.rows for one in rounds), 2),
        "ceiling_orders_per_s": round(ceiling_per_s, 1),
        "ratio_to_ceiling": round(orders_per_s / ceiling_per_s, 2),
    }


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when an order was refused or not authorised."""
    settings = {"BATUTA_WORKER": "true" if asked.worker else "false"}
    with progress("orders", steps=4 + 2 * ROUNDS, is_quiet=asked.json) as tell:
        tell("building the catalogue")
        async with house(Catalogue(skus=asked.skus), settings=settings) as one:
            figures, notes = await compare(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    return 1 if notes["other_answers"] or notes.get("score_not_authorised") else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each round")
    parser.add_argument("--skus", type=int, default=10_000)
    parser.add_argument("--batch", action="store_true", help=f"send {BATCH_LINES} orders a call, as NDJSON")
    parser.add_argument("--hot", action="store_true", help="every order takes the same SKU, which is ample")
    parser.add_argument("--worker", action="store_true", help="let the score be played while orders are measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
