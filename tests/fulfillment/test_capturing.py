"""Lots, serial numbers and weights, read off the goods as they are packed, and followed from there (INV-14, INV-15)."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec

from batuta.catalog.commands import save_skus
from batuta.catalog.domain import Sku, Tracking
from batuta.fulfillment.api import ROUTES
from batuta.fulfillment.commands import confirm_delivery, dispatch, hand_over, pack, report_short, take_back
from batuta.fulfillment.domain import (
    ConfirmDelivery,
    Dispatch,
    FulfillmentOrder,
    HandOver,
    LotUnits,
    Pack,
    PackedContent,
    PackedParcel,
    ReportShort,
    ShortUnits,
    TakeBack,
)
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.inventory.commands import record_movements
from batuta.inventory.commands.lots import recall, save_lots
from batuta.inventory.domain.lots import Lot, NewLot, Recall
from batuta.inventory.domain.serials import SerialFilter, SerialHistory, SerialStatus
from batuta.inventory.queries import stock_of
from batuta.inventory.queries.serials import list_serials
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from tests.asking import House, a_caller, problem
from tests.fulfillment.orders import ACTOR, World, accept_all, assert_lawful, build_world, good, hand_over_all, pick_all
from tests.inventory.making import receipt
from tests.making import NOW, fresh_id
from tests.world import sound

DAY = timedelta(days=1)


async def given_world(db: Connection, **traits: Any) -> tuple[World, Sku]:
    """A shop with chairs of which stock is told apart as `traits` say; none is there yet."""
    world = await build_world(db, chair={"north": 0})
    chair = msgspec.structs.replace(world.shop.skus["chair"], **traits)
    sound(await save_skus(db, skus=[chair], now=NOW))
    return world, chair


async def receive(db: Connection, world: World, sku: Sku, units: int, lot: str = "") -> None:
    at = world.shop.locations["north"].id
    sound(await record_movements(db, movements=[receipt(sku.id, at, units, lot=lot)], now=NOW))


async def given_lots(db: Connection, sku: Sku, *codes: str) -> list[Lot]:
    """Lots that end one day after another."""
    news = [NewLot(sku_code=sku.code, code=code, expires_on=NOW.date() + (i + 5) * DAY) for i, code in enumerate(codes)]
    return [one for one in await save_lots(db, lots=news, now=NOW) if isinstance(one, Lot)]


async def packed_as(db: Connection, one: FulfillmentOrder, **captured: Any) -> FulfillmentOrder | BatutaError:
    """Pack all of the only line into one parcel, with what was read off the goods."""
    (line,) = one.lines
    content = PackedContent(line_id=line.line_id, sku_id=line.sku_id, quantity=line.quantity, **captured)
    parcel = PackedParcel(id=fresh_id(), contents=(content,))
    asked = Pack(fulfillment_order_id=one.id, parcels=(parcel,), actor=ACTOR, label_format="zpl")
    (outcome,) = await pack(db, packs=[asked], now=NOW)
    return outcome


async def contents(db: Connection, one: FulfillmentOrder) -> list[list[tuple[str, int]]]:
    """Of which lots each package's only content is."""
    found = (await fulfillment_orders_by_id(db, [one.id]))[one.id]
    return [[(part.lot, part.quantity) for part in package.contents[0].lots] for package in found.packages]


async def rows(db: Connection, sku: Sku) -> dict[tuple[str, str], tuple[int, int]]:
    """On hand and reserved by condition and lot."""
    found = (await stock_of(db, [sku.id]))[sku.id]
    return {(str(row.condition), row.lot): (row.on_hand, row.reserved) for row in found if row.on_hand or row.reserved}


async def piece(db: Connection, sku: Sku, number: str) -> SerialHistory:
    (found,) = await list_serials(db, wanted=SerialFilter(sku_id=sku.id, serial=number), limit=2)
    return found


def units(*lots: tuple[str, int]) -> tuple[LotUnits, ...]:
    return tuple(LotUnits(lot=lot, quantity=quantity) for lot, quantity in lots)


async def test_a_package_knows_of_which_lots_its_units_are(db: Connection) -> None:
    """INV-14: the first lot to end goes out first."""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 2, "A")
    await receive(db, world, chair, 5, "B")
    (one,) = await world.offered(db, ("chair", 3))

    (gone,) = await hand_over_all(db, [one])

    assert await contents(db, gone) == [[("A", 2), ("B", 1)]]
    assert await rows(db, chair) == {("sellable", "B"): (4, 0)}
    (parcel_id,) = (package.parcel_id for package in gone.packages)
    said = ConfirmDelivery(parcel_id=parcel_id, delivered_at=NOW, actor="carrier:x")
    sound(await confirm_delivery(db, deliveries=[said], now=NOW))
    await assert_lawful(db)


async def test_what_comes_home_lies_in_quarantine_under_its_lots(db: Connection) -> None:
    """INV-14"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 1, "A")
    await receive(db, world, chair, 1, "B")
    (one,) = await world.offered(db, ("chair", 2))
    (gone,) = await hand_over_all(db, [one])

    back = TakeBack(parcel_id=gone.packages[0].parcel_id, actor=ACTOR, reason="refused")
    sound(await take_back(db, returns=[back], now=NOW))

    assert await rows(db, chair) == {("quarantine", "A"): (1, 0), ("quarantine", "B"): (1, 0)}
    await assert_lawful(db)


async def test_another_lot_than_was_reserved_may_be_taken_if_nobody_else_has_it(db: Connection) -> None:
    """INV-14"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 2, "A")
    await receive(db, world, chair, 2, "B")
    first, second = await world.offered(db, ("chair", 1), count=2)
    await pick_all(db, [first, second])

    taken = await packed_as(db, first, lots=units(("B", 1)))

    assert isinstance(taken, FulfillmentOrder)
    assert await rows(db, chair) == {("sellable", "A"): (2, 1), ("sellable", "B"): (1, 0)}
    for wrong, code in (
        (units(("C", 1)), "not_enough_stock"),
        (units(("B", 2)), "wrong_lots"),
        (units(("B", 1), ("B", 1)), "wrong_lots"),
    ):
        refused = await packed_as(db, second, lots=wrong)
        assert isinstance(refused, BatutaError)
        assert refused.code == code
    await assert_lawful(db)


async def test_units_of_a_lot_that_others_have_reserved_stay_theirs(db: Connection) -> None:
    """INV-04, INV-14"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 1, "A")
    await receive(db, world, chair, 1, "B")
    first, second = await world.offered(db, ("chair", 1), count=2)
    await pick_all(db, [first, second])

    refused = await packed_as(db, first, lots=units(("B", 1)))
    mine = await packed_as(db, first, lots=units(("A", 1)))

    assert isinstance(refused, BatutaError)
    assert refused.code == "lot_promised"
    assert isinstance(mine, FulfillmentOrder)
    assert await rows(db, chair) == {("sellable", "B"): (1, 1)}
    await assert_lawful(db)


async def test_a_recalled_lot_is_not_packed_and_another_one_is(db: Connection) -> None:
    """INV-14"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    lot, _ = await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 1, "A")
    await receive(db, world, chair, 1, "B")
    (one,) = await world.offered(db, ("chair", 1))
    await pick_all(db, [one])
    await recall(db, recalls=[Recall(lot_id=lot.id, reason="glass", actor=ACTOR)], now=NOW)

    called_back = await packed_as(db, one, lots=units(("A", 1)))
    unsaid = await packed_as(db, one)
    other = await packed_as(db, one, lots=units(("B", 1)))

    assert isinstance(called_back, BatutaError)
    assert called_back.code == "lot_called_back"
    assert isinstance(unsaid, BatutaError)
    assert unsaid.code == "not_enough_stock"
    assert isinstance(other, FulfillmentOrder)
    await assert_lawful(db)


async def test_what_is_reported_missing_is_written_off_of_its_lots(db: Connection) -> None:
    """INV-14, FUL-03"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 1, "A")
    await receive(db, world, chair, 2, "B")
    (one,) = await world.offered(db, ("chair", 2))
    await accept_all(db, [one])

    missing = ShortUnits(line_id=one.lines[0].line_id, quantity=2)
    sound(
        await report_short(
            db, reports=[ReportShort(fulfillment_order_id=one.id, lines=(missing,), actor=ACTOR)], now=NOW
        )
    )

    assert sum(on_hand for on_hand, _ in (await rows(db, chair)).values()) < 3
    await assert_lawful(db)


async def test_each_piece_leaves_under_its_own_number(db: Connection) -> None:
    """INV-14: captured at the packing table."""
    world, chair = await given_world(db, tracking=Tracking.SERIAL)
    await receive(db, world, chair, 5)
    first, second, third = await world.offered(db, ("chair", 2), count=2) + await world.offered(db, ("chair", 1))
    await pick_all(db, [first, second])

    for wrong in ((), ("S1",), ("S1", "S1"), ("S1", "S2", "S3")):
        refused = await packed_as(db, first, serials=wrong)
        assert isinstance(refused, BatutaError)
        assert refused.code == "serials_missing"
    sound([await packed_as(db, first, serials=("S1", "S2"))])
    taken = await packed_as(db, second, serials=("S3", "S2"))
    sound([await packed_as(db, second, serials=("S3", "S4"))])
    (unread,) = await dispatch(db, dispatches=[Dispatch(fulfillment_order_id=third.id, actor=ACTOR)], now=NOW)

    assert isinstance(taken, BatutaError)
    assert (taken.code, taken.facts["serial"]) == ("serial_taken", "S2")
    assert isinstance(unread, BatutaError)
    assert unread.code == "serials_missing"
    assert (await piece(db, chair, "S1")).piece.order_id == first.order_id
    assert (await piece(db, chair, "S1")).piece.status is SerialStatus.PACKED
    await assert_lawful(db)


async def test_a_piece_is_sold_as_it_is_delivered_and_free_again_when_it_comes_home(db: Connection) -> None:
    """INV-14"""
    world, chair = await given_world(db, tracking=Tracking.SERIAL)
    await receive(db, world, chair, 3)
    first, second = await world.offered(db, ("chair", 1), count=2)
    await pick_all(db, [first, second])
    done = good([await packed_as(db, first, serials=("S1",)), await packed_as(db, second, serials=("S2",))])
    sound(await hand_over(db, handovers=[HandOver(fulfillment_order_id=one.id, actor=ACTOR) for one in done], now=NOW))
    there, home = (one.packages[0].parcel_id for one in done)

    said = ConfirmDelivery(parcel_id=there, delivered_at=NOW, actor="carrier:x")
    sound(await confirm_delivery(db, deliveries=[said], now=NOW))
    sound(await take_back(db, returns=[TakeBack(parcel_id=home, actor=ACTOR)], now=NOW))

    sold, back = await piece(db, chair, "S1"), await piece(db, chair, "S2")
    assert (sold.piece.status, sold.piece.location_id) == (SerialStatus.SOLD, None)
    assert (back.piece.status, back.piece.location_id) == (
        SerialStatus.RETURNED,
        world.shop.locations["north"].id,
    )
    assert back.piece.order_id is None
    assert [use.ended_at for use in back.uses] == [NOW]
    await assert_lawful(db)


async def test_two_tables_that_pack_one_piece_at_once_get_it_once(engine: Engine) -> None:
    """INV-14: I-05's line; the unique index on the active allocation."""
    async with engine.begin() as db:
        world, chair = await given_world(db, tracking=Tracking.SERIAL)
        await receive(db, world, chair, 4)
        works = await world.offered(db, ("chair", 1), count=4)
        await pick_all(db, works)

    async def try_to(one: FulfillmentOrder) -> str:
        try:
            async with engine.begin() as db:
                outcome = await packed_as(db, one, serials=("S1",))
        except BatutaError as refusal:
            return refusal.code
        return outcome.code if isinstance(outcome, BatutaError) else "packed"

    told = await asyncio.gather(*(try_to(one) for one in works))

    assert told.count("packed") == 1
    assert set(told) <= {"packed", "serial_taken", "overtaken"}


async def test_what_is_charged_by_weight_is_weighed_as_it_is_packed(db: Connection) -> None:
    """INV-15: the pieces and the weight are both kept."""
    world, chair = await given_world(db, is_weighed=True)
    await receive(db, world, chair, 3)
    (one,) = await world.offered(db, ("chair", 3))
    await pick_all(db, [one])

    refused = await packed_as(db, one)
    done = await packed_as(db, one, weight_g=4_321)

    assert isinstance(refused, BatutaError)
    assert refused.code == "weight_missing"
    assert isinstance(done, FulfillmentOrder)
    found = (await fulfillment_orders_by_id(db, [one.id]))[one.id]
    assert [(part.quantity, part.weight_g) for part in found.packages[0].contents] == [(3, 4_321)]
    await assert_lawful(db)


async def test_a_recall_finds_the_orders_and_whom_to_tell(engine: Engine) -> None:
    """INV-14: lot, orders, customers."""
    async with engine.begin() as db:
        world, chair = await given_world(db, tracking=Tracking.LOT)
        (lot, _) = await given_lots(db, chair, "A", "B")
        await receive(db, world, chair, 3, "A")
        await receive(db, world, chair, 5, "B")
        works = await world.offered(db, ("chair", 2), count=3)
        gone = await hand_over_all(db, works)
        sound(await take_back(db, returns=[TakeBack(parcel_id=gone[0].packages[0].parcel_id, actor=ACTOR)], now=NOW))
    clerk = House(engine, ROUTES).asked_by(a_caller("orders.read", "inventory.read"))

    told = (await clerk.get(f"/api/lots/{lot.id}/orders")).json()
    reach = (await clerk.get(f"/api/lots/{lot.id}/reach")).json()

    assert [(one["order_id"], one["units"]) for one in told["items"]] == [(str(gone[1].order_id), 1)]
    assert told["items"][0]["name"] == "Ana Ruiz"
    assert reach == {"orders": 1, "customers": 1, "units": 1, "unordered": 0}
    nobody = House(engine, ROUTES).asked_by(a_caller("orders.read", channel_ids=frozenset({fresh_id()})))
    assert (await nobody.get(f"/api/lots/{lot.id}/orders")).json()["items"] == []
    elsewhere = House(engine, ROUTES).asked_by(a_caller("orders.read", location_ids=frozenset({fresh_id()})))
    assert (await elsewhere.get(f"/api/lots/{lot.id}/orders")).json()["items"] == []
    assert problem(await clerk.get(f"/api/lots/{fresh_id()}/orders")) == (404, "unknown_lot")
