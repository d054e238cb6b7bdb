"""Stock as it was (SRC-13): whatever happened since, each earlier moment is told as it was seen then."""

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID

import pytest

from batuta.inventory.commands import harden, issue, record_movements, release, relocate, reserve
from batuta.inventory.domain import (
    Account,
    Harden,
    Issue,
    Release,
    Relocate,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.past import Past
from batuta.inventory.queries import availability
from batuta.inventory.queries.past import changes_since, levels_of, past_claims_of
from batuta.plumbing.database import Connection
from tests.inventory.making import given_locations, given_skus, receipt
from tests.making import NOW, fresh_code, fresh_id

STEPS = 40

Levels = dict[tuple[UUID, UUID], tuple[int, int]]
Bought = tuple[UUID, UUID, UUID, UUID]


class World(NamedTuple):
    """orders: holder, line, SKU and location of the claim."""

    skus: list[UUID]
    places: list[UUID]
    orders: list[Bought]


async def _seen(db: Connection, skus: list[UUID], now: datetime) -> Levels:
    return {
        (one.sku_id, one.location_id): (one.on_hand, one.on_hand - one.reserved)
        for one in await availability(db, sku_ids=skus, now=now)
    }


async def _past(db: Connection, skus: list[UUID], since: datetime, now: datetime) -> Past:
    return Past(await levels_of(db, skus, now=now), await changes_since(db, skus, since=since, now=now))


@pytest.mark.parametrize("seed", range(8))
async def test_every_earlier_moment_is_told_as_it_was(db: Connection, seed: int) -> None:
    chance = Random(seed)
    skus, places = await given_skus(db, 2), await given_locations(db, 2)
    world = World(skus, places, [])
    now = NOW
    seen: dict[datetime, Levels] = {}
    for sku in skus:
        for place in places:
            await record_movements(db, movements=[receipt(sku, place, 20)], now=now)
    for _ in range(STEPS):
        now += timedelta(minutes=7)
        seen[now] = await _seen(db, skus, now)
        await _do_something(db, chance, world, now)
    now += timedelta(minutes=7)
    seen[now] = await _seen(db, skus, now)

    later = now + timedelta(hours=3)
    past = await _past(db, skus, min(seen), later)

    for at, places_then in seen.items():
        past.go_to(at)
        told = {(sku, place): past.at(sku, place, at) for sku in skus for place in past.places(sku)}
        assert {key: (one.on_hand, one.free) for key, one in told.items()} == places_then


async def _do_something(db: Connection, chance: Random, world: World, now: datetime) -> None:
    skus, places, orders = world.skus, world.places, world.orders
    sku, place = chance.choice(skus), chance.choice(places)
    match chance.choice(["receive", "cart", "order", "order", "move", "give back", "send", "harden"]):
        case "receive":
            await record_movements(db, movements=[receipt(sku, place, chance.randint(1, 4))], now=now)
        case "cart" | "order" as kind:
            holder, line = fresh_id(), fresh_id()
            until_at = now + timedelta(minutes=chance.randint(1, 40), seconds=30) if kind == "cart" else None
            wish = ReserveRequest(
                holder_id=holder,
                lines=[ReserveLine(line_id=line, sku_id=sku, quantity=chance.randint(1, 3))],
                location_ids=(place,),
                until_at=until_at,
            )
            await reserve(db, requests=[wish], now=now)
            orders.append((holder, line, sku, place))
        case "harden" if orders:
            holder, line, held, at = orders.pop(chance.randrange(len(orders)))
            new_holder, new_line = fresh_id(), fresh_id()
            one = Harden(holder_id=holder, new_holder_id=new_holder, line_ids={line: new_line})
            await harden(db, holders=[one], now=now)
            orders.append((new_holder, new_line, held, at))
        case "move" if orders:
            holder, line, held, at = chance.choice(orders)
            to = places[1 - places.index(at)]
            move = Relocate(
                holder_id=holder,
                line_id=line,
                sku_id=held,
                source_location_id=at,
                target_location_id=to,
                quantity=1,
            )
            await relocate(db, moves=[move], now=now)
        case "give back" if orders:
            holder, *_ = orders.pop(chance.randrange(len(orders)))
            await release(db, releases=[Release(holder_id=holder)], now=now)
        case "send" if orders:
            holder, line, held, at = orders.pop(chance.randrange(len(orders)))
            left = Issue(
                key=fresh_code("issue"),
                holder_id=holder,
                line_id=line,
                sku_id=held,
                location_id=at,
                quantity=1,
                target=Account.parcel(fresh_id()),
                document_id=holder,
                actor="test",
                effective_at=now,
            )
            await issue(db, issues=[left], now=now)


async def test_what_a_line_held_before_it_was_moved_is_known(db: Connection) -> None:
    [sku], [here, there] = await given_skus(db, 1), await given_locations(db, 2)
    for place in (here, there):
        await record_movements(db, movements=[receipt(sku, place, 5)], now=NOW)
    holder, line = fresh_id(), fresh_id()
    wish = ReserveRequest(
        holder_id=holder, lines=[ReserveLine(line_id=line, sku_id=sku, quantity=2)], location_ids=(here,)
    )
    await reserve(db, requests=[wish], now=NOW)
    moved_at = NOW + timedelta(hours=1)
    move = Relocate(
        holder_id=holder, line_id=line, sku_id=sku, source_location_id=here, target_location_id=there, quantity=2
    )
    await relocate(db, moves=[move], now=moved_at)

    claims = (await past_claims_of(db, [holder]))[holder]

    def held(at: datetime) -> dict[UUID, int]:
        return {one.location_id: one.held_before(at) for one in claims if one.held_before(at)}

    assert held(NOW) == {}
    assert held(moved_at) == {here: 2}
    assert held(moved_at + timedelta(seconds=1)) == {there: 2}
