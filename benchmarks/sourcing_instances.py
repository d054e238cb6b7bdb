"""Instances for sourcing, made from a seed: towns of a real map, demand by population, SKUs by Zipf's law.

Locations stand in towns drawn by population: a tenth are warehouses (cheap to pick at, much stock), the others stores.
Freight goes by zone of distance, or by sea, and by weight, with two carriers: one for light parcels, one for heavy.
A store's units are worth something to its own customers, the more of them it has the less (scarcity).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import exp
from random import Random
from uuid import UUID

import msgspec

from batuta.kernel.addresses import distance_m
from batuta.sourcing.domain import Candidate, Demand, Lane, Terms
from batuta.sourcing.domain.capacity import Hands
from batuta.sourcing.domain.pools.components import Pool, PoolOrder
from benchmarks.map_of_spain import TOWNS

PARKED_MINOR = 20_000
SPARE = 0.35
TERMS = Terms(split_penalty_minor=300, max_splits=4)
ISLANDS_AND_AFRICA = {"Palma", "Las Palmas", "Santa Cruz de Tenerife", "Melilla"}
KM_OF_ZONES = (60, 250, 600)
LINES_OF_ORDERS = (62, 22, 9, 4, 2, 1)
"""Orders with one line, with two, … in a hundred."""
LIGHT_G, HEAVY_G = (500, 1_000, 2_000, 5_000), (2_000, 5_000, 10_000, 20_000, 30_000)


class Good(msgspec.Struct, frozen=True):
    sku_id: UUID
    weight_g: int
    length_mm: int
    value_minor: int


class Spot(msgspec.Struct, frozen=True):
    """A location."""

    location_id: UUID
    code: str
    town: str
    latitude: float
    longitude: float
    is_warehouse: bool
    handling_order_minor: int
    handling_unit_minor: int


class World(msgspec.Struct, frozen=True):
    """stock: units by SKU and location."""

    goods: Sequence[Good]
    spots: Sequence[Spot]
    stock: Mapping[tuple[UUID, UUID], int]


class Wish(msgspec.Struct, frozen=True):
    """An order: goods and units of them, and the town it goes to."""

    order_id: UUID
    town: int
    wants: tuple[tuple[Good, int], ...]


def goods_of(chance: Random, count: int) -> list[Good]:
    return [
        Good(
            sku_id=UUID(int=1_000_000 + n),
            weight_g=min(28_000, int(40 + 600 * exp(chance.gauss(0, 1.1)))),
            length_mm=chance.choice((120, 250, 400, 700)),
            value_minor=int(800 + 3_000 * exp(chance.gauss(0, 0.8))),
        )
        for n in range(count)
    ]


def spots_of(chance: Random, count: int) -> list[Spot]:
    spots = []
    for n in range(count):
        name, latitude, longitude, _ = TOWNS[town_of(chance)]
        is_warehouse = n % 10 == 0
        spots.append(
            Spot(
                location_id=UUID(int=n + 1),
                code=f"{'W' if is_warehouse else 'S'}{n:03}",
                town=name,
                latitude=latitude + chance.gauss(0, 0.05),
                longitude=longitude + chance.gauss(0, 0.05),
                is_warehouse=is_warehouse,
                handling_order_minor=chance.randint(40, 80) if is_warehouse else chance.randint(90, 180),
                handling_unit_minor=chance.randint(8, 15) if is_warehouse else chance.randint(15, 45),
            )
        )
    return spots


_PEOPLE = list(accumulate(thousands for *_, thousands in TOWNS))


def town_of(chance: Random) -> int:
    """A town, the likelier the more people live there."""
    return bisect_right(_PEOPLE, chance.random() * _PEOPLE[-1])


def wishes_of(chance: Random, goods: Sequence[Good], count: int, lines: int | None = None) -> list[Wish]:
    """Orders; each of so many lines, or as many as orders have. The n-th good is wanted 1/n as often as the first."""
    ranks = list(accumulate(1 / (n + 1) for n in range(len(goods))))
    found = []
    for n in range(count):
        size = lines or chance.choices(range(1, len(LINES_OF_ORDERS) + 1), LINES_OF_ORDERS)[0]
        chosen: dict[int, int] = {}
        while len(chosen) < size:
            good = bisect_right(ranks, chance.random() * ranks[-1])
            chosen.setdefault(good, chance.choices((1, 2, 3), (86, 11, 3))[0])
        wants = tuple((goods[good], units) for good, units in chosen.items())
        found.append(Wish(UUID(int=10_000_000 + n), town_of(chance), wants))
    return found


def ample_stock(chance: Random, goods: Sequence[Good], spots: Sequence[Spot]) -> dict[tuple[UUID, UUID], int]:
    """Warehouses have nine SKUs in ten, stores a third, each enough of it for many orders."""
    return {
        (good.sku_id, spot.location_id): chance.randint(30, 400) if spot.is_warehouse else chance.randint(4, 30)
        for spot in spots
        for good in goods
        if chance.random() < (0.9 if spot.is_warehouse else 0.35)
    }


def tight_stock(
    chance: Random, goods: Sequence[Good], spots: Sequence[Spot], wishes: Sequence[Wish]
) -> dict[tuple[UUID, UUID], int]:
    """As much of each SKU as is wanted and `SPARE` times as much more, scattered: a half in warehouses."""
    wanted: dict[UUID, int] = {}
    for wish in wishes:
        for good, units in wish.wants:
            wanted[good.sku_id] = wanted.get(good.sku_id, 0) + units
    warehouses = [spot for spot in spots if spot.is_warehouse]
    stock: dict[tuple[UUID, UUID], int] = {}
    for good in goods:
        units = wanted.get(good.sku_id, 0)
        for _ in range(units + max(2, round(units * SPARE))):
            spot = chance.choice(warehouses if chance.random() < 0.5 else spots)
            stock[good.sku_id, spot.location_id] = stock.get((good.sku_id, spot.location_id), 0) + 1
    return stock


def demands_of(wish: Wish) -> list[Demand]:
    return [
        Demand(parts=((good.sku_id, 1),), quantity=units, weight_g=good.weight_g, length_mm=good.length_mm)
        for good, units in wish.wants
    ]


def candidates_of(wish: Wish, world: World, lanes: "Lanes") -> list[Candidate]:
    """The locations that have anything of it."""
    found = []
    for spot in world.spots:
        stock = {
            good.sku_id: units
            for good, _ in wish.wants
            if (units := world.stock.get((good.sku_id, spot.location_id), 0))
        }
        if stock:
            found.append(
                Candidate(
                    location_id=spot.location_id,
                    code=spot.code,
                    handling_order_minor=spot.handling_order_minor,
                    handling_unit_minor=spot.handling_unit_minor,
                    stock=stock,
                    distance_m=lanes.distance_m(spot, wish.town),
                    lanes=lanes.between(spot, wish.town),
                    packaging_minor=25 if spot.is_warehouse else 40,
                    scarcity_minor={} if spot.is_warehouse else scarcity(wish, stock),
                )
            )
    return found


def scarcity(wish: Wish, stock: Mapping[UUID, int]) -> dict[UUID, int]:
    """What a unit is worth to a store's own customers: 6 % of its value, over the units that are there."""
    values = {good.sku_id: good.value_minor for good, _ in wish.wants}
    return {sku_id: values[sku_id] * 6 // (100 * units) for sku_id, units in stock.items()}


class Lanes:
    """The services between places, one object a zone and service, as the house keeps them."""

    def __init__(self) -> None:
        self._of_zones = lanes_of_zones(len(KM_OF_ZONES) + 2)
        self._distances: dict[tuple[UUID, int], int] = {}

    def between(self, spot: Spot, town: int) -> tuple[Lane, ...]:
        name = TOWNS[town][0]
        if (spot.town in ISLANDS_AND_AFRICA or name in ISLANDS_AND_AFRICA) and spot.town != name:
            return self._of_zones[len(KM_OF_ZONES) + 1]
        return self._of_zones[bisect_right(KM_OF_ZONES, self.distance_m(spot, town) // 1_000)]

    def distance_m(self, spot: Spot, town: int) -> int:
        key = spot.location_id, town
        if key not in self._distances:
            _, latitude, longitude, _ = TOWNS[town]
            self._distances[key] = distance_m(spot.latitude, spot.longitude, latitude, longitude)
        return self._distances[key]


def lanes_of_zones(count: int) -> list[tuple[Lane, ...]]:
    """Two services a zone, one for light parcels, one for heavy; the last zone is beyond the sea, or far."""
    factors = [100 + 25 * zone for zone in range(count - 1)] + [320]
    lanes: list[tuple[Lane, ...]] = []
    for zone, factor in enumerate(factors):
        light = tuple((up_to_g, (290 + up_to_g // 10) * factor // 100) for up_to_g in LIGHT_G)
        heavy = tuple((up_to_g, (430 + up_to_g // 22) * factor // 100) for up_to_g in HEAVY_G)
        lanes.append(
            (
                Lane(service_id=UUID(int=900 + zone), length_max_mm=600, steps=light),
                Lane(service_id=UUID(int=950 + zone), length_max_mm=2_000, steps=heavy),
            )
        )
    return lanes


def pool_of(size: "Size") -> Pool:
    """A pool out of a seed. Capacity, where limited: a quarter more than the orders, a third of it in warehouses."""
    chance = Random(size.seed)
    goods, spots = goods_of(chance, min(1_000, max(100, size.orders // 5))), spots_of(chance, size.locations)
    wishes = wishes_of(chance, goods, size.orders, size.lines)
    stock = tight_stock(chance, goods, spots, wishes) if size.is_tight else ample_stock(chance, goods, spots)
    world, lanes = World(goods, spots, stock), Lanes()
    orders = [
        PoolOrder(
            order_id=wish.order_id,
            demands=demands_of(wish),
            candidates=candidates_of(wish, world, lanes),
            terms=TERMS,
            parked_minor=PARKED_MINOR,
        )
        for wish in wishes
    ]
    warehouses = sum(spot.is_warehouse for spot in spots)
    capacity = {
        Hands(spot.location_id): -(-size.orders * 42 // (100 * warehouses))
        if spot.is_warehouse
        else -(-size.orders * 83 // (100 * (len(spots) - warehouses)))
        for spot in spots
        if size.has_capacity
    }
    return Pool(orders=orders, stock=stock, capacity=capacity)


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """seconds: for the batch. lines: of each order, or as many as orders have."""

    name: str
    orders: int
    locations: int
    seconds: float = 0
    is_tight: bool = True
    has_capacity: bool = False
    lines: int | None = None
    seed: int = 1
