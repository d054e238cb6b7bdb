"""Cycle counts against real PostgreSQL: blind, with tolerance, counted twice, posted as movements (INV-16)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from batuta.inventory.commands import issue, record_movements, reserve
from batuta.inventory.commands.counting import record_counts
from batuta.inventory.commands.counts import cancel_counts, open_counts, post_counts
from batuta.inventory.domain import Account, Condition, Issued, MovementReason, Recorded
from batuta.inventory.domain.counts import (
    CancelCount,
    Count,
    CountEnded,
    CountLine,
    CountStatus,
    Explained,
    Frozen,
    LineCounted,
    LineStatus,
    NotAllCounted,
    OpenCount,
    PostCount,
    ReasonMissing,
    SamePerson,
    Tally,
    UnknownCount,
    VarianceReason,
)
from batuta.inventory.queries import movements_of_document, stock_of
from batuta.inventory.queries.counts import books_at, counts_by_id
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import (
    assert_laws_hold,
    count_found_missing,
    given_locations,
    given_skus,
    given_stock,
    issuing,
    movement,
    on_hand,
    receipt,
    receive,
    wish,
)
from tests.making import NOW, fresh_id

LATER = NOW + timedelta(hours=1)


def a_count(location_id: UUID, *sku_ids: UUID, **more: Any) -> OpenCount:
    return OpenCount(id=fresh_id(), location_id=location_id, actor="staff:boss", sku_ids=list(sku_ids) or None, **more)


async def opened(db: Connection, count: OpenCount) -> Count:
    (made,) = await open_counts(db, counts=[count], now=NOW)
    assert isinstance(made, Count), made
    return made


async def tallied(
    db: Connection, count: Count, units: int, *, actor: str = "staff:ana", line: int = 0, **more: Any
) -> CountLine | BatutaError:
    tally = Tally(id=fresh_id(), count_id=count.id, line_id=count.lines[line].id, units=units, actor=actor, **more)
    (answer,) = await record_counts(db, tallies=[tally], now=LATER)
    return answer


async def posted(db: Connection, count: Count, **reasons: Any) -> Count | BatutaError:
    why = {line.id: Explained(reason=VarianceReason.THEFT) for line in count.lines} if reasons.get("explained") else {}
    (answer,) = await post_counts(db, posts=[PostCount(count_id=count.id, actor="staff:boss", reasons=why)], now=LATER)
    return answer


async def status(db: Connection, count: Count) -> CountStatus:
    return (await counts_by_id(db, [count.id]))[count.id].status


async def test_a_count_that_agrees_with_the_books_moves_nothing(db: Connection) -> None:
    """INV-16"""
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id))

    line = await tallied(db, count, 10)
    done = await posted(db, count)

    assert isinstance(line, CountLine)
    assert (line.status, line.last.book_units) == (LineStatus.COUNTED, 10)
    assert isinstance(done, Count)
    assert [(one.status, one.variance, one.reason) for one in done.lines] == [(LineStatus.POSTED, 0, None)]
    assert done.status is await status(db, count) is CountStatus.POSTED
    assert (await movements_of_document(db, [count.id]))[count.id] == []


async def test_a_count_far_from_the_books_is_counted_again_by_somebody_else(db: Connection) -> None:
    """INV-16: second count; posting produces a movement, never an overwrite."""
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id, tolerance_units=1))

    first = await tallied(db, count, 7)
    same_person = await tallied(db, count, 7)
    too_early = await posted(db, count, explained=True)
    second = await tallied(db, count, 7, actor="staff:luis")
    unexplained = await posted(db, count)
    done = await posted(db, count, explained=True)

    assert isinstance(first, CountLine)
    assert first.status is LineStatus.RECOUNT
    assert isinstance(same_person, SamePerson)
    assert isinstance(too_early, NotAllCounted)
    assert isinstance(second, CountLine)
    assert second.status is LineStatus.COUNTED
    assert isinstance(unexplained, ReasonMissing)
    assert isinstance(done, Count)
    assert [(one.variance, one.reason) for one in done.lines] == [(-3, VarianceReason.THEFT)]
    (moved,) = (await movements_of_document(db, [count.id]))[count.id]
    assert (moved.quantity, moved.reason, moved.target) == (3, MovementReason.COUNT, Account.loss())
    assert await on_hand(db, sku_id) == 7


async def test_a_third_count_decides_where_two_people_disagree(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id))

    lines = [await tallied(db, count, units, actor=who) for units, who in ((7, "a"), (8, "b"), (7, "c"))]

    assert [line.status for line in lines if isinstance(line, CountLine)] == [
        LineStatus.RECOUNT,
        LineStatus.RECOUNT,
        LineStatus.COUNTED,
    ]
    assert isinstance(await tallied(db, count, 7, actor="d"), LineCounted)


async def test_within_the_tolerance_one_person_and_no_reason_is_enough(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=1_000)
    count = await opened(db, a_count(location_id, sku_id, tolerance_units=3, tolerance_bp=50))

    line = await tallied(db, count, 1_005)
    done = await posted(db, count)

    assert isinstance(line, CountLine)
    assert line.status is LineStatus.COUNTED
    assert isinstance(done, Count)
    assert [(one.variance, one.reason) for one in done.lines] == [(5, VarianceReason.WITHIN_TOLERANCE)]
    assert await on_hand(db, sku_id) == 1_005
    await assert_laws_hold(db)


async def test_what_is_sold_between_counting_and_posting_stays_sold(db: Connection) -> None:
    """INV-16: posting is a movement of the difference, never an overwrite."""
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id, tolerance_units=2))
    await tallied(db, count, 9)
    sold = movement(sku_id, 4, Account.location(location_id), Account.customer(), at=LATER + timedelta(minutes=1))
    await record_movements(db, movements=[sold], now=LATER + timedelta(minutes=1))

    await posted(db, count)

    assert await on_hand(db, sku_id) == 5


async def test_a_receipt_recorded_late_explains_a_difference_away(db: Connection) -> None:
    """Units were on the shelf before the paper was: they are not found a second time."""
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id))
    for who in ("a", "b"):
        await tallied(db, count, 15, actor=who)
    late = movement(sku_id, 5, Account.supplier(), Account.location(location_id), at=NOW)
    await record_movements(db, movements=[late], now=LATER + timedelta(minutes=1))

    done = await posted(db, count)

    assert isinstance(done, Count)
    assert done.lines[0].variance == 0
    assert await on_hand(db, sku_id) == 15


async def test_a_line_that_the_ledger_has_overtaken_is_counted_again(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id))
    for who in ("a", "b"):
        await tallied(db, count, 3, actor=who)
    sold = movement(sku_id, 5, Account.location(location_id), Account.customer(), at=LATER + timedelta(minutes=1))
    await record_movements(db, movements=[sold], now=LATER + timedelta(minutes=1))

    back = await posted(db, count, explained=True)

    assert isinstance(back, Count)
    assert (back.status, back.lines[0].status) == (CountStatus.OPEN, LineStatus.RECOUNT)
    assert await on_hand(db, sku_id) == 5


async def test_units_that_nobody_expected_are_a_line_of_their_own(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=4)
    (other,) = await given_skus(db)
    (untracked,) = await given_skus(db, is_tracked=False)
    count = await opened(db, a_count(location_id, sku_id))

    def met(sku: UUID, who: str) -> Tally:
        return Tally(id=fresh_id(), count_id=count.id, sku_id=sku, condition=Condition.DAMAGED, units=2, actor=who)

    answers = await record_counts(
        db, tallies=[met(other, "a"), met(other, "b"), met(untracked, "a"), met(fresh_id(), "a")], now=LATER
    )
    await tallied(db, count, 4)
    done = await posted(db, await _read(db, count), explained=True)

    assert [getattr(one, "status", None) or getattr(one, "code", "") for one in answers] == [
        LineStatus.RECOUNT,
        LineStatus.COUNTED,
        "not_stocked",
        "unknown_stock",
    ]
    assert isinstance(done, Count)
    assert [(one.is_found, one.variance) for one in done.lines] == [(False, 0), (True, 2)]
    (row,) = (await stock_of(db, [other]))[other]
    assert (row.condition, row.on_hand) == (Condition.DAMAGED, 2)


async def _read(db: Connection, count: Count) -> Count:
    return (await counts_by_id(db, [count.id]))[count.id]


async def test_while_a_freezing_count_goes_on_nothing_moves_but_promises_are_made(db: Connection) -> None:
    """INV-16: freeze movements during the count."""
    sku_id, location_id = await given_stock(db, units=10)
    order = wish((sku_id, 2))
    await reserve(db, requests=[order], now=NOW)
    count = await opened(db, a_count(location_id, sku_id, freezes=True, tolerance_units=1))

    (received,) = await record_movements(db, movements=[receipt(sku_id, location_id, 5)], now=NOW)
    (packed,) = await issue(db, issues=[issuing(order, location_id, 2)], now=NOW)
    (promised,) = await reserve(db, requests=[wish((sku_id, 1))], now=NOW)
    (twice,) = await open_counts(db, counts=[a_count(location_id, freezes=True)], now=NOW)
    await tallied(db, count, 9)
    done = await posted(db, count)
    (packed_then,) = await issue(db, issues=[issuing(order, location_id, 2)], now=NOW)

    assert isinstance(received, Frozen)
    assert isinstance(packed, Frozen)
    assert not isinstance(promised, BatutaError)
    assert isinstance(twice, Frozen)
    assert isinstance(done, Count)
    assert isinstance(packed_then, Issued)
    assert await on_hand(db, sku_id) == 7
    await assert_laws_hold(db)


async def test_a_recall_and_a_return_do_not_wait_for_a_count(db: Connection) -> None:
    """INV-14, RET-06: what nobody can refuse goes on, and the count reckons with it."""
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id, freezes=True))
    await tallied(db, count, 10)
    apart = Account.location(location_id, Condition.QUARANTINE)
    soon = LATER + timedelta(minutes=1)
    recall = movement(sku_id, 4, Account.location(location_id), apart, reason=MovementReason.QUARANTINE_IN, at=soon)
    back = movement(sku_id, 1, Account.customer(), apart, reason=MovementReason.RETURN_RECEIVE, at=soon)

    moved = await record_movements(db, movements=[recall, back], now=soon)
    done = await posted(db, count)

    assert all(isinstance(one, Recorded) for one in moved)
    assert isinstance(done, Count)
    assert done.lines[0].variance == 0
    assert await on_hand(db, sku_id) == 6


async def test_a_movement_recorded_before_the_freeze_is_answered_as_before(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    earlier = count_found_missing(sku_id, location_id, 1)
    await record_movements(db, movements=[earlier], now=NOW)
    await opened(db, a_count(location_id, sku_id, freezes=True))

    (again,) = await record_movements(db, movements=[earlier], now=NOW)

    assert isinstance(again, Recorded)


async def test_a_cancelled_count_lets_things_move_and_ends(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id, freezes=True))
    strange = CancelCount(count_id=fresh_id(), actor="a")

    cancelled, again, unknown = await cancel_counts(
        db, cancellations=[CancelCount(count_id=count.id, actor="a")] * 2 + [strange], now=LATER
    )
    late = await tallied(db, count, 10)
    too_late = await posted(db, count)
    (moved,) = await record_movements(db, movements=[receipt(sku_id, location_id, 5)], now=LATER)

    assert isinstance(cancelled, Count)
    assert cancelled == again
    assert isinstance(unknown, UnknownCount)
    assert isinstance(late, CountEnded)
    assert isinstance(too_late, CountEnded)
    assert isinstance(moved, Recorded)


async def test_the_skus_that_nobody_counted_for_longest_are_counted_next(db: Connection) -> None:
    first, location_id = await given_stock(db, units=1)
    second, third = await given_skus(db, 2)
    for sku_id in (second, third):
        await receive(db, sku_id, location_id, 1)

    order = sorted([first, second, third])

    for minute, expected in enumerate([*order, order[0]]):
        count = await opened(db, a_count(location_id, longest_uncounted=1))
        assert [line.sku_id for line in count.lines] == [expected]
        await tallied(db, count, 1)
        later = LATER + timedelta(minutes=minute)
        await post_counts(db, posts=[PostCount(count_id=count.id, actor="a")], now=later)


async def test_a_count_of_nothing_or_nowhere_is_refused(db: Connection) -> None:
    (location_id,) = await given_locations(db)
    (untracked,) = await given_skus(db, is_tracked=False)

    outcomes = await open_counts(
        db,
        counts=[
            a_count(location_id),
            a_count(fresh_id()),
            a_count(location_id, untracked),
            a_count(location_id, fresh_id()),
        ],
        now=NOW,
    )

    assert [getattr(one, "code", None) for one in outcomes] == [
        "nothing_to_count",
        "unknown_stock",
        "not_stocked",
        "unknown_stock",
    ]


async def test_the_books_of_a_moment_are_told_by_when_things_happened(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=10)
    count = await opened(db, a_count(location_id, sku_id))
    moves = [
        movement(sku_id, 2, Account.location(location_id), Account.customer(), at=NOW + timedelta(hours=hour))
        for hour in (1, 2, 3)
    ]
    await record_movements(db, movements=moves, now=NOW + timedelta(hours=3))

    books = await books_at(db, [(count.row(count.lines[0]), NOW + timedelta(hours=hour)) for hour in range(4)])

    assert [one.then for one in books] == [10, 8, 6, 4]
    assert {one.on_hand for one in books} == {4}


async def test_a_count_posted_while_orders_are_packed_loses_no_unit(engine: Engine) -> None:
    """INV-16 under load: whatever the order in which they come, the differences add up."""
    async with engine.begin() as db:
        sku_id, location_id = await given_stock(db, units=100)
        orders = [wish((sku_id, 1)) for _ in range(20)]
        await reserve(db, requests=orders, now=NOW)
        count = await opened(db, a_count(location_id, sku_id, tolerance_units=5))
        await tallied(db, count, 97, counted_at=NOW)

    async def packs(i: int) -> None:
        async with engine.begin() as db:
            packed = msgspec.structs.replace(issuing(orders[i], location_id, 1), effective_at=LATER)
            (done,) = await issue(db, issues=[packed], now=LATER)
            assert isinstance(done, Issued)

    async def posts() -> None:
        async with engine.begin() as db:
            assert isinstance(await posted(db, count), Count)

    await asyncio.gather(*(packs(i) for i in range(10)), posts(), *(packs(i) for i in range(10, 20)))

    async with engine.connect() as db:
        assert await on_hand(db, sku_id) == 77
        await assert_laws_hold(db)


async def test_when_a_freeze_meets_a_movement_one_of_them_is_first(engine: Engine) -> None:
    async with engine.begin() as db:
        sku_id, location_id = await given_stock(db, units=50)

    async def moves() -> bool:
        async with engine.begin() as db:
            (done,) = await record_movements(db, movements=[count_found_missing(sku_id, location_id, 1)], now=NOW)
            return isinstance(done, Recorded)

    async def freezes() -> Count:
        async with engine.begin() as db:
            return await opened(db, a_count(location_id, sku_id, freezes=True))

    *moved, count = await asyncio.gather(*(moves() for _ in range(10)), freezes())

    async with engine.begin() as db:
        books = await on_hand(db, sku_id)
        assert books == 50 - sum(bool(one) for one in moved)
        assert isinstance(count, Count)
        line = await tallied(db, count, books)
        assert isinstance(line, CountLine)
        assert line.status is LineStatus.COUNTED
        await posted(db, count)
