"""How much locations take: held at planning, confirmed when they accept, given back (SRC-10)."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from batuta.kernel.addresses import Address
from batuta.locations.domain import CapacityLimit, CapacityPeriod, CapacityUnit, Location, LocationKind
from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.commands import (
    TakenOn,
    confirm_capacity,
    plan,
    record_rejection,
    release_expired_capacity,
    withdraw,
)
from batuta.sourcing.domain import (
    Considered,
    Method,
    Override,
    Plan,
    Rejection,
    Rule,
    SourcingRequest,
    Unfillable,
    Withdrawal,
    explain,
)
from batuta.sourcing.domain.capacity import Capacity, NoCapacity, Work, windows_at
from batuta.sourcing.domain.slots.windows import HoldStatus
from batuta.sourcing.queries import capacity_holds_of, decisions_of
from tests.making import NOW, fresh_id
from tests.sourcing.making import an_order, broken_laws, given_shop, hold_at, places_of
from tests.world import Shop

DEAR = {"handling_order_minor": 900}
MADRID_NOON = datetime(2026, 6, 3, 10, tzinfo=UTC)
"""A Wednesday."""


def at_most(limit: int, unit: CapacityUnit, per: CapacityPeriod = CapacityPeriod.DAY, **changes: Any) -> dict[str, Any]:
    return {"capacity": (CapacityLimit(limit=limit, unit=unit, per=per, **changes),)}


async def given_two(db: Connection, cheap: dict[str, Any], units: int = 90) -> Shop:
    """A cheap location with limits and a dear one without."""
    shop, _ = await given_shop(
        db, {"chair": {"cheap": units, "dear": units}, "lamp": {"cheap": units, "dear": units}}, cheap=cheap, dear=DEAR
    )
    return shop


async def planned(
    db: Connection, shop: Shop, *wants: tuple[str, int], now: datetime = NOW, **changes: Any
) -> tuple[SourcingRequest, Plan | Unfillable]:
    """An order that holds its units where it is dear, planned."""
    order = an_order(shop, *wants, **changes)
    await hold_at(db, order, shop.locations["dear"].id)
    (answer,) = await plan(db, requests=[order], now=now)
    assert await broken_laws(db) == []
    return order, answer


async def considered(db: Connection, shop: Shop, order: SourcingRequest, name: str) -> Considered:
    (decision,) = (await decisions_of(db, [order.order_id]))[order.order_id]
    return next(one for one in decision.considered if one.location_id == shop.locations[name].id)


async def said(db: Connection, order: SourcingRequest, language: str) -> str:
    (decision,) = (await decisions_of(db, [order.order_id]))[order.order_id]
    return explain(decision, language)


async def statuses(db: Connection, *orders: SourcingRequest) -> list[HoldStatus]:
    holds = await capacity_holds_of(db, [one.order_id for one in orders])
    by_order = {one.order_id: one.status for one in holds.values()}
    return [by_order[one.order_id] for one in orders]


def taken_on(shop: Shop, order: SourcingRequest) -> TakenOn:
    line_ids = frozenset(line.line_id for line in order.lines)
    return TakenOn(order_id=order.order_id, location_id=shop.locations["cheap"].id, line_ids=line_ids)


async def give_back(db: Connection, shop: Shop, order: SourcingRequest, units: int | None = None) -> None:
    one = Rejection(
        order_id=order.order_id,
        line_id=order.lines[0].line_id,
        sku_id=order.lines[0].components[0][0],
        location_id=shop.locations["cheap"].id,
        reason="not_found",
        until_at=None,
        actor="staff:eva",
        quantity=units,
    )
    await record_rejection(db, rejections=[one], now=NOW)
    assert await broken_laws(db) == []


async def test_a_location_takes_no_more_units_than_its_day_allows_and_the_decision_names_the_limit(
    db: Connection,
) -> None:
    shop = await given_two(db, at_most(40, CapacityUnit.UNITS))

    _, first = await planned(db, shop, ("chair", 25), ("lamp", 15), now=MADRID_NOON)
    order, second = await planned(db, shop, ("chair", 1), now=MADRID_NOON)

    assert (places_of(shop, first), places_of(shop, second)) == ({"cheap": 40}, {"dear": 1})
    out = await considered(db, shop, order, "cheap")
    assert out.rule is Rule.AT_CAPACITY
    assert out.full is not None
    assert (out.full.taken, out.full.limit, out.full.unit) == (40, 40, CapacityUnit.UNITS)
    assert "cheap (full: 40 of 40 units on 3 June)" in await said(db, order, "en")
    assert "cheap (completa: 40 de 40 unidades el 3 de junio)" in await said(db, order, "es")


async def test_what_a_location_has_hands_for_still_comes_from_it_where_that_pays(db: Connection) -> None:
    shop, _ = await given_shop(
        db,
        {"chair": {"cheap": 3, "near": 3}},
        cheap=at_most(2, CapacityUnit.UNITS),
        near=at_most(3, CapacityUnit.UNITS),
    )
    order = an_order(shop, ("chair", 5))
    await hold_at(db, order)
    (answer,) = await plan(db, requests=[order], now=NOW)

    assert places_of(shop, answer) == {"cheap": 2, "near": 3}
    assert await broken_laws(db) == []


async def withdraw_all(db: Connection, shop: Shop, order: SourcingRequest, name: str) -> None:
    await withdraw(
        db,
        withdrawals=[
            Withdrawal(
                order_id=order.order_id,
                line_id=line.line_id,
                sku_id=line.components[0][0],
                location_id=shop.locations[name].id,
                quantity=line.quantity,
            )
            for line in order.lines
        ],
    )


async def test_an_order_that_is_too_large_for_what_is_left_says_how_much_is_taken(db: Connection) -> None:
    shop = await given_two(db, at_most(10, CapacityUnit.UNITS))
    await planned(db, shop, ("chair", 8), now=MADRID_NOON)

    order, answer = await planned(db, shop, ("chair", 4), now=MADRID_NOON, max_splits=0)

    assert places_of(shop, answer) == {"dear": 4}
    assert "cheap (too full: 8 of 10 units on 3 June)" in await said(db, order, "en")


@pytest.mark.parametrize(
    ("unit", "first"), [(CapacityUnit.LINES, 2), (CapacityUnit.PACKAGES, 1), (CapacityUnit.ORDERS, 1)]
)
async def test_lines_packages_and_orders_are_limits_too(db: Connection, unit: CapacityUnit, first: int) -> None:
    shop = await given_two(db, at_most(first, unit))

    answers = [(await planned(db, shop, ("chair", 3), ("lamp", 1)))[1] for _ in range(2)]

    assert [places_of(shop, one) for one in answers] == [{"cheap": 4}, {"dear": 4}]


async def test_parcels_are_counted_as_they_will_be_sent(db: Connection) -> None:
    """Nine chairs weigh more than a parcel may: two packages, and one is left."""
    shop = await given_two(db, at_most(1, CapacityUnit.PACKAGES))

    order, answer = await planned(db, shop, ("chair", 9), max_splits=0)

    assert places_of(shop, answer) == {"dear": 9}
    assert (await considered(db, shop, order, "cheap")).rule is Rule.AT_CAPACITY


async def test_a_limit_of_pickups_does_not_keep_parcels_away_and_one_of_all_counts_both(db: Connection) -> None:
    pickups = CapacityLimit(limit=1, unit=CapacityUnit.ORDERS, method="pickup")
    everything = CapacityLimit(limit=3, unit=CapacityUnit.ORDERS)
    shop = await given_two(db, {"capacity": (pickups, everything)})
    there: dict[str, Any] = {"method": Method.PICKUP, "pickup_location_id": shop.locations["cheap"].id}

    _, collected = await planned(db, shop, ("chair", 1), **there)
    _, too_many = await planned(db, shop, ("chair", 1), **there)
    shipped = [(await planned(db, shop, ("chair", 1)))[1] for _ in range(3)]

    assert places_of(shop, collected) == {"cheap": 1}
    assert isinstance(too_many, Unfillable)
    assert too_many.facts["rules"] == ["at_capacity", "not_the_pickup_location"]
    assert [places_of(shop, one) for one in shipped] == [{"cheap": 1}, {"cheap": 1}, {"dear": 1}]


async def test_an_hour_has_room_again_when_the_next_one_begins_by_the_clock_of_the_location(db: Connection) -> None:
    """Kathmandu is five hours and three quarters ahead: its hours begin at a quarter past."""
    shop = await given_two(db, {"time_zone": "Asia/Kathmandu"} | at_most(1, CapacityUnit.ORDERS, CapacityPeriod.HOUR))
    quarter = timedelta(minutes=15)

    answers = [
        (await planned(db, shop, ("chair", 1), now=MADRID_NOON + wait))[1]
        for wait in (quarter, 4 * quarter, 5 * quarter)
    ]

    assert [places_of(shop, one) for one in answers] == [{"cheap": 1}, {"dear": 1}, {"cheap": 1}]


async def test_what_comes_while_a_location_is_closed_counts_when_it_opens(db: Connection) -> None:
    hours = {"hours": {"thu": [("09:00", "18:00")]}} | at_most(1, CapacityUnit.ORDERS)
    shop = await given_two(db, hours)

    order, _ = await planned(db, shop, ("chair", 1), now=MADRID_NOON)

    ((hold,)) = (await capacity_holds_of(db, [order.order_id])).values()
    assert (hold.day_at, hold.hour_at) == (datetime(2026, 6, 3, 22, tzinfo=UTC), datetime(2026, 6, 4, 7, tzinfo=UTC))


async def test_what_is_held_counts_no_more_once_its_offer_has_run_out_whether_or_not_a_sweep_saw_it(
    db: Connection,
) -> None:
    shop = await given_two(db, at_most(1, CapacityUnit.ORDERS))
    first, _ = await planned(db, shop, ("chair", 1), answer_minutes=60)
    just_before, after = NOW + timedelta(minutes=59), NOW + timedelta(minutes=60)

    _, early = await planned(db, shop, ("chair", 1), now=just_before)
    second, late = await planned(db, shop, ("chair", 1), now=after)

    assert (places_of(shop, early), places_of(shop, late)) == ({"dear": 1}, {"cheap": 1})
    assert await statuses(db, first, second) == [HoldStatus.EXPIRED, HoldStatus.HELD]


async def test_the_sweep_notes_what_has_run_out(db: Connection) -> None:
    shop = await given_two(db, at_most(1, CapacityUnit.ORDERS))
    order, _ = await planned(db, shop, ("chair", 1), answer_minutes=60)

    while await release_expired_capacity(db, now=NOW + timedelta(minutes=60), limit=500):
        pass

    assert await statuses(db, order) == [HoldStatus.EXPIRED]
    assert await broken_laws(db) == []


async def test_accepted_work_counts_for_good(db: Connection) -> None:
    shop = await given_two(db, at_most(1, CapacityUnit.ORDERS))
    order, _ = await planned(db, shop, ("chair", 1), answer_minutes=60)

    assert await confirm_capacity(db, taken_on=[taken_on(shop, order)], now=NOW) == [None]
    _, late = await planned(db, shop, ("chair", 1), now=NOW + timedelta(minutes=90))

    assert await statuses(db, order) == [HoldStatus.CONFIRMED]
    assert places_of(shop, late) == {"dear": 1}
    assert await confirm_capacity(db, taken_on=[taken_on(shop, order)], now=NOW) == [None], "said again"


async def test_what_ran_out_is_taken_again_by_a_late_yes_only_if_nobody_else_has_it(db: Connection) -> None:
    shop = await given_two(db, at_most(1, CapacityUnit.ORDERS))
    late = NOW + timedelta(minutes=90)
    first, _ = await planned(db, shop, ("chair", 1), answer_minutes=60)
    second, _ = await planned(db, shop, ("chair", 1), now=late)

    (refusal,) = await confirm_capacity(db, taken_on=[taken_on(shop, first)], now=late)
    assert isinstance(refusal, NoCapacity)
    assert (refusal.facts["taken"], refusal.facts["limit"], refusal.facts["unit"]) == (1, 1, "orders")

    await give_back(db, shop, second)
    assert await confirm_capacity(db, taken_on=[taken_on(shop, first)], now=late) == [None]
    assert await statuses(db, first, second) == [HoldStatus.CONFIRMED, HoldStatus.RELEASED]
    assert await broken_laws(db) == []


async def test_what_is_given_back_is_free_for_others(db: Connection) -> None:
    """Part of it, when part of it is given back; cancelled work as well as rejected."""
    shop = await given_two(db, at_most(5, CapacityUnit.UNITS))
    order, _ = await planned(db, shop, ("chair", 5))
    await confirm_capacity(db, taken_on=[taken_on(shop, order)], now=NOW)

    await give_back(db, shop, order, units=2)
    _, second = await planned(db, shop, ("chair", 2))
    left = msgspec.structs.replace(order, lines=(msgspec.structs.replace(order.lines[0], quantity=3),))
    await withdraw_all(db, shop, left, "cheap")
    _, third = await planned(db, shop, ("chair", 3))

    assert (places_of(shop, second), places_of(shop, third)) == ({"cheap": 2}, {"cheap": 3})
    assert await statuses(db, order) == [HoldStatus.RELEASED]


async def test_a_person_may_give_a_location_more_than_its_limit_and_the_decision_says_so(db: Connection) -> None:
    """SRC-15."""
    shop = await given_two(db, at_most(4, CapacityUnit.UNITS))
    await planned(db, shop, ("chair", 4), now=MADRID_NOON)
    forced = Override(location_id=shop.locations["cheap"].id, reason="the boss's aunt", actor="staff:eva")

    order, answer = await planned(db, shop, ("chair", 2), now=MADRID_NOON, override=forced)

    assert places_of(shop, answer) == {"cheap": 2}
    ((hold,)) = (await capacity_holds_of(db, [order.order_id])).values()
    assert hold.is_over
    assert "cheap takes it beyond its capacity (full: 4 of 4 units on 3 June)" in await said(db, order, "en")


async def test_orders_of_a_batch_see_what_those_before_them_took(db: Connection) -> None:
    shop = await given_two(db, at_most(5, CapacityUnit.UNITS))
    orders = [an_order(shop, ("chair", 2), max_splits=0) for _ in range(3)]
    for order in orders:
        await hold_at(db, order, shop.locations["dear"].id)

    answers = await plan(db, requests=orders, now=NOW)

    assert [places_of(shop, one) for one in answers] == [{"cheap": 2}, {"cheap": 2}, {"dear": 2}]
    assert await broken_laws(db) == []


async def test_however_many_plan_at_once_no_commit_sees_more_than_the_limit(engine: Engine) -> None:
    """Sixteen orders of two units in transactions of their own, for a location that takes nine; some are rejected."""
    async with engine.begin() as db:
        shop = await given_two(db, at_most(9, CapacityUnit.UNITS))
        orders = [an_order(shop, ("chair", 2), max_splits=0) for _ in range(16)]
        for order in orders:
            await hold_at(db, order, shop.locations["dear"].id)
    seen: list[int] = []

    async def plan_one(order: SourcingRequest, n: int) -> None:
        async with engine.begin() as db:
            (answer,) = await plan(db, requests=[order], now=NOW)
        async with engine.begin() as db:
            seen.append(await units_given(db, shop))
        if n % 4 == 0 and "cheap" in places_of(shop, answer):
            async with engine.begin() as db:
                await give_back(db, shop, order)

    await asyncio.gather(*(plan_one(order, n) for n, order in enumerate(orders)))

    assert max(seen) <= 9
    async with engine.begin() as db:
        assert await broken_laws(db) == []
        last = [await planned(db, shop, ("chair", 2), max_splits=0) for _ in range(5)]
        assert await units_given(db, shop) == 8
        assert places_of(shop, last[-1][1]) == {"dear": 2}


async def units_given(db: Connection, shop: Shop) -> int:
    return int(
        await db.scalar(
            text("SELECT coalesce(sum(units), 0) FROM sourcing.load WHERE location_id = :at AND per = 'day'"),
            {"at": shop.locations["cheap"].id},
        )
    )


async def test_a_yes_and_the_end_of_its_time_at_once_never_exceed_the_limit(engine: Engine) -> None:
    """One moment before the hold lapses the location accepts; one moment after, others plan. Whoever comes first."""
    for _ in range(5):
        async with engine.begin() as db:
            shop = await given_two(db, at_most(1, CapacityUnit.ORDERS))
            first, _ = await planned(db, shop, ("chair", 1), answer_minutes=60)
            second = an_order(shop, ("chair", 1))
            await hold_at(db, second, shop.locations["dear"].id)

        async def accept(order: SourcingRequest = first, shop: Shop = shop) -> object:
            async with engine.begin() as db:
                (answer,) = await confirm_capacity(
                    db, taken_on=[taken_on(shop, order)], now=NOW + timedelta(minutes=59, seconds=59)
                )
                return answer

        async def take(order: SourcingRequest = second, shop: Shop = shop) -> dict[str, int]:
            async with engine.begin() as db:
                (answer,) = await plan(db, requests=[order], now=NOW + timedelta(minutes=61))
                return places_of(shop, answer)

        refusal, place = await asyncio.gather(accept(), take())

        assert (refusal is None) == (place == {"dear": 1})
        async with engine.begin() as db:
            assert await broken_laws(db) == []


def a_place(limits: Sequence[CapacityLimit]) -> Location:
    return Location(
        id=fresh_id(),
        code="north",
        name="North",
        kind=LocationKind.WAREHOUSE,
        legal_entity_id=fresh_id(),
        address=Address(street=["Calle 1"], city="Madrid", country="ES", postal_code="28001"),
        time_zone="Europe/Madrid",
        currency="EUR",
        capacity=tuple(limits),
    )


def test_what_is_left_is_the_least_of_all_limits_that_count() -> None:
    limits: Sequence[CapacityLimit] = (
        CapacityLimit(limit=10, unit=CapacityUnit.UNITS),
        CapacityLimit(limit=4, unit=CapacityUnit.UNITS, per=CapacityPeriod.HOUR, method="ship"),
        CapacityLimit(limit=1, unit=CapacityUnit.ORDERS, method="pickup"),
    )
    place = a_place(limits)
    capacity = Capacity(place, windows_at(place, MADRID_NOON), {})
    capacity.give(Method.PICKUP, Work(orders=1, lines=1, units=7, packages=1))

    assert capacity.room(Method.SHIP).units == 3
    assert capacity.room(Method.PICKUP).is_none
    assert not capacity.room(Method.SHIP).is_none
    assert capacity.share_of_day(Method.SHIP) == 0.7
    told = capacity.full_for(Method.SHIP, Work(orders=1, units=4))
    assert told is not None
    assert (told.taken, told.limit, told.hour) == (7, 10, None)
