"""`python -m benchmarks.availability`: what may be promised, asked over HTTP and by hand-written SQL.

20,000 SKUs at 100 locations. Single questions (one SKU, all of the network) come from many clients at once; big ones
(200 SKUs, each of the 100 locations told) one after the other. The same questions are then asked of PostgreSQL by the
plainest SQL that answers them, through the same driver, by as many clients; the ratios are of the medians.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from statistics import median

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text

from batuta.plumbing.database import Instant, create_engine
from benchmarks import harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue, sku_code
from benchmarks.harness import House, house
from benchmarks.loading import load_stock
from benchmarks.measuring import MICROSECONDS, percentile
from benchmarks.reporting import Tell, progress, report
from benchmarks.shopping import headers_of
from benchmarks.wire import Wire

MILLISECONDS = 1_000
WARM_UP_S = 2.0
BIG_SKUS = 200
BIG_ASKED = 30
OK = 200
BY_HAND_ONE = """
    SELECT k.id, sum(greatest(0, s.on_hand - s.reserved - s.safety)) FROM inventory.stock s
    JOIN catalog.sku k ON k.id = s.sku_id
    WHERE k.code = any(:codes) AND s.condition = 'sellable' AND (s.expires_at IS NULL OR s.expires_at > :now)
    GROUP BY k.id
"""
BY_HAND_MANY = """
    SELECT s.sku_id, s.location_id, s.on_hand, s.reserved, s.safety, greatest(0, s.on_hand - s.reserved - s.safety)
    FROM inventory.stock s JOIN catalog.sku k ON k.id = s.sku_id
    WHERE k.code = any(:codes) AND s.condition = 'sellable' AND (s.expires_at IS NULL OR s.expires_at > :now)
"""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the load generator shall ask. url: of the database, to ask it by hand."""

    ports: list[int]
    key: str
    url: str
    skus: int
    clients: int
    seconds: float
    seed: int


class Load(msgspec.Struct):
    answers_ms: list[float] = msgspec.field(default_factory=list)
    units: int = 0
    others: dict[str, int] = msgspec.field(default_factory=dict)


Ask = Callable[[random.Random], Awaitable[int]]


async def ask_single(wish: Wish) -> Load:
    """Ask for one SKU after the other over HTTP, each client on a connection of its own."""
    load = Load()

    async def client(number: int) -> None:
        wire = Wire(wish.ports[number % len(wish.ports)])
        headers = headers_of(wish.key)

        async def ask(chance: random.Random) -> int:
            body = b'{"sku_codes":["%s"],"are_places_told":false}' % sku_code(chance.randrange(wish.skus)).encode()
            answer = await wire.ask("POST", "/api/availability", headers, body)
            if answer.status != OK:
                load.others[str(answer.status)] = load.others.get(str(answer.status), 0) + 1
                return 0
            return int(msgspec.json.decode(answer.body)["skus"][0]["available"])

        await _repeat(ask, wish, number, load)
        wire.close()

    await asyncio.gather(*(client(number) for number in range(wish.clients)))
    return load


async def ask_single_by_hand(wish: Wish) -> Load:
    """Ask PostgreSQL for one SKU after the other."""
    load = Load()
    engine = create_engine(wish.url, pool_size=wish.clients)
    statement = text(BY_HAND_ONE).bindparams(bindparam("codes", type_=ARRAY(Text)), bindparam("now", type_=Instant))

    async def ask(chance: random.Random) -> int:
        async with engine.connect() as db:
            given = {"codes": [sku_code(chance.randrange(wish.skus))], "now": datetime.now(UTC)}
            return sum(row[1] for row in await db.execute(statement, given))

    await asyncio.gather(*(_repeat(ask, wish, number, load) for number in range(wish.clients)))
    await engine.dispose()
    return load


async def _repeat(ask: Ask, wish: Wish, number: int, load: Load) -> None:
    chance = random.Random(f"{wish.seed}-{number}")
    until = time.perf_counter() + wish.seconds
    while (begun := time.perf_counter()) < until:
        load.units += await ask(chance)
        load.answers_ms.append((time.perf_counter() - begun) * MILLISECONDS)


async def ask_big(wish: Wish) -> Load:
    """Ask for many SKUs at once over HTTP, everything told by location."""
    load, wire, chance = Load(), Wire(wish.ports[0]), random.Random(wish.seed)
    for _ in range(BIG_ASKED):
        body = msgspec.json.encode({"sku_codes": _codes(chance, wish)})
        begun = time.perf_counter()
        answer = await wire.ask("POST", "/api/availability", headers_of(wish.key), body)
        load.answers_ms.append((time.perf_counter() - begun) * MILLISECONDS)
        if answer.status != OK:
            load.others[str(answer.status)] = load.others.get(str(answer.status), 0) + 1
    load.units = sum(one["available"] for one in msgspec.json.decode(answer.body)["skus"])
    wire.close()
    return load


async def ask_big_by_hand(wish: Wish) -> Load:
    """Ask PostgreSQL for many SKUs at once."""
    load, chance = Load(), random.Random(wish.seed)
    engine = create_engine(wish.url, pool_size=1)
    statement = text(BY_HAND_MANY).bindparams(bindparam("codes", type_=ARRAY(Text)), bindparam("now", type_=Instant))
    for _ in range(BIG_ASKED):
        given = {"codes": _codes(chance, wish), "now": datetime.now(UTC)}
        begun = time.perf_counter()
        async with engine.connect() as db:
            rows = (await db.execute(statement, given)).all()
        load.answers_ms.append((time.perf_counter() - begun) * MILLISECONDS)
        load.units = sum(row[5] for row in rows)
    await engine.dispose()
    return load


def _codes(chance: random.Random, wish: Wish) -> list[str]:
    return [sku_code(number) for number in chance.sample(range(wish.skus), BIG_SKUS)]


async def measure(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Ask every way, the ways in turn: the figures, and notes on them."""
    wish = Wish(
        ports=one.ports,
        key=one.key,
        url=one.server.url,
        skus=asked.skus,
        clients=asked.clients,
        seconds=WARM_UP_S,
        seed=0,
    )
    tell("warming up")
    for act in (ask_single, ask_single_by_hand, ask_big, ask_big_by_hand):
        await apart(act, wish)
    wish = msgspec.structs.replace(wish, seconds=asked.seconds, seed=1)
    tell("single SKUs over HTTP")
    app_s, database_s = one.app_cpu_s(), one.database_cpu_s()
    single, _ = await apart(ask_single, wish)
    app_s, database_s = one.app_cpu_s() - app_s, one.database_cpu_s() - database_s
    tell("single SKUs by hand")
    single_by_hand, _ = await apart(ask_single_by_hand, wish)
    tell("many SKUs over HTTP")
    big, _ = await apart(ask_big, wish)
    tell("many SKUs by hand")
    big_by_hand, _ = await apart(ask_big_by_hand, wish)
    assert big.units == big_by_hand.units, "both ways say the same"
    asked_for = len(single.answers_ms)
    figures: dict[str, object] = {
        "single_p50_ms": round(median(single.answers_ms), 1),
        "single_p99_ms": round(percentile(single.answers_ms, 0.99), 1),
        "single_per_s": round(asked_for / asked.seconds),
        "single_ratio_to_sql": round(median(single.answers_ms) / median(single_by_hand.answers_ms), 2),
        "many_p50_ms": round(median(big.answers_ms), 1),
        "many_max_ms": round(max(big.answers_ms), 1),
        "many_ratio_to_sql": round(median(big.answers_ms) / median(big_by_hand.answers_ms), 2),
    }
    notes: dict[str, object] = {
        "single_by_hand_p50_ms": round(median(single_by_hand.answers_ms), 1),
        "single_by_hand_p99_ms": round(percentile(single_by_hand.answers_ms, 0.99), 1),
        "many_by_hand_p50_ms": round(median(big_by_hand.answers_ms), 1),
        "app_cpu_us": round(app_s / asked_for * MICROSECONDS),
        "db_cpu_us": round(database_s / asked_for * MICROSECONDS),
        "other_answers": single.others | big.others,
    }
    return figures, notes


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when a question was not answered."""
    with progress("availability", steps=7, is_quiet=asked.json) as tell:
        tell("building the catalogue")
        catalogue = Catalogue(skus=asked.skus, locations=asked.locations, units=0)
        async with house(catalogue, settings={"BATUTA_WORKER": "false"}) as one:
            tell("loading stock")
            seconds = await load_stock(one, skus=asked.skus)
            await one.analyze()
            await one.checkpoint()
            figures, notes = await measure(one, asked, tell)
    report(figures, as_json=asked.json, notes={"load_s": round(seconds, 1)} | notes)
    return 1 if notes["other_answers"] else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.availability", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--locations", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
