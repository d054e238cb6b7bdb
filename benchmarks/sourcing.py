"""Sourcing: what each way to plan costs, how near that is to the least there is, and how long it takes.

    python -m benchmarks.sourcing [--json] [--from FOLDER] [--quick]

Orders are planned in turn by a rule of thumb (the nearest location that has all, else the nearest of those with most),
by the greedy rule and by the exact search; then as a pool together. Nothing here needs a database.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import msgspec

from batuta.sourcing.domain import Candidate, Demand, Lane, Terms, choose
from batuta.sourcing.domain.capacity import Hands
from batuta.sourcing.domain.pools.components import Pool
from batuta.sourcing.domain.pools.together import plan_together
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.greedy import Placed, greedy
from benchmarks.brute_force import brute_force, key_of
from benchmarks.reporting import progress, report
from benchmarks.sourcing_instances import Size, pool_of
from benchmarks.sourcing_olist import olist_pool

SIZES = (
    Size(name="200 orders, 40 locations, ample", orders=200, locations=40, seconds=9.5, is_tight=False),
    Size(name="200 orders, 40 locations, tight", orders=200, locations=40, seconds=9.5),
    Size(name="200 orders, 40 locations, tight, again", orders=200, locations=40, seconds=9.5, seed=2),
    Size(name="200 orders, 40 locations, tight, few hands", orders=200, locations=40, seconds=9.5, has_capacity=True),
    Size(name="5,000 orders, 100 locations, ample", orders=5_000, locations=100, seconds=180, is_tight=False),
    Size(name="5,000 orders, 100 locations, tight", orders=5_000, locations=100, seconds=180),
)
QUICK = 4
OLIST = Path("../shared/data/olist")
OLIST_LOCATIONS, OLIST_SECONDS = 60, 180.0
SMALL = Size(name="exact, 40 locations, 3 lines", orders=300, locations=40, lines=3)
LARGE = Size(name="exact, 200 locations, 10 lines", orders=200, locations=200, lines=10)
BRUTE = 150


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sourcing", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--from", dest="folder", type=Path, default=OLIST, help="the folder with the Olist tables")
    parser.add_argument("--quick", action="store_true", help="leave out the instances of thousands of orders")
    asked = parser.parse_args()
    sizes = SIZES[:QUICK] if asked.quick else SIZES
    has_olist = not asked.quick and (asked.folder / "orders.parquet").exists()

    with progress("sourcing", steps=len(sizes) + has_olist + 3, is_quiet=asked.json) as tell:
        tell("small orders against brute force")
        equal = sum(_equals_brute_force(Random(seed)) for seed in range(BRUTE))
        tell(SMALL.name)
        small = _timed(SMALL)
        tell(LARGE.name)
        large = _timed(LARGE)
        instances = []
        for size in sizes:
            tell(size.name)
            instances.append(_measured(size.name, pool_of(size), size.seconds))
        if has_olist:
            tell("Olist")
            pool = olist_pool(asked.folder, locations=OLIST_LOCATIONS, seed=1)
            name = f"Olist, {len(pool.orders):,} orders, {OLIST_LOCATIONS} locations, tight"
            instances.append(_measured(name, pool, OLIST_SECONDS))

    figures = {
        "instances": instances,
        "gap": max(one["gap"] for one in instances),
        "exact_p50_ms": small["p50_ms"],
        "exact_p99_ms": large["p99_ms"],
        "batch_never_worse": all(one["batch_cost"] <= one["exact_cost"] for one in instances),
        "exact_equals_brute_force": equal == BRUTE,
    }
    notes = {"exact_40x3": small, "exact_200x10": large, "brute_force": f"{equal} of {BRUTE} small orders equal"}
    if not has_olist and not asked.quick:
        notes["olist"] = f"left out, {asked.folder} has no orders.parquet"
    report(figures, as_json=asked.json, notes=notes)
    if not (figures["batch_never_worse"] and figures["exact_equals_brute_force"]):
        raise SystemExit(1)


def _measured(name: str, pool: Pool, seconds: float) -> dict[str, Any]:
    begun = time.monotonic()
    plan = plan_together(pool, lambda: begun + seconds - time.monotonic())
    took = time.monotonic() - begun
    rules, rules_parked = _in_turn(pool, _by_rule)
    simple, simple_parked = _in_turn(pool, greedy)
    return {
        "name": name,
        "orders": len(pool.orders),
        "greedy_cost": simple,
        "rules_cost": rules,
        "exact_cost": round(plan.one_by_one),
        "batch_cost": round(plan.cost),
        "lower_bound": round(plan.bound, 1),
        "gap": round(plan.gap, 5),
        "gain": round(plan.gain, 5),
        "seconds": round(took, 1),
        "orders_per_s": round(len(pool.orders) / took, 1),
        "parked": {"greedy": simple_parked, "rules": rules_parked, "batch": plan.parked},
    }


def _in_turn(pool: Pool, chooser: Callable[[Board], Placed | None]) -> tuple[int, int]:
    """What the orders cost planned one after the other, and how many found nothing."""
    stock, capacity = dict(pool.stock), dict(pool.capacity)
    cost = parked = 0
    for order in pool.orders:
        candidates = [
            msgspec.structs.replace(one, stock={sku_id: stock[sku_id, one.location_id] for sku_id in one.stock})
            for one in order.candidates
            if capacity.get(Hands(one.location_id), 1) > 0
        ]
        board = Board(order.demands, candidates, order.terms) if candidates else None
        placed = chooser(board) if board and board.places else None
        key = board.key_of(placed) if board and placed else None
        if board is None or placed is None or key is None:
            cost, parked = cost + order.parked_minor, parked + 1
            continue
        cost += key >> board.scale.cost
        for i, units in placed.items():
            location_id = board.places[i].candidate.location_id
            if Hands(location_id) in capacity:
                capacity[Hands(location_id)] -= 1
            for demand, count in zip(board.demands, units, strict=True):
                stock[demand.parts[0][0], location_id] = stock.get((demand.parts[0][0], location_id), 0) - count
    return cost, parked


def _by_rule(board: Board) -> Placed | None:
    """The nearest location that has all; else the nearest of those that have most, and so on with what is left."""
    left = [demand.quantity for demand in board.demands]
    placed: Placed = {}
    while any(left):
        offers = [
            (-sum(units), place.candidate.distance_m, i, units)
            for i, place in enumerate(board.places)
            if i not in placed
            and any(units := [min(have, need) for have, need in zip(place.stock, left, strict=True)])
            and board.key_of({i: units}) is not None
        ]
        if not offers or len(placed) == board.places_max:
            return None
        *_, i, placed[i] = min(offers)
        left = [need - count for need, count in zip(left, placed[i], strict=True)]
    return placed


def _timed(size: Size) -> dict[str, float]:
    """Orders by themselves, half of them with tight stock; the first few warm up."""
    seconds, of_cpu, exact = [], [], 0
    for is_tight in (False, True):
        half = msgspec.structs.replace(size, is_tight=is_tight, orders=size.orders // 2)
        pool = pool_of(half)
        for order in pool.orders[:10]:
            choose(order.demands, order.candidates, order.terms)
        for order in pool.orders:
            begun, cpu = time.perf_counter(), time.process_time()
            choice = choose(order.demands, order.candidates, order.terms)
            seconds.append(time.perf_counter() - begun)
            of_cpu.append(time.process_time() - cpu)
            exact += choice is None or not choice.is_greedy
    ranked = sorted(seconds)
    last = int(len(ranked) * 0.99) - 1
    return {
        "orders": len(ranked),
        "p50_ms": round(median(ranked) * 1_000, 2),
        "p99_ms": round(ranked[last] * 1_000, 2),
        "cpu_p99_ms": round(sorted(of_cpu)[last] * 1_000, 2),
        "exact_share": round(exact / len(ranked), 4),
    }


def _equals_brute_force(chance: Random) -> bool:
    demands, candidates, terms = _small_order(chance)
    choice = choose(demands, candidates, terms)
    expected = brute_force(demands, candidates, terms)
    return (choice is None) == (expected is None) and (
        choice is None or (not choice.is_greedy and key_of(choice, candidates, terms) == expected)
    )


def _small_order(chance: Random) -> tuple[list[Demand], list[Candidate], Terms]:
    skus = [UUID(int=n + 1) for n in range(3)]
    demands = [
        Demand(
            parts=((sku_id, 1),),
            quantity=chance.randint(1, 3),
            weight_g=chance.choice((120, 700, 2_500)),
            length_mm=chance.choice((100, 900)),
        )
        for sku_id in skus[: chance.randint(1, 3)]
    ]
    candidates = [
        Candidate(
            location_id=UUID(int=100 + n),
            code=f"L{n}",
            handling_order_minor=chance.randint(0, 150),
            handling_unit_minor=chance.randint(0, 40),
            stock={sku_id: chance.randint(0, 3) for sku_id in skus},
            distance_m=chance.randint(0, 900_000),
            lanes=tuple(_small_lanes(chance)),
            packaging_minor=chance.choice((0, 30)),
        )
        for n in range(chance.randint(2, 4))
    ]
    return demands, candidates, Terms(split_penalty_minor=chance.choice((0, 100, 300)), max_splits=chance.randint(0, 3))


def _small_lanes(chance: Random) -> Iterator[Lane]:
    for n in range(chance.randint(1, 2)):
        tops: Sequence[int] = sorted(chance.sample((500, 1_000, 2_000, 5_000, 10_000), 3))
        prices = sorted(chance.randint(200, 1_200) for _ in tops)
        steps = tuple(zip(tops, prices, strict=True))
        yield Lane(service_id=UUID(int=900 + n), length_max_mm=chance.choice((600, 2_000)), steps=steps)


if __name__ == "__main__":
    main()
