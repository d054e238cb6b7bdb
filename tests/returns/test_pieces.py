"""Lots and serial numbers of what comes back (INV-14, RET-05)."""

from typing import Any
from uuid import UUID

from batuta.catalog.domain import Sku, Tracking
from batuta.fulfillment.commands import confirm_delivery, hand_over
from batuta.fulfillment.domain import ConfirmDelivery, FulfillmentOrder, HandOver
from batuta.inventory.domain.serials import SerialStatus
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection
from batuta.returns.commands import grade, receive, receive_blind, request
from batuta.returns.domain import (
    BlindReceipt,
    BlindUnits,
    Grade,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RequestReturn,
    Return,
    ReturnedUnits,
)
from tests.fulfillment.orders import ACTOR, World, assert_lawful, good, pick_all
from tests.fulfillment.test_capturing import given_lots, given_world, packed_as, piece, rows
from tests.fulfillment.test_capturing import receive as stock_up
from tests.making import NOW, fresh_id
from tests.world import sound


async def delivered(db: Connection, world: World, units: int, **captured: Any) -> FulfillmentOrder:
    """An order of so many chairs that its customer has."""
    (one,) = await world.offered(db, ("chair", units))
    await pick_all(db, [one])
    (done,) = good([await packed_as(db, one, **captured)])
    sound(await hand_over(db, handovers=[HandOver(fulfillment_order_id=one.id, actor=ACTOR)], now=NOW))
    said = ConfirmDelivery(parcel_id=done.packages[0].parcel_id, delivered_at=NOW, actor="carrier:x")
    sound(await confirm_delivery(db, deliveries=[said], now=NOW))
    return done


async def announced(db: Connection, one: FulfillmentOrder, units: int) -> Return:
    wish = RequestReturn(
        id=fresh_id(),
        order_id=one.order_id,
        lines=(ReturnedUnits(order_line_id=one.lines[0].line_id, quantity=units),),
        actor=ACTOR,
    )
    (made,) = await request(db, requests=[wish], now=NOW)
    assert isinstance(made, Return), made
    return made


async def received(db: Connection, world: World, one: Return, *lines: ReceivedUnits) -> Return | BatutaError:
    at = world.shop.locations["north"].id
    wish = Receipt(id=fresh_id(), return_id=one.id, location_id=at, lines=lines, actor=ACTOR)
    (outcome,) = await receive(db, receipts=[wish], now=NOW)
    return outcome


def came(line_id: UUID | None, quantity: int, **more: Any) -> ReceivedUnits:
    return ReceivedUnits(line_id=line_id, quantity=quantity, **more)


async def phones(db: Connection) -> tuple[World, Sku, FulfillmentOrder, Return]:
    world, phone = await given_world(db, tracking=Tracking.SERIAL)
    await stock_up(db, world, phone, 3)
    order = await delivered(db, world, 2, serials=("S1", "S2"))
    return world, phone, order, await announced(db, order, 2)


async def test_announced_pieces_are_received_by_their_numbers(db: Connection) -> None:
    """INV-14, RET-05"""
    world, phone, order, one = await phones(db)
    line_id = one.lines[0].id

    unread = await received(db, world, one, came(line_id, 2))
    strange = await received(db, world, one, came(line_id, 2, serials=("S1", "S9")))
    taken = await received(db, world, one, came(line_id, 1, serials=("S1",)))

    assert isinstance(unread, BatutaError)
    assert (unread.code, unread.facts["expected"]) == ("serials_missing", 2)
    assert isinstance(strange, BatutaError)
    assert (strange.code, strange.facts["serials"]) == ("serial_mismatch", ["S9"])
    assert isinstance(taken, Return)
    back, kept = await piece(db, phone, "S1"), await piece(db, phone, "S2")
    assert (back.piece.status, back.piece.order_id) == (SerialStatus.RETURNED, None)
    assert (kept.piece.status, kept.piece.order_id) == (SerialStatus.SOLD, order.order_id)
    assert await rows(db, phone) == {("sellable", ""): (1, 0), ("quarantine", ""): (1, 0)}
    await assert_lawful(db)


async def test_another_piece_than_was_sold_is_received_as_a_thing_nobody_announced(db: Connection) -> None:
    """RET-05, RET-06: never refused at the dock."""
    world, phone, _, one = await phones(db)

    taken = await received(db, world, one, came(None, 1, sku_id=phone.id, serials=("S9",), note="another one"))
    blind = BlindReceipt(
        id=fresh_id(),
        location_id=world.shop.locations["north"].id,
        lines=(BlindUnits(quantity=1, sku_id=phone.id),),
        actor=ACTOR,
        currency="EUR",
    )
    (unannounced,) = await receive_blind(db, receipts=[blind], now=NOW)

    assert isinstance(taken, Return)
    assert isinstance(unannounced, Return)
    assert (await rows(db, phone))["quarantine", ""] == (2, 0)
    await assert_lawful(db)


async def test_what_nobody_announced_is_read_as_far_as_it_can_be(db: Connection) -> None:
    """INV-14, RET-06: its piece is free again, its lot is told apart, and what is strange or unread is no problem."""
    world, phone, order, _ = await phones(db)
    _, milk = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, milk, "A", "B")
    of_order = BlindUnits(quantity=1, order_line_id=order.lines[0].line_id, serials=("S1",))
    lines = (
        of_order,
        BlindUnits(quantity=2, sku_id=phone.id, serials=("S2", "S99")),
        BlindUnits(quantity=1, sku_id=phone.id),
        BlindUnits(quantity=3, sku_id=milk.id, lot="A"),
        BlindUnits(quantity=1, sku_id=milk.id, lot="B"),
    )
    at = world.shop.locations["north"].id
    blind = BlindReceipt(
        id=fresh_id(), location_id=at, lines=lines, actor=ACTOR, currency="EUR", order_id=order.order_id
    )

    first, again = await receive_blind(db, receipts=[blind, blind], now=NOW)

    assert isinstance(first, Return)
    assert again == first
    back = [(await piece(db, phone, number)).piece for number in ("S1", "S2")]
    assert {(one.status, one.line_id, one.location_id) for one in back} == {(SerialStatus.RETURNED, None, at)}
    assert (await rows(db, phone))["quarantine", ""] == (4, 0)
    assert await rows(db, milk) == {("quarantine", "A"): (3, 0), ("quarantine", "B"): (1, 0)}
    await assert_lawful(db)


async def test_what_comes_back_keeps_its_lot_and_is_sold_again_under_it(db: Connection) -> None:
    """INV-14"""
    world, milk = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, milk, "A", "B")
    await stock_up(db, world, milk, 1, "A")
    await stock_up(db, world, milk, 1, "B")
    one = await announced(db, await delivered(db, world, 2), 2)
    line_id = one.lines[0].id

    sound([await received(db, world, one, came(line_id, 1, lot="A"), came(line_id, 1, lot="B"))])

    def look(lot: str) -> GradeUnits:
        return GradeUnits(
            id=fresh_id(), return_id=one.id, line_id=line_id, grade=Grade.RESELL, quantity=1, lot=lot, actor=ACTOR
        )

    assert await rows(db, milk) == {("quarantine", "A"): (1, 0), ("quarantine", "B"): (1, 0)}
    fine, unsaid = await grade(db, gradings=[look("A"), look("")], now=NOW)
    assert isinstance(fine, Return)
    assert isinstance(unsaid, BatutaError)
    assert unsaid.code == "lot_missing"
    assert await rows(db, milk) == {("sellable", "A"): (1, 0), ("quarantine", "B"): (1, 0)}
    await assert_lawful(db)
