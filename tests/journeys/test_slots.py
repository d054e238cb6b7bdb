"""Whoever no longer wants an order gives its place in a slot back (PRM-06)."""

from datetime import timedelta

from batuta.ordering.commands import place
from batuta.ordering.domain import OrderStatus
from batuta.sourcing.commands import hold_slots, save_slots
from batuta.sourcing.domain import Destination, HoldSlot, Method, Slot
from batuta.sourcing.queries import taken_of
from tests.journeys.journey import Journey, broken_laws
from tests.making import NOW, fresh_id
from tests.ordering.test_commands import an_order


async def a_held_slot(journey: Journey) -> tuple[Slot, HoldSlot]:
    slot = Slot(
        id=fresh_id(),
        method=Method.SHIP,
        country="ES",
        postal_prefixes=("28",),
        from_at=NOW + timedelta(days=30),
        until_at=NOW + timedelta(days=30, hours=2),
        time_zone="Europe/Madrid",
        currency="EUR",
        capacity=1,
        price_minor=400,
    )
    wish = HoldSlot(
        slot_id=slot.id,
        holder_id=fresh_id(),
        destination=Destination(method=Method.SHIP, country="ES", postal_code="28014"),
        until_at=NOW + timedelta(minutes=30),
        actor="guest",
    )
    await journey.do(save_slots, slots=[slot])
    await journey.do(hold_slots, wishes=[wish])
    return slot, wish


async def taken(journey: Journey, slot: Slot) -> int:
    async with journey.engine.connect() as db:
        return (await taken_of(db, [slot.id], now=journey.now))[slot.id]


async def test_a_cancelled_order_gives_its_place_back(journey: Journey) -> None:
    """PRM-06, ORD-04"""
    slot, wish = await a_held_slot(journey)
    order_id = await journey.buy(("chair", 1), gross_minor=2_500 + 490 + 400, slot_hold_id=wish.holder_id)
    assert await taken(journey, slot) == 1
    assert await broken_laws(journey.engine) == []

    await journey.cancel(order_id)
    await journey.pass_time(seconds=1)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert await taken(journey, slot) == 0
    assert await broken_laws(journey.engine) == []


async def test_an_order_that_nobody_paid_gives_its_place_back(journey: Journey) -> None:
    """PRM-06, ORD-06"""
    slot, wish = await a_held_slot(journey)
    (placed,) = await journey.do(place, orders=[an_order(journey.shop, ("chair", 1), slot_hold_id=wish.holder_id)])
    order_id = placed.order_id
    assert await taken(journey, slot) == 1

    await journey.pass_time(days=8)

    assert (await journey.order(order_id)).status is OrderStatus.EXPIRED
    assert await taken(journey, slot) == 0


async def test_a_hold_that_nobody_ordered_ends_by_itself(journey: Journey) -> None:
    """PRM-06, RES-01"""
    slot, _ = await a_held_slot(journey)

    await journey.pass_time(minutes=29)
    assert await taken(journey, slot) == 1
    await journey.pass_time(minutes=1)

    assert await taken(journey, slot) == 0
