"""Snapshots during sales, two at once, and against reservations: units are neither un-sold nor sold again (INV-09)."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from batuta.inventory.commands import hear, issue, record_movements, reserve
from batuta.inventory.domain import Account, Issued, MovementReason, OutOfStock, Recorded, Reserved
from batuta.inventory.domain.feeds import Counts, Feed, FeedAnswer, FeedLine, OlderThanLast, Part
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from tests.inventory.feeding import DELTA, given_feed, line, message
from tests.inventory.making import (
    assert_laws_hold,
    given_locations,
    given_skus,
    given_stock,
    issuing,
    left,
    movement,
    on_hand,
    receipt,
    reserved,
    wish,
)
from tests.making import NOW

SECOND = timedelta(seconds=1)


async def prepared(engine: Engine, make: Callable[[Connection], Coroutine[Any, Any, Any]]) -> Any:
    async with engine.begin() as db:
        return await make(db)


async def said(engine: Engine, part: Part, *, at: Any = NOW) -> FeedAnswer | BatutaError:
    async with engine.begin() as db:
        (answer,) = await hear(db, parts=[part], now=at)
    return answer


async def laws_hold(engine: Engine) -> None:
    async with engine.connect() as db:
        await assert_laws_hold(db)


async def test_snapshots_during_sales_change_nothing(engine: Engine) -> None:
    """Twelve tills sell while the warehouse counts truly, again and again, what lay there at each cut."""
    units, sales = 60, 40

    async def make(db: Connection) -> tuple[UUID, UUID, Feed, list[FeedLine]]:
        sku_id, location_id = await given_stock(db, units=units)
        feed = await given_feed(db, location_id)
        return sku_id, location_id, feed, [await line(db, sku_id, location_id, n) for n in range(units + 1)]

    sku_id, location_id, feed, lines = await prepared(engine, make)
    sold = 0

    async def sell(i: int) -> None:
        # Sale i happens i seconds after the beginning, whenever it is recorded.
        nonlocal sold
        at = NOW + (i + 1) * SECOND
        here, gone = Account.location(location_id), Account.customer()
        one = movement(sku_id, 1, here, gone, reason=MovementReason.SALE_POS, at=at)
        async with engine.begin() as db:
            (outcome,) = await record_movements(db, movements=[one], now=at)
        assert isinstance(outcome, Recorded)
        sold += 1

    async def count(sequence: int) -> None:
        # Until a cut only those sales are known to have happened that were recorded before the count began.
        cut = sold
        truth = message(feed, sequence, [lines[units - cut]], cut_at=NOW + cut * SECOND)
        answer = await said(engine, truth, at=NOW + (sales + 1) * SECOND)
        assert isinstance(answer, FeedAnswer | OlderThanLast), answer

    for i in range(sales):
        await asyncio.gather(sell(i), count(2 * i + 1), count(2 * i + 2))

    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == units - sales
        found = await db.run("SELECT sum(abs(units)) FROM inventory.feed_difference WHERE feed_id = $1", feed.id)
        assert found[0][0] is None
    await laws_hold(engine)


async def test_of_two_snapshots_at_once_the_newer_one_stands(engine: Engine) -> None:
    async def make(db: Connection) -> tuple[UUID, Feed, list[FeedLine]]:
        sku_id, location_id = await given_stock(db, units=10)
        feed = await given_feed(db, location_id)
        return sku_id, feed, [await line(db, sku_id, location_id, n) for n in range(20)]

    sku_id, feed, lines = await prepared(engine, make)
    parts = [message(feed, n, [lines[n]], cut_at=NOW + n * SECOND) for n in range(1, 13)]
    random.Random(5).shuffle(parts)

    answers = await asyncio.gather(*(said(engine, part, at=NOW + 20 * SECOND) for part in parts))

    assert all(isinstance(one, FeedAnswer | OlderThanLast) for one in answers), answers
    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == 12
    await laws_hold(engine)


async def test_of_two_feeds_counting_a_place_at_once_the_later_cut_stands(engine: Engine) -> None:
    """Also where nothing lay before: the place is opened once and counted once."""

    async def make(db: Connection) -> tuple[list[UUID], list[Feed], list[list[FeedLine]]]:
        skus, (location_id,) = await given_skus(db, 4), await given_locations(db)
        feeds = [await given_feed(db, location_id) for _ in range(6)]
        lines = [[await line(db, sku_id, location_id, 10 + n) for sku_id in skus] for n in range(6)]
        return skus, feeds, lines

    skus, feeds, lines = await prepared(engine, make)
    for several in lines[::2]:
        several.reverse()
    parts = [message(feed, 1, lines[n], cut_at=NOW + n * SECOND) for n, feed in enumerate(feeds)]

    answers = await asyncio.gather(*(said(engine, part, at=NOW + 20 * SECOND) for part in parts))

    assert all(isinstance(one, FeedAnswer) and not one.refused for one in answers), answers
    async with engine.connect() as db:
        assert [await on_hand(db, sku_id) for sku_id in skus] == [15] * 4
    await laws_hold(engine)


async def test_the_same_message_at_once_is_taken_once(engine: Engine) -> None:
    async def make(db: Connection) -> tuple[UUID, Part]:
        sku_id, location_id = await given_stock(db, units=10)
        feed = await given_feed(db, location_id)
        return sku_id, message(feed, 1, [await line(db, sku_id, location_id, -1, reason="sale_pos")], kind=DELTA)

    sku_id, part = await prepared(engine, make)

    answers = await asyncio.gather(*(said(engine, part) for _ in range(8)))

    assert all(one == answers[0] for one in answers)
    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == 9


async def test_a_snapshot_against_reservations_grants_no_unit_twice(engine: Engine) -> None:
    """Half of the units vanish while two hundred buyers ask: who came before keeps the claim, the others get none."""

    async def make(db: Connection) -> tuple[UUID, Feed, FeedLine]:
        sku_id, location_id = await given_stock(db, units=100)
        feed = await given_feed(db, location_id)
        return sku_id, feed, await line(db, sku_id, location_id, 50)

    sku_id, feed, half = await prepared(engine, make)

    async def buy() -> bool:
        async with engine.begin() as db:
            (outcome,) = await reserve(db, requests=[wish((sku_id, 1))], now=NOW)
        assert isinstance(outcome, Reserved | OutOfStock)
        return isinstance(outcome, Reserved)

    *won, answer = await asyncio.gather(*(buy() for _ in range(200)), said(engine, message(feed, 1, [half])))

    assert isinstance(answer, FeedAnswer)
    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == 50
        assert await reserved(db, sku_id) == sum(map(bool, won))
        assert await left(db, sku_id) == max(0, 50 - sum(map(bool, won)))
    # What had been granted before the count stays granted; after it, nothing beyond what is there.
    assert 50 <= sum(map(bool, won)) <= 100
    assert answer.rows[0].missing <= sum(map(bool, won)) - 50 or not answer.rows[0].missing
    await laws_hold(engine)


async def test_counts_of_free_units_while_orders_are_packed_change_nothing(engine: Engine) -> None:
    """INV-09 for feeds that leave out what is promised: claims of before the cut are added, later ones are not."""
    units = 40

    async def make(db: Connection) -> tuple[UUID, UUID, Feed, list[Any], list[FeedLine]]:
        sku_id, location_id = await given_stock(db, units=units)
        feed = await given_feed(db, location_id)
        early = [wish((sku_id, 1)) for _ in range(10)]
        await reserve(db, requests=early, now=NOW - SECOND)
        return sku_id, location_id, feed, early, [await line(db, sku_id, location_id, units - 10)]

    sku_id, location_id, feed, early, free = await prepared(engine, make)

    async def pack(request: Any) -> None:
        one = msgspec.structs.replace(issuing(request, location_id, 1), effective_at=NOW + SECOND)
        async with engine.begin() as db:
            (outcome,) = await issue(db, issues=[one], now=NOW + SECOND)
        assert isinstance(outcome, Issued)

    async def buy_and_pack() -> None:
        request = wish((sku_id, 1))
        async with engine.begin() as db:
            await reserve(db, requests=[request], now=NOW + SECOND)
        await pack(request)

    async def count(sequence: int) -> None:
        part = message(feed, sequence, free, counts=Counts.AVAILABLE)
        answer = await said(engine, part, at=NOW + 9 * SECOND)
        assert isinstance(answer, OlderThanLast) or (isinstance(answer, FeedAnswer) and not answer.changed), answer

    await asyncio.gather(
        *(pack(one) for one in early[:7]), *(buy_and_pack() for _ in range(8)), *(count(n) for n in range(1, 11))
    )

    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == units - 15
    await laws_hold(engine)


async def test_everything_at_once_meets_no_deadlock(engine: Engine) -> None:
    async def make(
        db: Connection,
    ) -> tuple[list[UUID], list[UUID], list[Feed], dict[tuple[UUID, UUID], list[FeedLine]]]:
        skus, locations = await given_skus(db, 5), await given_locations(db, 3)
        await record_movements(db, movements=[receipt(sku_id, at, 30) for sku_id in skus for at in locations], now=NOW)
        feeds = [await given_feed(db, *locations) for _ in range(3)]
        lines = {
            (sku_id, at): [await line(db, sku_id, at, n) for n in range(40)] for sku_id in skus for at in locations
        }
        return skus, locations, feeds, lines

    skus, locations, feeds, lines = await prepared(engine, make)
    places = list(lines)

    async def feed_on(feed: Feed, seed: int) -> None:
        chance = random.Random(seed)
        for n in range(1, 7):
            some = chance.sample(places, 8)
            at = NOW + n * SECOND
            counted = [lines[place][chance.randint(20, 39)] for place in some]
            answer = await said(engine, message(feed, seed * 100 + n, counted, cut_at=at), at=at)
            assert isinstance(answer, FeedAnswer | OlderThanLast), answer

    async def live(seed: int) -> None:
        chance = random.Random(seed)
        for n in range(6):
            async with engine.begin() as db:
                await reserve(db, requests=[wish(*((one, 1) for one in chance.sample(skus, 3)))], now=NOW)
            async with engine.begin() as db:
                moves = [
                    movement(
                        one, 1, Account.location(locations[0]), Account.location(locations[1]), at=NOW + n * SECOND
                    )
                    for one in chance.sample(skus, 3)
                ]
                await record_movements(db, movements=moves, now=NOW + n * SECOND)

    await asyncio.gather(
        *(feed_on(feed, seed) for seed, feed in enumerate([*feeds, *feeds])), *(live(seed) for seed in range(8))
    )
    await laws_hold(engine)
