"""Units on their way to the store of an order are that order's, whoever else wants them (FUL-12)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.commands import Forgo, forgo, record_movements, reserve
from batuta.inventory.commands.earmarking import send_to_stores
from batuta.inventory.commands.transferring import pick_transfers, receive_transfers, ship_transfers
from batuta.inventory.domain import Reserved
from batuta.inventory.domain.earmarks import Earmark, SendToStore, SentUnits, fill_earmarks, lessen_earmarks
from batuta.inventory.domain.transfers import (
    PickTransfer,
    ReceiveLine,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferStatus,
)
from batuta.inventory.events import SupplyServed, TransferFellShort
from batuta.inventory.queries import all_claims_of
from batuta.inventory.queries.earmarks import earmarks_of_orders
from batuta.inventory.queries.transfers import transfers_by_id
from batuta.kernel.errors import Unavailable
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import (
    assert_laws_hold,
    count_found_missing,
    given_locations,
    given_stock,
    receive,
    wish,
)
from tests.inventory.test_supply import facts_of
from tests.inventory.test_transfers import ME, fine, lying, refused
from tests.making import NOW, fresh_id

NOBODY = UUID(int=0)


def an_earmark(units: int, line: int) -> Earmark:
    return Earmark(
        transfer_line_id=NOBODY,
        line_id=UUID(int=line),
        transfer_id=NOBODY,
        order_id=UUID(int=line),
        sku_id=NOBODY,
        asked=max(1, units),
        units=units,
    )


earmarks = st.lists(st.integers(0, 9), max_size=5).map(lambda all_: [an_earmark(n, i) for i, n in enumerate(all_)])


@given(earmarks, st.integers(0, 60))
def test_what_is_given_and_what_is_taken_is_no_more_than_was_earmarked(marks: list[Earmark], units: int) -> None:
    """FUL-12: and of those who get something at most one does not get all."""
    there = sum(one.units for one in marks)
    given_, (lost, over) = fill_earmarks(marks, units), lessen_earmarks(marks, units)

    assert sum(part for _, part in given_) == min(units, there) == units - over
    assert sum(part for _, part in lost) == units - over
    assert sum(one.units > 0 for one, _ in given_) <= 1
    assert sum(one.units > 0 for one, _ in lost) <= 1


async def held_and_sent(
    db: Connection, sku_id: UUID, source: UUID, target: UUID, units: int
) -> tuple[SendToStore, Transfer]:
    """An order that holds units at the source, sent to the target."""
    order_id, line_id = fresh_id(), fresh_id()
    wanted = wish((sku_id, units), holder_id=order_id, line_id=line_id, location_ids=(source,))
    assert isinstance((await reserve(db, requests=[wanted], now=NOW))[0], Reserved)
    one = SendToStore(
        id=fresh_id(),
        order_id=order_id,
        source_location_id=source,
        target_location_id=target,
        units=(SentUnits(line_id=line_id, sku_id=sku_id, quantity=units),),
        due_at=None,
        actor=ME,
    )
    return one, fine(await send_to_stores(db, wishes=[one], now=NOW))


async def goes(db: Connection, one: Transfer) -> Transfer:
    fine(await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW))
    return fine(await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW))


async def comes(db: Connection, one: Transfer, units: int, *, damaged: int = 0) -> Transfer:
    line = ReceiveLine(line_id=one.lines[0].id, quantity=units, damaged=damaged)
    delivery = ReceiveTransfer(id=fresh_id(), transfer_id=one.id, lines=[line], actor=ME)
    return fine(await receive_transfers(db, deliveries=[delivery], now=NOW))


async def held_by(db: Connection, line_id: UUID) -> dict[UUID, int]:
    """Units by location that a line holds itself until its order takes them over."""
    found: dict[UUID, int] = {}
    for claim in await all_claims_of(db, [line_id]):
        if claim.held:
            found[claim.location_id] = found.get(claim.location_id, 0) + claim.held
    return found


async def test_the_units_are_claimed_on_both_shelves_and_on_the_way_nobodys_else(db: Connection) -> None:
    """FUL-12"""
    sku_id, source = await given_stock(db, units=3)
    (target,) = await given_locations(db)
    sent, one = await held_and_sent(db, sku_id, source, target, 2)
    line_id = sent.units[0].line_id
    assert one.status is TransferStatus.APPROVED
    assert await lying(db, sku_id) == {(source, "sellable"): (3, 2)}
    assert not any(claim.held for claim in await all_claims_of(db, [sent.order_id]))
    assert fine(await send_to_stores(db, wishes=[sent], now=NOW)) == one

    one = await goes(db, one)
    assert await lying(db, sku_id) == {(source, "sellable"): (1, 0)}
    await comes(db, one, 2)

    assert await lying(db, sku_id) == {(source, "sellable"): (1, 0), (target, "sellable"): (2, 2)}
    assert await held_by(db, line_id) == {target: 2}
    (told,) = await facts_of(db, sent.order_id, SupplyServed)
    assert told["line_ids"] == [str(line_id)]
    await assert_laws_hold(db)


async def test_what_did_not_come_is_held_at_the_source_again_though_it_is_not_there(db: Connection) -> None:
    """FUL-12: so that the order is planned anew, and nobody is sold what it lacks."""
    sku_id, source = await given_stock(db, units=4)
    (target,) = await given_locations(db)
    sent, one = await held_and_sent(db, sku_id, source, target, 3)
    one = await goes(db, one)

    await comes(db, one, 1, damaged=1)

    assert await held_by(db, sent.units[0].line_id) == {target: 1, source: 2}
    assert (await lying(db, sku_id))[source, "sellable"] == (1, 2)
    (short,) = await facts_of(db, sent.order_id, TransferFellShort)
    assert (short["units"], short["has_left"], short["source_location_id"]) == (2, True, str(source))
    await assert_laws_hold(db)


async def test_nothing_is_sent_that_the_order_does_not_hold(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=3)
    (target,) = await given_locations(db)
    sent, _ = await held_and_sent(db, sku_id, source, target, 2)
    more = SendToStore(
        id=fresh_id(),
        order_id=sent.order_id,
        source_location_id=source,
        target_location_id=target,
        units=sent.units,
        due_at=None,
        actor=ME,
    )

    assert refused(await send_to_stores(db, wishes=[more], now=NOW)) == "not_claimed"
    assert await lying(db, sku_id) == {(source, "sellable"): (3, 2)}
    await assert_laws_hold(db)


async def test_a_count_that_finds_less_at_the_source_does_not_free_what_is_on_its_way(db: Connection) -> None:
    sku_id, source = await given_stock(db, units=3)
    (target,) = await given_locations(db)
    sent, one = await held_and_sent(db, sku_id, source, target, 2)
    one = await goes(db, one)
    await record_movements(db, movements=[count_found_missing(sku_id, source, 1)], now=NOW)
    await comes(db, one, 2)

    assert await held_by(db, sent.units[0].line_id) == {target: 2}
    await assert_laws_hold(db)


Step = Callable[[Connection], Awaitable[object]]


async def again(engine: Engine, step: Step) -> None:
    """Take a step in a transaction of its own, until nobody overtakes it."""
    for _ in range(20):
        with contextlib.suppress(Unavailable):
            async with engine.begin() as db:
                await step(db)
            break
    else:
        pytest.fail("overtaken too often")


async def carries(engine: Engine, transfer_id: UUID) -> None:
    async def leaves(db: Connection) -> None:
        one = (await transfers_by_id(db, [transfer_id]))[transfer_id]
        if one.status is TransferStatus.APPROVED:
            await goes(db, one)

    async def arrives(db: Connection) -> None:
        one = (await transfers_by_id(db, [transfer_id]))[transfer_id]
        if one.status is TransferStatus.SHIPPED:
            await comes(db, one, one.lines[0].shipped)

    await again(engine, leaves)
    await again(engine, arrives)


async def gives_up(engine: Engine, sku_id: UUID, line_id: UUID) -> None:
    less = Forgo(line_id=line_id, sku_id=sku_id, units=1)
    await again(engine, lambda db: forgo(db, units=[less], now=NOW))


async def buys(engine: Engine, sku_id: UUID) -> int:
    async with engine.begin() as db:
        answers = await reserve(db, requests=[wish((sku_id, 1))], now=NOW)
        return sum(isinstance(one, Reserved) for one in answers)


@pytest.mark.parametrize("orders", [2, 4, 6, 8, 10])
async def test_whatever_happens_at_once_each_order_has_what_it_did_not_give_up(engine: Engine, orders: int) -> None:
    """FUL-12: orders cancel while their units are picked, under way and received, and others buy all there is."""
    async with engine.begin() as db:
        sku_id, source = await given_stock(db, units=2 * orders)
        (target,) = await given_locations(db)
        await receive(db, sku_id, target, 1)
        sent = [(await held_and_sent(db, sku_id, source, target, 2))[0] for _ in range(orders)]
    lines = [one.units[0].line_id for one in sent]

    results = await asyncio.gather(
        *(carries(engine, one.id) for one in sent),
        *(gives_up(engine, sku_id, line_id) for line_id in lines[::2]),
        *(buys(engine, sku_id) for _ in range(2 * orders)),
    )

    async with engine.connect() as db:
        rows = await lying(db, sku_id)
        assert sum(on_hand for on_hand, _ in rows.values()) == 2 * orders + 1
        assert all(reserved <= on_hand for on_hand, reserved in rows.values())
        left = await earmarks_of_orders(db, [one.order_id for one in sent])
        assert not any(mark.units for several in left.values() for mark in several)
        assert [await held_by(db, line_id) for line_id in lines[::2]] == [{target: 1}] * (orders // 2)
        assert [await held_by(db, line_id) for line_id in lines[1::2]] == [{target: 2}] * (orders // 2)
        assert sum(one for one in results if one) <= 1 + orders // 2
        await assert_laws_hold(db)


async def test_two_who_receive_one_transfer_bring_its_order_one(engine: Engine) -> None:
    """FUL-12"""
    async with engine.begin() as db:
        sku_id, source = await given_stock(db, units=2)
        (target,) = await given_locations(db)
        sent, one = await held_and_sent(db, sku_id, source, target, 2)
        one = await goes(db, one)

    async def takes_in() -> bool:
        line = ReceiveLine(line_id=one.lines[0].id, quantity=2)
        delivery = ReceiveTransfer(id=fresh_id(), transfer_id=one.id, lines=[line], actor=ME)
        try:
            async with engine.begin() as db:
                (outcome,) = await receive_transfers(db, deliveries=[delivery], now=NOW)
        except Unavailable:
            return False
        return isinstance(outcome, Transfer)

    came = await asyncio.gather(*(takes_in() for _ in range(4)))

    assert sum(came) == 1
    async with engine.connect() as db:
        assert await held_by(db, sent.units[0].line_id) == {target: 2}
        assert await lying(db, sku_id) == {(target, "sellable"): (2, 2)}
        await assert_laws_hold(db)
