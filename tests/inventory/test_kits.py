"""Kits built of free parts and broken up again (INV-01), and what is owned apart from what is not (INV-02)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from batuta.catalog.commands import set_kit_parts
from batuta.catalog.domain import Component, Sku, Tracking
from batuta.inventory.commands import record_movements, reserve
from batuta.inventory.commands.kits import work_on_kits
from batuta.inventory.domain import Condition, StockKey
from batuta.inventory.domain.kits import KitTask, KitVerb, KitWork, PartLot
from batuta.inventory.queries import AUDIT
from batuta.inventory.queries.lots import unclaimed
from batuta.inventory.queries.owning import on_hand_of
from batuta.kernel.errors import BatutaError
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import given_locations, receipt
from tests.inventory.test_lots import DAY, TODAY, given_lot, given_sku, post, wish
from tests.making import NOW, fresh_id


class Workshop:
    """A table that is built of a top and four legs, and where that is done."""

    def __init__(self, table: Sku, top: Sku, leg: Sku, place: UUID) -> None:
        self.table, self.top, self.leg, self.place = table, top, leg, place

    def task(self, quantity: int, verb: KitVerb = KitVerb.BUILD, **more: Any) -> KitTask:
        return KitTask(
            **{
                "id": fresh_id(),
                "kit_id": self.table.id,
                "location_id": self.place,
                "verb": verb,
                "quantity": quantity,
                "actor": "staff:ana",
                **more,
            }
        )

    async def units(self, db: Connection) -> tuple[int, int, int]:
        found = {
            one.sku_id: one.on_hand for one in await on_hand_of(db, sku_ids=[self.table.id, self.top.id, self.leg.id])
        }
        return found.get(self.table.id, 0), found.get(self.top.id, 0), found.get(self.leg.id, 0)


async def given_workshop(db: Connection, *, tops: int = 5, legs: int = 20, **traits: Any) -> Workshop:
    alike = {"tracking": Tracking.NONE}
    table, top, leg = [await given_sku(db, **more) for more in ({**alike, **traits}, alike, alike)]
    parts = [Component(sku_id=top.id, quantity=1), Component(sku_id=leg.id, quantity=4)]
    await set_kit_parts(db, kits={table.id: parts}, now=NOW)
    (place,) = await given_locations(db)
    await post(db, receipt(top.id, place, tops), receipt(leg.id, place, legs))
    return Workshop(table, top, leg, place)


async def assert_lawful(db: Connection) -> None:
    assert not [verdict for verdict in await examine(db, AUDIT) if verdict.broken]


async def test_kits_are_built_of_their_parts_and_broken_up_again(db: Connection) -> None:
    """INV-01: one document, and the ledger knows both sides."""
    shop = await given_workshop(db)
    task = shop.task(3)

    first, again = [await work_on_kits(db, tasks=[task], now=NOW) for _ in range(2)]
    assert first == again
    assert await shop.units(db) == (3, 2, 8)
    (broken,) = await work_on_kits(db, tasks=[shop.task(2, KitVerb.BREAK)], now=NOW)

    assert isinstance(broken, KitWork)
    assert sum(one.quantity for one in broken.moved) == 2 + 2 + 8
    assert await shop.units(db) == (1, 4, 16)
    await assert_lawful(db)


async def test_only_free_parts_are_taken_and_all_of_a_kit_or_none(db: Connection) -> None:
    """INV-04, INV-13"""
    shop = await given_workshop(db, tops=5, legs=20)
    await reserve(db, requests=[wish(shop.leg.id, 9)], now=NOW)

    short, fits, rest = await work_on_kits(db, tasks=[shop.task(3), shop.task(2), shop.task(1)], now=NOW)

    assert isinstance(short, BatutaError)
    assert (short.code, short.facts["free"]) == ("not_enough_free", 11)
    assert isinstance(fits, KitWork)
    assert isinstance(rest, BatutaError)
    assert await shop.units(db) == (2, 3, 12)
    await assert_lawful(db)


async def test_work_that_cannot_be_is_refused(db: Connection) -> None:
    """INV-01"""
    shop = await given_workshop(db)
    done = shop.task(1)
    tasks = [
        done,
        shop.task(2, id=done.id),
        shop.task(1, kit_id=shop.leg.id),
        shop.task(1, kit_id=fresh_id()),
        shop.task(1, location_id=fresh_id()),
        shop.task(1_000_000_000),
        shop.task(4, KitVerb.BREAK),
    ]

    outcomes = await work_on_kits(db, tasks=tasks, now=NOW)

    assert [one.code if isinstance(one, BatutaError) else "done" for one in outcomes] == [
        "done",
        "work_reused",
        "no_parts",
        "unknown_stock",
        "unknown_stock",
        "too_many_kits",
        "not_enough_free",
    ]


async def test_kits_with_lots_are_built_under_one_and_broken_into_those_of_their_parts(db: Connection) -> None:
    """INV-14"""
    shop = await given_workshop(db, tops=5, legs=1, tracking=Tracking.LOT)
    juice = await given_sku(db)
    await given_lot(db, juice, "soon", expires_on=TODAY + DAY)
    await given_lot(db, juice, "later", expires_on=TODAY + 9 * DAY)
    await post(db, receipt(juice.id, shop.place, 3, lot="later"), receipt(juice.id, shop.place, 2, lot="soon"))
    await set_kit_parts(db, kits={shop.table.id: [Component(sku_id=juice.id, quantity=1)]}, now=NOW)
    await given_lot(db, shop.table, "K1", expires_on=TODAY + DAY)

    nameless, built = await work_on_kits(db, tasks=[shop.task(3), shop.task(3, lot="K1")], now=NOW)
    lotless, strange, broken = await work_on_kits(
        db,
        tasks=[
            shop.task(1, KitVerb.BREAK, lot="K1"),
            shop.task(1, KitVerb.BREAK, lot="K2"),
            shop.task(1, KitVerb.BREAK, lot="K1", part_lots=(PartLot(sku_id=juice.id, lot="soon"),)),
        ],
        now=NOW,
    )

    assert isinstance(nameless, BatutaError)
    assert nameless.code == "lot_missing"
    assert isinstance(built, KitWork)
    assert [(one.lot, one.quantity) for one in built.moved] == [("soon", 2), ("later", 1), ("K1", 3)]
    assert [one.code for one in (lotless, strange) if isinstance(one, BatutaError)] == [
        "lot_missing",
        "not_enough_free",
    ]
    assert isinstance(broken, KitWork)
    soon = StockKey(juice.id, shop.place, "sellable", "soon")
    assert await unclaimed(db, [soon]) == {soon: 1}
    await assert_lawful(db)


async def test_builders_and_buyers_at_once_take_no_part_twice(engine: Engine) -> None:
    """INV-13: kits and orders share components."""
    async with engine.begin() as db:
        shop = await given_workshop(db, tops=10, legs=40)

    async def build() -> bool:
        async with engine.begin() as db:
            (outcome,) = await work_on_kits(db, tasks=[shop.task(1)], now=NOW)
            return isinstance(outcome, KitWork)

    async def buy() -> bool:
        async with engine.begin() as db:
            (outcome,) = await reserve(db, requests=[wish(shop.leg.id, 3)], now=NOW)
            return not isinstance(outcome, BatutaError)

    outcomes = await asyncio.gather(*(build() if i % 2 else buy() for i in range(24)))

    built, bought = sum(outcomes[1::2]), sum(outcomes[::2])
    assert 4 * built + 3 * bought <= 40
    assert 4 * built + 3 * bought > 36
    async with engine.begin() as db:
        assert await shop.units(db) == (built, 10 - built, 40 - 4 * built)


@pytest.mark.parametrize("condition", list(Condition))
async def test_owned_and_consigned_goods_are_told_apart(db: Connection, condition: Condition) -> None:
    """INV-02: all count as on hand."""
    sku = await given_sku(db, tracking=Tracking.NONE)
    (place,) = await given_locations(db)
    await record_movements(
        db, movements=[receipt(sku.id, place, 3, condition=condition), receipt(sku.id, place, 2)], now=NOW
    )

    (told,) = await on_hand_of(db, sku_ids=[sku.id])

    consigned = 3 if condition is Condition.CONSIGNED_NOT_OWNED else 0
    assert (told.on_hand, told.owned, told.consigned) == (5, 5 - consigned, consigned)
    assert sum(told.conditions.values()) == 5
    assert await on_hand_of(db, sku_ids=[sku.id], location_ids=[fresh_id()]) == []
