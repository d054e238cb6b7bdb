"""Silence of feeds: a growing share kept back, then out of sourcing, and all given back when heard (INV-11)."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.inventory.commands import fall_silent, save_feeds
from batuta.inventory.domain.feeds import Feed, silence_at
from batuta.inventory.queries.feeds import feeds_by_code
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from tests.inventory.feeding import HEARTBEAT, given_feed, heard, message
from tests.inventory.making import assert_laws_hold, given_locations, given_stock, left
from tests.making import NOW

MINUTE = timedelta(minutes=1)


async def kept_back(db: Connection, location_id: UUID) -> int:
    share = await db.scalar(text("SELECT share_bp FROM inventory.silence WHERE location_id = :id"), {"id": location_id})
    return share or 0


async def watched(db: Connection, *location_ids: UUID, silent: int = 30, gone: int = 60) -> Feed:
    return await given_feed(db, *location_ids, silent_after_minutes=silent, gone_after_minutes=gone)


@pytest.mark.parametrize(
    ("minutes", "share_bp"), [(0, 0), (29, 0), (30, 2_500), (39, 2_500), (40, 5_000), (50, 7_500), (60, 10_000)]
)
async def test_a_silent_location_keeps_back_more_and_more(db: Connection, minutes: int, share_bp: int) -> None:
    (location_id,) = await given_locations(db)
    await watched(db, location_id)

    await fall_silent(db, now=NOW + minutes * MINUTE, limit=500)

    assert await kept_back(db, location_id) == share_bp
    await assert_laws_hold(db)


async def test_the_next_word_gives_everything_back(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=8)
    feed = await watched(db, location_id)
    await fall_silent(db, now=NOW + 40 * MINUTE, limit=500)
    silent = await left(db, sku_id, now=NOW + 40 * MINUTE)
    await fall_silent(db, now=NOW + 90 * MINUTE, limit=500)
    gone = await left(db, sku_id, now=NOW + 90 * MINUTE)

    await heard(db, message(feed, 1, [], kind=HEARTBEAT, cut_at=NOW + 91 * MINUTE), now=NOW + 91 * MINUTE)

    assert (silent, gone, await left(db, sku_id, now=NOW + 91 * MINUTE)) == (4, 0, 8)
    names = [(one.name, one.data.get("share_bp")) for one in (await facts_of(db, [feed.id]))[feed.id]]
    assert names == [
        ("inventory.feed_fell_silent", 5_000),
        ("inventory.feed_fell_silent", 10_000),
        ("inventory.feed_heard", None),
    ]
    await assert_laws_hold(db)


async def test_a_step_is_taken_once_and_the_sweep_finds_nothing_in_between(db: Connection) -> None:
    (location_id,) = await given_locations(db)
    feed = await watched(db, location_id)

    assert await fall_silent(db, now=NOW + 30 * MINUTE, limit=500) >= 1
    due_at = await db.scalar(text("SELECT silence_due_at FROM inventory.feed WHERE id = :id"), {"id": feed.id})
    assert due_at == NOW + 40 * MINUTE
    await fall_silent(db, now=NOW + 35 * MINUTE, limit=500)
    assert len((await facts_of(db, [feed.id]))[feed.id]) == 1


async def test_of_two_feeds_of_a_location_the_more_silent_one_counts(db: Connection) -> None:
    (location_id,) = await given_locations(db)
    till, warehouse = await watched(db, location_id), await watched(db, location_id, silent=10, gone=20)
    await fall_silent(db, now=NOW + 30 * MINUTE, limit=500)
    assert await kept_back(db, location_id) == 10_000

    at = NOW + 31 * MINUTE
    await heard(db, message(warehouse, 1, [], kind=HEARTBEAT, cut_at=at), now=at)
    assert await kept_back(db, location_id) == 2_500

    await heard(db, message(till, 1, [], kind=HEARTBEAT, cut_at=at), now=at)
    assert await kept_back(db, location_id) == 0
    await assert_laws_hold(db)


async def test_who_listens_no_more_keeps_nothing_back(db: Connection) -> None:
    here, there = await given_locations(db, 2)
    feed = await watched(db, here, there)
    await fall_silent(db, now=NOW + 60 * MINUTE, limit=500)
    less = msgspec.structs.replace(feed, location_ids=[here])

    await save_feeds(db, feeds=[less], actor="test:ana", now=NOW + 60 * MINUTE)
    assert (await kept_back(db, here), await kept_back(db, there)) == (10_000, 0)

    none = msgspec.structs.replace(less, silent_after_minutes=None, gone_after_minutes=None)
    await save_feeds(db, feeds=[none], actor="test:ana", now=NOW + 61 * MINUTE)
    assert await kept_back(db, here) == 0
    assert (await feeds_by_code(db, [feed.code]))[feed.code].silent_bp == 0
    await assert_laws_hold(db)


async def test_whoever_begins_to_listen_gives_the_feed_time(db: Connection) -> None:
    """A feed that was heard long ago is not gone at the moment somebody begins to listen."""
    (location_id,) = await given_locations(db)
    feed = await given_feed(db, location_id)
    await heard(db, message(feed, 1, [], kind=HEARTBEAT), now=NOW)
    later = NOW + timedelta(days=9)
    listened = msgspec.structs.replace(feed, silent_after_minutes=10, gone_after_minutes=20)

    (saved,) = await save_feeds(db, feeds=[listened], actor="test:ana", now=later)

    assert isinstance(saved, Feed)
    assert silence_at(saved, now=later) == (0, later + 10 * MINUTE)
