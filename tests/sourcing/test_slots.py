"""Slots: how many have one, however many ask at once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import BatutaError
from batuta.locations.commands import close_days
from batuta.locations.domain import SpecialDay
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.commands.booking import confirm_slots, hold_slots, release_expired_slots, release_slots
from batuta.sourcing.commands.keeping import forget_slots
from batuta.sourcing.commands.slots import delete_slots, generate_slots, save_slot_templates, save_slots
from batuta.sourcing.domain import Method
from batuta.sourcing.domain.slots.templates import SlotTemplate, check_template, slot_on
from batuta.sourcing.domain.slots.windows import (
    BadSlot,
    ConfirmSlot,
    Destination,
    HoldSlot,
    HoldStatus,
    ImplausibleSlot,
    OfferedSlot,
    Slot,
    SlotElsewhere,
    SlotFull,
    SlotHasBookings,
    SlotHold,
    SlotNotOffered,
    UnknownSlot,
    UnknownSlotHold,
    check_slot,
)
from batuta.sourcing.queries.slots import SLOT_LAWS, offered_slots, slot_holds_of, slots_by_id, taken_of
from tests.making import NOW, fresh_code, fresh_id
from tests.world import build_shop

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SOON = NOW + timedelta(minutes=15)


def a_region() -> str:
    """How the postal codes of a region of its own begin, so that tests share a database."""
    return f"{fresh_id().hex[-10:].upper()}"


def a_slot(region: str, **more: Any) -> Slot:
    return Slot(
        **{
            "id": fresh_id(),
            "method": Method.SHIP,
            "country": "ZZ",
            "postal_prefixes": (region,),
            "from_at": NOW + DAY,
            "until_at": NOW + DAY + 2 * HOUR,
            "time_zone": "Europe/Madrid",
            "currency": "EUR",
            "capacity": 2,
            **more,
        }
    )


def to(region: str, **more: Any) -> Destination:
    return Destination(**{"method": Method.SHIP, "country": "ZZ", "postal_code": f"{region}7", **more})


def wish(slot: Slot, region: str, **more: Any) -> HoldSlot:
    return HoldSlot(
        **{
            "slot_id": slot.id,
            "holder_id": fresh_id(),
            "destination": to(region),
            "until_at": SOON,
            "actor": "guest",
            **more,
        }
    )


def confirmed(holder_id: UUID, region: str, **more: Any) -> ConfirmSlot:
    return ConfirmSlot(
        **{"holder_id": holder_id, "order_id": fresh_id(), "destination": to(region), "currency": "EUR", **more}
    )


async def saved(db: Connection, *slots: Slot) -> None:
    for one in await save_slots(db, slots=slots, now=NOW):
        assert isinstance(one, Slot), one


async def hold(db: Connection, one: HoldSlot, *, now: datetime = NOW) -> SlotHold | BatutaError:
    (outcome,) = await hold_slots(db, wishes=[one], now=now)
    return outcome


async def confirm(db: Connection, one: ConfirmSlot, *, now: datetime = NOW) -> SlotHold | BatutaError:
    (outcome,) = await confirm_slots(db, confirmations=[one], now=now)
    return outcome


async def offers(db: Connection, destination: Destination, *, now: datetime = NOW) -> list[OfferedSlot]:
    return await offered_slots(db, destination, from_at=now, until_at=now + 30 * DAY, now=now)


async def sound(db: Connection) -> None:
    assert [one for one in await examine(db, SLOT_LAWS) if one.broken] == []


async def test_a_slot_is_offered_where_it_is_for_and_with_what_is_left(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, price_minor=390, lead_minutes=120)
    await saved(db, slot)

    (one,) = await offers(db, to(here))

    assert (one.slot_id, one.left, one.price_minor) == (slot.id, 2, 390)
    assert one.closes_at == slot.from_at - 2 * HOUR
    assert await offers(db, to(a_region())) == []
    assert await offers(db, to(here, country="ES")) == []
    assert await offers(db, to(here, postal_code=here[:4])) == []
    assert await offers(db, Destination(method=Method.PICKUP, location_id=fresh_id())) == []


async def test_a_held_place_is_counted_until_its_time_is_over_though_no_sweep_ran(db: Connection) -> None:
    """PRM-06, RES-01"""
    here = a_region()
    slot = a_slot(here, capacity=1)
    await saved(db, slot)

    first = await hold(db, wish(slot, here))
    second = await hold(db, wish(slot, here))
    after = await hold(db, wish(slot, here, until_at=SOON + HOUR), now=SOON)

    assert isinstance(first, SlotHold)
    assert isinstance(second, SlotFull)
    assert isinstance(after, SlotHold)


async def test_a_full_slot_is_refused_with_the_next_that_have_room(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    full = a_slot(here, capacity=1)
    also_full = a_slot(here, capacity=0, from_at=NOW + DAY + HOUR)
    later = a_slot(here, from_at=NOW + 2 * DAY, until_at=NOW + 2 * DAY + HOUR)
    await saved(db, full, also_full, later)
    await hold(db, wish(full, here))

    refused = await hold(db, wish(full, here))

    assert isinstance(refused, SlotFull)
    assert [one["slot_id"] for one in refused.facts["alternatives"]] == [str(later.id)]  # type: ignore[attr-defined]


async def test_overbooking_lets_in_more_than_the_capacity_and_no_more_than_that(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, capacity=10, overbooking_bp=1_500)
    await saved(db, slot)

    outcomes = await hold_slots(db, wishes=[wish(slot, here) for _ in range(13)], now=NOW)

    assert [isinstance(one, SlotHold) for one in outcomes] == [True] * 11 + [False] * 2


async def test_a_slot_whose_capacity_nobody_knows_is_none(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, capacity=None)
    await saved(db, slot)

    refused = await hold(db, wish(slot, here))

    assert await offers(db, to(here)) == []
    assert isinstance(refused, SlotNotOffered)
    assert refused.facts["why"] == "capacity_unknown"


@pytest.mark.parametrize(
    ("closing", "why"),
    [
        ({"lead_minutes": 24 * 60}, "too_late"),
        ({"cut_off_at": NOW}, "too_late"),
        ({"is_open": False}, "closed"),
        ({"from_at": NOW - HOUR}, "too_late"),
    ],
)
async def test_a_slot_that_closed_is_refused_and_not_offered(db: Connection, closing: dict[str, Any], why: str) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, **{"until_at": NOW + DAY + 2 * HOUR, **closing})
    await saved(db, slot)

    refused = await hold(db, wish(slot, here))

    assert await offers(db, to(here)) == []
    assert isinstance(refused, SlotNotOffered)
    assert refused.facts["why"] == why


async def test_a_slot_is_not_for_other_places_ways_or_currencies(db: Connection) -> None:
    here = a_region()
    slot = a_slot(here)
    await saved(db, slot)

    strangers = [
        wish(slot, here, destination=to(a_region())),
        wish(slot, here, destination=Destination(method=Method.PICKUP, location_id=fresh_id())),
        wish(slot, here, currency="USD"),
        wish(slot, here, slot_id=fresh_id()),
    ]

    outcomes = await hold_slots(db, wishes=strangers, now=NOW)

    assert [type(one) for one in outcomes] == [SlotElsewhere, SlotElsewhere, SlotElsewhere, UnknownSlot]


async def test_holding_another_slot_gives_the_first_back(db: Connection) -> None:
    here = a_region()
    first, second = a_slot(here, capacity=1), a_slot(here, capacity=1)
    await saved(db, first, second)
    holder = fresh_id()

    await hold(db, wish(first, here, holder_id=holder))
    await hold(db, wish(second, here, holder_id=holder))

    assert await taken_of(db, [first.id, second.id], now=NOW) == {second.id: 1}
    back = await hold(db, wish(first, here, holder_id=holder))
    assert isinstance(back, SlotHold)
    assert await taken_of(db, [first.id, second.id], now=NOW) == {first.id: 1}


async def test_who_finds_another_slot_full_keeps_the_one_they_have(db: Connection) -> None:
    here = a_region()
    mine, full = a_slot(here), a_slot(here, capacity=0)
    await saved(db, mine, full)
    holder = fresh_id()
    await hold(db, wish(mine, here, holder_id=holder))

    refused = await hold(db, wish(full, here, holder_id=holder))

    assert isinstance(refused, SlotFull)
    assert (await slot_holds_of(db, [holder]))[holder].slot_id == mine.id


async def test_holding_the_same_again_keeps_it_for_longer(db: Connection) -> None:
    here = a_region()
    slot = a_slot(here, capacity=1)
    await saved(db, slot)
    holder = fresh_id()

    await hold(db, wish(slot, here, holder_id=holder))
    await hold(db, wish(slot, here, holder_id=holder, until_at=SOON + HOUR))

    assert (await slot_holds_of(db, [holder]))[holder].expires_at == SOON + HOUR
    assert await taken_of(db, [slot.id], now=SOON) == {slot.id: 1}


async def test_a_held_slot_becomes_the_orders_and_stays_so(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, capacity=1, price_minor=390)
    await saved(db, slot)
    held = await hold(db, wish(slot, here))
    assert isinstance(held, SlotHold)
    wanted = confirmed(held.holder_id, here)

    first = await confirm(db, wanted)
    again = await confirm(db, wanted, now=NOW + 10 * DAY)

    assert isinstance(first, SlotHold)
    assert (first.status, first.holder_id, first.price_minor) == (HoldStatus.CONFIRMED, wanted.order_id, 390)
    assert again == first
    assert await taken_of(db, [slot.id], now=NOW + 10 * DAY) == {slot.id: 1}
    await sound(db)


async def test_a_hold_that_ran_out_is_confirmed_if_there_is_room_and_else_refused(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, capacity=1)
    await saved(db, slot)
    first = await hold(db, wish(slot, here))
    assert isinstance(first, SlotHold)
    second = await hold(db, wish(slot, here, until_at=SOON + HOUR), now=SOON)
    assert isinstance(second, SlotHold)

    late = await confirm(db, confirmed(first.holder_id, here), now=SOON)
    await release_slots(db, holder_ids=[second.holder_id])
    in_time = await confirm(db, confirmed(first.holder_id, here), now=SOON)

    assert isinstance(late, SlotFull)
    assert isinstance(in_time, SlotHold)
    await sound(db)


async def test_a_hold_that_a_sweep_gave_back_is_confirmed_if_there_is_room(db: Connection) -> None:
    here = a_region()
    slot = a_slot(here, capacity=1)
    await saved(db, slot)
    held = await hold(db, wish(slot, here))
    assert isinstance(held, SlotHold)

    assert await release_expired_slots(db, now=SOON, limit=500)
    assert (await slot_holds_of(db, [held.holder_id]))[held.holder_id].status is HoldStatus.EXPIRED

    assert isinstance(await confirm(db, confirmed(held.holder_id, here), now=SOON), SlotHold)


async def test_a_hold_is_not_confirmed_for_another_place_a_closed_slot_or_by_nobody(db: Connection) -> None:
    here = a_region()
    slot = a_slot(here)
    await saved(db, slot)
    held = await hold(db, wish(slot, here))
    assert isinstance(held, SlotHold)

    elsewhere = await confirm(db, confirmed(held.holder_id, here, destination=to(a_region())))
    nobody = await confirm(db, confirmed(fresh_id(), here))
    await saved(db, Slot(**{**{name: getattr(slot, name) for name in slot.__struct_fields__}, "is_open": False}))
    closed = await confirm(db, confirmed(held.holder_id, here))

    assert [type(one) for one in (elsewhere, nobody, closed)] == [SlotElsewhere, UnknownSlotHold, SlotNotOffered]


async def test_what_was_given_back_is_not_confirmed_whatever_room_there_is(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    first, second = a_slot(here), a_slot(here)
    await saved(db, first, second)
    holder = fresh_id()
    await hold(db, wish(first, here, holder_id=holder))
    await hold(db, wish(second, here, holder_id=holder))

    ordered = await confirm(db, confirmed(holder, here))
    again = await confirm(db, confirmed(holder, here))

    assert isinstance(ordered, SlotHold)
    assert ordered.slot_id == second.id
    assert isinstance(again, UnknownSlotHold)


async def test_what_an_order_had_is_given_back_when_it_is_released(db: Connection) -> None:
    """PRM-06"""
    here = a_region()
    slot = a_slot(here, capacity=1)
    await saved(db, slot)
    held = await hold(db, wish(slot, here))
    assert isinstance(held, SlotHold)
    wanted = confirmed(held.holder_id, here)
    await confirm(db, wanted)

    assert await release_slots(db, holder_ids=[wanted.order_id]) == 1
    assert await release_slots(db, holder_ids=[wanted.order_id]) == 0

    assert isinstance(await hold(db, wish(slot, here)), SlotHold)


async def test_a_slot_does_not_become_smaller_than_what_has_it_and_is_not_deleted_then(db: Connection) -> None:
    here = a_region()
    slot = a_slot(here, capacity=2)
    await saved(db, slot)
    held = await hold(db, wish(slot, here))
    assert isinstance(held, SlotHold)
    smaller = a_slot(here, id=slot.id, capacity=0)

    (refused,) = await save_slots(db, slots=[smaller], now=NOW)
    (kept,) = await delete_slots(db, slot_ids=[slot.id], now=NOW)
    await release_slots(db, holder_ids=[held.holder_id])
    (taken,) = await save_slots(db, slots=[smaller], now=NOW)
    (gone,) = await delete_slots(db, slot_ids=[slot.id], now=NOW)

    assert isinstance(refused, SlotHasBookings)
    assert isinstance(kept, SlotHasBookings)
    assert isinstance(taken, Slot)
    assert gone == slot.id
    assert await slots_by_id(db, [slot.id]) == {}


async def test_two_hundred_shoppers_race_for_five_places(engine: Engine) -> None:
    """PRM-06: capacity is never overrun, and exactly as many as it takes have it."""
    here = a_region()
    slot = a_slot(here, capacity=5, from_at=NOW + DAY)
    async with engine.begin() as db:
        await saved(db, slot)

    async def shop(turn: int) -> SlotHold | BatutaError:
        async with engine.begin() as db:
            held = await hold(db, wish(slot, here))
        if isinstance(held, BatutaError) or turn % 2:
            return held
        async with engine.begin() as db:
            return await confirm(db, confirmed(held.holder_id, here))

    outcomes = await asyncio.gather(*(shop(turn) for turn in range(200)))

    assert sum(isinstance(one, SlotHold) for one in outcomes) == 5
    assert {type(one) for one in outcomes} == {SlotHold, SlotFull}
    async with engine.begin() as db:
        assert await taken_of(db, [slot.id], now=NOW) == {slot.id: 5}
        await sound(db)
        await release_slots(db, holder_ids=[one.holder_id for one in outcomes if isinstance(one, SlotHold)])


async def test_shoppers_who_change_between_two_slots_never_wait_for_each_other_for_ever(engine: Engine) -> None:
    """PRM-06: no deadlock, no place lost, none twice."""
    here = a_region()
    slots = [a_slot(here, capacity=10), a_slot(here, capacity=10)]
    async with engine.begin() as db:
        await saved(db, *slots)
    holders = [fresh_id() for _ in range(20)]

    async def waver(holder: UUID, order: Sequence[Slot]) -> None:
        for slot in (*order, *order):
            async with engine.begin() as db:
                await hold(db, wish(slot, here, holder_id=holder))

    await asyncio.gather(*(waver(one, slots if turn % 2 else slots[::-1]) for turn, one in enumerate(holders)))

    async with engine.begin() as db:
        taken = await taken_of(db, [one.id for one in slots], now=NOW)
        held = await slot_holds_of(db, holders)
        assert sum(taken.values()) == len(held) >= 10
        assert max(taken.values()) <= 10
        await release_slots(db, holder_ids=holders)


async def test_confirming_many_orders_in_a_batch_never_overruns_a_slot(engine: Engine) -> None:
    """PRM-06: those whose hold ran out take what is left, in turn."""
    here = a_region()
    slot = a_slot(here, capacity=3)
    async with engine.begin() as db:
        await saved(db, slot)
        first = [await hold(db, wish(slot, here)) for _ in range(3)]
        second = [await hold(db, wish(slot, here, until_at=SOON + HOUR), now=SOON) for _ in range(2)]
    holders = [one.holder_id for one in (*first, *second) if isinstance(one, SlotHold)]
    assert len(holders) == 5

    async def place(some: Sequence[UUID]) -> list[SlotHold | BatutaError]:
        async with engine.begin() as db:
            return await confirm_slots(db, confirmations=[confirmed(one, here) for one in some], now=SOON)

    outcomes = [one for several in await asyncio.gather(place(holders[:3]), place(holders[3:])) for one in several]

    assert [isinstance(one, SlotHold) for one in outcomes[3:]] == [True, True]
    assert sum(isinstance(one, SlotHold) for one in outcomes) == 3
    async with engine.begin() as db:
        await sound(db)
        await release_slots(db, holder_ids=[one.holder_id for one in outcomes if isinstance(one, SlotHold)])


def a_template(**more: Any) -> SlotTemplate:
    return SlotTemplate(
        **{
            "id": fresh_id(),
            "code": fresh_code("slots"),
            "method": Method.SHIP,
            "country": "ZZ",
            "postal_prefixes": (a_region(),),
            "time_zone": "Europe/Madrid",
            "weekdays": ("mon", "wed"),
            "window_from": "10:00",
            "window_until": "12:00",
            "currency": "EUR",
            "capacity": 5,
            **more,
        }
    )


async def made(db: Connection, template: SlotTemplate, *, now: datetime = NOW) -> list[Slot]:
    destination = (
        Destination(method=Method.PICKUP, location_id=template.location_id)
        if template.location_id
        else to(template.postal_prefixes[0])
    )
    found = await offered_slots(db, destination, from_at=now - DAY, until_at=now + 90 * DAY, now=now)
    known = await slots_by_id(db, [one.slot_id for one in found])
    return sorted(known.values(), key=lambda one: one.from_at)


async def keep(db: Connection, template: SlotTemplate, *, now: datetime = NOW) -> None:
    (outcome,) = await save_slot_templates(db, templates=[template], now=now)
    assert isinstance(outcome, SlotTemplate), outcome


async def test_a_template_makes_the_slots_of_its_weekdays_ahead(db: Connection) -> None:
    """PRM-06"""
    template = a_template(horizon_days=9, cut_off="18:00", cut_off_days_before=1)

    await keep(db, template)

    slots = await made(db, template)
    assert [one.day for one in slots] == [date(2026, 3, 4), date(2026, 3, 9), date(2026, 3, 11)]
    assert slots[0].from_at == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert slots[0].closes_at == datetime(2026, 3, 3, 17, tzinfo=UTC)


async def test_a_sweep_makes_the_day_that_comes_within_sight_and_makes_none_twice(db: Connection) -> None:
    template = a_template(horizon_days=2)
    await keep(db, template)
    midnight = datetime(2026, 3, 6, 23, tzinfo=UTC)

    early = await generate_slots(db, now=NOW + HOUR, limit=500)
    due = await generate_slots(db, now=midnight, limit=500)
    again = await generate_slots(db, now=midnight, limit=500)

    assert (early, again) == (0, 0)
    assert due >= 1
    assert [one.day for one in await made(db, template, now=midnight)] == [date(2026, 3, 9)]


async def test_a_changed_template_changes_its_slots_but_none_that_was_set_by_hand_or_is_taken(db: Connection) -> None:
    template = a_template(horizon_days=9)
    await keep(db, template)
    own, taken, plain = await made(db, template)
    region = template.postal_prefixes[0]
    await saved(db, Slot(**{**{name: getattr(own, name) for name in own.__struct_fields__}, "capacity": 7}))
    await hold_slots(db, wishes=[wish(taken, region) for _ in range(4)], now=NOW)

    changed = {name: getattr(template, name) for name in template.__struct_fields__}
    await keep(db, SlotTemplate(**{**changed, "capacity": 3, "price_minor": 100}))

    slots = await slots_by_id(db, [own.id, taken.id, plain.id])
    assert [(slots[one.id].capacity, slots[one.id].price_minor) for one in (own, taken, plain)] == [
        (7, 0),
        (5, 100),
        (3, 100),
    ]
    await keep(db, SlotTemplate(**{**changed, "is_active": False}))
    assert [one.id for one in await made(db, template)] == [own.id]
    await keep(db, template)
    assert len(await made(db, template)) == 3


async def test_a_template_has_no_slots_on_holidays_and_when_its_location_is_shut(db: Connection) -> None:
    """PRM-03: a store that is closed today offers no slot today."""
    shop = await build_shop(db, stock={"chair": {"store": 1}})
    store = shop.locations["store"]
    template = a_template(
        method=Method.PICKUP,
        country=None,
        postal_prefixes=(),
        location_id=store.id,
        weekdays=("mon", "tue", "wed", "thu", "fri"),
        horizon_days=4,
    )
    shut = SpecialDay(location_id=store.id, day=date(2026, 3, 4), reason="Inventory")
    await close_days(db, days=[shut], now=NOW)

    await keep(db, template)

    days = [one.day for one in await made(db, template)]
    assert days == [date(2026, 3, 3), date(2026, 3, 5), date(2026, 3, 6)]

    await close_days(db, days=[SpecialDay(location_id=store.id, day=date(2026, 3, 5), reason="Flood")], now=NOW)
    assert [one.day for one in await made(db, template)] == [date(2026, 3, 3), date(2026, 3, 6)]
    flooded = slot_on(check_template(template), date(2026, 3, 5))
    assert flooded
    wanted = HoldSlot(
        slot_id=flooded.id,
        holder_id=fresh_id(),
        destination=Destination(method=Method.PICKUP, location_id=store.id),
        until_at=SOON,
        actor="guest",
    )
    refused = await hold(db, wanted)
    assert isinstance(refused, SlotNotOffered)
    assert refused.facts["why"] == "location_closed"

    holidays = a_template(weekdays=("mon", "tue"), holiday_calendar="ES", horizon_days=9)
    await keep(db, holidays, now=datetime(2026, 1, 2, tzinfo=UTC))
    made_in_january = await made(db, holidays, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert [one.day for one in made_in_january] == [date(2026, 1, 5)]


@pytest.mark.parametrize(
    ("window", "day", "hours"),
    [
        (("01:00", "04:00"), date(2026, 3, 29), 2),
        (("02:00", "03:00"), date(2026, 3, 29), None),
        (("01:00", "04:00"), date(2026, 10, 25), 4),
        (("02:00", "03:00"), date(2026, 10, 25), 2),
        (("10:00", "12:00"), date(2026, 3, 29), 2),
    ],
)
def test_a_window_is_by_the_clock_on_the_wall_when_clocks_change(
    window: tuple[str, str], day: date, hours: int | None
) -> None:
    """PRM-01"""
    slot = slot_on(a_template(window_from=window[0], window_until=window[1]), day)

    assert (slot and slot.until_at - slot.from_at) == (hours and hours * HOUR)


@given(
    capacity=st.integers(0, 1_000_000) | st.none(), overbooking_bp=st.integers(0, 10_000), lead=st.integers(0, 86_400)
)
def test_a_slot_takes_no_less_than_its_capacity_and_never_more_than_twice(
    capacity: int | None, overbooking_bp: int, lead: int
) -> None:
    """PRM-06"""
    slot = a_slot("1", capacity=capacity, overbooking_bp=overbooking_bp, lead_minutes=lead)

    assert (capacity or 0) <= slot.limit <= 2 * (capacity or 0)
    assert slot.closes_at <= slot.from_at


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"until_at": NOW}, ImplausibleSlot),
        ({"until_at": NOW + 9 * DAY}, ImplausibleSlot),
        ({"cut_off_at": NOW + 9 * DAY}, ImplausibleSlot),
        ({"country": None}, ImplausibleSlot),
        ({"method": Method.PICKUP}, ImplausibleSlot),
        ({"currency": "ZZZ"}, ImplausibleSlot),
        ({"time_zone": "Mars/Base"}, ImplausibleSlot),
        ({"time_zone": "../etc/passwd"}, ImplausibleSlot),
        ({"capacity": -1}, BadSlot),
        ({"price_minor": -1}, BadSlot),
        ({"postal_prefixes": ("28-",)}, BadSlot),
        ({"from_at": datetime(2026, 3, 3)}, BadSlot),  # noqa: DTZ001 - that is what is wrong
    ],
)
def test_a_slot_that_cannot_be_is_refused(wrong: dict[str, Any], refusal: type[BatutaError]) -> None:
    with pytest.raises(refusal):
        check_slot(a_slot("1", **wrong))


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"window_until": "10:00"}, ImplausibleSlot),
        ({"window_from": "ten"}, BadSlot),
        ({"weekdays": ("someday",)}, BadSlot),
        ({"holiday_calendar": "QQ"}, ImplausibleSlot),
        ({"from_day": date(2026, 3, 2), "until_day": date(2026, 3, 1)}, ImplausibleSlot),
        ({"horizon_days": 1_000}, BadSlot),
        ({"method": Method.PICKUP, "country": None}, ImplausibleSlot),
    ],
)
def test_a_template_that_cannot_be_is_refused(wrong: dict[str, Any], refusal: type[BatutaError]) -> None:
    with pytest.raises(refusal):
        check_template(a_template(**wrong))


async def test_a_window_is_forgotten_90_days_after_it_ended_with_who_had_it(db: Connection) -> None:
    """Confirmed ones too: the order keeps what it was promised."""
    region = a_region()
    slot = a_slot(region)
    await saved(db, slot)
    held = wish(slot, region)
    await hold(db, held)
    order = confirmed(held.holder_id, region)
    await confirm(db, order)

    await forget_slots(db, now=slot.until_at + 89 * DAY, limit=10_000)
    assert (await slot_holds_of(db, [order.order_id])).keys() == {order.order_id}
    await forget_slots(db, now=slot.until_at + 90 * DAY, limit=10_000)
    assert not await slot_holds_of(db, [order.order_id])
    assert not await slots_by_id(db, [slot.id])
