"""Many at once on real PostgreSQL: exactly as many win as there are units, and nobody meets a deadlock (RES-08)."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from batuta.inventory.commands import (
    harden,
    issue,
    record_movements,
    release,
    release_expired,
    relocate,
    reserve,
)
from batuta.inventory.domain import (
    Account,
    Issued,
    MovementReason,
    NotEnoughStock,
    OutOfStock,
    Overtaken,
    Recorded,
    Release,
    Relocate,
    Reserved,
    ReserveRequest,
)
from batuta.inventory.queries import claims_of
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import (
    assert_laws_hold,
    given_locations,
    given_skus,
    given_stock,
    hardening,
    issuing,
    left,
    movement,
    on_hand,
    receipt,
    reserved,
    wish,
)
from tests.making import NOW, fresh_id

SOON = NOW + timedelta(minutes=10)


async def buys(engine: Engine, *requests: ReserveRequest, now: Any = NOW) -> list[bool]:
    """Reserve in a transaction of its own; True for each that got all."""
    async with engine.begin() as db:
        outcomes = await reserve(db, requests=list(requests), now=now)
    return [isinstance(one, Reserved) for one in outcomes]


async def all_at_once(*several: Coroutine[Any, Any, list[bool]]) -> int:
    return sum(sum(one) for one in await asyncio.gather(*several))


async def prepared(engine: Engine, make: Callable[[Connection], Coroutine[Any, Any, Any]]) -> Any:
    async with engine.begin() as db:
        return await make(db)


async def laws_hold(engine: Engine) -> None:
    async with engine.connect() as db:
        await assert_laws_hold(db)


async def stock_left(engine: Engine, sku_id: UUID) -> tuple[int, int]:
    async with engine.connect() as db:
        return await left(db, sku_id), await reserved(db, sku_id)


async def test_two_hundred_buyers_of_one_unit_leave_one_owner(engine: Engine) -> None:
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=1))

    won = await all_at_once(*(buys(engine, wish((sku_id, 1))) for _ in range(200)))

    assert won == 1
    assert await stock_left(engine, sku_id) == (0, 1)
    await laws_hold(engine)


async def test_fifty_buyers_of_the_last_seven_units_leave_none_oversold(engine: Engine) -> None:
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=7))

    won = await all_at_once(*(buys(engine, wish((sku_id, 1))) for _ in range(50)))

    assert won == 7
    assert await stock_left(engine, sku_id) == (0, 7)
    await laws_hold(engine)


async def test_units_at_many_locations_are_all_sold_and_none_twice(engine: Engine) -> None:
    async def make(db: Connection) -> UUID:
        (sku_id,) = await given_skus(db)
        locations = await given_locations(db, 6)
        await record_movements(db, movements=[receipt(sku_id, at, 5) for at in locations], now=NOW)
        return sku_id

    sku_id = await prepared(engine, make)
    # What is withheld is in memory before the race begins.
    assert await stock_left(engine, sku_id) == (30, 0)

    won = await all_at_once(*(buys(engine, *(wish((sku_id, 1)) for _ in range(3))) for _ in range(20)))

    assert won == 30
    assert await stock_left(engine, sku_id) == (0, 30)
    await laws_hold(engine)


async def test_kits_that_share_components_in_opposite_order_neither_deadlock_nor_oversell(
    engine: Engine,
) -> None:
    """INV-13, RES-08: N locations x M units x kits."""

    async def make(db: Connection) -> list[UUID]:
        skus = await given_skus(db, 4)
        locations = await given_locations(db, 3)
        await record_movements(db, movements=[receipt(sku_id, at, 10) for at in locations for sku_id in skus], now=NOW)
        return skus

    skus = await prepared(engine, make)
    kits = [[*skus[:3]], [*reversed(skus[:3])], [skus[3], skus[0]], [skus[1], skus[3], skus[2]]]
    carts = [
        [wish(*((sku_id, 1) for sku_id in kits[(i + j) % 4]), line_id=fresh_id()) for j in range(3)] for i in range(24)
    ]

    won = await asyncio.gather(*(buys(engine, *cart) for cart in carts))

    pairs = [pair for cart, answers in zip(carts, won, strict=True) for pair in zip(cart, answers, strict=True)]
    got = [request for request, is_won in pairs if is_won]
    rest = [await stock_left(engine, sku_id) for sku_id in skus]
    for sku_id in skus:
        units = sum(line.quantity for request in got for line in request.lines if line.sku_id == sku_id)
        assert rest[skus.index(sku_id)] == (30 - units, units)
    assert (0, 30) in rest, "the kits were meant to run out"
    await laws_hold(engine)


async def test_a_cart_that_is_being_placed_never_lets_its_unit_go(engine: Engine) -> None:
    """RES-05: soft to hard frees nothing in between, whoever is watching."""
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=1))
    cart = wish((sku_id, 1), until_at=SOON)
    assert await buys(engine, cart) == [True]

    async def place() -> list[bool]:
        async with engine.begin() as db:
            (hard,) = await harden(db, holders=[hardening(cart)], now=NOW)
            await asyncio.sleep(0.05)
        return [not hard.missing]

    won = await asyncio.gather(place(), *(buys(engine, wish((sku_id, 1))) for _ in range(30)))

    assert won == [[True]] + [[False]] * 30
    await laws_hold(engine)


async def test_a_cart_that_ends_while_it_is_placed_is_either_placed_or_sold_to_another(engine: Engine) -> None:
    """RES-04, RES-06: TTL expiry during placement; the unit has one owner whoever is faster."""
    for _ in range(10):
        sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=1))
        cart = wish((sku_id, 1), until_at=SOON)
        assert await buys(engine, cart) == [True]

        async def place(cart: ReserveRequest = cart) -> list[bool]:
            one = hardening(cart)
            async with engine.begin() as db:
                await harden(db, holders=[one], now=SOON - timedelta(seconds=1))
                order = msgspec.structs.replace(cart, holder_id=one.new_holder_id, until_at=None)
                outcomes = await reserve(db, requests=[order], now=SOON - timedelta(seconds=1))
            return [isinstance(outcome, Reserved) for outcome in outcomes]

        others = [buys(engine, wish((sku_id, 1)), now=SOON) for _ in range(5)]
        assert await all_at_once(place(), *others) == 1
    await laws_hold(engine)


async def test_sweeps_and_buyers_release_an_ended_claim_once(engine: Engine) -> None:
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=5))
    assert await buys(engine, *(wish((sku_id, 1), until_at=SOON) for _ in range(5))) == [True] * 5

    async def sweep() -> list[bool]:
        async with engine.begin() as db:
            await release_expired(db, now=SOON, limit=10)
        return []

    won = await all_at_once(*(one for _ in range(10) for one in (sweep(), buys(engine, wish((sku_id, 1)), now=SOON))))

    assert won == 5
    assert await stock_left(engine, sku_id) == (0, 5)
    await laws_hold(engine)


async def test_one_line_asked_for_by_many_at_once_is_reserved_once(engine: Engine) -> None:
    """I-02: the guard lives in the database, not in the callers' lock."""
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=50))
    request = wish((sku_id, 2))

    async def persistent() -> list[bool]:
        while True:
            try:
                return await buys(engine, request)
            except Overtaken:
                continue

    assert await all_at_once(*(persistent() for _ in range(12))) == 12
    assert await stock_left(engine, sku_id) == (48, 2)
    await laws_hold(engine)


async def test_one_movement_recorded_by_many_at_once_is_recorded_once(engine: Engine) -> None:
    async def make(db: Connection) -> tuple[UUID, UUID]:
        return (await given_skus(db))[0], (await given_locations(db))[0]

    sku_id, location_id = await prepared(engine, make)
    received = receipt(sku_id, location_id, 5)

    async def record() -> bool:
        async with engine.begin() as db:
            (outcome,) = await record_movements(db, movements=[received], now=NOW)
        return outcome == Recorded(key=received.key)

    assert all(await asyncio.gather(*(record() for _ in range(12))))
    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == 5
    await laws_hold(engine)


async def test_transfers_into_new_places_in_opposite_order_do_not_deadlock(engine: Engine) -> None:
    async def make(db: Connection) -> tuple[list[UUID], list[UUID]]:
        skus, locations = await given_skus(db, 6), await given_locations(db, 4)
        await record_movements(db, movements=[receipt(sku_id, locations[0], 40) for sku_id in skus], now=NOW)
        return skus, locations

    skus, locations = await prepared(engine, make)
    chance = random.Random(7)

    async def transfer() -> None:
        moves = [
            movement(
                sku_id,
                1,
                Account.location(locations[0]),
                Account.location(target),
                reason=MovementReason.TRANSFER_OUT,
            )
            for sku_id in chance.sample(skus, 6)
            for target in chance.sample(locations[1:], 2)
        ]
        async with engine.begin() as db:
            outcomes = await record_movements(db, movements=moves, now=NOW)
        assert all(isinstance(one, Recorded) for one in outcomes)

    await asyncio.gather(*(transfer() for _ in range(15)))

    async with engine.connect() as db:
        assert [await on_hand(db, sku_id) for sku_id in skus] == [40] * 6
    await laws_hold(engine)


async def test_everything_at_once_keeps_the_laws(engine: Engine) -> None:
    """Buying, giving back, moving, handing out and losing units of the same few rows, without a deadlock."""

    async def make(db: Connection) -> tuple[list[UUID], list[UUID]]:
        skus, locations = await given_skus(db, 3), await given_locations(db, 3)
        await record_movements(db, movements=[receipt(sku_id, at, 30) for sku_id in skus for at in locations], now=NOW)
        return skus, locations

    skus, locations = await prepared(engine, make)

    async def live(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(6):
            request = wish(*((sku_id, chance.randint(1, 2)) for sku_id in chance.sample(skus, 3)))
            if await buys(engine, request) == [True]:
                await _use(engine, request, locations, chance)
            async with engine.begin() as db:
                moves = [
                    movement(sku_id, 1, Account.location(at), Account.location(chance.choice(locations[1:])))
                    for sku_id in chance.sample(skus, 2)
                    for at in locations[:1]
                ]
                await record_movements(db, movements=moves, now=NOW)

    await asyncio.gather(*(live(seed) for seed in range(12)))
    await laws_hold(engine)


async def _use(engine: Engine, request: ReserveRequest, locations: list[UUID], chance: random.Random) -> None:
    async with engine.begin() as db:
        held = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
        moves = [
            Relocate(
                holder_id=claim.holder_id,
                line_id=claim.line_id,
                sku_id=claim.sku_id,
                source_location_id=claim.location_id,
                target_location_id=chance.choice([at for at in locations if at != claim.location_id]),
                quantity=1,
            )
            for claim in held
        ]
        await relocate(db, moves=moves, now=NOW)
    async with engine.begin() as db:
        if chance.random() < 0.5:
            await release(db, releases=[Release(holder_id=request.holder_id)], now=NOW)
            return
        held = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
        first = [claim for claim in held if claim.line_id == request.lines[0].line_id]
        outcomes = await issue(db, issues=[issuing(request, claim.location_id, claim.held) for claim in first], now=NOW)
        # Transfers carry away claimed units too: that is found out here, and nothing goes below zero.
        assert all(isinstance(one, Issued | NotEnoughStock) for one in outcomes), outcomes


async def test_a_flash_sale_refuses_at_once_and_says_what_is_left(engine: Engine) -> None:
    """I-06: the refusal is explicit, and needs no lock."""
    sku_id, _ = await prepared(engine, lambda db: given_stock(db, units=3))
    async with engine.begin() as holder:
        await reserve(holder, requests=[wish((sku_id, 1))], now=NOW)

        async with asyncio.timeout(1), engine.begin() as db:
            (outcome,) = await reserve(db, requests=[wish((sku_id, 4))], now=NOW)

    assert isinstance(outcome, OutOfStock)
    assert outcome.facts["lines"][0]["left"] == 3  # type: ignore[index]
