"""`python -m benchmarks.orders`: orders a second, one call each, against pgbench running the same statements.

Three rounds of each in turn on one warm database; the medians are compared. The worker rests while orders are
measured: what the score does afterwards (authorisation, sourcing, offers) is measured on its own, on the orders of the
warm-up, and each of them must come out authorised. `--worker` lets it work meanwhile. `--hot` and `--history` compare
batuta with itself instead: all orders after the same SKU with orders spread, and a house with years behind it with one
that has just opened.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from statistics import median

import msgspec
from sqlalchemy import text

from benchmarks import ceiling, harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue
from benchmarks.harness import House, Process, house
from benchmarks.measuring import MICROSECONDS, grown, percentile, row_counts
from benchmarks.past import Originals, load_past, make_originals
from benchmarks.placing import CREATED, LINES, Round, Wish, measure, place_orders
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import headers_of, order_body
from benchmarks.wire import Wire

ROUNDS = 3
WARM_UP_S = 3.0
RECORDED = 8
RECORDED_FROM = 90_000_000
CEILING_FROM = 20_000_000
SCORE_WITHIN_S = 300
BATCH_LINES = 500
AUTHORISED = """
    SELECT count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM payments.entry e WHERE e.order_id = o.id AND e.kind = 'authorise')) FROM ordering."order" o
"""


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


def _wish(one: House, asked: argparse.Namespace) -> Wish:
    return Wish(
        ports=one.ports,
        key=one.key,
        clients=asked.clients,
        seconds=min(WARM_UP_S, asked.seconds),
        skus=asked.skus,
        seed=0,
        batch=BATCH_LINES if asked.batch else 0,
    )


async def _warm_up(one: House, asked: argparse.Namespace, tell: Tell) -> dict[str, object]:
    tell("warming up")
    await apart(place_orders, _wish(one, asked))
    tell("playing the score")
    return {} if asked.worker else await play_score(one)


async def compare(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Warm up, play the score, then batuta and pgbench in turn: the figures, and notes on them."""
    wish, notes = _wish(one, asked), await _warm_up(one, asked, tell)
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
        **_notes(rounds),
        "rounds_ceiling_per_s": [round(one.orders_per_s) for one in ceilings],
        "ceiling_rows_per_order": round(median(ceiling_rows), 2),
        "ceiling_failed": sum(one.failed for one in ceilings),
        "statements_per_order_in_ceiling": script.statements,
    }
    ceiling_per_s = median(one.orders_per_s for one in ceilings)
    figures = _figures(rounds)
    figures |= {
        "ceiling_orders_per_s": round(ceiling_per_s, 1),
        "ratio_to_ceiling": round(_median(rounds) / ceiling_per_s, 2),
    }
    return figures, notes


async def compare_hot(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Rounds whose orders take any SKU and rounds whose orders all take the same one, in turn."""
    notes = await _warm_up(one, asked, tell)
    await apart(place_orders, msgspec.structs.replace(_wish(one, asked), seed=-1, is_hot=True))
    await one.analyze()
    rounds: dict[bool, list[Round]] = {False: [], True: []}
    for number in range(1, ROUNDS + 1):
        # Who begins takes turns too, so that a house that slows down does so for both.
        for is_hot in (False, True) if number % 2 else (True, False):
            tell(f"round {number}, {'hot' if is_hot else 'spread'}")
            rounds[is_hot].append(await _round(one, asked, seed=2 * number + is_hot, is_hot=is_hot))
    figures = _figures(rounds[True])
    figures |= {
        "spread_orders_per_s": round(_median(rounds[False]), 1),
        "ratio_to_spread": round(_median(rounds[True]) / _median(rounds[False]), 2),
    }
    return figures, notes | _notes_of("spread", rounds[False]) | _notes(rounds[True], rounds[False])


async def compare_history(
    one: House, asked: argparse.Namespace, tell: Tell
) -> tuple[dict[str, object], dict[str, object]]:
    """Rounds on a house that has just opened, and the same rounds over many past orders."""
    notes = await _warm_up(one, asked, tell)
    originals = await make_originals(one, skus=asked.skus, orders=asked.history)
    await one.analyze()
    empty = []
    for number in range(1, ROUNDS + 1):
        tell(f"round {number}, empty")
        empty.append(await _round(one, asked, seed=number))
    notes |= await _load(one, originals, asked, tell)
    tell("warming up again")
    await one.analyze()
    await apart(place_orders, msgspec.structs.replace(_wish(one, asked), seed=-1))
    full = []
    for number in range(1, ROUNDS + 1):
        tell(f"round {number}, over the past")
        full.append(await _round(one, asked, seed=ROUNDS + number))
    figures = _figures(full)
    figures |= {
        "empty_orders_per_s": round(_median(empty), 1),
        "ratio_to_empty": round(_median(full) / _median(empty), 2),
        "past_orders": asked.history,
        "load_seconds": notes["load_seconds"],
        "load_gb": notes["load_gb"],
    }
    if asked.audit:
        tell("auditing")
        notes["broken_laws"] = [msgspec.to_builtins(verdict) for verdict in await one.broken_laws()]
    return figures, notes | _notes_of("empty", empty) | _notes(full, empty)


async def _load(one: House, originals: Originals, asked: argparse.Namespace, tell: Tell) -> dict[str, object]:
    tell(f"loading {asked.history} past orders")
    loaded = await load_past(one, originals, orders=asked.history)
    return {
        "load_seconds": round(loaded.seconds, 1),
        "load_gb": round(loaded.bytes / 1e9, 2),
        "load_rows": loaded.rows,
        "load_orders_with_a_whole_life": loaded.lived,
    }


async def _round(one: House, asked: argparse.Namespace, *, seed: int, is_hot: bool = False) -> Round:
    await one.checkpoint()
    wish = msgspec.structs.replace(_wish(one, asked), seconds=asked.seconds, seed=seed, is_hot=is_hot)
    return await measure(one, wish)


async def _ceiling_round(
    one: House, script: ceiling.Script, asked: argparse.Namespace, first: int
) -> tuple[ceiling.Ran, float]:
    async with one.engine.connect() as db:
        before = await row_counts(db)
    ran = await ceiling.run(one, script, clients=asked.clients, seconds=asked.seconds, first=first)
    async with one.engine.connect() as db:
        rows = sum(grown(before, await row_counts(db)).values())
    return ran, rows / max(1, ran.orders)


def _median(rounds: Sequence[Round]) -> float:
    return median(one.orders_per_s for one in rounds)


def _notes(rounds: Sequence[Round], others: Sequence[Round] = ()) -> dict[str, object]:
    every = [*rounds, *others]
    return {
        "rounds_orders_per_s": [round(one.orders_per_s) for one in rounds],
        "other_answers": {name: count for one in every for name, count in one.load.others.items()},
    }


def _notes_of(name: str, rounds: Sequence[Round]) -> dict[str, object]:
    """What the rounds were that others are compared with."""
    return {
        f"rounds_{name}_per_s": [round(one.orders_per_s) for one in rounds],
        f"{name}_app_cpu_us_per_order": round(median(one.app_us for one in rounds)),
        f"{name}_db_cpu_us_per_order": round(median(one.database_us for one in rounds)),
    }


def _figures(rounds: Sequence[Round]) -> dict[str, object]:
    every = [taken for one in rounds for taken in one.load.latencies_ms]
    return {
        "orders_per_s": round(_median(rounds), 1),
        "p50_ms": round(percentile(every, 0.5), 1),
        "p99_ms": round(percentile(every, 0.99), 1),
        "app_cpu_us_per_order": round(median(one.app_us for one in rounds)),
        "db_cpu_us_per_order": round(median(one.database_us for one in rounds)),
        "load_cpu_us_per_order": round(median(one.load_us for one in rounds)),
        "rows_per_order": round(median(one.rows for one in rounds), 2),
    }


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when an order was refused or not authorised."""
    settings = {"BATUTA_WORKER": "true" if asked.worker else "false"}
    with progress("orders", steps=6 + 2 * ROUNDS, is_quiet=asked.json) as tell:
        tell("building the catalogue")
        async with house(Catalogue(skus=asked.skus), settings=settings) as one:
            how = compare_history if asked.history else compare_hot if asked.hot else compare
            figures, notes = await how(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    is_wrong = notes["other_answers"] or notes.get("score_not_authorised") or notes.get("broken_laws")
    return 1 if is_wrong else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each round")
    parser.add_argument("--skus", type=int, default=10_000)
    parser.add_argument("--batch", action="store_true", help=f"send {BATCH_LINES} orders a call, as NDJSON")
    parser.add_argument(
        "--hot", action="store_true", help="against rounds in which every order takes the same SKU, which is ample"
    )
    parser.add_argument("--history", type=int, default=0, help="against rounds over so many past orders")
    parser.add_argument("--audit", action="store_true", help="with --history: examine all laws afterwards")
    parser.add_argument("--worker", action="store_true", help="let the score be played while orders are measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    asked = parser.parse_args()
    if asked.history and (asked.worker or asked.hot):
        parser.error("--history goes with neither --worker nor --hot")
    sys.exit(harness.run(run(asked)))


if __name__ == "__main__":
    main()
