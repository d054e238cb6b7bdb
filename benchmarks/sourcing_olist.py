"""The Olist orders as an instance: real goods with their weights and lengths, to real places, from its busiest sellers.

In the data each product has one seller, so there would be nothing to choose. Here the towns of the sellers that sold
most are the network, and each product lies as tight as it was sold, scattered over them by how much they sold.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from batuta.kernel.addresses import distance_m
from batuta.sourcing.domain import Candidate, Demand
from batuta.sourcing.domain.pools.components import Pool, PoolOrder
from benchmarks.sourcing_instances import PARKED_MINOR, SPARE, TERMS, lanes_of_zones
from examples.parquet import rows_of

KM_OF_ZONES = (60, 400, 1_000, 2_000)
_LANES = lanes_of_zones(len(KM_OF_ZONES) + 1)


def olist_pool(folder: Path, *, locations: int, seed: int) -> Pool:
    """All orders with items as one pool."""
    items = _rows(folder, "order_items", ["order_id", "product_id", "seller_id"])
    places = {row["zip_prefix"]: (row["lat"], row["lng"]) for row in _rows(folder, "zip_centroids", None)}
    sold = Counter(row["seller_id"] for row in items)
    sellers = {
        row["seller_id"]: places[row["seller_zip_code_prefix"]]
        for row in _rows(folder, "sellers_full", ["seller_id", "seller_zip_code_prefix"])
        if row["seller_zip_code_prefix"] in places and row["seller_id"] in sold
    }
    network = sorted(sellers, key=lambda seller: (-sold[seller], seller))[:locations]
    ids = {seller: UUID(int=n + 1) for n, seller in enumerate(network)}
    baskets: dict[str, Counter[str]] = defaultdict(Counter)
    for row in items:
        baskets[row["order_id"]][row["product_id"]] += 1
    stock = _stock(Random(seed), baskets, {ids[seller]: sold[seller] for seller in network})
    goods = {row["product_id"]: row for row in _rows(folder, "products_full", None)}
    coordinates = {ids[seller]: sellers[seller] for seller in network}
    there = _destinations(folder, places)
    orders = []
    for n, (order_id, basket) in enumerate(sorted(baskets.items())):
        if order_id in there:
            demands = _demands(basket, goods)
            candidates = list(_candidates(demands, stock, coordinates, there[order_id]))
            orders.append(
                PoolOrder(
                    order_id=UUID(int=10_000_000 + n),
                    demands=demands,
                    candidates=candidates,
                    terms=TERMS,
                    parked_minor=PARKED_MINOR,
                )
            )
    return Pool(orders=orders, stock=stock)


def _demands(basket: Counter[str], goods: dict[str, Any]) -> list[Demand]:
    return [
        Demand(
            parts=((_sku(product), 1),),
            quantity=units,
            weight_g=min(30_000, int(goods[product]["product_weight_g"] or 500)),
            length_mm=10 * int(goods[product]["product_length_cm"] or 20),
        )
        for product, units in sorted(basket.items())
    ]


def _candidates(
    demands: list[Demand],
    stock: dict[tuple[UUID, UUID], int],
    coordinates: dict[UUID, tuple[float, float]],
    there: tuple[float, float],
) -> Iterator[Candidate]:
    for n, (location_id, (latitude, longitude)) in enumerate(coordinates.items()):
        skus = [demand.parts[0][0] for demand in demands]
        here = {sku_id: units for sku_id in skus if (units := stock.get((sku_id, location_id), 0))}
        if here:
            metres = distance_m(latitude, longitude, *there)
            yield Candidate(
                location_id=location_id,
                code=f"S{n:03}",
                handling_order_minor=60 + 7 * n % 90,
                handling_unit_minor=10 + 3 * n % 25,
                stock=here,
                distance_m=metres,
                lanes=_LANES[bisect_right(KM_OF_ZONES, metres // 1_000)],
                packaging_minor=35,
            )


def _stock(chance: Random, baskets: dict[str, Counter[str]], sold: dict[UUID, int]) -> dict[tuple[UUID, UUID], int]:
    wanted: Counter[str] = Counter()
    for basket in baskets.values():
        wanted.update(basket)
    sellers, shares = list(sold), list(accumulate(sold.values()))
    stock: dict[tuple[UUID, UUID], int] = {}
    for product, units in sorted(wanted.items()):
        for _ in range(units + max(2, round(units * SPARE))):
            at = _sku(product), sellers[bisect_right(shares, chance.random() * shares[-1])]
            stock[at] = stock.get(at, 0) + 1
    return stock


def _destinations(folder: Path, places: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    zips = {
        row["customer_id"]: row["customer_zip_code_prefix"]
        for row in _rows(folder, "customers", ["customer_id", "customer_zip_code_prefix"])
    }
    rows = _rows(folder, "orders", ["order_id", "customer_id"])
    return {row["order_id"]: places[zips[row["customer_id"]]] for row in rows if zips[row["customer_id"]] in places}


def _sku(product: str) -> UUID:
    return UUID(product)


def _rows(folder: Path, table: str, columns: list[str] | None) -> list[dict[str, Any]]:
    return rows_of(folder / f"{table}.parquet", columns)
