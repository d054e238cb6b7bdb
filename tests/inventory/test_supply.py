"""Receipts that are expected, and lines that wait for them, on a real PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.inventory.commands import (
    Forgo,
    SafetyLevel,
    allocate,
    expect,
    forgo,
    move_expected,
    peg_again,
    promise_ahead,
    receive_expected,
    save_lateness,
    save_paths,
    save_pools,
    save_rules,
    serve_waiting,
    set_limits,
    set_safety_stock,
)
from batuta.inventory.commands.ahead import forgo_orders
from batuta.inventory.domain import Allocate, BufferRule, Condition, NotStocked, Pool, RuleKind, UnknownStock
from batuta.inventory.domain.reaching import LeadPath, Part, PathKind
from batuta.inventory.domain.supply import (
    Expected,
    ExpectedReceipt,
    FewerThanReceived,
    Lateness,
    MoreThanExpected,
    MoveExpected,
    PastDate,
    ReceiptOver,
    ReceiptReused,
    ReceiveExpected,
    Reliability,
    SupplyKind,
    SupplyStatus,
    UnknownReceipt,
)
from batuta.inventory.domain.waiting import (
    Ahead,
    AheadLine,
    AheadRequest,
    BackorderLimit,
    NotSoldAhead,
    UnknownLimitOwner,
)
from batuta.inventory.events import PromiseMoved, SupplyMoved, SupplyServed
from batuta.inventory.queries import (
    AUDIT,
    Wanted,
    all_claims_of,
    availability,
    capable_of,
    limits,
    promises_of,
    receipts_by_id,
    stocks_of_pools,
    supply_of,
)
from batuta.inventory.queries.supply import SupplyRun
from batuta.kernel.events import Event, type_of
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop, receive

DAY = timedelta(days=1)


async def a_shop(db: Connection, **stock: int) -> Shop:
    return await build_shop(db, stock={"chair": {"north": 0, "south": 0, **stock}})


def a_receipt(shop: Shop, units: int, *, days: int, at: str = "north", **other: object) -> Expected:
    wanted = {
        "id": fresh_id(),
        "sku_id": shop.skus["chair"].id,
        "location_id": shop.locations[at].id,
        "quantity": units,
        "kind": SupplyKind.PURCHASE,
        "due_at": NOW + days * DAY,
        "document": "PO-1",
        "actor": "test:buyer",
    }
    return Expected(**{**wanted, **other})  # type: ignore[arg-type]


async def given_limit(db: Connection, shop: Shop, units: int, **other: datetime) -> None:
    limit = BackorderLimit(sku_id=shop.skus["chair"].id, channel_id=shop.channel.id, units=units, **other)
    assert await set_limits(db, limits=[limit], now=NOW) == [limit]


def an_order(shop: Shop, units: int, *, turn: int = 0, **other: object) -> AheadRequest:
    line = AheadLine(line_id=fresh_id(), sku_id=shop.skus["chair"].id, units=units)
    wanted = {
        "order_id": fresh_id(),
        "channel_id": shop.channel.id,
        "lines": (line,),
        "ordered_at": NOW + timedelta(minutes=turn),
    }
    return AheadRequest(**{**wanted, **other})  # type: ignore[arg-type]


def coming_in(receipt: Expected, units: int, *, key: str = "truck-1", **other: object) -> ReceiveExpected:
    wanted = {"key": key, "expected_id": receipt.id, "quantity": units, "actor": "test:dock", "effective_at": NOW}
    return ReceiveExpected(**{**wanted, **other})  # type: ignore[arg-type]


async def promised(db: Connection, *orders: AheadRequest) -> list[datetime | None]:
    found = await promises_of(db, [one.order_id for one in orders])
    return [found[one.order_id][0].promised_at for one in orders]


async def held(db: Connection, *orders: AheadRequest) -> list[int]:
    ids = [one.lines[0].line_id for one in orders]
    claims = await all_claims_of(db, ids)
    return [sum(claim.held for claim in claims if claim.holder_id == id_) for id_ in ids]


async def steps(
    db: Connection, shop: Shop, at: str = "north", *, reliability: Reliability = Reliability.P90
) -> list[tuple[int, int]]:
    """What may be promised, as (days from now, units)."""
    sku_id = shop.skus["chair"].id
    found = await supply_of(db, sku_ids=[sku_id], now=NOW, reliability=reliability)
    return [((step.at - NOW).days, step.units) for step in found[sku_id, shop.locations[at].id]]


async def facts_of(db: Connection, stream: UUID, kind: type[Event]) -> list[dict[str, object]]:
    rows = await db.execute(_FACTS, {"stream": stream, "type": type_of(kind)})
    return [row.data for row in rows]


_FACTS = text("SELECT data FROM plumbing.event WHERE stream = :stream AND type = :type")


async def assert_sound(db: Connection) -> None:
    assert [verdict for verdict in await examine(db, AUDIT) if verdict.broken] == []


async def test_what_is_expected_can_be_promised_from_its_day_with_its_suppliers_lateness(db: Connection) -> None:
    """INV-20, INV-21."""
    shop = await a_shop(db, north=4)
    supplier = fresh_code("supplier")
    await save_lateness(db, suppliers=[Lateness(supplier_code=supplier, p50_days=1, p90_days=4)], now=NOW)

    await expect(db, expected=[a_receipt(shop, 6, days=5, supplier_code=supplier)], now=NOW)

    assert await steps(db, shop) == [(0, 4), (9, 10)]
    assert await steps(db, shop, reliability=Reliability.P50) == [(0, 4), (6, 10)]
    assert await steps(db, shop, reliability=Reliability.AS_TOLD) == [(0, 4), (5, 10)]


async def test_a_receipt_is_announced_once(db: Connection) -> None:
    shop = await a_shop(db)
    receipt = a_receipt(shop, 6, days=5)

    first = await expect(db, expected=[receipt, receipt], now=NOW)
    again = await expect(db, expected=[receipt], now=NOW)

    assert first[0] == first[1] == again[0]
    assert await steps(db, shop) == [(0, 0), (5, 6)]
    other = a_receipt(shop, 6, days=5, id=receipt.id, document="PO-2")
    assert isinstance((await expect(db, expected=[other], now=NOW))[0], ReceiptReused)


async def test_what_cannot_come_is_refused_and_its_neighbours_are_announced(db: Connection) -> None:
    """Bad input: past dates, unknown places, what has no stock."""
    shop = await a_shop(db)
    answers = await expect(
        db,
        expected=[
            a_receipt(shop, 1, days=-1),
            a_receipt(shop, 1, days=5_000),
            a_receipt(shop, 1, days=1, sku_id=fresh_id()),
            a_receipt(shop, 1, days=1, sku_id=shop.skus["service"].id),
            a_receipt(shop, 1, days=1),
        ],
        now=NOW,
    )

    assert [type(one) for one in answers] == [PastDate, PastDate, UnknownStock, NotStocked, ExpectedReceipt]


async def test_an_overdue_receipt_promises_nothing(db: Connection) -> None:
    shop = await a_shop(db, north=1)
    await expect(db, expected=[a_receipt(shop, 6, days=1)], now=NOW)

    later = await supply_of(db, sku_ids=[shop.skus["chair"].id], now=NOW + 2 * DAY)

    assert [step.units for step in later[shop.skus["chair"].id, shop.locations["north"].id]] == [1]


async def test_a_receipt_is_moved_and_cut_down_but_not_below_what_came(db: Connection) -> None:
    shop = await a_shop(db)
    receipt = a_receipt(shop, 10, days=5)
    await expect(db, expected=[receipt], now=NOW)
    await receive_expected(db, receipts=[coming_in(receipt, 4)], now=NOW)

    moves = [
        MoveExpected(expected_id=receipt.id, actor="test:buyer", due_at=NOW + 9 * DAY, quantity=8),
        MoveExpected(expected_id=receipt.id, actor="test:buyer", quantity=3),
        MoveExpected(expected_id=receipt.id, actor="test:buyer", due_at=NOW - DAY),
        MoveExpected(expected_id=fresh_id(), actor="test:buyer", quantity=3),
    ]
    outcomes = await move_expected(db, moves=moves, now=NOW)

    assert isinstance(outcomes[0], ExpectedReceipt)
    assert [type(one) for one in outcomes[1:]] == [FewerThanReceived, PastDate, UnknownReceipt]
    assert await steps(db, shop) == [(0, 4), (9, 8)]
    assert len(await facts_of(db, receipt.id, SupplyMoved)) == 1
    ended = await move_expected(db, moves=[MoveExpected(expected_id=receipt.id, actor="t", quantity=4)], now=NOW)
    assert isinstance(ended[0], ExpectedReceipt)
    assert ended[0].status is SupplyStatus.CLOSED
    over = await move_expected(db, moves=[MoveExpected(expected_id=receipt.id, actor="t", quantity=9)], now=NOW)
    assert isinstance(over[0], ReceiptOver)
    await assert_sound(db)


async def test_units_come_in_once_for_each_key_and_never_more_than_expected(db: Connection) -> None:
    shop = await a_shop(db)
    receipt = a_receipt(shop, 10, days=5)
    await expect(db, expected=[receipt], now=NOW)

    first = await receive_expected(db, receipts=[coming_in(receipt, 7)], now=NOW)
    again = await receive_expected(db, receipts=[coming_in(receipt, 7)], now=NOW)
    more = await receive_expected(db, receipts=[coming_in(receipt, 4, key="truck-2")], now=NOW)
    rest = await receive_expected(db, receipts=[coming_in(receipt, 3, key="truck-3")], now=NOW)

    assert first == again
    assert isinstance(more[0], MoreThanExpected)
    assert isinstance(rest[0], SupplyRun)
    assert (await receipts_by_id(db, [receipt.id]))[receipt.id].status is SupplyStatus.CLOSED
    assert await steps(db, shop) == [(0, 10)]
    await assert_sound(db)


async def test_broken_units_come_in_but_serve_nobody(db: Connection) -> None:
    shop = await a_shop(db)
    receipt = a_receipt(shop, 3, days=5)
    await expect(db, expected=[receipt], now=NOW)
    await given_limit(db, shop, 10)
    order = an_order(shop, 2)
    await promise_ahead(db, requests=[order], now=NOW)

    runs = await receive_expected(db, receipts=[coming_in(receipt, 3, condition=Condition.DAMAGED)], now=NOW)

    assert isinstance(runs[0], SupplyRun)
    assert runs[0].served == []
    assert await held(db, order) == [0]
    assert await promised(db, order) == [None]
    await assert_sound(db)


async def test_never_more_is_sold_ahead_than_the_limit_and_the_receipts_allow(db: Connection) -> None:
    """INV-12, INV-23."""
    shop = await a_shop(db)
    await given_limit(db, shop, 8)
    await expect(db, expected=[a_receipt(shop, 5, days=3), a_receipt(shop, 9, days=7)], now=NOW)

    orders = [an_order(shop, 4), an_order(shop, 3), an_order(shop, 2), an_order(shop, 1)]
    answers = await promise_ahead(db, requests=orders, now=NOW)

    assert [type(one) for one in answers] == [Ahead, Ahead, NotSoldAhead, Ahead]
    assert await promised(db, orders[0], orders[1], orders[3]) == [NOW + 3 * DAY, NOW + 7 * DAY, NOW + 3 * DAY]
    assert await steps(db, shop) == [(0, 0), (7, 6)]
    await assert_sound(db)


async def test_nothing_is_sold_ahead_of_receipts_without_a_limit_nor_beyond_them_nor_after_its_end(
    db: Connection,
) -> None:
    """INV-12."""
    shop = await a_shop(db)
    await expect(db, expected=[a_receipt(shop, 5, days=3)], now=NOW)
    unlimited = await promise_ahead(db, requests=[an_order(shop, 1)], now=NOW)
    await given_limit(db, shop, 100, until_at=NOW + DAY)
    beyond = await promise_ahead(db, requests=[an_order(shop, 6)], now=NOW)
    late = await promise_ahead(db, requests=[an_order(shop, 1)], now=NOW + DAY)

    assert [type(one) for one in (*unlimited, *beyond, *late)] == [NotSoldAhead] * 3
    await assert_sound(db)


async def test_units_that_make_good_what_a_location_lacks_are_not_promised_again(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    await expect(db, expected=[a_receipt(shop, 5, days=3)], now=NOW)
    level = SafetyLevel(sku_id=shop.skus["chair"].id, location_id=shop.locations["north"].id, units=3)
    await set_safety_stock(db, levels=[level], now=NOW)

    answers = await promise_ahead(db, requests=[an_order(shop, 3), an_order(shop, 2)], now=NOW)

    assert [type(one) for one in answers] == [NotSoldAhead, Ahead]


async def test_a_moved_receipt_moves_the_promises_that_hang_on_it_and_tells_each_once(db: Connection) -> None:
    """INV-23."""
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    first, second = a_receipt(shop, 5, days=3), a_receipt(shop, 5, days=6)
    await expect(db, expected=[first, second], now=NOW)
    early, late = an_order(shop, 5, turn=0), an_order(shop, 5, turn=1)
    await promise_ahead(db, requests=[early, late], now=NOW)

    move = MoveExpected(expected_id=first.id, actor="test:buyer", due_at=NOW + 9 * DAY)
    await move_expected(db, moves=[move], now=NOW)
    await move_expected(db, moves=[move], now=NOW)
    same_day = MoveExpected(expected_id=first.id, actor="test:buyer", due_at=NOW + 9 * DAY + timedelta(hours=2))
    await move_expected(db, moves=[same_day], now=NOW)

    # The older order gets the receipt that now comes first.
    assert await promised(db, early, late) == [NOW + 6 * DAY, same_day.due_at]
    assert len(await facts_of(db, early.order_id, PromiseMoved)) == 1
    assert len(await facts_of(db, late.order_id, PromiseMoved)) == 1
    await assert_sound(db)


async def test_a_receipt_that_never_comes_leaves_promises_open_until_another_is_announced(db: Connection) -> None:
    """INV-23."""
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    receipt = a_receipt(shop, 5, days=3)
    await expect(db, expected=[receipt], now=NOW)
    order = an_order(shop, 4)
    await promise_ahead(db, requests=[order], now=NOW)

    await move_expected(db, moves=[MoveExpected(expected_id=receipt.id, actor="t", quantity=0)], now=NOW)
    unknown = await promised(db, order)
    await expect(db, expected=[a_receipt(shop, 4, days=8)], now=NOW)

    assert unknown == [None]
    assert await promised(db, order) == [NOW + 8 * DAY]
    assert len(await facts_of(db, order.order_id, PromiseMoved)) == 2
    await assert_sound(db)


async def test_an_earlier_receipt_moves_nobody_until_somebody_asks(db: Connection) -> None:
    """INV-23: earlier receipt, optional re-peg."""
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    await expect(db, expected=[a_receipt(shop, 5, days=9)], now=NOW)
    order = an_order(shop, 4)
    await promise_ahead(db, requests=[order], now=NOW)

    await expect(db, expected=[a_receipt(shop, 5, days=2)], now=NOW)
    kept = await promised(db, order)
    await peg_again(db, sku_ids={shop.skus["chair"].id}, now=NOW)

    assert kept == [NOW + 9 * DAY]
    assert await promised(db, order) == [NOW + 2 * DAY]


async def test_what_comes_is_claimed_for_those_who_wait_by_class_promise_and_order(db: Connection) -> None:
    """INV-24."""
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    receipt, later = a_receipt(shop, 6, days=3), a_receipt(shop, 20, days=9)
    await expect(db, expected=[receipt, later], now=NOW)
    older, younger = an_order(shop, 4, turn=0), an_order(shop, 4, turn=1)
    special = an_order(shop, 3, turn=2, priority=0)
    await promise_ahead(db, requests=[older, younger, special], now=NOW)

    runs = await receive_expected(db, receipts=[coming_in(receipt, 6)], now=NOW)

    assert isinstance(runs[0], SupplyRun)
    assert [(one["order_id"], one["units"]) for one in runs[0].served] == [
        (str(special.order_id), 3),
        (str(older.order_id), 3),
    ]
    assert [(one["order_id"], one["units"]) for one in runs[0].passed_over] == [
        (str(older.order_id), 1),
        (str(younger.order_id), 4),
    ]
    assert await held(db, older, younger, special) == [3, 0, 3]
    found = await availability(db, sku_ids=[shop.skus["chair"].id], now=NOW)
    assert sum(one.available for one in found) == 0
    assert len(await facts_of(db, older.order_id, SupplyServed)) == 1
    await assert_sound(db)


async def test_a_line_that_may_come_to_one_place_alone_is_not_served_elsewhere(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    north, south = a_receipt(shop, 5, days=3), a_receipt(shop, 5, days=5, at="south")
    await expect(db, expected=[north, south], now=NOW)
    pickup = an_order(shop, 2, location_ids=(shop.locations["south"].id,))
    await promise_ahead(db, requests=[pickup], now=NOW)

    await receive_expected(db, receipts=[coming_in(north, 5)], now=NOW)
    passed = await held(db, pickup)
    await receive_expected(db, receipts=[coming_in(south, 5)], now=NOW)

    assert passed == [0]
    assert await held(db, pickup) == [2]


async def test_stock_that_came_otherwise_serves_those_who_wait(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 100)
    await expect(db, expected=[a_receipt(shop, 5, days=9)], now=NOW)
    order = an_order(shop, 4)
    await promise_ahead(db, requests=[order], now=NOW)
    await receive(db, shop.skus, shop.locations, {"chair": {"north": 3}})

    served = await serve_waiting(db, now=NOW + DAY, limit=100)
    again = await serve_waiting(db, now=NOW + DAY, limit=100)

    assert (served, again) == (1, 0)
    assert await held(db, order) == [3]
    await assert_sound(db)


async def test_who_waits_no_more_leaves_room_for_the_next(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 5)
    receipt = a_receipt(shop, 5, days=3)
    await expect(db, expected=[receipt], now=NOW)
    order = an_order(shop, 5)
    await promise_ahead(db, requests=[order], now=NOW)

    line = order.lines[0]
    await forgo(db, units=[Forgo(line_id=line.line_id, sku_id=line.sku_id, units=2)], now=NOW)
    fits = await promise_ahead(db, requests=[an_order(shop, 3), an_order(shop, 2)], now=NOW)
    assert [type(one) for one in fits] == [NotSoldAhead, Ahead]
    await assert_sound(db)


async def test_who_was_served_and_wants_it_no_more_gives_it_back(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 5)
    receipt = a_receipt(shop, 5, days=3)
    await expect(db, expected=[receipt], now=NOW)
    order = an_order(shop, 5)
    await promise_ahead(db, requests=[order], now=NOW)
    await receive_expected(db, receipts=[coming_in(receipt, 4)], now=NOW)

    line = order.lines[0]
    await forgo(db, units=[Forgo(line_id=line.line_id, sku_id=line.sku_id, units=3)], now=NOW)

    assert await held(db, order) == [2]
    found = await availability(db, sku_ids=[line.sku_id], now=NOW)
    assert sum(one.available for one in found) == 2
    await assert_sound(db)


async def test_a_limit_is_of_a_channel_and_a_sku_that_are_there(db: Connection) -> None:
    shop = await a_shop(db)
    limit = BackorderLimit(sku_id=fresh_id(), channel_id=shop.channel.id, units=1)

    assert isinstance((await set_limits(db, limits=[limit], now=NOW))[0], UnknownLimitOwner)


async def test_a_lowered_limit_keeps_what_was_sold_and_sells_no_more(db: Connection) -> None:
    shop = await a_shop(db)
    await given_limit(db, shop, 5)
    await expect(db, expected=[a_receipt(shop, 50, days=3)], now=NOW)
    order = an_order(shop, 5)
    await promise_ahead(db, requests=[order], now=NOW)

    await given_limit(db, shop, 2)

    assert isinstance((await promise_ahead(db, requests=[an_order(shop, 1)], now=NOW))[0], NotSoldAhead)
    assert await promised(db, order) == [NOW + 3 * DAY]
    assert (await limits(db))[shop.skus["chair"].id, shop.channel.id].units == 2
    await assert_sound(db)


async def test_what_stock_and_receipts_do_not_give_comes_by_the_earliest_path(db: Connection) -> None:
    """INV-22."""
    shop = await build_shop(db, stock={"chair": {"north": 1, "south": 4}, "leg": {"north": 40}})
    chair, leg = shop.skus["chair"].id, shop.skus["leg"].id
    north, south = shop.locations["north"].id, shop.locations["south"].id
    supplier = fresh_code("supplier")
    await save_lateness(db, suppliers=[Lateness(supplier_code=supplier, p90_days=5)], now=NOW)
    transfer = LeadPath(
        id=fresh_id(),
        sku_id=chair,
        location_id=north,
        kind=PathKind.TRANSFER,
        lead_days=1,
        source_location_id=south,
    )
    buy = LeadPath(
        id=fresh_id(), sku_id=chair, location_id=north, kind=PathKind.PURCHASE, lead_days=4, supplier_code=supplier
    )
    make = LeadPath(
        id=fresh_id(),
        sku_id=chair,
        location_id=north,
        kind=PathKind.MAKE,
        lead_days=1,
        units_per_day=5,
        components=[Part(sku_id=leg, quantity=4)],
    )
    assert await save_paths(db, paths=[transfer, buy, make], now=NOW) == [transfer, buy, make]

    wanted = [Wanted(sku_id=chair, location_id=north, units=units) for units in (1, 4, 10, 11)]
    found = await capable_of(db, wanted=wanted, now=NOW)

    assert [one.by.kind if one.by else None for one in found] == [
        None,
        PathKind.TRANSFER,
        PathKind.MAKE,
        PathKind.PURCHASE,
    ]
    assert [one.at for one in found] == [NOW, NOW + DAY, NOW + 3 * DAY, NOW + 9 * DAY]


async def given_scarce_supply(engine: Engine, limit: int, coming: int) -> Shop:
    async with engine.begin() as db:
        shop = await a_shop(db)
        await given_limit(db, shop, limit)
        await expect(db, expected=[a_receipt(shop, coming, days=3)], now=NOW)
    return shop


async def granted(engine: Engine, orders: Sequence[AheadRequest]) -> int:
    async def ask(order: AheadRequest) -> bool:
        async with engine.begin() as db:
            return isinstance((await promise_ahead(db, requests=[order], now=NOW))[0], Ahead)

    return sum(await asyncio.gather(*(ask(order) for order in orders)))


@pytest.mark.parametrize(("limit", "coming", "winners"), [(7, 100, 7), (100, 7, 7)])
async def test_fifty_buyers_at_once_never_sell_more_ahead_than_there_is_room(
    engine: Engine, limit: int, coming: int, winners: int
) -> None:
    """INV-12: under lock."""
    shop = await given_scarce_supply(engine, limit, coming)

    orders = [an_order(shop, 1) for _ in range(50)]

    assert await granted(engine, orders) == winners
    async with engine.begin() as db:
        await assert_sound(db)
        await forgo_orders(db, order_ids=[one.order_id for one in orders], now=NOW)


async def test_receipts_moves_and_sales_ahead_at_once_leave_no_peg_too_many(engine: Engine) -> None:
    """INV-23: no deadlock either."""
    async with engine.begin() as db:
        shop = await a_shop(db)
        await given_limit(db, shop, 1_000)
        receipts = [a_receipt(shop, 20, days=3 + i) for i in range(5)]
        await expect(db, expected=receipts, now=NOW)

    orders = [an_order(shop, 1 + i % 3, turn=i) for i in range(12)]

    async def sell(i: int) -> None:
        async with engine.begin() as db:
            await promise_ahead(db, requests=[orders[i]], now=NOW)

    async def move(i: int) -> None:
        async with engine.begin() as db:
            move = MoveExpected(
                expected_id=receipts[i % 5].id,
                actor="t",
                due_at=NOW + (20 - i) * DAY,
                quantity=20 if i % 3 else 25,
            )
            await move_expected(db, moves=[move], now=NOW)

    async def come(i: int) -> None:
        async with engine.begin() as db:
            some = [
                coming_in(receipts[i % 5], 2, key=f"truck-{i}"),
                coming_in(receipts[(i + 1) % 5], 1, key=f"van-{i}"),
            ]
            await receive_expected(db, receipts=some, now=NOW)

    await asyncio.gather(*(act(i) for i in range(12) for act in (sell, move, come)))

    async with engine.begin() as db:
        await assert_sound(db)
        await forgo_orders(db, order_ids=[one.order_id for one in orders], now=NOW)
        await assert_sound(db)


async def test_a_line_that_waits_gets_nothing_that_is_kept_back_from_it(db: Connection) -> None:
    """INV-05, INV-06, INV-07: of what comes, the units of another's pool and those of a buffer stay where they are."""
    shop = await a_shop(db, north=4)
    sku_id, north = shop.skus["chair"].id, shop.locations["north"].id
    await given_limit(db, shop, 20)
    vip = Pool(id=fresh_id(), code=fresh_code("vip"), channel_id=shop.channel.id, customer_group="vip")
    await save_pools(db, given=[vip], actor="test:ana", now=NOW)
    await allocate(db, asked=[Allocate(pool_id=vip.id, sku_id=sku_id, location_id=north, units=4)], now=NOW)
    buffer = BufferRule(id=fresh_id(), code=fresh_code("R"), priority=fresh_id().int % 900_000, units=1, sku_id=sku_id)
    await save_rules(db, rules=[buffer], actor="test:ana", now=NOW)
    receipt = a_receipt(shop, 12, days=5)
    await expect(db, expected=[receipt], now=NOW)
    anyone, of_vip = an_order(shop, 6), an_order(shop, 4, turn=1, customer_group="vip")
    await promise_ahead(db, requests=[anyone, of_vip], now=NOW)

    await receive_expected(db, receipts=[coming_in(receipt, 3)], now=NOW)
    assert await held(db, anyone, of_vip) == [2, 4]
    (stock,) = await stocks_of_pools(db, [vip.id])
    assert (stock.allocated, stock.used) == (4, 4)

    await receive_expected(db, receipts=[coming_in(receipt, 5, key="truck-2")], now=NOW)
    assert await held(db, anyone, of_vip) == [6, 4]
    await forgo(db, units=[Forgo(line_id=of_vip.lines[0].line_id, sku_id=sku_id, units=4)], now=NOW)
    (stock,) = await stocks_of_pools(db, [vip.id])
    assert stock.used == 0
    await assert_sound(db)


async def test_a_channel_that_may_have_nothing_there_is_served_when_it_may(db: Connection) -> None:
    """INV-06, INV-11: an exclusion and a silent feed hold for those who wait too; the sweep looks again."""
    shop = await a_shop(db)
    await given_limit(db, shop, 20)
    receipt = a_receipt(shop, 5, days=5)
    await expect(db, expected=[receipt], now=NOW)
    order = an_order(shop, 5)
    await promise_ahead(db, requests=[order], now=NOW)
    shut = BufferRule(
        id=fresh_id(),
        code=fresh_code("R"),
        priority=fresh_id().int % 900_000,
        kind=RuleKind.EXCLUSION,
        channel_id=shop.channel.id,
        sku_id=shop.skus["chair"].id,
        until_at=NOW + DAY,
    )
    await save_rules(db, rules=[shut], actor="test:ana", now=NOW)

    await receive_expected(db, receipts=[coming_in(receipt, 5)], now=NOW)
    assert await held(db, order) == [0]

    later = NOW + DAY
    while not sum(await held(db, order)) and await serve_waiting(db, now=later, limit=500):
        later += timedelta(minutes=1)
    assert await held(db, order) == [5]
    await assert_sound(db)
