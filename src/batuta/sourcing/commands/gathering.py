"""Reading all that a batch is decided on, in a handful of statements however many orders it has."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import SkuKind
from batuta.catalog.queries import skus_by_id
from batuta.inventory.queries import availability
from batuta.locations.domain import Ability, Location, local_day, next_open
from batuta.locations.queries import active_locations, locations_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands.holding import hold
from batuta.sourcing.domain import Good, Known, Lane, Method, Shelf, Site, SourcingRequest, parts_of
from batuta.sourcing.queries import History, LaneRequest, lanes_of, loads_of


class Refusals(msgspec.Struct):
    """What failed when it was tried in this batch: SKUs at locations, and whole locations, by order."""

    barred: set[tuple[UUID | None, UUID, UUID]] = msgspec.field(default_factory=set)
    full: set[tuple[UUID, UUID]] = msgspec.field(default_factory=set)


class Gathered(msgspec.Struct, frozen=True):
    """What is known, and the local day on which each location that limits its orders counts them."""

    known: Known
    locations: Mapping[UUID, Location]
    days: Mapping[UUID, date]


async def gather(
    db: Connection, requests: Sequence[SourcingRequest], history: History, refusals: Refusals, *, now: datetime
) -> Gathered:
    """Read stock, claims, locations, capacity and lanes; units that the orders do not hold yet are reserved first."""
    goods = await _goods(db, requests)
    claims, unheld = await hold(db, requests, goods, history, now=now)
    tracked = [sku_id for sku_id, good in goods.items() if good.is_tracked]
    shelves, holders = {}, defaultdict(list)
    for one in await availability(db, sku_ids=tracked, now=now):
        room = one.on_hand - one.reserved - one.safety
        shelves[one.sku_id, one.location_id] = Shelf(on_hand=one.on_hand, room=room)
        holders[one.sku_id].append(one.location_id)

    locations = await _locations(db, requests, goods, holders)
    days = {one.id: local_day(one, now) for one in locations.values() if one.daily_capacity_orders is not None}
    loads = await loads_of(db, days)
    known = Known(
        now=now,
        goods=goods,
        sites={one.id: _site(one, now) for one in locations.values()},
        shelves=shelves,
        holders=holders,
        claims=claims,
        unheld=unheld,
        lanes=await _lanes(db, requests, holders, locations),
        attempts=history.attempts,
        capacity={
            location_id: (locations[location_id].daily_capacity_orders or 0) - loads.get(location_id, 0)
            for location_id in days
        },
        counted=frozenset(
            (one.order_id, one.location_id)
            for standing in history.standing.values()
            for one in standing
            if one.quantity and one.day is not None and one.day == days.get(one.location_id)
        ),
        barred=history.barred | refusals.barred,
        full=frozenset(refusals.full),
        sites_active=history.sites_active,
    )
    return Gathered(known, locations, days)


async def _goods(db: Connection, requests: Sequence[SourcingRequest]) -> dict[UUID, Good]:
    """The goods asked for. A SKU nobody knows is a good without stock."""
    asked = {sku_id for request in requests for line in request.lines for sku_id, _ in line.components}
    found = await skus_by_id(db, asked)
    goods = {sku_id: Good() for sku_id in sorted(asked - found.keys())}
    for sku_id, sku in found.items():
        if sku.kind is not SkuKind.SERVICE:
            goods[sku_id] = Good(weight_g=sku.weight_g, length_mm=sku.length_mm, is_tracked=sku.is_tracked)
    return goods


async def _locations(
    db: Connection,
    requests: Sequence[SourcingRequest],
    goods: Mapping[UUID, Good],
    holders: Mapping[UUID, Collection[UUID]],
) -> dict[UUID, Location]:
    """Only the locations that have a shelf of something asked for; all, when an order asks for nothing on shelves."""
    is_anywhere = any(
        all(not goods[sku_id].is_tracked for line in request.lines for sku_id, _ in parts_of(line, goods))
        for request in requests
    )
    if is_anywhere:
        return {one.id: one for one in await active_locations(db)}
    chosen = {request.pickup_location_id for request in requests if request.pickup_location_id is not None}
    return await locations_by_id(db, chosen.union(*holders.values()))


def _site(location: Location, now: datetime) -> Site:
    return Site(
        location_id=location.id,
        code=location.code,
        name=location.name,
        currency=location.currency,
        abilities=frozenset(one.value for one in location.abilities),
        opens_at=next_open(location, now),
        is_active=location.is_active,
        handling_order_minor=location.handling_order_minor,
        handling_unit_minor=location.handling_unit_minor,
        latitude=location.latitude,
        longitude=location.longitude,
    )


async def _lanes(
    db: Connection,
    requests: Sequence[SourcingRequest],
    holders: Mapping[UUID, Collection[UUID]],
    locations: Mapping[UUID, Location],
) -> dict[tuple[UUID, UUID], tuple[Lane, ...]]:
    """The lanes from every location that has something of an order, and may ship it at all."""
    shipping = {one.id for one in locations.values() if Ability.SHIP in one.abilities}
    asked = []
    for request in requests:
        if request.method is Method.SHIP:
            sku_ids = {sku_id for line in request.lines for sku_id, _ in line.components}
            having = {location_id for sku_id in sku_ids for location_id in holders.get(sku_id, ())}
            asked.append(
                LaneRequest(
                    order_id=request.order_id,
                    destination=request.destination,
                    service_kind=request.service_kind,
                    currency=request.currency,
                    location_ids=having & shipping if having else shipping,
                )
            )
    return await lanes_of(db, asked, {location_id: locations[location_id].address for location_id in shipping})
