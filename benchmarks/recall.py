"""`python -m benchmarks.recall`: from a lot to its orders and customers, over HTTP, among many lines (INV-14).

Orders that were delivered are loaded by COPY: every one took a unit of a SKU that is tracked by lot, and one lot of so
many. Then the recall is asked for: how far the lot has gone, and all pages of the orders that got it. The last line
says how long the slowest page and the whole list took, for as many lines as were loaded.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from batuta.catalog.commands import save_skus
from batuta.catalog.domain import Sku, Tracking
from batuta.catalog.queries import skus_by_id
from batuta.customers.tables import customer
from batuta.fulfillment.tables import fulfillment_order, package
from batuta.inventory.commands.lots import save_lots
from batuta.inventory.domain.lots import NewLot, lot_id
from batuta.inventory.tables.stock import movement
from batuta.kernel.ids import child_id
from batuta.ordering.tables import order
from batuta.plumbing.copying import copy_rows
from benchmarks import harness
from benchmarks.catalogue import HOUSE, Catalogue, in_parts, location_id, sku_id
from benchmarks.harness import House, house, lasting
from benchmarks.reporting import progress, report
from benchmarks.shopping import headers_of
from benchmarks.wire import Wire

ROWS_AT_ONCE = 10_000
BOUGHT_AT_ONCE = 4
OK = 200


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """lines: that got a unit of the SKU. lots: among which they are spread, in turn."""

    lines: int
    lots: int


def rows_of(number: int, load: Load, now: datetime) -> dict[str, dict[str, Any]]:
    """The rows of one order by the names of their tables; every fourth customer is a new one."""
    at = now - timedelta(days=365) + timedelta(seconds=number)
    order_id, work_id, parcel_id = (child_id(HOUSE, "recall", kind, number) for kind in ("order", "work", "parcel"))
    moved = {"sku_id": sku_id(0), "quantity": 1, "lot": f"L{number % load.lots}", "document_id": work_id}
    moved |= {"actor": "system:benchmark", "effective_at": at, "recorded_at": at, "target_parcel_id": parcel_id}
    here = {"source_kind": "location", "source_location_id": location_id(0), "source_condition": "sellable"}
    nobody = {"source_parcel_id": None, "target_location_id": None, "target_condition": None}
    return {
        "order": {
            "id": order_id,
            "number": f"R{number}",
            "channel_id": child_id(HOUSE, "channel"),
            "customer_id": customer_id(number),
            "ship_to": {"name": "Ana Ruiz"},
            "email": f"ana{number}@example.com",
            **dict.fromkeys(("net_minor", "tax_minor", "gross_minor", "shipping_minor"), 0),
            **dict.fromkeys(("shipping_tax_minor", "shipping_tax_rate_bp"), 0),
            "status": "completed",
            "currency": "EUR",
            "method": "ship",
            "service_kind": "standard",
            "locale": "es",
            "placed_at": at,
            "placed_by": "customer:ana",
            "fingerprint": b"",
            "version": 1,
        },
        "work": {
            "id": work_id,
            "order_id": order_id,
            "order_number": f"R{number}",
            "location_id": location_id(0),
            "method": "ship",
            "status": "closed",
            "locale": "es",
            "version": 1,
            "created_at": at,
            "updated_at": at,
        },
        "package": {
            "parcel_id": parcel_id,
            "fulfillment_order_id": work_id,
            "contents": [],
            "packed_at": at,
            "handed_over_at": at,
            "delivered_at": at,
        },
        "movement": {**moved, **here, **nobody, "key": f"pack:{parcel_id}", "target_kind": "parcel", "reason": "pack"},
    }


def customer_id(number: int) -> UUID:
    return child_id(HOUSE, "recall", "customer", number // BOUGHT_AT_ONCE)


def customers(load: Load, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(0, load.lines, BOUGHT_AT_ONCE):
        known = {"name": "Ana Ruiz", "kind": "person", "locale": "es", "country": "ES", "is_guest": False}
        yield {"id": customer_id(number), **known, "created_at": now, "updated_at": now}


TABLES = {"order": order, "work": fulfillment_order, "package": package, "movement": movement}


async def fill(one: House, load: Load, now: datetime) -> None:
    """Register the lots and load the orders."""
    async with one.engine.begin() as db:
        (sku,) = (await skus_by_id(db, [sku_id(0)])).values()
        await save_skus(db, skus=[_by_lot(sku)], now=now)
        lots = [NewLot(sku_code=sku.code, code=f"L{number}") for number in range(load.lots)]
        await save_lots(db, lots=lots, now=now)
    async with lasting(one.server.url) as engine:
        for some in in_parts(list(customers(load, now)), size=ROWS_AT_ONCE):
            async with engine.begin() as db:
                await copy_rows(db, customer, some)
        for numbers in in_parts(range(load.lines), size=ROWS_AT_ONCE):
            made = [rows_of(number, load, now) for number in numbers]
            async with engine.begin() as db:
                for name, table in TABLES.items():
                    await copy_rows(db, table, [rows[name] for rows in made])
    await one.analyze()


def _by_lot(sku: Sku) -> Sku:
    return msgspec.structs.replace(sku, tracking=Tracking.LOT)


async def ask(one: House, lot: UUID) -> Mapping[str, object]:
    """Ask for the reach of a lot and for all its orders; say how long each took."""
    wire, headers = Wire(one.ports[0]), headers_of(one.key)
    asked = 0
    slowest_s = 0.0
    begun = time.perf_counter()
    reach = await wire.ask("GET", f"/api/lots/{lot}/reach", headers)
    reach_s = time.perf_counter() - begun
    assert reach.status == OK, reach.body
    cursor = ""
    listed = 0
    while True:
        page_begun = time.perf_counter()
        page = await wire.ask("GET", f"/api/lots/{lot}/orders?limit=200{cursor}", headers)
        slowest_s = max(slowest_s, time.perf_counter() - page_begun)
        assert page.status == OK, page.body
        told = json.loads(page.body)
        listed += len(told["items"])
        asked += 1
        if told["next"] is None:
            break
        cursor = f"&cursor={told['next']}"
    wire.close()
    known = json.loads(reach.body)
    assert known["orders"] == listed, (known, listed)
    return {
        "orders": listed,
        "customers": known["customers"],
        "reach_ms": round(reach_s * 1_000, 1),
        "slowest_page_ms": round(slowest_s * 1_000, 1),
        "pages": asked,
    }


async def measure(load: Load, *, is_quiet: bool) -> Mapping[str, object]:
    """Load, and ask for a lot that was sold everywhere and for one of many."""
    now = datetime.now(UTC)
    with progress("recall", steps=3, is_quiet=is_quiet) as tell:
        tell("starting")
        async with house(Catalogue(skus=1, locations=1, units=0), processes=1) as one:
            tell("loading")
            await fill(one, load, now)
            tell("asking")
            return {"lines": load.lines, "lots": load.lots, **await ask(one, lot_id(sku_id(0), "L0"))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="order lines that got the SKU")
    parser.add_argument("--lots", type=int, default=20, help="lots among which they are spread")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    load = Load(lines=given.lines, lots=given.lots)
    report(harness.run(measure(load, is_quiet=given.json)), as_json=given.json)


if __name__ == "__main__":
    main()
