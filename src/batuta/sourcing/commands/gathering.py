"""Reading all that a batch is decided on, in a handful of statements however many orders it has."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.queries import skus_by_id
from batuta.inventory.queries import availability, fence_of, withheld
from batuta.locations.domain import Location
from batuta.locations.queries import AllLocations, all_locations
from batuta.plumbing.database import Connection
from batuta.sourcing.commands.holding import hold
from batuta.sourcing.domain import Good, Known, Lane, Method, Shelf, SourcingRequest, parts_of
from batuta.sourcing.domain.ruling import in_turn, ruled
from batuta.sourcing.domain.strategies import Strategies
from batuta.sourcing.queries import (
    History,
    LaneRequest,
    capacities_of,
    categories_of,
    goods_of,
    history_of,
    lanes_of,
    late_lanes,
    said_of,
    sites_of,
    strategies,
)


class Refusals(msgspec.Struct):
    """What failed when it was tried in this batch: SKUs at locations, and whole locations, by order."""

    barred: set[tuple[UUID | None, UUID, UUID]] = msgspec.field(default_factory=set)
    full: set[tuple[UUID, UUID]] = msgspec.field(default_factory=set)


async def gather(
    db: Connection, requests: Sequence[SourcingRequest], history: History, refusals: Refusals, *, now: datetime
) -> Known:
    """Read stock, claims, locations, capacity and lanes; units that the orders do not hold yet are reserved first."""
    asked = {sku_id for request in requests for line in request.lines for sku_id, _ in line.components}
    live = await strategies(db)
    skus = await skus_by_id(db, asked)
    goods = goods_of(asked, skus, await categories_of(db, live, skus))
    turns = in_turn(requests, _before(goods, live, history, now))
    claims, unheld = await hold(db, turns, goods, history, now=now)
    tracked = [sku_id for sku_id, good in goods.items() if good.is_tracked]
    shelves, holders = await _stock(db, tracked, now=now)
    kept_back = await withheld(db)
    fence = None if kept_back.is_empty() else await fence_of(db, kept_back, sku_ids=tracked, now=now)
    every = await all_locations(db)
    locations = _locations(requests, goods, holders, every)
    sites = sites_of(every, locations, now=now)
    said = await said_of(db, asked, now=now)
    return Known(
        now=now,
        goods=goods,
        sites=sites,
        shelves=shelves,
        holders=holders,
        claims=claims,
        unheld=unheld,
        lanes=await _lanes(db, requests, locations, every, now=now),
        attempts=history.attempts,
        capacity=await capacities_of(db, locations.values(), sites, now=now),
        barred=history.barred | refusals.barred,
        full=frozenset(refusals.full),
        sites_active=history.sites_active,
        fence=fence,
        strategies=live,
        costs=said.costs,
        worths=said.worths,
        transfer_lanes=every.lanes,
    )


async def _stock(
    db: Connection, sku_ids: Collection[UUID], *, now: datetime
) -> tuple[dict[tuple[UUID, UUID], Shelf], dict[UUID, list[UUID]]]:
    """Shelves by SKU and location, and the locations that have one by SKU."""
    shelves: dict[tuple[UUID, UUID], Shelf] = {}
    holders: dict[UUID, list[UUID]] = defaultdict(list)
    for one in await availability(db, sku_ids=list(sku_ids), now=now):
        shelves[one.sku_id, one.location_id] = Shelf(on_hand=one.on_hand - one.expired, room=one.free)
        holders[one.sku_id].append(one.location_id)
    return shelves, holders


async def ranks_of(db: Connection, requests: Sequence[SourcingRequest], *, now: datetime) -> list[int]:
    """In which turn strategies let each order be served, the lowest first; so that a wave is served as a whole."""
    live = await strategies(db)
    if not live:
        return [0] * len(requests)
    asked = {sku_id for request in requests for line in request.lines for sku_id, _ in line.components}
    history = await history_of(db, {one.order_id for one in requests}, sku_ids=asked, now=now)
    skus = await skus_by_id(db, asked)
    known = _before(goods_of(asked, skus, await categories_of(db, live, skus)), live, history, now)
    return [ruled(one, known).tier for one in requests]


def _before(goods: Mapping[UUID, Good], live: Strategies, history: History, now: datetime) -> Known:
    """What is known before anything is held: enough to tell whose turn it is."""
    return Known(
        now=now,
        goods=goods,
        sites={},
        shelves={},
        holders={},
        claims={},
        lanes={},
        attempts=history.attempts,
        strategies=live,
    )


def _locations(
    requests: Sequence[SourcingRequest],
    goods: Mapping[UUID, Good],
    holders: Mapping[UUID, Collection[UUID]],
    every: AllLocations,
) -> dict[UUID, Location]:
    """Only the locations that have a shelf of something asked for; all, when an order asks for nothing on shelves."""
    is_anywhere = any(
        all(not goods[sku_id].is_tracked for line in request.lines for sku_id, _ in parts_of(line, goods))
        for request in requests
    )
    if is_anywhere:
        return {one.id: one for one in every.by_id.values() if one.is_active}
    chosen = {request.pickup_location_id for request in requests if request.pickup_location_id is not None}
    return {id_: every.by_id[id_] for id_ in sorted(chosen.union(*holders.values())) if id_ in every.by_id}


async def _lanes(
    db: Connection,
    requests: Sequence[SourcingRequest],
    locations: Collection[UUID],
    every: AllLocations,
    *,
    now: datetime,
) -> Mapping[tuple[UUID, UUID], tuple[Lane, ...]]:
    """The lanes of all orders that are shipped, with how late they are where that matters."""
    asked = [
        LaneRequest(
            order_id=request.order_id,
            destination=request.destination,
            service_kind=request.service_kind,
            currency=request.currency,
        )
        for request in requests
        if request.method is Method.SHIP
    ]
    found = await lanes_of(db, asked, every)
    return await late_lanes(db, requests, found, locations, every=every, now=now)
