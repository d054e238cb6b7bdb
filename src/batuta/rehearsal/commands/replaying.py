"""Planning recorded orders again by a set of strategies, on the facts of the moments at which they were planned."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

import msgspec

from batuta.inventory.queries import fence_of
from batuta.locations.domain import Location
from batuta.plumbing.database import Connection
from batuta.rehearsal.domain import Drift, Recorded, Replayed, pushed
from batuta.rehearsal.queries import Facts
from batuta.sourcing.commands.locating import locate
from batuta.sourcing.domain import Draft, Known, Method, Plan, Promised, Shelf, SourcingRequest, decide_all
from batuta.sourcing.domain.capacity import Capacity, Windows, windows_at
from batuta.sourcing.domain.holds import counted_in
from batuta.sourcing.domain.strategies import Strategies, Strategy, StrategyVersion, Version
from batuta.sourcing.queries import LaneRequest, Planned, lanes_of, promises_of_plans, sites_of
from batuta.sourcing.queries.strategies import tried

ORDERS_AT_ONCE = 100
"""So many are decided between two statements, as they are when they are planned."""


class _Scene(msgspec.Struct, frozen=True):
    """What is replayed by, on what, and how far it has gone away from it."""

    rules: Strategies
    facts: Facts
    drift: Drift


def with_draft(versions: Sequence[StrategyVersion], draft: Strategy) -> Strategies:
    """What was published, with the draft in the place of the strategy of its code, and in force all the time."""
    others = [one for one in versions if one.status != "draft" and one.code != draft.code]
    always = msgspec.structs.replace(draft, valid_from=None, valid_until=None)
    return Strategies([*(tried(one) for one in others), Version(number=1, strategy=always)])


async def located(db: Connection, orders: Sequence[Recorded]) -> list[Recorded]:
    """The orders, with where they go on the map."""
    requests = await locate(db, [one.request for one in orders])
    return [msgspec.structs.replace(one, request=request) for one, request in zip(orders, requests, strict=True)]


async def replay(db: Connection, orders: Sequence[Recorded], rules: Strategies, facts: Facts) -> list[Replayed]:
    """Plan the orders in order of time, those of one moment together, each seeing what the ones before it took."""
    drift = Drift()
    found: list[Replayed] = []
    for at, several in groupby(orders, key=lambda one: one.at):
        batch = list(several)
        drift.hear(facts.past.go_to(at))
        known = await _known(db, batch, _Scene(rules, facts, drift), at)
        windows = {id_: one.windows for id_, one in known.capacity.items()}
        for i in range(0, len(batch), ORDERS_AT_ONCE):
            some = batch[i : i + ORDERS_AT_ONCE]
            drafts = await asyncio.to_thread(decide_all, [one.request for one in some], known)
            replayed = await _dated(db, some, drafts, windows, at)
            for one, again in zip(some, replayed, strict=True):
                drift.add(one, again)
            found += replayed
    return found


async def _known(db: Connection, batch: Sequence[Recorded], scene: _Scene, at: datetime) -> Known:
    facts, drift = scene.facts, scene.drift
    asked = {sku_id for one in batch for line in one.request.lines for sku_id, _ in line.components}
    goods = {sku_id: facts.goods[sku_id] for sku_id in asked if sku_id in facts.goods}
    shelves, holders = {}, {}
    for sku_id, good in goods.items():
        if good.is_tracked:
            holders[sku_id] = facts.past.places(sku_id)
            for location_id in holders[sku_id]:
                was = facts.past.at(sku_id, location_id, at)
                free = was.free + drift.free(sku_id, location_id)
                shelves[sku_id, location_id] = Shelf(on_hand=max(was.on_hand, 0), room=free)
    every = facts.every.by_id
    sites = sites_of(facts.every, [id_ for id_, one in every.items() if one.is_active], now=at)
    fence = None
    if not facts.kept_back.is_empty():
        on_hand = {key: shelf.on_hand for key, shelf in shelves.items()}
        fence = await fence_of(db, facts.kept_back, sku_ids=list(holders), on_hand=on_hand, now=at)
    return Known(
        now=at,
        goods=goods,
        sites=sites,
        shelves=shelves,
        holders=holders,
        claims={one.request.order_id: pushed(one.claims, shelves, drift) for one in batch},
        lanes=await lanes_of(
            db, [_lane(one.request) for one in batch if one.request.method is Method.SHIP], facts.every
        ),
        capacity={
            id_: _capacity(every[id_], one.opens_at or at, scene, at)
            for id_, one in sites.items()
            if every[id_].capacity
        },
        barred=facts.barred(at),
        sites_active=len(sites),
        fence=fence,
        strategies=scene.rules,
        costs=facts.costs,
        transfer_lanes=facts.every.lanes,
    )


def _capacity(location: Location, begins_at: datetime, scene: _Scene, at: datetime) -> Capacity:
    """What the location could do yet in the scenario."""
    windows = windows_at(location, begins_at)
    given = {
        (one.per, one.method): scene.facts.load(one, at).plus(scene.drift.work(one))
        for method in Method
        for one in counted_in(location.id, windows, method)
    }
    return Capacity(location, windows, given)


def _lane(request: SourcingRequest) -> LaneRequest:
    return LaneRequest(
        order_id=request.order_id,
        destination=request.destination,
        service_kind=request.service_kind,
        currency=request.currency,
    )


async def _dated(
    db: Connection, batch: Sequence[Recorded], drafts: Sequence[Draft], windows: Mapping[UUID, Windows], at: datetime
) -> list[Replayed]:
    """What became of each order, and whether it would have come when it was first promised."""
    plans = [draft.answer if isinstance(draft.answer, Plan) else None for draft in drafts]
    made = [
        Planned(request=one.request, plan=plan, sku_codes=one.sku_codes)
        for one, plan in zip(batch, plans, strict=True)
        if plan is not None and plan.assignments and one.promised_at is not None
    ]
    dates = await promises_of_plans(db, made, now=at) if made else {}
    return [
        Replayed(plan=plan, windows=windows, is_on_time=_is_on_time(one, dates))
        for one, plan in zip(batch, plans, strict=True)
    ]


def _is_on_time(one: Recorded, dates: Mapping[UUID, Promised]) -> bool | None:
    promised = dates.get(one.request.order_id)
    if one.promised_at is None or promised is None:
        return None
    return promised.p90_at <= one.promised_at
