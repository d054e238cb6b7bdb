"""Feeds on a real PostgreSQL: counts are reconciled, older ones never overwrite, bad rows stop no others (INV-09)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.inventory.commands import issue, record_movements, release, reserve
from batuta.inventory.commands.completing import completed
from batuta.inventory.commands.feeding import hear
from batuta.inventory.commands.feeds import Settle, forget_messages, save_feeds, settle_differences
from batuta.inventory.domain import Account, MovementReason, Release
from batuta.inventory.domain.feeds import (
    AlreadySettled,
    BadFeed,
    Counts,
    Difference,
    DifferenceFilter,
    DifferenceStatus,
    Feed,
    FeedAnswer,
    FeedKind,
    FeedLine,
    NeverComplete,
    RowStatus,
)
from batuta.inventory.queries import movements_of_document, stock_of
from batuta.inventory.queries.feeds import feeds_by_code, list_differences
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from tests.inventory.feeding import DAMAGED, DELTA, HEARTBEAT, given_feed, heard, line, message, only_row, refused
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
    receive,
    wish,
)
from tests.inventory.test_lots import given_lot, given_sku
from tests.making import NOW, fresh_id

MINUTE = timedelta(minutes=1)
CUT = NOW
LATER = NOW + 10 * MINUTE


async def test_a_count_is_put_right_in_the_ledger(db: Connection) -> None:
    """INV-09: the correction is a movement of reason count; the row says so."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)

    answer = await heard(db, message(feed, 7, [await line(db, sku_id, location_id, 8)]), now=LATER)

    assert (answer.is_done, answer.changed, answer.unchanged, answer.skipped) == (True, 1, 0, 6)
    assert (only_row(answer).difference, only_row(answer).on_hand) == (-2, 8)
    assert await on_hand(db, sku_id) == 8
    document = child_id(feed.id, "message 7")
    (moved,) = (await movements_of_document(db, [document]))[document]
    assert (moved.reason, moved.quantity, moved.target) == (MovementReason.COUNT, 2, Account.loss())
    assert moved.effective_at == CUT
    await assert_laws_hold(db)


async def test_units_sold_since_the_cut_are_neither_unsold_nor_sold_again(db: Connection) -> None:
    """INV-09: ten were counted, three left since: seven are there, and the count changes nothing."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    sold = movement(
        sku_id, 3, Account.location(location_id), Account.customer(), reason=MovementReason.SALE_POS, at=CUT + MINUTE
    )
    await record_movements(db, movements=[sold], now=CUT + MINUTE)

    answer = await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 10)]), now=LATER)

    assert (answer.unchanged, answer.rows) == (1, [])
    assert await on_hand(db, sku_id) == 7


async def test_units_received_since_the_cut_stay(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    came = movement(sku_id, 5, Account.supplier(), Account.location(location_id), at=CUT + MINUTE)
    await record_movements(db, movements=[came], now=CUT + MINUTE)

    answer = await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 9)]), now=LATER)

    assert only_row(answer).difference == -1
    assert await on_hand(db, sku_id) == 14


async def test_what_is_recorded_late_but_happened_before_the_cut_is_in_the_count(db: Connection) -> None:
    """A sale of 9:59 that is recorded at 10:01 was seen by who counted at 10:00."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    sold = movement(
        sku_id, 3, Account.location(location_id), Account.customer(), reason=MovementReason.SALE_POS, at=CUT - MINUTE
    )
    await record_movements(db, movements=[sold], now=CUT + MINUTE)

    await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 7)]), now=LATER)

    assert await on_hand(db, sku_id) == 7


async def test_available_units_leave_out_what_was_claimed_before_the_cut(db: Connection) -> None:
    """INV-09: of ten units three are claimed and seven counted as free; later claims and parcels change nothing."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    early, late, packed_late = wish((sku_id, 3)), wish((sku_id, 2)), wish((sku_id, 1))
    await reserve(db, requests=[early], now=CUT - MINUTE)
    await reserve(db, requests=[late, packed_late], now=CUT + MINUTE)
    for request, units in ((early, 2), (packed_late, 1)):
        one = issuing(request, location_id, units)
        (issued,) = await issue(
            db, issues=[msgspec.structs.replace(one, effective_at=CUT + 2 * MINUTE)], now=CUT + 2 * MINUTE
        )
        assert type(issued).__name__ == "Issued", issued

    free = message(feed, 1, [await line(db, sku_id, location_id, 7)], counts=Counts.AVAILABLE)
    answer = await heard(db, free, now=LATER)

    assert (answer.unchanged, answer.changed) == (1, 0), answer.rows
    assert await on_hand(db, sku_id) == 7
    assert await left(db, sku_id) == 4


async def test_a_claim_given_back_since_the_cut_sells_too_few_until_the_next_count(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    request = wish((sku_id, 3))
    await reserve(db, requests=[request], now=CUT - MINUTE)
    await release(db, releases=[Release(holder_id=request.holder_id)], now=CUT + MINUTE)
    lines = [await line(db, sku_id, location_id, 7)]

    await heard(db, message(feed, 1, lines, counts=Counts.AVAILABLE), now=LATER)
    assert await on_hand(db, sku_id) == 7

    again = message(feed, 2, [await line(db, sku_id, location_id, 10)], counts=Counts.AVAILABLE, cut_at=LATER)
    await heard(db, again, now=LATER + MINUTE)
    assert await on_hand(db, sku_id) == 10


async def test_an_older_message_never_overwrites_a_newer_one(db: Connection) -> None:
    """INV-09."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    await heard(db, message(feed, 5, [await line(db, sku_id, location_id, 8)]), now=LATER)

    problem = await refused(db, message(feed, 4, [await line(db, sku_id, location_id, 3)]), now=LATER)

    assert (problem.code, problem.facts["last_sequence"]) == ("older_than_last", 5)
    assert await on_hand(db, sku_id) == 8


async def test_the_same_message_again_is_answered_alike_and_another_under_its_sequence_refused(db: Connection) -> None:
    """PLT-01"""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    one = message(feed, 5, [await line(db, sku_id, location_id, 8)])
    first = await heard(db, one, now=LATER)
    await receive(db, sku_id, location_id, 4)

    again = await heard(db, one, now=LATER + MINUTE)
    other = await refused(db, message(feed, 5, [await line(db, sku_id, location_id, 1)]), now=LATER)

    assert again == first
    assert other.code == "sequence_reused"
    assert await on_hand(db, sku_id) == 12


async def test_another_feeds_older_count_of_a_place_is_superseded(db: Connection) -> None:
    """INV-09: the till's count of nine o'clock does not undo the warehouse's of ten."""
    sku_id, location_id = await given_stock(db, units=10)
    warehouse, till = await given_feed(db, location_id), await given_feed(db, location_id)
    await heard(db, message(warehouse, 1, [await line(db, sku_id, location_id, 8)]), now=LATER)

    older = message(till, 1, [await line(db, sku_id, location_id, 3)], cut_at=CUT - MINUTE)
    answer = await heard(db, older, now=LATER)

    assert only_row(answer).status is RowStatus.SUPERSEDED
    assert await on_hand(db, sku_id) == 8


async def test_a_change_that_a_later_count_contains_is_not_made_again(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    warehouse, till = await given_feed(db, location_id), await given_feed(db, location_id)
    await heard(db, message(warehouse, 1, [await line(db, sku_id, location_id, 8)]), now=LATER)
    sold = await line(db, sku_id, location_id, -2, reason="sale_pos")

    early = await heard(db, message(till, 1, [sold], kind=DELTA, cut_at=CUT - MINUTE), now=LATER)
    late = await heard(db, message(till, 2, [sold], kind=DELTA, cut_at=CUT + MINUTE), now=LATER)

    assert (early.contained, late.changed) == (1, 1)
    assert await on_hand(db, sku_id) == 6


async def test_changes_are_movements_and_a_count_of_before_adds_them(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    lines = [
        await line(db, sku_id, location_id, 5, reason="receipt"),
        await line(db, sku_id, location_id, -3, reason="sale_pos"),
        await line(db, sku_id, location_id, -1, reason="scrap"),
        await line(db, sku_id, location_id, 0),
        await line(db, sku_id, location_id, 2, condition=DAMAGED, reason="return_receive"),
        await line(db, sku_id, location_id, -99),
    ]

    answer = await heard(db, message(feed, 1, lines, kind=DELTA, cut_at=CUT + MINUTE), now=LATER)
    count = await heard(db, message(feed, 2, [await line(db, sku_id, location_id, 10)], cut_at=CUT), now=LATER)

    assert [row.status.value for row in answer.rows] == ["changed", "changed", "changed", "changed", "refused"]
    assert [row.on_hand for row in answer.rows] == [15, 12, 11, 2, None]
    assert answer.rows[-1].code == "not_enough_stock"
    assert (count.unchanged, await on_hand(db, sku_id)) == (1, 11)
    document = child_id(feed.id, "message 1")
    moved = (await movements_of_document(db, [document]))[document]
    assert sorted((one.reason.value, one.source.kind.value, one.target.kind.value) for one in moved) == [
        ("receipt", "supplier", "location"),
        ("return_receive", "customer", "location"),
        ("sale_pos", "location", "customer"),
        ("scrap", "location", "loss"),
    ]
    await assert_laws_hold(db)


async def test_reserved_units_that_vanish_are_told(db: Connection) -> None:
    """INV-12: the count is believed, and FellShort says how many units the claims lack."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    await reserve(db, requests=[wish((sku_id, 6))], now=NOW)

    answer = await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 4)]), now=LATER)

    assert only_row(answer).missing == 2
    fact = (await facts_of(db, [sku_id]))[sku_id][-1]
    assert (fact.name, fact.data["missing"]) == ("inventory.fell_short", 2)
    assert await left(db, sku_id) == 0
    await assert_laws_hold(db)


async def test_a_new_place_is_opened_by_its_first_count(db: Connection) -> None:
    (sku_id,), (location_id,) = await given_skus(db), await given_locations(db)
    feed = await given_feed(db, location_id)

    lines = [await line(db, sku_id, location_id, 6), await line(db, sku_id, location_id, 2, condition=DAMAGED)]
    await heard(db, message(feed, 1, lines), now=LATER)

    rows = (await stock_of(db, [sku_id]))[sku_id]
    assert sorted((row.condition.value, row.on_hand) for row in rows) == [("damaged", 2), ("sellable", 6)]
    assert [one.status for one in await found(db, feed)] == [DifferenceStatus.SETTLED] * 2


async def test_units_counted_without_lots_are_those_of_all_lots(db: Connection) -> None:
    """INV-14: who tells no lots apart counts all of them; missing units are taken from what nobody has claimed."""
    sku_id, location_id = await given_stock(db, units=6, lot="A")
    await receive(db, sku_id, location_id, 4, lot="B")
    await reserve(db, requests=[wish((sku_id, 6))], now=NOW - MINUTE)
    feed = await given_feed(db, location_id)

    same = await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 10)]), now=LATER)
    fewer = await heard(db, message(feed, 2, [await line(db, sku_id, location_id, 7)]), now=LATER)

    assert (same.unchanged, only_row(fewer).difference, only_row(fewer).missing) == (1, -3, 0)
    rows = (await stock_of(db, [sku_id]))[sku_id]
    assert all(row.on_hand >= row.reserved for row in rows)
    assert await on_hand(db, sku_id) == 7


async def test_lots_are_counted_one_by_one(db: Connection) -> None:
    """INV-14"""
    sku_id, location_id = await given_stock(db, units=6, lot="A")
    await receive(db, sku_id, location_id, 4, lot="B")
    feed = await given_feed(db, location_id)
    lines = [await line(db, sku_id, location_id, units, lot=lot) for lot, units in (("A", 5), ("B", 4), ("", 2))]

    answer = await heard(db, message(feed, 1, lines), now=LATER)

    assert [(row.lot, row.difference) for row in answer.rows] == [("A", -1), ("", 2)]
    rows = (await stock_of(db, [sku_id]))[sku_id]
    assert sorted((row.lot, row.on_hand) for row in rows) == [("", 2), ("A", 5), ("B", 4)]


async def test_bad_rows_are_told_and_stop_no_others(db: Connection) -> None:
    """PLT-08"""
    sku_id, location_id = await given_stock(db, units=10)
    (elsewhere,) = await given_locations(db)
    (service,) = await given_skus(db, is_tracked=False)
    feed = await given_feed(db, location_id)
    good = await line(db, sku_id, location_id, 8)
    lines = [
        changed(good, sku_code="nothing"),
        changed(good, location_code="nowhere"),
        await line(db, sku_id, elsewhere, 3),
        changed(good, quantity=-1),
        await line(db, service, location_id, 3),
        good,
        changed(good, quantity=9),
    ]

    answer = await heard(db, message(feed, 1, lines), now=LATER)

    assert [(row.line, row.code) for row in answer.rows] == [
        (1, "unknown_stock"),
        (2, "unknown_stock"),
        (3, "foreign_place"),
        (4, "negative_count"),
        (5, "not_stocked"),
        (6, None),
        (7, "counted_twice"),
    ]
    assert (answer.refused, answer.changed, await on_hand(db, sku_id)) == (6, 1, 8)


async def test_all_or_nothing_is_refused_for_one_bad_row_and_can_be_sent_again_mended(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    good = await line(db, sku_id, location_id, 8)

    problem = await refused(db, message(feed, 1, [good, changed(good, sku_code="nothing")], is_whole=True), now=LATER)
    assert (problem.code, problem.facts["refused"]) == ("rows_refused", 1)
    assert await on_hand(db, sku_id) == 10

    await heard(db, message(feed, 1, [good], is_whole=True), now=LATER)
    assert await on_hand(db, sku_id) == 8


async def test_a_trial_says_what_would_change_and_changes_nothing(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    one = message(feed, 1, [await line(db, sku_id, location_id, 8)], is_trial=True)

    trial = await heard(db, one, now=LATER)

    assert (trial.is_trial, trial.changed, only_row(trial).difference) == (True, 1, -2)
    assert await on_hand(db, sku_id) == 10
    assert (await feeds_by_code(db, [feed.code]))[feed.code].last_sequence == 0
    assert not await found(db, feed)


async def test_a_message_that_comes_in_parts_goes_on_where_it_stopped(db: Connection) -> None:
    """PLT-08: resumable; a part that was taken before is passed over."""
    skus, (location_id,) = await given_skus(db, 3), await given_locations(db)
    feed = await given_feed(db, location_id)
    lines = [await line(db, sku_id, location_id, 5) for sku_id in skus]
    parts = [message(feed, 1, lines, first=first, count=1) for first in range(3)]

    first = await heard(db, parts[0], now=LATER)
    again = await heard(db, parts[0], now=LATER)
    ahead = await heard(db, parts[2], now=LATER)
    rest = [await heard(db, part, now=LATER) for part in parts[1:]]

    assert (first.lines_done, first.is_done, again, ahead) == (1, False, first, first)
    assert (rest[-1].is_done, rest[-1].changed, [row.line for row in rest[-1].rows]) == (True, 3, [1, 2, 3])
    assert [await on_hand(db, sku_id) for sku_id in skus] == [5, 5, 5]


@pytest.mark.parametrize("minutes", [6, -60 * 24 * 365 * 80])
async def test_nobody_knows_what_will_happen(db: Connection, minutes: int) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)

    at = NOW + minutes * MINUTE
    problem = await refused(db, message(feed, 1, [await line(db, sku_id, location_id, 8)], cut_at=at), now=NOW)

    assert problem.code == "not_then"


async def test_differences_beyond_the_tolerance_wait_for_somebody_to_look(db: Connection) -> None:
    """PLT-11"""
    location_ids = await given_locations(db)
    skus = await given_skus(db, 2)
    for sku_id in skus:
        await receive(db, sku_id, location_ids[0], 10)
    feed = await given_feed(db, *location_ids, tolerance_units=2)
    lines = [await line(db, sku_id, location_ids[0], units) for sku_id, units in zip(skus, (8, 7), strict=True)]
    await heard(db, message(feed, 1, lines), now=LATER)

    small, large = sorted(await found(db, feed), key=lambda one: one.line)
    assert (small.status, small.settled_by) == (DifferenceStatus.SETTLED, "system:inventory")
    assert (large.status, large.counted, large.expected, large.units) == (DifferenceStatus.OPEN, 7, 10, -3)

    one = Settle(id=large.id, note="Found behind the shelf", actor="staff:ana@example.com")
    settled, again = [(await settle_differences(db, settles=[one], now=LATER))[0] for _ in range(2)]
    other = Settle(id=large.id, note="No", actor="staff:bea@example.com")
    elsewhere = Settle(id=large.id, note="No", actor="x", location_ids=frozenset({fresh_id()}))
    refusals = await settle_differences(db, settles=[other, elsewhere], now=LATER)

    assert isinstance(settled, Difference)
    assert again == settled
    assert isinstance(refusals[0], AlreadySettled)
    assert getattr(refusals[1], "code", "") == "unknown_difference"
    assert not [one for one in await found(db, feed) if one.status is DifferenceStatus.OPEN]


async def test_a_feed_that_only_compares_changes_nothing(db: Connection) -> None:
    """PLT-11: ledger against an outside count."""
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id, is_correcting=False)

    answer = await heard(db, message(feed, 1, [await line(db, sku_id, location_id, 8)]), now=LATER)
    delta = await refused(db, message(feed, 2, [await line(db, sku_id, location_id, 1)], kind=DELTA), now=LATER)

    assert (answer.unchanged, only_row(answer).difference, await on_hand(db, sku_id)) == (1, -2, 10)
    (difference,) = await found(db, feed)
    assert (difference.is_corrected, difference.status) == (False, DifferenceStatus.OPEN)
    assert delta.code == "only_compares"
    await assert_laws_hold(db)


async def test_a_heartbeat_counts_nothing(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)

    beat = await heard(db, message(feed, 1, [], kind=HEARTBEAT), now=LATER)
    problem = await refused(db, message(feed, 2, [await line(db, sku_id, location_id, 1)], kind=HEARTBEAT), now=LATER)

    assert beat.is_done
    assert (await feeds_by_code(db, [feed.code]))[feed.code].last_heard_at == LATER
    assert problem.code == "nothing_to_count"


async def test_messages_of_a_month_ago_are_forgotten_but_not_their_sequence(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    one = message(feed, 9, [await line(db, sku_id, location_id, 8)])
    await heard(db, one, now=LATER)

    assert await forget_messages(db, now=LATER + timedelta(days=29), limit=500) == 0
    await forget_messages(db, now=LATER + timedelta(days=31), limit=500)

    assert (
        await db.scalar(text("SELECT count(*) FROM inventory.feed_message WHERE feed_id = :id"), {"id": feed.id}) == 0
    )
    assert (await refused(db, one, now=LATER)).code == "older_than_last"


async def test_an_unknown_feed_says_nothing(db: Connection) -> None:
    (location_id,) = await given_locations(db)
    feed = Feed(id=fresh_id(), code="nobody", kind=FeedKind.POS, location_ids=[location_id])

    assert (await refused(db, message(feed, 1, []), now=LATER)).code == "unknown_feed"


@pytest.mark.parametrize(
    ("silent", "gone", "is_placed"), [(10, None, True), (None, 10, True), (10, 10, True), (10, 20, False)]
)
async def test_a_feed_falls_silent_before_it_is_gone(
    db: Connection, silent: int | None, gone: int | None, *, is_placed: bool
) -> None:
    """INV-11"""
    places: list[UUID] = await given_locations(db) if is_placed else []
    one = Feed(
        id=fresh_id(),
        code="odd",
        kind=FeedKind.POS,
        location_ids=places,
        silent_after_minutes=silent,
        gone_after_minutes=gone,
    )

    (outcome,) = await save_feeds(db, feeds=[one], actor="test:ana", now=NOW)

    assert isinstance(outcome, BadFeed)


async def test_many_messages_are_heard_in_their_order(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    feed = await given_feed(db, location_id)
    lines = [[await line(db, sku_id, location_id, units)] for units in (8, 5, 6)]

    outcomes = await hear(db, parts=[message(feed, i, one) for i, one in zip((1, 1, 2), lines, strict=True)], now=LATER)

    assert [isinstance(one, FeedAnswer) for one in outcomes] == [True, False, True]
    assert await on_hand(db, sku_id) == 6


async def found(db: Connection, feed: Feed) -> list[Difference]:
    return await list_differences(db, wanted=DifferenceFilter(feed_id=feed.id), limit=100)


def changed(one: FeedLine, **fields: Any) -> FeedLine:
    return msgspec.structs.replace(one, **fields)


async def test_what_a_complete_snapshot_does_not_name_is_not_there(db: Connection) -> None:
    """INV-09: warehouses leave out what they have none of; other locations and conditions are not meant."""
    here, there = await given_locations(db, 2)
    named, gone, with_lots, late = await given_skus(db, 4)
    for sku_id in (named, gone):
        for at in (here, there):
            await receive(db, sku_id, at, 5)
    for lot in ("A", "B"):
        await receive(db, with_lots, here, 3, lot=lot)
    await record_movements(db, movements=[receipt(gone, here, 2, condition=DAMAGED)], now=NOW)
    came = movement(late, 4, Account.supplier(), Account.location(here), at=CUT + MINUTE)
    await record_movements(db, movements=[came], now=CUT + MINUTE)
    feed = await given_feed(db, here, there)
    lines = [await line(db, named, here, 5), await line(db, with_lots, here, 3, lot="A")]

    part = await completed(db, message(feed, 1, lines, is_complete=True))
    answer = await heard(db, part, now=LATER)

    assert (answer.lines, answer.changed, answer.unchanged) == (5, 2, 3)
    left_there = {
        (row.sku_id, row.location_id, row.condition.value, row.lot): row.on_hand
        for sku_id in (named, gone, with_lots, late)
        for row in (await stock_of(db, [sku_id]))[sku_id]
    }
    assert left_there == {
        (named, here, "sellable", ""): 5,
        (named, there, "sellable", ""): 5,
        (gone, here, "sellable", ""): 0,
        (gone, here, "damaged", ""): 2,
        (gone, there, "sellable", ""): 5,
        (with_lots, here, "sellable", "A"): 3,
        (with_lots, here, "sellable", "B"): 0,
        (late, here, "sellable", ""): 4,
    }
    with pytest.raises(NeverComplete):
        await completed(db, message(feed, 2, lines, kind=DELTA, is_complete=True))


async def test_a_count_of_a_lot_that_is_unknown_missing_or_past_is_a_refused_row(db: Connection) -> None:
    """INV-14: a count brings in nothing that a receipt may not."""
    (location_id,) = await given_locations(db)
    sku, other = await given_sku(db), await given_sku(db)
    await given_lot(db, sku, "OLD", expires_on=date(2026, 1, 1))
    await given_lot(db, sku, "NEW", expires_on=date(2026, 9, 1))
    feed = await given_feed(db, location_id)
    lines = [await line(db, sku.id, location_id, 4, lot=lot) for lot in ("OLD", "NEW", "NOBODY", "")]
    lines.append(await line(db, other.id, location_id, 4))

    answer = await heard(db, message(feed, 1, lines), now=LATER)

    assert [row.status.value for row in answer.rows] == ["refused", "changed", "refused", "refused", "refused"]
    assert all(row.code and row.detail for row in answer.rows if row.status is RowStatus.REFUSED)
    assert await on_hand(db, sku.id) == 4
    await assert_laws_hold(db)
