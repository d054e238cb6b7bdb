"""While everybody acts at once, somebody looks all the time: at no commit is more granted than there is (RES-08)."""

import asyncio
from datetime import timedelta
from uuid import UUID

from batuta.inventory.commands import record_movements, release, release_expired, reserve
from batuta.inventory.domain import Release, Reserved, ReserveRequest
from batuta.inventory.domain.feeds import Feed, FeedLine
from batuta.inventory.queries import availability
from batuta.plumbing.database import Connection, Engine
from tests.inventory.feeding import given_feed, heard, line, message
from tests.inventory.making import assert_laws_hold, given_locations, given_skus, left, receipt, wish
from tests.making import NOW

UNITS = 40
SOON = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(minutes=10)


class Rush:
    """One SKU at two places, everybody who wants it, and who watches."""

    def __init__(self, engine: Engine, sku_id: UUID, places: list[UUID]) -> None:
        self.engine, self.sku_id, self.places = engine, sku_id, places
        self.is_over = False
        self.looks = 0

    async def watch(self) -> None:
        """Every look is a snapshot of what was committed."""
        while not self.is_over:
            async with self.engine.connect() as db:
                found = await availability(db, sku_ids=[self.sku_id], now=NOW)
            assert all(one.reserved <= one.on_hand for one in found), found
            self.looks += 1
            await asyncio.sleep(0.002)

    async def buy(self, request: ReserveRequest) -> bool:
        async with self.engine.begin() as db:
            (outcome,) = await reserve(db, requests=[request], now=NOW)
        return isinstance(outcome, Reserved)


async def given_rush(engine: Engine) -> Rush:
    async with engine.begin() as db:
        (sku_id,) = await given_skus(db)
        places = await given_locations(db, 2)
        await record_movements(db, movements=[receipt(sku_id, at, UNITS // 2) for at in places], now=NOW)
    return Rush(engine, sku_id, places)


async def test_orders_whose_two_lines_share_a_row_get_both_or_nothing_at_every_commit(engine: Engine) -> None:
    """Two lines sharing a row; an order of three units in two lines takes all three or none."""
    rush = await given_rush(engine)
    watching = asyncio.create_task(rush.watch())
    wishes = [wish((rush.sku_id, 1), (rush.sku_id, 2), location_ids=(rush.places[i % 2],)) for i in range(60)]

    won = await asyncio.gather(*(rush.buy(one) for one in wishes))

    rush.is_over = True
    await watching
    # Twenty units a place are six orders of three.
    assert sum(won) == 2 * (UNITS // 2 // 3)
    async with engine.connect() as db:
        assert await left(db, rush.sku_id) == UNITS - 3 * sum(won)
        await assert_laws_hold(db)
    assert rush.looks


async def test_carts_that_end_while_others_buy_and_a_warehouse_counts_sell_each_unit_once(engine: Engine) -> None:
    """TTL expiry during placement, snapshots and sales at once."""
    rush = await given_rush(engine)
    async with engine.begin() as db:
        carts = [wish((rush.sku_id, 1), until_at=SOON) for _ in range(UNITS)]
        assert all(isinstance(one, Reserved) for one in await reserve(db, requests=carts, now=NOW))
        feed = await given_feed(db, *rush.places)
        lines = [await line(db, rush.sku_id, at, UNITS // 2) for at in rush.places]
    watching = asyncio.create_task(rush.watch())

    async def buy_later() -> bool:
        async with engine.begin() as db:
            (outcome,) = await reserve(db, requests=[wish((rush.sku_id, 1))], now=LATER)
        return isinstance(outcome, Reserved)

    async def sweep() -> bool:
        async with engine.begin() as db:
            await release_expired(db, now=LATER, limit=7)
        return False

    doing = [one for _ in range(20) for one in (buy_later(), buy_later(), buy_later(), sweep())]
    counting = [_count(engine, feed, lines, number) for number in range(1, 6)]
    won = await asyncio.gather(*doing, *counting)

    rush.is_over = True
    await watching
    assert sum(won) == UNITS
    async with engine.connect() as db:
        assert await left(db, rush.sku_id, now=LATER) == 0
        await assert_laws_hold(db)
    async with engine.begin() as db:
        # No sweep of another test shall find what is left of the carts.
        await release(db, releases=[Release(holder_id=one.holder_id) for one in carts], now=LATER)


async def _count(engine: Engine, feed: Feed, lines: list[FeedLine], number: int) -> bool:
    """A true count that says what is there already."""
    async with engine.begin() as db:
        await _hear(db, feed, lines, number)
    return False


async def _hear(db: Connection, feed: Feed, lines: list[FeedLine], number: int) -> None:
    # Counts reach the house in any order; each has a feed's own number and, here, the same truth.
    part = message(feed, None, lines, cut_at=NOW + timedelta(seconds=number))
    await heard(db, part, now=LATER)
