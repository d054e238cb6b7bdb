"""`python -m benchmarks.promising`: promises for three lines over a hundred locations, asked over HTTP.

Every client asks again and again, at once, for other goods and another postal code: half of the locations have any of
them, services go from all of them at prices by distance, and the five nearest stores are looked at. As many
processes answer as `--processes` says, one for each core; the load comes from another.
"""

import argparse
import asyncio
import random
import sys
import time
from datetime import UTC, datetime

import msgspec

from batuta.kernel.ids import child_id
from batuta.locations.commands import save_locations, save_places
from batuta.locations.domain import PostalPlace
from batuta.locations.queries import all_locations
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_shipping_charges
from batuta.pricing.domain import ShippingCharge
from batuta.shipping.commands import save_services, set_rate_cards
from batuta.shipping.domain import Rate, RateCard, Service, ServiceKind, Transit, ZoneRule
from benchmarks import harness
from benchmarks.apart import apart
from benchmarks.catalogue import CHANNEL, COUNTRY, CURRENCY, HOUSE, Catalogue, chosen, in_parts, receive, sku_code
from benchmarks.harness import House, house
from benchmarks.measuring import MICROSECONDS, percentile
from benchmarks.reporting import Tell, progress, report
from benchmarks.wire import ConnectionLost, Wire

OK = 200
MILLISECONDS = 1_000
WARM_UP_S = 3.0
PROVINCES = 52
UNITS_MAX = 9
OFFICE = {day: [("09:00", "18:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
KINDS = {"standard": (2, 4, 450), "express": (1, 2, 790), "next_day": (1, 1, 990), "same_day": (0, 0, 1_490)}
"""Days at least, days at most, and the price of a light parcel near by."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the load generator shall do."""

    ports: list[int]
    key: str
    clients: int
    seconds: float
    skus: int
    seed: int


class Load(msgspec.Struct):
    """What it got."""

    asked: int = 0
    options: int = 0
    seconds: float = 0
    latencies_ms: list[float] = msgspec.field(default_factory=list)
    errors: dict[str, int] = msgspec.field(default_factory=dict)


async def ask(wish: Wish) -> Load:
    """Ask for promises until the time is over."""
    load, begun = Load(), time.perf_counter()
    await asyncio.gather(*(_client(wish, number, load, begun + wish.seconds) for number in range(wish.clients)))
    load.seconds = time.perf_counter() - begun
    return load


async def _client(wish: Wish, number: int, load: Load, until: float) -> None:
    chance = random.Random(f"{wish.seed}-{number}")
    wire = Wire(wish.ports[number % len(wish.ports)])
    headers = f"Authorization: Bearer {wish.key}\r\n"
    while (begun := time.perf_counter()) < until:
        lines = [{"sku_code": sku_code(one), "quantity": 1} for one in chosen(chance, wish.skus)]
        there = {"country": COUNTRY, "postal_code": postal_code(chance.randrange(PROVINCES), chance.randrange(100))}
        body = msgspec.json.encode({"channel_code": CHANNEL, "lines": lines, "destination": there})
        try:
            answer = await wire.ask("POST", "/api/promises", headers, body)
        except ConnectionLost as problem:
            load.errors[str(problem)] = load.errors.get(str(problem), 0) + 1
            continue
        load.latencies_ms.append((time.perf_counter() - begun) * MILLISECONDS)
        load.asked += 1
        if answer.status == OK:
            load.options += len(msgspec.json.decode(answer.body)["options"])
        else:
            load.errors[str(answer.status)] = load.errors.get(str(answer.status), 0) + 1
    wire.close()


def postal_code(province: int, number: int) -> str:
    """One of a hundred postal codes of a province."""
    return f"{province + 1:02}{number:03}"


async def furnish(one: House, catalogue: Catalogue, seed: int) -> None:
    """Spread locations over the country, give them hours, services by distance, and some of the goods."""
    now, chance = datetime.now(UTC), random.Random(seed)
    async with one.engine.begin() as db:
        await _spread(db, chance, now)
        await _services(db, now)
        for kind, (_, _, price) in KINDS.items():
            charge = ShippingCharge(
                channel_id=child_id(HOUSE, "channel"), service_kind=kind, currency=CURRENCY, charge_minor=price
            )
            await save_shipping_charges(db, shipping_charges=[charge], now=now)
    cells = [
        (number, place, chance.randint(1, UNITS_MAX))
        for number in range(catalogue.skus)
        for place in range(catalogue.locations)
        if chance.random() < 0.5
    ]
    for some in in_parts(cells):
        async with one.engine.begin() as db:
            await receive(db, some, now=now)
    await one.analyze()


async def _spread(db: Connection, chance: random.Random, now: datetime) -> None:
    places = []
    for place in (await all_locations(db)).by_id.values():
        province = chance.randrange(PROVINCES)
        north, east = _middle(province)
        address = msgspec.structs.replace(place.address, postal_code=postal_code(province, chance.randrange(100)))
        places.append(
            msgspec.structs.replace(
                place,
                address=address,
                latitude=north + chance.random() / 10,
                longitude=east + chance.random() / 10,
                hours=OFFICE,
                cut_off="17:00",
                handling_order_minor=chance.randint(50, 150),
            )
        )
    await save_locations(db, locations=places, now=now)
    known = [
        PostalPlace(
            country=COUNTRY,
            postal_code=postal_code(province, number),
            name=f"Lugar {province} {number}",
            latitude=_middle(province)[0] + number / 1_000,
            longitude=_middle(province)[1] + number / 1_000,
        )
        for province in range(PROVINCES)
        for number in range(100)
    ]
    await save_places(db, country=COUNTRY, places=known)


def _middle(province: int) -> tuple[float, float]:
    return 36.5 + province // 8, -8.5 + province % 8 * 1.4


async def _services(db: Connection, now: datetime) -> None:
    """In the province, in the province beside it, and everywhere else."""
    services, cards = [], []
    for kind, (least, most, price) in KINDS.items():
        one = Service(
            id=child_id(HOUSE, "service", kind),
            carrier_id=child_id(HOUSE, "carrier"),
            code=f"{kind}-2",
            name={"es": kind},
            kind=ServiceKind(kind),
            weight_max_g=30_000,
            length_max_mm=2_000,
            currency=CURRENCY,
        )
        near = [_rule(prefix, prefix, "near") for prefix in _prefixes()]
        far = [] if kind == "same_day" else [_rule("", "", "far")]
        zones = {"near": (0, 1), "far": (1, 2)} if far else {"near": (0, 1)}
        cards.append(
            RateCard(
                service_id=one.id,
                zones=near + far,
                rates=[
                    Rate(zone=zone, weight_up_to_g=up_to_g, price_minor=price * factor + up_to_g // 20)
                    for zone, (_, factor) in zones.items()
                    for up_to_g in (1_000, 5_000, 30_000)
                ],
                transits=[
                    Transit(zone=zone, days_min=least + more, days_max=most + more) for zone, (more, _) in zones.items()
                ],
            )
        )
        services.append(one)
    await save_services(db, services=services, now=now)
    await set_rate_cards(db, cards=cards, now=now)


def _prefixes() -> list[str]:
    return [f"{province + 1:02}" for province in range(PROVINCES)]


def _rule(origin: str, destination: str, zone: str) -> ZoneRule:
    return ZoneRule(
        origin_country=COUNTRY,
        destination_country=COUNTRY,
        origin_prefix=origin,
        destination_prefix=destination,
        zone=zone,
    )


async def measure(one: House, asked: argparse.Namespace, tell: Tell) -> tuple[dict[str, object], dict[str, object]]:
    """Warm up, and measure: the figures, and notes on them."""
    seconds = min(WARM_UP_S, asked.seconds)
    wish = Wish(ports=one.ports, key=one.key, clients=asked.clients, seconds=seconds, skus=asked.skus, seed=0)
    tell("warming up")
    await apart(ask, wish)
    await one.checkpoint()
    tell("measuring")
    app_s, database_s = one.app_cpu_s(), one.database_cpu_s()
    load, load_s = await apart(ask, msgspec.structs.replace(wish, seconds=asked.seconds, seed=1))
    app_s, database_s = one.app_cpu_s() - app_s, one.database_cpu_s() - database_s
    count = max(1, load.asked)
    figures: dict[str, object] = {
        "promises_per_s": round(load.asked / load.seconds, 1),
        "p50_ms": round(percentile(load.latencies_ms, 0.5), 1),
        "p99_ms": round(percentile(load.latencies_ms, 0.99), 1),
        "options_each": round(load.options / count, 1),
    }
    notes: dict[str, object] = {
        "app_cpu_us": round(app_s / count * MICROSECONDS),
        "db_cpu_us": round(database_s / count * MICROSECONDS),
        "load_cpu_us": round(load_s / count * MICROSECONDS),
        "errors": load.errors,
    }
    return figures, notes


async def run(asked: argparse.Namespace) -> int:
    """Measure and report; 1 when a question was not answered."""
    catalogue = Catalogue(skus=asked.skus, locations=asked.locations, units=0)
    with progress("promising", steps=4, is_quiet=asked.json) as tell:
        tell("building the shop")
        async with house(catalogue, processes=asked.processes, settings={"BATUTA_WORKER": "false"}) as one:
            await furnish(one, catalogue, asked.seed)
            figures, notes = await measure(one, asked, tell)
    report(figures, as_json=asked.json, notes=notes)
    return 1 if notes["errors"] else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.promising", description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--skus", type=int, default=300)
    parser.add_argument("--locations", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
