"""Planning against a real database (SRC-01 to SRC-03, SRC-12)."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import text

from batuta.inventory.commands import record_movements, release
from batuta.inventory.domain import Account, Movement, MovementReason, Release
from batuta.kernel.addresses import Address
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.sourcing.commands import plan, record_rejection, shorten_decisions
from batuta.sourcing.domain import (
    Decision,
    Method,
    Outcome,
    Plan,
    Rejection,
    Rule,
    SourcingRequest,
    Unfillable,
    Verdict,
)
from batuta.sourcing.queries import assignments_of, decisions_of, explain
from tests.counting import statements_of
from tests.making import NOW, fresh_code, fresh_id
from tests.sourcing.making import an_order, broken_laws, claims_at, given_shop, hold_at, orders_a_day, places_of
from tests.world import Shop


async def planned(db: Connection, *requests: SourcingRequest) -> list[Plan | Unfillable]:
    answers = await plan(db, requests=requests, now=NOW)
    assert await broken_laws(db) == []
    return answers


async def decision_on(db: Connection, request: SourcingRequest) -> Decision:
    return (await decisions_of(db, [request.order_id]))[request.order_id][-1]


def rules_of(decision: Decision) -> dict[str, Rule | None]:
    return {one.name: one.rule for one in decision.considered if one.verdict is Verdict.EXCLUDED}


async def reject(db: Connection, shop: Shop, request: SourcingRequest, name: str, **changes: object) -> int:
    one = Rejection(
        order_id=request.order_id,
        line_id=request.lines[0].line_id,
        sku_id=request.lines[0].components[0][0],
        location_id=shop.locations[name].id,
        reason="not_found",
        until_at=NOW + timedelta(days=3),
        actor="staff:eva",
    )
    (units,) = await record_rejection(db, rejections=[msgspec.structs.replace(one, **changes)], now=NOW)
    return units


async def test_an_order_for_two_with_one_unit_at_each_of_two_locations_is_split(db: Connection) -> None:
    """medusajs/medusa #14987."""
    shop, service = await given_shop(db, {"chair": {"north": 1, "south": 1}})
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"north": 1, "south": 1}
    assert isinstance(answer, Plan)
    assert answer.costs.split_minor == 300
    assert answer.cost_minor == 2 * (500 + 100 + 20) + 300
    assert [(one.service_id, one.price_minor) for one in answer.assignments] == [(service.id, 500)] * 2
    assert await claims_at(db, shop, order.order_id) == {"north": 1, "south": 1}


async def test_units_are_moved_to_the_cheaper_location_with_their_claim(db: Connection) -> None:
    shop, _ = await given_shop(
        db, {"chair": {"far": 5, "near": 5}}, postal_codes={"near": "25001"}, prices={"": 900, "25": 400}
    )
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order, shop.locations["far"].id)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"near": 2}
    assert await claims_at(db, shop, order.order_id) == {"near": 2}
    assert await assignments_of(db, [order.order_id]) == {order.order_id: list(answer.assignments)}  # type: ignore[union-attr]


async def test_a_unit_is_never_moved_to_a_location_that_lacks_it(db: Connection) -> None:
    """The cheap location has a row of the SKU, and its one unit belongs to another order."""
    shop, _ = await given_shop(
        db, {"chair": {"far": 1, "near": 1}}, postal_codes={"near": "25001"}, prices={"": 900, "25": 400}
    )
    first, second = an_order(shop, ("chair", 1)), an_order(shop, ("chair", 1))
    await hold_at(db, first, shop.locations["near"].id)
    await hold_at(db, second, shop.locations["far"].id)

    (answer,) = await planned(db, second)

    assert places_of(shop, answer) == {"far": 1}
    assert rules_of(await decision_on(db, second)) == {"near": Rule.NO_STOCK}
    assert await claims_at(db, shop, first.order_id) == {"near": 1}


async def test_an_order_of_a_batch_takes_what_an_earlier_one_left(db: Connection) -> None:
    shop, _ = await given_shop(
        db,
        {"chair": {"far": 3, "near": 1}, "lamp": {"near": 1}},
        postal_codes={"near": "25001"},
        prices={"": 900, "25": 400},
    )
    orders = [an_order(shop, ("chair", 1)) for _ in range(3)]
    for order in orders:
        await hold_at(db, order, shop.locations["far"].id)

    answers = await planned(db, *orders)

    assert [places_of(shop, answer) for answer in answers] == [{"near": 1}, {"far": 1}, {"far": 1}]


async def test_planning_again_answers_the_same_and_writes_nothing(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}, "lamp": {"south": 5}})
    order = an_order(shop, ("chair", 2), ("lamp", 1), ("service", 1))
    await hold_at(db, an_order(shop, ("chair", 2), ("lamp", 1), order_id=order.order_id))

    (first,) = await planned(db, order)
    (again,) = await planned(db, order)

    assert isinstance(first, Plan)
    assert isinstance(again, Plan)
    assert sorted(first.assignments, key=str) == sorted(again.assignments, key=str)
    assert again.costs == first.costs
    assert len((await decisions_of(db, [order.order_id]))[order.order_id]) == 3
    assert len((await facts_of(db, [order.order_id]))[order.order_id]) == 1


async def test_the_same_order_twice_in_a_batch_is_decided_once(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}})
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order)

    first, again = await planned(db, order, order)

    assert first == again


async def test_a_rejected_unit_is_planned_elsewhere_and_the_rest_stays(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 1, "south": 1, "west": 3}}, west={"handling_order_minor": 5_000})
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order)
    await planned(db, order)

    assert await reject(db, shop, order, "south") == 1
    assert await reject(db, shop, order, "south") == 0
    (answer,) = await planned(db, an_order(shop, ("chair", 1), order_id=order.order_id))

    assert places_of(shop, answer) == {"west": 1}
    assert await claims_at(db, shop, order.order_id) == {"north": 1, "west": 1}
    assert rules_of(await decision_on(db, order)) == {"north": Rule.NO_STOCK, "south": Rule.BANNED}
    standing = (await assignments_of(db, [order.order_id]))[order.order_id]
    assert sorted(one.quantity for one in standing) == [1, 1]


async def test_a_rejection_names_a_part_and_its_cause_makes_it_one(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5, "south": 5}}, south={"handling_order_minor": 900})
    order = an_order(shop, ("chair", 3))
    await hold_at(db, order)
    await planned(db, order)
    cause_id = fresh_id()

    assert await reject(db, shop, order, "north", quantity=1, cause_id=cause_id) == 1
    assert await reject(db, shop, order, "north", quantity=1, cause_id=cause_id) == 0
    (answer,) = await planned(db, an_order(shop, ("chair", 1), order_id=order.order_id))

    assert places_of(shop, answer) == {"south": 1}
    assert await claims_at(db, shop, order.order_id) == {"north": 2, "south": 1}


async def test_a_ban_ends_and_counts_for_other_orders_only_when_it_says_so(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 9}})
    first, second = an_order(shop, ("chair", 1)), an_order(shop, ("chair", 1))
    await hold_at(db, first)
    await hold_at(db, second)
    await planned(db, first)
    await reject(db, shop, first, "north")

    assert isinstance((await planned(db, first))[0], Unfillable)
    assert places_of(shop, (await planned(db, second))[0]) == {"north": 1}
    await reject(db, shop, second, "north", is_for_all=True)
    third = an_order(shop, ("chair", 1))
    await hold_at(db, third)
    assert isinstance((await planned(db, third))[0], Unfillable)
    (later,) = await plan(db, requests=[third], now=NOW + timedelta(days=3))
    assert places_of(shop, later) == {"north": 1}


async def test_units_given_back_with_their_claim_are_reserved_again(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 2, "south": 4}}, south={"handling_order_minor": 900})
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order)
    await planned(db, order)
    await reject(db, shop, order, "north")
    await release(db, releases=[Release(holder_id=order.order_id)], now=NOW)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"south": 2}
    assert await claims_at(db, shop, order.order_id) == {"south": 2}


async def test_a_location_that_lost_its_units_is_left(db: Connection) -> None:
    """Two units are claimed where a count found one."""
    shop, _ = await given_shop(db, {"chair": {"north": 2, "south": 4}}, south={"handling_order_minor": 900})
    order = an_order(shop, ("chair", 2))
    await hold_at(db, order, shop.locations["north"].id)
    lost = Movement(
        key=fresh_code("loss"),
        sku_id=shop.skus["chair"].id,
        quantity=2,
        source=Account.location(shop.locations["north"].id),
        target=Account.loss(),
        reason=MovementReason.COUNT,
        document_id=fresh_id(),
        actor="staff:eva",
        effective_at=NOW,
    )
    await record_movements(db, movements=[lost], now=NOW)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"south": 2}


async def test_every_location_that_is_out_has_its_rule(db: Connection) -> None:
    """SRC-02."""
    names = ("best", "dear", "asleep", "shut", "pure", "busy", "dollar", "empty", "mute")
    shop, _ = await given_shop(
        db,
        {"chair": {name: 0 if name == "empty" else 5 for name in names}, "lamp": {"empty": 1}},
        postal_codes={"mute": "35001"} | {name: "08001" for name in names if name != "mute"},
        prices={"08": 500},
        dear={"handling_order_minor": 170},
        asleep={"is_active": False},
        shut={"hours": {}},
        pure={"abilities": frozenset()},
        busy={"capacity": orders_a_day(0)},
        dollar={"currency": "USD"},
    )
    order = an_order(shop, ("chair", 1))
    await hold_at(db, order, shop.locations["dear"].id)
    await planned(db, order)

    decision = await decision_on(db, order)

    assert rules_of(decision) == {
        "asleep": Rule.INACTIVE,
        "shut": Rule.CLOSED,
        "pure": Rule.LACKS_ABILITY,
        "busy": Rule.AT_CAPACITY,
        "dollar": Rule.OTHER_CURRENCY,
        "mute": Rule.NOT_SERVED,
    }
    assert (decision.runner_up_id, decision.difference_minor) == (shop.locations["dear"].id, 70)
    assert decision.considered[0].name == "best"
    assert "dear, €0.70 dearer" in explain(decision, "en")
    assert "dear, 0,70\xa0€ más cara" in explain(decision, "es")


async def test_what_no_location_can_serve_is_answered_with_its_reasons(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}, "lamp": {"south": 1}}, south={"hours": {}})
    order = an_order(shop, ("chair", 1), ("lamp", 1))
    await hold_at(db, order)

    (answer,) = await planned(db, order)

    assert isinstance(answer, Unfillable)
    assert answer.facts["line_ids"] == [str(order.lines[1].line_id)]
    assert "closed" in answer.facts["rules"]  # type: ignore[operator]
    decisions = (await decisions_of(db, [order.order_id]))[order.order_id]
    assert {one.outcome for one in decisions} == {Outcome.UNFILLABLE}
    assert await assignments_of(db, [order.order_id]) == {order.order_id: []}
    told = [fact.name for fact in (await facts_of(db, [order.order_id]))[order.order_id]]
    assert told == ["sourcing.lines_unfillable"]


async def test_an_address_no_carrier_serves_is_unfillable(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}})
    nowhere = Address(street=["1"], city="Stanley", postal_code="FIQQ 1ZZ", country="FK")
    order = an_order(shop, ("chair", 1), destination=nowhere)
    await hold_at(db, order)

    (answer,) = await planned(db, order)

    assert isinstance(answer, Unfillable)
    assert answer.facts["rules"] == ["not_served"]


async def test_a_sku_nobody_knows_is_unfillable(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}})
    order = an_order(shop, ("chair", 1))
    (line,) = order.lines
    line = msgspec.structs.replace(line, components=((fresh_id(), 1),))

    (answer,) = await planned(db, msgspec.structs.replace(order, lines=(line,)))

    assert isinstance(answer, Unfillable)


async def test_a_pickup_ships_from_its_own_location_alone(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"dear": 5, "cheap": 5}}, dear={"handling_order_minor": 900})
    chosen = shop.locations["dear"].id
    order = an_order(shop, ("chair", 1), method=Method.PICKUP, pickup_location_id=chosen)
    await hold_at(db, order, shop.locations["cheap"].id)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"dear": 1}
    assert isinstance(answer, Plan)
    assert (answer.assignments[0].service_id, answer.costs.freight_minor) == (None, 0)
    assert rules_of(await decision_on(db, order)) == {"cheap": Rule.NOT_THE_PICKUP_LOCATION}


async def test_a_bundle_is_split_by_whole_units_and_its_claims_follow(db: Connection) -> None:
    """The claims lie crosswise: a part here, a part there."""
    shop, _ = await given_shop(db, {"chair": {"north": 3, "south": 3}, "lamp": {"north": 2, "south": 2}})
    order = an_order(shop, ("chair", 2))
    (line,) = order.lines
    parts = ((shop.skus["chair"].id, 2), (shop.skus["lamp"].id, 1))
    order = msgspec.structs.replace(order, lines=(msgspec.structs.replace(line, components=parts),))
    await hold_at(db, order)

    (answer,) = await planned(db, order)

    assert places_of(shop, answer) == {"north": 3, "south": 3}
    assert isinstance(answer, Plan)
    units = {(one.location_id, one.sku_id): one.quantity for one in answer.assignments}
    assert sorted(units.values()) == [1, 1, 2, 2]
    assert await claims_at(db, shop, order.order_id) == {"north": 3, "south": 3}
    assert [one.quantity for one in (await decision_on(db, order)).sources] == [1, 1]


async def test_a_bundle_whose_parts_are_nowhere_together_is_unfillable(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 4}, "lamp": {"south": 9}})
    order = an_order(shop, ("chair", 2))
    (line,) = order.lines
    parts = ((shop.skus["chair"].id, 2), (shop.skus["lamp"].id, 1))
    order = msgspec.structs.replace(order, lines=(msgspec.structs.replace(line, components=parts),))
    await hold_at(db, order)

    (answer,) = await planned(db, order)

    assert isinstance(answer, Unfillable)


async def test_a_location_takes_no_more_orders_than_its_day_allows(engine: Engine) -> None:
    """Four orders at once, in transactions of their own, for the cheap location that takes two a day."""
    async with engine.begin() as db:
        shop, _ = await given_shop(
            db,
            {"chair": {"cheap": 9, "dear": 9}},
            cheap={"capacity": orders_a_day(2)},
            dear={"handling_order_minor": 900},
        )
        orders = [an_order(shop, ("chair", 1)) for _ in range(4)]
        for order in orders:
            await hold_at(db, order, shop.locations["dear"].id)

    async def plan_one(order: SourcingRequest) -> dict[str, int]:
        async with engine.begin() as db:
            (answer,) = await plan(db, requests=[order], now=NOW)
            return places_of(shop, answer)

    places = await asyncio.gather(*(plan_one(order) for order in orders))

    assert sorted(next(iter(place)) for place in places) == ["cheap", "cheap", "dear", "dear"]
    async with engine.begin() as db:
        assert await broken_laws(db) == []
        back = next(order for order, place in zip(orders, places, strict=True) if "cheap" in place)
        await reject(db, shop, back, "cheap")
        fifth = an_order(shop, ("chair", 1))
        await hold_at(db, fifth)
        (answer,) = await planned(db, fifth)
        assert places_of(shop, answer) == {"cheap": 1}


async def test_thirty_orders_at_once_take_the_seven_cheap_units_and_no_more(engine: Engine) -> None:
    """Each in a transaction of its own; who comes too late is planned where its units are (RES-07)."""
    async with engine.begin() as db:
        shop, _ = await given_shop(db, {"chair": {"cheap": 7, "dear": 30}}, dear={"handling_order_minor": 900})
        orders = [an_order(shop, ("chair", 1)) for _ in range(30)]
        for order in orders:
            await hold_at(db, order, shop.locations["dear"].id)

    async def plan_one(order: SourcingRequest) -> dict[str, int]:
        async with engine.begin() as db:
            (answer,) = await plan(db, requests=[order], now=NOW)
            return places_of(shop, answer)

    places = await asyncio.gather(*(plan_one(order) for order in orders))

    assert sum("cheap" in place for place in places) == 7
    async with engine.begin() as db:
        for order, place in zip(orders, places, strict=True):
            assert await claims_at(db, shop, order.order_id) == place


async def test_a_batch_takes_a_handful_of_statements(engine: Engine) -> None:
    """And no more for a hundred orders than for one, once the rate cards are in memory."""
    names = [f"seller{n}" for n in range(30)]
    async with engine.begin() as db:
        shop, _ = await given_shop(db, {f"sku{n}": {name: 90} for n, name in enumerate(names)})
        orders = [an_order(shop, (f"sku{n % 30}", 1)) for n in range(101)]
        for order in orders:
            await hold_at(db, order)
    async with engine.begin() as db:
        await plan(db, requests=orders[:1], now=NOW)

    async with engine.begin() as db:
        with statements_of(engine) as statements:
            answers = await plan(db, requests=orders[1:], now=NOW)

    assert all(isinstance(answer, Plan) for answer in answers)
    assert len(statements) <= 11, statements


@pytest.mark.parametrize(
    ("corruption", "law"),
    [
        ("DELETE FROM sourcing.decision WHERE order_id = :id", "every planned unit has a decision"),
        (
            "UPDATE sourcing.load SET orders = orders + 1 WHERE location_id = :place",
            "a location's load is what is held and confirmed of its capacity",
        ),
    ],
)
async def test_the_audit_names_what_breaks_a_law(db: Connection, corruption: str, law: str) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}}, north={"capacity": orders_a_day(7)})
    order = an_order(shop, ("chair", 1))
    await hold_at(db, order)
    await planned(db, order)

    given = {"id": order.order_id, "place": shop.locations["north"].id}
    statement = text(corruption)
    await db.execute(statement, {name: value for name, value in given.items() if f":{name}" in corruption})

    assert await broken_laws(db) == [law]


async def test_after_90_days_a_decision_tells_no_more_who_was_shut_out(db: Connection) -> None:
    """SRC-12."""
    shop, _ = await given_shop(
        db,
        {"chair": {"dear": 5, "near": 5, "shut": 5}},
        postal_codes={"near": "25001"},
        prices={"": 900, "25": 400},
        shut={"is_active": False},
    )
    order = an_order(shop, ("chair", 1))
    await hold_at(db, order)
    await planned(db, order)
    whole = await decision_on(db, order)
    assert {one.name for one in whole.considered} == {"dear", "near", "shut"}

    assert await shorten_decisions(db, now=NOW + timedelta(days=89), limit=500) == 0
    assert await decision_on(db, order) == whole
    assert await shorten_decisions(db, now=NOW + timedelta(days=90), limit=500) >= 1

    short = await decision_on(db, order)
    assert {one.name for one in short.considered} == {"dear", "near"}
    assert msgspec.structs.replace(short, considered=whole.considered) == whole
    assert "Next best is dear" in explain(short, "en")
    assert await shorten_decisions(db, now=NOW + timedelta(days=90), limit=500) == 0
    assert await broken_laws(db) == []
