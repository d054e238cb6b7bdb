"""Lots: registered, received by, kept off sale past their date or when they are called back (INV-14)."""

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product, Sku, Tracking
from batuta.inventory.commands import record_movements, reserve
from batuta.inventory.commands.lots import lift_recalls, open_lots, recall, retire_lots, save_lots
from batuta.inventory.domain import (
    Account,
    Condition,
    Movement,
    MovementReason,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.lots import Lot, NewLot, Recall, Recalled
from batuta.inventory.queries import AUDIT, availability, stock_of
from batuta.inventory.queries.lots import stock_of_lots
from batuta.kernel.errors import BatutaError
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import given_locations, movement, receipt
from tests.making import NOW, fresh_code, fresh_id

TODAY = NOW.date()
DAY = timedelta(days=1)
MADRID = ZoneInfo("Europe/Madrid")


async def given_sku(db: Connection, **traits: Any) -> Sku:
    product = Product(id=fresh_id(), code=fresh_code("P"), name={"en": "Milk"})
    await save_products(db, products=[product], now=NOW)
    sku = Sku(id=fresh_id(), code=fresh_code("milk"), product_id=product.id, **{"tracking": Tracking.LOT, **traits})
    (saved,) = await save_skus(db, skus=[sku], now=NOW)
    assert isinstance(saved, Sku)
    return saved


async def given_lot(db: Connection, sku: Sku, code: str = "L1", **known: Any) -> Lot:
    (saved,) = await save_lots(db, lots=[NewLot(sku_code=sku.code, code=code, **known)], now=NOW)
    assert isinstance(saved, Lot), saved
    return saved


async def post(db: Connection, *movements: Movement, now: datetime = NOW) -> list[str]:
    outcomes = await record_movements(db, movements=movements, now=now)
    return [one.code if isinstance(one, BatutaError) else "recorded" for one in outcomes]


async def conditions(db: Connection, sku_id: UUID) -> Counter[tuple[str, str]]:
    """Units by condition and lot, where there are any."""
    found: Counter[tuple[str, str]] = Counter()
    for row in (await stock_of(db, [sku_id]))[sku_id]:
        found[str(row.condition), row.lot] += row.on_hand
    return +found


async def assert_lawful(db: Connection) -> None:
    assert not [verdict for verdict in await examine(db, AUDIT) if verdict.broken]


def wish(sku_id: UUID, units: int, **more: Any) -> ReserveRequest:
    line = ReserveLine(line_id=fresh_id(), sku_id=sku_id, quantity=units)
    return ReserveRequest(holder_id=fresh_id(), lines=[line], **more)


async def test_a_lot_tracked_sku_comes_in_by_a_lot_that_is_known(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    await given_lot(db, sku, expires_on=TODAY + 30 * DAY)

    told = await post(
        db,
        receipt(sku.id, place, 5, lot="L1"),
        receipt(sku.id, place, 5),
        receipt(sku.id, place, 5, lot="L2"),
        receipt(sku.id, place, 2, condition=Condition.QUARANTINE),
    )

    assert told == ["recorded", "lot_missing", "lot_missing", "recorded"]
    assert await conditions(db, sku.id) == {("sellable", "L1"): 5, ("quarantine", ""): 2}
    loose = movement(sku.id, 2, Account.location(place, Condition.QUARANTINE), Account.location(place))
    assert await post(db, loose) == ["lot_missing"]
    await assert_lawful(db)


async def test_a_lot_past_its_date_comes_in_as_expired_and_never_as_sellable(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    await given_lot(db, sku, "old", expires_on=TODAY - DAY)
    await given_lot(db, sku, "today", expires_on=TODAY)

    told = await post(
        db,
        receipt(sku.id, place, 5, lot="old"),
        receipt(sku.id, place, 4, lot="old", condition=Condition.EXPIRED),
        receipt(sku.id, place, 3, lot="today"),
    )

    assert told == ["lot_past", "recorded", "recorded"]
    assert await conditions(db, sku.id) == {("expired", "old"): 4, ("sellable", "today"): 3}


async def test_what_was_received_stays_received_when_it_is_told_again_past_its_date(db: Connection) -> None:
    """INV-01, PLT-01"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    await given_lot(db, sku, expires_on=TODAY)
    one = receipt(sku.id, place, 5, lot="L1")

    assert await post(db, one) == ["recorded"]
    assert await post(db, one, now=NOW + 3 * DAY) == ["recorded"]


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)])
async def test_a_lot_is_sold_until_the_end_of_its_last_day_where_it_lies(db: Connection, day: date) -> None:
    """INV-14; both changes of the clock."""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    lot = await given_lot(db, sku, expires_on=day)

    assert await post(db, receipt(sku.id, place, 5, lot="L1")) == ["recorded"]

    (at,) = (await stock_of_lots(db, [lot]))[lot.id]
    assert at.expires_at == datetime.combine(day + DAY, datetime.min.time(), MADRID)


async def test_days_before_its_date_a_lot_is_no_longer_granted_but_still_on_the_shelf(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db, min_remaining_days=5)
    (place,) = await given_locations(db)
    await given_lot(db, sku, "near", expires_on=TODAY + 4 * DAY)
    await given_lot(db, sku, "far", expires_on=TODAY + 40 * DAY)
    assert await post(db, receipt(sku.id, place, 5, lot="near"), receipt(sku.id, place, 2, lot="far")) == 2 * [
        "recorded"
    ]

    (granted,) = await reserve(db, requests=[wish(sku.id, 2)], now=NOW)
    (refused,) = await reserve(db, requests=[wish(sku.id, 1)], now=NOW)

    assert isinstance(granted, Reserved)
    assert [grant.lot for grant in granted.grants] == ["far"]
    assert isinstance(refused, BatutaError)
    assert sum(one.available for one in await availability(db, sku_ids=[sku.id], now=NOW)) == 0


async def test_shelf_life_says_the_date_where_nobody_does(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db, shelf_life_days=20)

    made = await given_lot(db, sku, "made", made_on=TODAY - 5 * DAY)
    told = await given_lot(db, sku, "told", made_on=TODAY, expires_on=TODAY + DAY)
    endless = await given_lot(db, sku, "endless")

    assert (made.expires_on, told.expires_on, endless.expires_on) == (TODAY + 15 * DAY, TODAY + DAY, None)


async def test_lots_that_cannot_be_are_refused(db: Connection) -> None:
    """INV-14"""
    sku, plain = await given_sku(db), await given_sku(db, tracking=Tracking.NONE)
    lots = [
        NewLot(sku_code=sku.code, code="L", made_on=TODAY, expires_on=TODAY - DAY),
        NewLot(sku_code=sku.code, code="L", expires_on=date(9999, 12, 31)),
        NewLot(sku_code=plain.code, code="L"),
        NewLot(sku_code="nothing", code="L"),
    ]

    refused = await save_lots(db, lots=lots, now=NOW)

    assert [one.code for one in refused] == ["bad_lot_dates", "bad_lot_dates", "not_by_lot", "unknown_stock"]


async def test_a_receipt_registers_its_lot_and_contradicts_none(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    known = await given_lot(db, sku, "A", expires_on=TODAY + DAY)
    lots = [
        NewLot(sku_code=sku.code, code="A"),
        NewLot(sku_code=sku.code, code="A", expires_on=TODAY + 2 * DAY),
        NewLot(sku_code=sku.code, code="B", expires_on=TODAY + 2 * DAY),
        NewLot(sku_code=sku.code, code="B", expires_on=TODAY + 2 * DAY),
    ]

    same, other, new, again = await open_lots(db, lots=lots, now=NOW)

    assert same == known
    assert isinstance(other, BatutaError)
    assert other.code == "lot_differs"
    assert isinstance(new, Lot)
    assert new == again


async def test_a_better_date_changes_what_is_on_the_shelf(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    await given_lot(db, sku, expires_on=TODAY + DAY)
    await post(db, receipt(sku.id, place, 5, lot="L1"))

    lot = await given_lot(db, sku, expires_on=TODAY + 9 * DAY)

    (at,) = (await stock_of_lots(db, [lot]))[lot.id]
    assert at.expires_at == datetime.combine(TODAY + 10 * DAY, datetime.min.time(), MADRID)


async def test_the_sweep_takes_past_lots_off_sale_and_tells_who_falls_short(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    await given_lot(db, sku, "soon", expires_on=TODAY)
    await given_lot(db, sku, "later", expires_on=TODAY + 9 * DAY)
    await post(db, receipt(sku.id, place, 5, lot="soon"), receipt(sku.id, place, 2, lot="later"))

    assert await retire_lots(db, now=NOW, limit=10) == 0
    assert await retire_lots(db, now=NOW + DAY, limit=10) == 1
    assert await retire_lots(db, now=NOW + DAY, limit=10) == 0

    assert await conditions(db, sku.id) == {("expired", "soon"): 5, ("sellable", "later"): 2}
    await assert_lawful(db)


async def test_a_recalled_lot_goes_into_quarantine_everywhere_and_is_sold_nowhere(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    north, south = await given_locations(db, 2)
    lot = await given_lot(db, sku, expires_on=TODAY + 9 * DAY)
    shown = receipt(sku.id, south, 1, lot="L1", condition=Condition.DISPLAY)
    await post(db, receipt(sku.id, north, 5, lot="L1"), receipt(sku.id, south, 2, lot="L1"), shown)
    await reserve(db, requests=[wish(sku.id, 3, location_ids=(north,))], now=NOW)
    asked = Recall(lot_id=lot.id, reason="glass in the milk", actor="staff:ana")

    (first,) = await recall(db, recalls=[asked], now=NOW)
    (again,) = await recall(db, recalls=[asked], now=NOW)

    assert isinstance(first, Recalled)
    assert isinstance(again, Recalled)
    assert (first.quarantined, first.missing, again.quarantined) == (8, 3, 0)
    assert first.lot.recalled_at == NOW == again.lot.recalled_at
    assert await conditions(db, sku.id) == {("quarantine", "L1"): 8}
    assert await post(db, receipt(sku.id, north, 1, lot="L1")) == ["lot_called_back"]
    back = movement(
        sku.id,
        1,
        Account.location(north, Condition.QUARANTINE),
        Account.location(north),
        lot="L1",
        reason=MovementReason.QUARANTINE_OUT,
    )
    assert await post(db, back) == ["lot_called_back"]
    await lift_recalls(db, recalls=[asked], now=NOW)
    assert await post(db, back) == ["recorded"]
    await assert_lawful(db)


async def test_what_comes_out_of_a_parcel_after_the_recall_is_caught_by_the_sweep(db: Connection) -> None:
    """INV-14"""
    sku = await given_sku(db)
    (place,) = await given_locations(db)
    lot, box = await given_lot(db, sku), fresh_id()
    packed = movement(sku.id, 2, Account.location(place), Account.parcel(box), lot="L1")
    await post(db, receipt(sku.id, place, 2, lot="L1"), packed)
    await recall(db, recalls=[Recall(lot_id=lot.id, reason="glass", actor="staff:ana")], now=NOW)

    assert await post(db, movement(sku.id, 2, Account.parcel(box), Account.location(place), lot="L1")) == ["recorded"]
    (refused,) = await reserve(db, requests=[wish(sku.id, 1)], now=NOW)
    assert isinstance(refused, BatutaError)
    assert await retire_lots(db, now=NOW, limit=10) == 1

    assert await conditions(db, sku.id) == {("quarantine", "L1"): 2}
    await assert_lawful(db)


async def test_an_unknown_lot_cannot_be_recalled(db: Connection) -> None:
    (refused,) = await recall(db, recalls=[Recall(lot_id=fresh_id(), reason="x", actor="staff:ana")], now=NOW)

    assert isinstance(refused, BatutaError)
    assert refused.code == "unknown_lot"


async def test_recalls_and_receipts_and_buyers_at_once_leave_nothing_on_sale(engine: Engine) -> None:
    """INV-14: a race of receipts in many places, buyers and a recall."""
    async with engine.begin() as db:
        sku = await given_sku(db)
        places = await given_locations(db, 4)
        lot = await given_lot(db, sku, expires_on=TODAY + 9 * DAY)
        await post(db, receipt(sku.id, places[0], 20, lot="L1"))

    async def receive(place: UUID) -> None:
        async with engine.begin() as db:
            await record_movements(db, movements=[receipt(sku.id, place, 5, lot="L1")], now=NOW)

    async def buy() -> None:
        async with engine.begin() as db:
            await reserve(db, requests=[wish(sku.id, 1)], now=NOW)

    async def call_back() -> None:
        async with engine.begin() as db:
            await recall(db, recalls=[Recall(lot_id=lot.id, reason="glass", actor="staff:ana")], now=NOW)

    await asyncio.gather(*(receive(place) for place in places * 2), call_back(), *(buy() for _ in range(4)))

    async with engine.begin() as db:
        await retire_lots(db, now=NOW, limit=10)
        stood = await conditions(db, sku.id)
        (refused,) = await reserve(db, requests=[wish(sku.id, 1)], now=NOW)
        (sold,) = await recall(db, recalls=[Recall(lot_id=lot.id, reason="glass", actor="staff:ana")], now=NOW)
    assert set(stood) == {("quarantine", "L1")}
    assert isinstance(refused, BatutaError)
    assert isinstance(sold, Recalled)


async def test_of_a_unique_piece_there_is_one_wherever_it_is_received(engine: Engine) -> None:
    """INV-14: one unit, several channels."""
    async with engine.begin() as db:
        sku = await given_sku(db, tracking=Tracking.NONE, is_unique=True)
        places = await given_locations(db, 3)
        assert await post(db, receipt(sku.id, places[0], 2)) == ["one_of_its_kind"]

    async def receive(place: UUID) -> str:
        async with engine.begin() as db:
            (told,) = await post(db, receipt(sku.id, place, 1))
            return told

    told = await asyncio.gather(*(receive(place) for place in places))

    assert sorted(told) == ["one_of_its_kind", "one_of_its_kind", "recorded"]
    async with engine.begin() as db:
        requests = [wish(sku.id, 1, channel_id=fresh_id()) for _ in range(5)]
        outcomes = await reserve(db, requests=requests, now=NOW)
        assert sum(isinstance(one, Reserved) for one in outcomes) == 1
        (at,) = [place for place in places if (sku.id, place) in await _places(db, sku.id)]
        elsewhere = next(place for place in places if place != at)
        moved = movement(sku.id, 1, Account.location(at, Condition.SELLABLE), Account.location(elsewhere))
        gone = movement(sku.id, 1, Account.location(elsewhere), Account.customer(), reason=MovementReason.SALE_POS)
        back = movement(
            sku.id,
            1,
            Account.customer(),
            Account.location(at, Condition.QUARANTINE),
            reason=MovementReason.RETURN_RECEIVE,
        )
        assert await post(db, moved, gone) == 2 * ["recorded"]
        assert await post(db, back) == ["recorded"]


async def _places(db: Connection, sku_id: UUID) -> set[tuple[UUID, UUID]]:
    return {(row.sku_id, row.location_id) for row in (await stock_of(db, [sku_id]))[sku_id] if row.on_hand}
