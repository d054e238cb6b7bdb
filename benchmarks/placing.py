"""The load of `benchmarks.orders`: clients that place orders, and what a round of them cost."""

import asyncio
import random
import time

import msgspec

from benchmarks.apart import apart
from benchmarks.catalogue import chosen
from benchmarks.harness import House
from benchmarks.measuring import MICROSECONDS, grown, row_counts
from benchmarks.shopping import headers_of, order_body
from benchmarks.wire import ConnectionLost, Wire

LINES = 3
CREATED = 201
OK = 200


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
