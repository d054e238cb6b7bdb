"""Transfers against real PostgreSQL: what leaves one place arrives at the other, or is missing until somebody knows."""

import asyncio
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest

from batuta.inventory.commands import record_movements, reserve
from batuta.inventory.commands.transferring import (
    cancel_transfers,
    pick_transfers,
    receive_transfers,
    settle_transfers,
    ship_transfers,
)
from batuta.inventory.commands.transfers import (
    approve_transfers,
    depart_transfers,
    request_transfers,
)
from batuta.inventory.domain import Condition, OutOfStock, Overtaken, Recorded, Reserved
from batuta.inventory.domain.supply import SupplyStatus
from batuta.inventory.domain.transfers import (
    ApproveTransfer,
    CancelTransfer,
    DepartTransfer,
    PickTransfer,
    ReceiveLine,
    ReceiveTransfer,
    RequestTransfer,
    SettledAs,
    SettleTransfer,
    ShipTransfer,
    Transfer,
    TransferStatus,
    TransferUnits,
)
from batuta.inventory.queries import stock_of
from batuta.inventory.queries.supply import receipts_by_id
from batuta.inventory.queries.transfers import contents_of, transfers_by_id
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import (
    assert_laws_hold,
    count_found_missing,
    given_locations,
    given_skus,
    given_stock,
    receive,
    wish,
)
from tests.making import NOW, fresh_id

ME = "staff:ana"
LATER = NOW + timedelta(days=1)
T = TypeVar("T")


def fine(outcomes: list[T | BatutaError]) -> T:
    (outcome,) = outcomes
    assert not isinstance(outcome, BatutaError), outcome
    return outcome


def refused(outcomes: list[Any]) -> str:
    (outcome,) = outcomes
    assert isinstance(outcome, BatutaError), outcome
    return outcome.code


async def requested(db: Connection, source: UUID, target: UUID, *wanted: tuple[UUID, int]) -> Transfer:
    lines = [TransferUnits(sku_id=sku_id, quantity=units) for sku_id, units in wanted]
    one = RequestTransfer(id=fresh_id(), source_location_id=source, target_location_id=target, lines=lines, actor=ME)
    return fine(await request_transfers(db, requests=[one], now=NOW))


async def approved(db: Connection, source: UUID, target: UUID, *wanted: tuple[UUID, int]) -> Transfer:
    one = await requested(db, source, target, *wanted)
    return fine(await approve_transfers(db, approvals=[ApproveTransfer(transfer_id=one.id, actor=ME)], now=NOW))


async def shipped(db: Connection, source: UUID, target: UUID, *wanted: tuple[UUID, int]) -> Transfer:
    one = await approved(db, source, target, *wanted)
    fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    return fine(await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW))


async def receives(db: Connection, one: Transfer, units: int, *, damaged: int = 0, **more: Any) -> Any:
    line = ReceiveLine(line_id=one.lines[0].id, quantity=units, damaged=damaged, **more)
    delivery = ReceiveTransfer(id=fresh_id(), transfer_id=one.id, lines=[line], actor=ME)
    return (await receive_transfers(db, deliveries=[delivery], now=LATER))[0]


async def settles(db: Connection, one: Transfer, units: int, outcome: SettledAs) -> Any:
    settlement = SettleTransfer(
        id=fresh_id(), transfer_id=one.id, line_id=one.lines[0].id, quantity=units, outcome=outcome, actor=ME
    )
    return (await settle_transfers(db, settlements=[settlement], now=LATER))[0]


async def lying(db: Connection, sku_id: UUID) -> dict[tuple[UUID, str], tuple[int, int]]:
    """Units on hand and reserved, by place and condition; empty rows left out."""
    return {
        (row.location_id, row.condition.value): (row.on_hand, row.reserved)
        for row in (await stock_of(db, [sku_id]))[sku_id]
        if row.on_hand or row.reserved
    }


async def test_units_go_from_one_place_to_the_other_step_by_step(db: Connection) -> None:
    """INV-03, FUL-12"""
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)

    one = await approved(db, source, target, (sku_id, 6))
    one = fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    assert await lying(db, sku_id) == {(source, "sellable"): (10, 6)}
    one = fine(await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    assert await lying(db, sku_id) == {(source, "sellable"): (4, 0)}
    assert (await contents_of(db, [one.id]))[one.id] == {sku_id: {"": 6}}
    departure = DepartTransfer(transfer_id=one.id, actor=ME, carrier="Van", tracking_number="7", due_at=LATER)
    one = fine(await depart_transfers(db, departures=[departure], now=NOW))
    expected = (await receipts_by_id(db, [one.lines[0].id]))[one.lines[0].id]
    one = await receives(db, one, 6)

    assert (expected.open_units, expected.due_at, expected.location_id) == (6, LATER, target)
    assert one.status is TransferStatus.CLOSED
    assert [step.status.value for step in one.steps] == [
        "requested",
        "approved",
        "picked",
        "shipped",
        "in_transit",
        "closed",
    ]
    assert await lying(db, sku_id) == {(source, "sellable"): (4, 0), (target, "sellable"): (6, 0)}
    assert (await contents_of(db, [one.id]))[one.id] == {}
    after = (await receipts_by_id(db, [one.lines[0].id]))[one.lines[0].id]
    assert (after.status, after.received) == (SupplyStatus.CLOSED, 6)
    assert (await transfers_by_id(db, [one.id]))[one.id] == one
    await assert_laws_hold(db)


async def test_what_does_not_arrive_is_missing_until_it_is_known_what_became_of_it(db: Connection) -> None:
    """INV-03: discrepancies"""
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    one = await shipped(db, source, target, (sku_id, 10))

    one = await receives(db, one, 4, damaged=1)
    assert (one.status, one.lines[0].missing) == (TransferStatus.RECEIVED, 5)
    for units, outcome in ((1, SettledAs.LOSS), (2, SettledAs.FOUND), (1, SettledAs.SENT_BACK)):
        one = await settles(db, one, units, outcome)
        assert one.status is TransferStatus.RECEIVED
    too_many = await settles(db, one, 2, SettledAs.LOSS)
    one = await receives(db, one, 1)

    assert too_many.code == "more_than_shipped"
    assert one.status is TransferStatus.CLOSED
    assert await lying(db, sku_id) == {
        (target, "sellable"): (7, 0),
        (target, "damaged"): (1, 0),
        (source, "sellable"): (1, 0),
    }
    receipt = (await receipts_by_id(db, [one.lines[0].id]))[one.lines[0].id]
    assert (receipt.status, receipt.received) == (SupplyStatus.CLOSED, 8)
    await assert_laws_hold(db)


async def test_a_transfer_takes_only_what_nobody_else_holds(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    await reserve(db, requests=[wish((sku_id, 7))], now=NOW)
    one = await approved(db, source, target, (sku_id, 5))

    all_of_it = await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW)
    part = PickTransfer(transfer_id=one.id, actor=ME, allow_partial=True)
    picked = fine(await pick_transfers(db, picks=[part], now=NOW))

    assert isinstance(all_of_it[0], OutOfStock)
    assert picked.lines[0].picked == 3
    assert await lying(db, sku_id) == {(source, "sellable"): (10, 10)}


async def test_where_nothing_is_free_nothing_is_picked(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=2)
    (target,) = await given_locations(db)
    await reserve(db, requests=[wish((sku_id, 2))], now=NOW)
    one = await approved(db, source, target, (sku_id, 5))

    part = PickTransfer(transfer_id=one.id, actor=ME, allow_partial=True)

    assert refused(await pick_transfers(db, picks=[part], now=NOW)) == "nothing_to_transfer"
    assert (await transfers_by_id(db, [one.id]))[one.id].status is TransferStatus.APPROVED


async def test_what_was_picked_and_is_not_shipped_is_free_again(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    one = await approved(db, source, target, (sku_id, 6))
    fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    fewer = ShipTransfer(transfer_id=one.id, actor=ME, quantities={one.lines[0].id: 4})

    gone = fine(await ship_transfers(db, shipments=[fewer], now=NOW))

    assert gone.lines[0].missing == 4
    assert await lying(db, sku_id) == {(source, "sellable"): (6, 0)}
    await assert_laws_hold(db)


async def test_units_found_missing_after_picking_are_not_shipped(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=5)
    (target,) = await given_locations(db)
    one = await approved(db, source, target, (sku_id, 5))
    fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    await record_movements(db, movements=[count_found_missing(sku_id, source, 2)], now=NOW)

    all_of_it = await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW)
    what_is_there = ShipTransfer(transfer_id=one.id, actor=ME, quantities={one.lines[0].id: 3})
    gone = fine(await ship_transfers(db, shipments=[what_is_there], now=NOW))

    assert refused(all_of_it) == "not_enough_stock"
    assert gone.lines[0].shipped == 3
    await assert_laws_hold(db)


async def test_a_cancelled_transfer_gives_its_units_back_and_a_shipped_one_cannot_be(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    one = await approved(db, source, target, (sku_id, 6))
    fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    gone = await shipped(db, source, target, (sku_id, 2))

    ended = [
        await cancel_transfers(db, cancellations=[CancelTransfer(transfer_id=id_, actor=ME)], now=NOW)
        for id_ in (one.id, one.id, gone.id, fresh_id())
    ]

    assert [getattr(outcome[0], "status", getattr(outcome[0], "code", "")) for outcome in ended] == [
        TransferStatus.CANCELLED,
        TransferStatus.CANCELLED,
        "illegal_move",
        "unknown_transfer",
    ]
    assert await lying(db, sku_id) == {(source, "sellable"): (8, 0)}
    await assert_laws_hold(db)


async def test_lots_keep_their_names_on_the_way(db: Connection) -> None:
    """INV-14"""
    sku_id, source = await given_stock(db, units=3, lot="A")
    await receive(db, sku_id, source, 3, lot="B")
    (target,) = await given_locations(db)
    one = await shipped(db, source, target, (sku_id, 5))

    too_many = await receives(db, one, 3, lot="B")
    one = await receives(db, one, 2, lot="B")
    one = await receives(db, one, 3)

    rows = {row.lot: row.on_hand for row in (await stock_of(db, [sku_id]))[sku_id] if row.location_id == target}
    assert too_many.code == "more_than_shipped"
    assert one.status is TransferStatus.CLOSED
    assert rows == {"A": 3, "B": 2}


async def test_steps_in_the_wrong_order_or_beyond_the_one_before_are_refused(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    one = await requested(db, source, target, (sku_id, 6))
    line_id = one.lines[0].id

    async def approval(**quantities: Any) -> str:
        wanted = ApproveTransfer(transfer_id=one.id, actor=ME, quantities=quantities["of"])
        return refused(await approve_transfers(db, approvals=[wanted], now=NOW))

    assert await approval(of={line_id: 7}) == "more_than_approved"
    assert await approval(of={line_id: 0}) == "nothing_to_transfer"
    assert await approval(of={fresh_id(): 1}) == "unknown_transfer"
    assert (await receives(db, one, 1)).code == "not_under_way"
    early = ShipTransfer(transfer_id=one.id, actor=ME)
    assert refused(await ship_transfers(db, shipments=[early], now=NOW)) == "illegal_move"
    pick = PickTransfer(transfer_id=one.id, actor=ME)
    assert refused(await pick_transfers(db, picks=[pick], now=NOW)) == "illegal_move"
    gone = await shipped(db, source, target, (sku_id, 4))
    assert (await receives(db, gone, 5)).code == "more_than_shipped"
    assert (await receives(db, gone, 0)).code == "nothing_to_transfer"
    late = DepartTransfer(transfer_id=gone.id, actor=ME, due_at=NOW - timedelta(days=1))
    assert refused(await depart_transfers(db, departures=[late], now=NOW)) == "bad_arrival"


async def test_a_transfer_to_the_same_place_of_nothing_or_of_the_unknown_is_refused(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    (untracked,) = await given_skus(db, is_tracked=False)
    some = [TransferUnits(sku_id=sku_id, quantity=1)]

    def asked(to: UUID, lines: list[TransferUnits]) -> RequestTransfer:
        return RequestTransfer(id=fresh_id(), source_location_id=source, target_location_id=to, lines=lines, actor=ME)

    outcomes = await request_transfers(
        db,
        requests=[
            asked(source, some),
            asked(fresh_id(), some),
            asked(target, []),
            asked(target, [TransferUnits(sku_id=untracked, quantity=1)]),
            asked(target, [TransferUnits(sku_id=fresh_id(), quantity=1)]),
            asked(target, some),
        ],
        now=NOW,
    )

    assert [getattr(one, "code", "fine") for one in outcomes] == [
        "same_place",
        "unknown_stock",
        "nothing_to_transfer",
        "not_stocked",
        "unknown_stock",
        "fine",
    ]


async def test_the_same_delivery_and_settlement_again_are_answered_and_not_repeated(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=10)
    (target,) = await given_locations(db)
    one = await shipped(db, source, target, (sku_id, 10))
    line_id = one.lines[0].id
    delivery = ReceiveTransfer(
        id=fresh_id(), transfer_id=one.id, lines=[ReceiveLine(line_id=line_id, quantity=6)], actor=ME
    )
    settlement = SettleTransfer(
        id=fresh_id(), transfer_id=one.id, line_id=line_id, quantity=1, outcome=SettledAs.LOSS, actor=ME
    )

    for _ in range(2):
        await receive_transfers(db, deliveries=[delivery, delivery], now=LATER)
        one = (await settle_transfers(db, settlements=[settlement, settlement], now=LATER))[1]  # type: ignore[assignment]

    assert one.lines[0].missing == 3
    assert await lying(db, sku_id) == {(target, "sellable"): (6, 0)}
    await assert_laws_hold(db)


@pytest.mark.parametrize("buyers", [30])
async def test_while_a_transfer_is_picked_and_shipped_no_unit_is_sold_twice(engine: Engine, buyers: int) -> None:
    """Transfers during sales: what the transfer and the buyers get is never more than there is."""
    async with engine.begin() as db:
        sku_id, source = await given_stock(db, units=20)
        (target,) = await given_locations(db)
        transfers = [await approved(db, source, target, (sku_id, 3)) for _ in range(4)]

    async def buys() -> int:
        async with engine.begin() as db:
            outcomes = await reserve(db, requests=[wish((sku_id, 1))], now=NOW)
            return sum(isinstance(one, Reserved) for one in outcomes)

    async def carries(one: Transfer) -> int:
        async with engine.begin() as db:
            (picked,) = await pick_transfers(
                db, picks=[PickTransfer(transfer_id=one.id, actor=ME, allow_partial=True)], now=NOW
            )
        if isinstance(picked, BatutaError):
            return 0
        async with engine.begin() as db:
            gone = fine(await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW))
        async with engine.begin() as db:
            done = await receives(db, gone, gone.lines[0].shipped)
            assert done.status is TransferStatus.CLOSED, done
            return int(gone.lines[0].shipped)

    took = await asyncio.gather(*(buys() for _ in range(buyers)), *(carries(one) for one in transfers))

    async with engine.connect() as db:
        rows = await lying(db, sku_id)
        assert sum(on_hand for on_hand, _ in rows.values()) == 20
        assert all(reserved <= on_hand for on_hand, reserved in rows.values())
        assert sum(took[:buyers]) == sum(reserved for _, reserved in rows.values())
        assert sum(took[buyers:]) == rows.get((target, Condition.SELLABLE.value), (0, 0))[0]
        await assert_laws_hold(db)


async def test_two_who_receive_the_same_units_get_them_once(engine: Engine) -> None:
    async with engine.begin() as db:
        sku_id, source = await given_stock(db, units=10)
        (target,) = await given_locations(db)
        one = await shipped(db, source, target, (sku_id, 10))

    async def takes_in() -> str:
        try:
            async with engine.begin() as db:
                return str(getattr(await receives(db, one, 10), "code", "received"))
        except Overtaken:
            return "overtaken"

    answers = await asyncio.gather(*(takes_in() for _ in range(5)))

    assert answers.count("received") == 1, answers
    assert set(answers) <= {"received", "overtaken", "not_under_way", "more_than_shipped"}
    async with engine.connect() as db:
        assert await lying(db, sku_id) == {(target, "sellable"): (10, 0)}
        await assert_laws_hold(db)


async def test_transfers_in_both_directions_counts_and_sales_meet_without_a_deadlock(engine: Engine) -> None:
    """INV-03, INV-16: whoever holds what in whichever order, everybody is answered, and no unit is lost."""
    async with engine.begin() as db:
        one, other = await given_locations(db, 2)
        skus = await given_skus(db, 3)
        for sku_id in skus:
            for place in (one, other):
                await receive(db, sku_id, place, 30)

    async def carries(number: int) -> int:
        source, target = (one, other) if number % 2 else (other, one)
        wanted = [(sku_id, 2) for sku_id in (skus if number % 3 else reversed(skus))]
        try:
            async with engine.begin() as db:
                gone = await shipped(db, source, target, *wanted)
            async with engine.begin() as db:
                lines = [ReceiveLine(line_id=line.id, quantity=line.shipped) for line in gone.lines]
                delivery = ReceiveTransfer(id=fresh_id(), transfer_id=gone.id, lines=lines, actor=ME)
                (done,) = await receive_transfers(db, deliveries=[delivery], now=LATER)
        except OutOfStock:
            return 0
        assert not isinstance(done, BatutaError), done
        return int(done.status is TransferStatus.CLOSED)

    async def sells(number: int) -> int:
        async with engine.begin() as db:
            wanted = [(sku_id, 1) for sku_id in (skus if number % 2 else reversed(skus))]
            outcomes = await reserve(db, requests=[wish(*wanted)], now=NOW)
            return sum(isinstance(one, Reserved) for one in outcomes)

    async def counts(place: UUID) -> int:
        async with engine.begin() as db:
            movements = [count_found_missing(sku_id, place, 1) for sku_id in reversed(skus)]
            return sum(isinstance(one, Recorded) for one in await record_movements(db, movements=movements, now=NOW))

    done = await asyncio.gather(
        *(carries(number) for number in range(10)),
        *(sells(number) for number in range(20)),
        *(counts(place) for place in (one, other) * 3),
    )

    async with engine.connect() as db:
        assert sum(done[:10]) == 10
        for sku_id in skus:
            assert sum(on_hand for on_hand, _ in (await lying(db, sku_id)).values()) == 60 - sum(done[30:]) // 3
        await assert_laws_hold(db)
