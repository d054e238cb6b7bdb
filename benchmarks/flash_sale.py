"""`python -m benchmarks.flash_sale`: many buyers for few units, and exactly those units are sold.

Three sales, each of SKUs of its own at two locations: of one SKU; of three SKUs a cart, half of the carts naming them
in the opposite order; and of one SKU while a process of the server is killed in the middle, whose buyers ask again
with their keys. The last line is the worst of each figure over the three.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import Row
from benchmarks import harness
from benchmarks.apart import apart
from benchmarks.catalogue import Catalogue, receive, sku_id
from benchmarks.harness import House, house
from benchmarks.measuring import percentile
from benchmarks.persisting import NoAnswer, Persistent
from benchmarks.reporting import progress, report
from benchmarks.shopping import CartBuyer, CheckoutFailed, headers_of, order_body
from benchmarks.wire import Answer

CREATED = 201
REFUSED = 409
CHARGED_WITHIN_S = 120
SALES = {"one_sku": ([0], False), "three_skus": ([1, 2, 3], False), "killed": ([4], True)}

COUNTED = """
    SELECT
        (SELECT coalesce(sum(s.reserved), 0) FROM inventory.stock s WHERE s.sku_id = :sku) AS reserved,
        (SELECT coalesce(sum(greatest(s.reserved - s.on_hand, 0)), 0) FROM inventory.stock s WHERE s.sku_id = :sku)
            AS over,
        (SELECT coalesce(sum(l.quantity), 0) FROM ordering.line l WHERE l.sku_id = :sku) AS sold
"""
CHARGED = """
    SELECT
        (SELECT count(*) FROM payments_test_provider.charge c
            LEFT JOIN payments.payment p ON p.id = c.id
            LEFT JOIN ordering."order" o ON o.id = p.order_id WHERE o.id IS NULL) AS without_order,
        (SELECT count(*) FROM ordering."order" o WHERE NOT EXISTS (
            SELECT FROM payments.entry e WHERE e.order_id = o.id AND e.kind = 'authorise')) AS not_charged
"""


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyers want: `attempts` carts, each of one unit of each of the SKUs."""

    name: str
    skus: list[int]
    ports: list[int]
    key: str
    clients: int
    attempts: int


class Bought(msgspec.Struct):
    """What became of the attempts. refused: told what is left and where; seconds: of the slowest refusal."""

    sold: int = 0
    refused: int = 0
    lost: int = 0
    turned_away: int = 0
    numbers: list[str] = msgspec.field(default_factory=list)
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    refusals_ms: list[float] = msgspec.field(default_factory=list)


async def buy(sale: Sale) -> Bought:
    """Let the clients make all attempts, each as soon as it has its answer to the one before."""
    bought, attempts = Bought(), iter(range(sale.attempts))
    await asyncio.gather(*(_client(sale, number, attempts, bought) for number in range(sale.clients)))
    return bought


async def _client(sale: Sale, number: int, attempts: Iterator[int], bought: Bought) -> None:
    client = Persistent(sale.ports, first=number)
    for attempt in attempts:
        begun = time.perf_counter()
        try:
            answer = await _attempt(client, sale, attempt)
        except (NoAnswer, CheckoutFailed) as problem:
            _note(bought, str(problem))
            continue
        if answer.status == CREATED:
            bought.sold += 1
            bought.numbers.append(msgspec.json.decode(answer.body)["number"])
        elif answer.status == REFUSED and _says_what_is_left(answer.body):
            bought.refused += 1
            bought.refusals_ms.append((time.perf_counter() - begun) * 1_000)
        else:
            _note(bought, f"{answer.status}: {answer.body[:200]!r}")
    bought.lost += client.lost
    bought.turned_away += client.turned_away
    client.close()


async def _attempt(client: Persistent, sale: Sale, attempt: int) -> Answer:
    """Buy one unit of each SKU: in one call, or with a cart when there are several."""
    wanted = sale.skus if attempt % 2 else sale.skus[::-1]
    name = f"{sale.name}-{attempt}"
    if len(wanted) == 1:
        body = order_body([(sku, 1) for sku in wanted], external_id=name)
        return await client.ask("POST", "/api/orders", headers_of(sale.key, idempotency_key=name), body)
    buyer = CartBuyer(client, sale.key, name)
    try:
        return Answer(CREATED, b"", await buyer.check_out(wanted, one_by_one=False))
    except CheckoutFailed as problem:
        if problem.answer.status != REFUSED:
            raise
        return problem.answer


def _says_what_is_left(body: bytes) -> bool:
    problem = msgspec.json.decode(body)
    lines = problem.get("facts", {}).get("lines", [])
    return problem.get("code") == "out_of_stock" and bool(lines) and all({"left", "where"} <= set(one) for one in lines)


def _note(bought: Bought, error: str) -> None:
    bought.errors[error] = bought.errors.get(error, 0) + 1


async def sell(one: House, name: str, asked: argparse.Namespace) -> tuple[dict[str, object], dict[str, object]]:
    """One sale: its figures, and notes on them."""
    skus, is_killed = SALES[name]
    cells = [(sku, place, asked.units // 2 + (asked.units % 2) * (place == 0)) for sku in skus for place in (0, 1)]
    async with one.engine.begin() as db:
        await receive(db, cells, now=datetime.now(UTC))
    sale = Sale(name=name, skus=skus, ports=one.ports, key=one.key, clients=asked.clients, attempts=asked.attempts)
    killing = asyncio.create_task(_kill_in_the_middle(one, skus[0], asked.units) if is_killed else asyncio.sleep(0))
    bought, _ = await apart(buy, sale)
    await killing
    return await _counted(one, sale, bought, asked.units)


async def _kill_in_the_middle(one: House, sku: int, units: int) -> None:
    """Kill a process when a third of the units is sold, and start it again."""
    sold = 0
    while sold < units // 3:
        await asyncio.sleep(0.002)
        async with one.engine.connect() as db:
            sold = (await db.execute(text(COUNTED), {"sku": sku_id(sku)})).one().reserved
    await one.processes[0].kill()
    await one.processes[0].start()


async def _counted(one: House, sale: Sale, bought: Bought, units: int) -> tuple[dict[str, object], dict[str, object]]:
    async with one.engine.connect() as db:
        counted = [(await db.execute(text(COUNTED), {"sku": sku_id(sku)})).one() for sku in sale.skus]
    charged = await _charged(one)
    over = max(max(row.over, row.sold - units) for row in counted)
    wrong = sum(row.reserved != bought.sold or row.sold != bought.sold for row in counted)
    twice = sum(times - 1 for times in Counter(bought.numbers).values())
    figures: dict[str, object] = {
        "units": units,
        "sold": bought.sold,
        "oversold": int(max(over, 0)),
        "refused": bought.refused,
        "errors": sum(bought.errors.values()) + wrong + twice,
        "charges_without_order": charged.without_order,
        "audit_ok": not await one.broken_laws(),
    }
    notes = {
        "reserved_by_sql": [int(row.reserved) for row in counted],
        "orders_not_charged": charged.not_charged,
        "killed_connections": bought.lost,
        "asked_to_come_again": bought.turned_away,
        "refusal_p99_ms": round(percentile(bought.refusals_ms, 0.99), 1),
        "errors": bought.errors,
    }
    return figures, notes


async def _charged(one: House) -> Row:
    """What the provider's books say, once the score has asked for all of it."""
    until = time.monotonic() + CHARGED_WITHIN_S
    while True:
        async with one.engine.connect() as db:
            found = (await db.execute(text(CHARGED))).one()
        if not found.not_charged or time.monotonic() > until:
            return found
        await asyncio.sleep(0.5)


def worst(sales: list[dict[str, object]], attempts: int) -> dict[str, object]:
    """Of each figure the one that is farthest from what it must be."""
    units = int(str(sales[0]["units"]))

    def farthest(name: str, right: int) -> object:
        return max((one[name] for one in sales), key=lambda found: abs(int(str(found)) - right))

    return {
        "units": units,
        "sold": farthest("sold", min(units, attempts)),
        "oversold": farthest("oversold", 0),
        "refused": farthest("refused", max(0, attempts - units)),
        "errors": farthest("errors", 0),
        "charges_without_order": farthest("charges_without_order", 0),
        "audit_ok": all(one["audit_ok"] for one in sales),
    }


async def run(asked: argparse.Namespace) -> dict[str, object]:
    """Hold the sales and report."""
    sales, notes = [], {}
    with progress("flash sale", steps=1 + len(SALES), is_quiet=asked.json) as tell:
        tell("building the shop")
        async with house(Catalogue(skus=5, locations=2, units=0)) as one:
            for name in SALES:
                tell(name)
                figures, more = await sell(one, name, asked)
                sales.append(figures)
                notes[name] = {**figures, **more}
    figures = worst(sales, asked.attempts)
    report(figures, as_json=asked.json, notes=notes)
    return figures


def main() -> None:
    """Read the arguments and run; 1 when a figure is not what it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flash_sale", description=__doc__)
    parser.add_argument("--clients", type=int, default=256)
    parser.add_argument("--attempts", type=int, default=2_000)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    asked = parser.parse_args()
    figures = harness.run(run(asked))
    right = figures["sold"] == min(asked.units, asked.attempts) and figures["audit_ok"]
    zeros = ("oversold", "errors", "charges_without_order")
    sys.exit(0 if right and not any(figures[name] for name in zeros) else 1)


if __name__ == "__main__":
    main()
