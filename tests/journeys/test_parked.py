"""Plans that meet people: locations that say no or nothing, and orders that nobody can serve."""

from datetime import timedelta

import httpx
import msgspec
import pytest

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, reject
from batuta.fulfillment.domain import Accept, FulfillmentStatus, Reject, RejectionReason
from batuta.inventory.queries import availability
from batuta.locations.commands import save_locations
from batuta.orchestration.api import ROUTES
from batuta.ordering.domain import HoldKind, OrderStatus
from batuta.ordering.queries import promises_of
from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES as SOURCING_ROUTES
from batuta.sourcing.domain import PromiseEffect, explain
from batuta.sourcing.queries import decisions_of, parkings_of, rejections_of
from tests.asking import House, a_caller, at, problem
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.making import fresh_id
from tests.world import receive, sound

MUTED = Policies(are_messages_muted=True, label_format="zpl")
OFFERED, REJECTED = FulfillmentStatus.OFFERED, FulfillmentStatus.REJECTED


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, [*ROUTES, *SOURCING_ROUTES])


def clerk(house: House, **scope: object) -> httpx.AsyncClient:
    return house.asked_by(a_caller("orders.read", "orders.hold", **scope))


async def say_no(journey: Journey, order_id: object, reason: str = "other", **changes: object) -> None:
    """Every location that is asked says no."""
    ids = await journey.ids(order_id, OFFERED)  # type: ignore[arg-type]
    assert ids
    rejections = [
        Reject(fulfillment_order_id=id_, reason=RejectionReason(reason), actor=SELLER, **changes)  # type: ignore[arg-type]
        for id_ in ids
    ]
    await journey.do(reject, rejections=rejections)


async def test_an_order_that_nobody_can_serve_is_tried_again_and_sent_once_somebody_can(
    open_shop: OpenShop, house: House
) -> None:
    """SRC-11."""
    journey = await open_shop({"chair": {"north": 1}}, policies=MUTED)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await say_no(journey, order_id, "cannot_serve")

    path = f"/api/orders/{order_id}/parking"
    told = (await clerk(house).get(path)).json()
    queue = (await clerk(house, channel_ids=frozenset({journey.shop.channel.id})).get("/api/parked")).json()
    assert told["parking"]["queue"] == "unfillable"
    assert told["parking"]["tries"] == 1
    assert told["parking"]["rules"] == ["banned"]
    assert [one["parking"]["order_id"] for one in queue["items"]] == [str(order_id)]
    await journey.pass_time(minutes=61)
    assert (await clerk(house).get(path)).json()["parking"]["tries"] == 2

    async with journey.engine.begin() as db:
        shop = journey.shop
        east = msgspec.structs.replace(shop.locations["north"], id=fresh_id(), code=f"east-{fresh_id()}", name="east")
        sound(await save_locations(db, locations=[east], now=journey.now))
        await receive(db, shop.skus, {"east": east}, {"chair": {"east": 1}})
    await journey.pass_time(minutes=121)

    assert await journey.holds(order_id) == []
    assert (await clerk(house).get(path)).json()["parking"]["ended_because"] == "its goods were found"
    await journey.send(order_id)


async def test_a_parked_order_is_cancelled_when_its_channel_waits_no_longer(open_shop: OpenShop) -> None:
    """SRC-11."""
    journey = await open_shop(
        {"chair": {"north": 1}}, policies=msgspec.structs.replace(MUTED, park_days=2, park_retry_minutes=600)
    )
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await say_no(journey, order_id, "cannot_serve")

    await journey.pass_time(days=1)
    assert (await journey.order(order_id)).status is not OrderStatus.CANCELLED
    await journey.pass_time(days=1)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    async with journey.engine.connect() as db:
        assert (await parkings_of(db, [order_id]))[order_id].is_over
    assert await journey.available("chair") == 1


async def test_what_locations_gave_back_too_often_waits_for_a_person(open_shop: OpenShop, house: House) -> None:
    """SRC-08: after N rejections, the exception queue; whoever sends it on gives it as many tries again."""
    places = {f"store{i}": 1 for i in range(4)}
    journey = await open_shop({"chair": places}, policies=msgspec.structs.replace(MUTED, rejections_max=2))
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await say_no(journey, order_id)
    await say_no(journey, order_id)

    path = f"/api/orders/{order_id}/parking"
    told = (await clerk(house).get(path)).json()["parking"]
    assert (told["queue"], told["next_try_at"]) == ("exceptions", None)
    assert await journey.holds(order_id) == [HoldKind.BACKORDER]
    await journey.pass_time(hours=5)
    assert await journey.ids(order_id, OFFERED) == []

    answer = await clerk(house).post(f"{path}/retry", json={"reason": "the stores were told"})
    assert answer.status_code == 200
    await journey.pass_time(seconds=1)
    asked = await journey.work(order_id)
    assert len({one.location_id for one in asked}) == len(asked)
    async with journey.engine.connect() as db:
        assert await rejections_of(db, [order_id]) == {}
    assert problem(await clerk(house).post(f"{path}/retry", json={"reason": "again"})) == (404, "unknown_parking")


async def test_a_person_moves_a_parked_order_to_a_queue_of_their_own(open_shop: OpenShop, house: House) -> None:
    """SRC-11."""
    journey = await open_shop({"chair": {"north": 1}}, policies=MUTED)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await say_no(journey, order_id, "cannot_serve")

    path = f"/api/orders/{order_id}/parking"
    moved = await clerk(house).post(f"{path}/move", json={"queue": "eva", "reason": "I ask the supplier"})
    assert moved.json()["parking"]["queue"] == "eva"
    async with journey.engine.connect() as db:
        parking = (await parkings_of(db, [order_id]))[order_id]
    assert parking.effect(journey.now) is PromiseEffect.AT_RISK
    assert parking.effect(journey.now + timedelta(days=30)) is PromiseEffect.BROKEN
    await journey.pass_time(days=2)

    told = (await clerk(house).get(path)).json()
    assert (told["parking"]["queue"], told["parking"]["tries"]) == ("eva", 1)
    assert await journey.holds(order_id) == [HoldKind.BACKORDER]
    assert (await clerk(house).get("/api/parked", params={"queue": "nobody"})).json()["items"] == []
    for stranger in (clerk(house, channel_ids=frozenset({fresh_id()})), clerk(house, **at(fresh_id()))):
        assert problem(await stranger.get(path)) == (404, "unknown_parking")
        assert (await stranger.get("/api/parked")).json()["items"] == []


async def test_an_offer_waits_for_its_time_in_the_opening_hours_of_the_location(open_shop: OpenShop) -> None:
    """SRC-09: three hours, in a store that opens for two a day, end on another day."""
    journey = await open_shop({"chair": {"north": 1}}, policies=msgspec.structs.replace(MUTED, offer_minutes=180))
    mornings = {day: [("09:00", "11:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    async with journey.engine.begin() as db:
        store = msgspec.structs.replace(journey.shop.locations["north"], hours=mornings)
        sound(await save_locations(db, locations=[store], now=journey.now))

    order_id = await journey.buy(("chair", 1), gross_minor=2_990)

    (work,) = await journey.work(order_id)
    assert work.expires_at is not None
    assert timedelta(hours=3) < work.expires_at - journey.now
    assert work.expires_at.astimezone().minute == 0
    await journey.pass_time(hours=4)
    assert await journey.ids(order_id, OFFERED) == [work.id]
    await journey.pass_time(days=3)
    assert await journey.ids(order_id, FulfillmentStatus.EXPIRED) == [work.id]


async def test_silence_that_puts_a_promise_at_risk_is_told_before_the_offer_ends(open_shop: OpenShop) -> None:
    """SRC-09."""
    journey = await open_shop({"chair": {"north": 1}}, policies=msgspec.structs.replace(MUTED, offer_minutes=20_000))
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    (work,) = await journey.work(order_id)
    assert work.escalate_at is not None
    assert work.expires_at is not None
    assert journey.now <= work.escalate_at < work.expires_at

    journey.now = work.escalate_at
    await journey.pass_time(seconds=1)
    await journey.pass_time(seconds=1)

    (work,) = await journey.work(order_id)
    assert work.escalated_at is not None
    assert work.status is OFFERED
    assert (await journey.facts(order_id)).count("fulfillment.offer_escalated") == 1


async def test_a_location_that_can_still_keep_the_promise_is_not_pressed(open_shop: OpenShop) -> None:
    """SRC-09: whoever begins before the cut-off is in time, though the likely day is the promised one."""
    journey = await open_shop({"chair": {"north": 1}}, policies=msgspec.structs.replace(MUTED, offer_minutes=20_000))
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)

    async with journey.engine.connect() as db:
        told = (await promises_of(db, [order_id]))[order_id][0]
    (work,) = await journey.work(order_id)

    assert journey.now < told.order_by_at
    assert work.escalate_at is not None
    assert work.escalate_at >= told.order_by_at + (told.p90_at - told.p50_at)
    assert work.escalated_at is None


async def test_what_is_not_fit_for_sale_is_kept_apart_and_the_order_comes_from_elsewhere(open_shop: OpenShop) -> None:
    """SRC-08."""
    journey = await open_shop({"chair": {"north": 2, "south": 2}}, policies=MUTED)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    (first,) = await journey.work(order_id)

    await say_no(journey, order_id, "not_sellable")

    again = [one for one in await journey.work(order_id) if one.status is OFFERED]
    assert [one.location_id != first.location_id for one in again] == [True]
    async with journey.engine.connect() as db:
        there = await availability(
            db, sku_ids=[journey.shop.skus["chair"].id], location_ids=[first.location_id], now=journey.now
        )
        assert sum(one.on_hand for one in there) == 0


async def test_the_other_lines_stay_or_go_along(open_shop: OpenShop) -> None:
    """SRC-08."""
    stock = {"chair": {"north": 2, "south": 2}, "table": {"north": 2, "south": 2}}
    for takes_all, statuses in ((False, {OFFERED}), (True, {OFFERED, REJECTED})):
        journey = await open_shop(stock, policies=MUTED)
        order_id = await journey.buy(("chair", 1), ("table", 1), gross_minor=5_490)
        (first,) = await journey.work(order_id)

        chair = journey.shop.skus["chair"].id
        await say_no(journey, order_id, "not_found", sku_ids=(chair,), takes_all=takes_all)

        work = await journey.work(order_id)
        assert {one.status for one in work if one.id == first.id} <= statuses
        offered = {one.location_id: one.live_units() for one in work if one.status is OFFERED}
        assert len(offered) == (1 if takes_all else 2)
        assert (first.location_id in offered) is not takes_all


async def test_a_bundle_that_lacks_one_component_is_planned_anew_whole(open_shop: OpenShop) -> None:
    """SRC-08: its other component is claimed once and no more."""
    journey = await open_shop({"chair": {"north": 4, "south": 4}}, policies=MUTED)
    order_id = await journey.buy(("set", 1), gross_minor=2_990)

    await say_no(journey, order_id, "not_found")

    assert len(await journey.ids(order_id, OFFERED)) == 1
    await journey.send(order_id)


async def test_a_person_says_where_an_order_ships_from_and_why(open_shop: OpenShop, house: House) -> None:
    """SRC-15."""
    journey = await open_shop({"chair": {"north": 3, "south": 3}}, policies=MUTED)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    (first,) = await journey.work(order_id)
    (other,) = (one for one in journey.shop.locations.values() if one.id != first.location_id)

    path = f"/api/orders/{order_id}/sourcing/override"
    body = {"location_id": str(other.id), "reason": "the store is closing"}
    lacking = body | {"location_id": str(fresh_id())}
    boss = house.asked_by(a_caller("sourcing.override"))
    assert problem(await clerk(house).post(path, json=body)) == (403, "permission_missing")
    assert problem(await boss.post(path, json=lacking)) == (409, "unfillable")
    assert (await journey.ids(order_id, OFFERED)) == [first.id]
    answer = await boss.post(path, json=body)
    await journey.pass_time(seconds=1)

    assert answer.status_code == 200, answer.text
    offered = [one for one in await journey.work(order_id) if one.status is OFFERED]
    assert [one.location_id for one in offered] == [other.id]
    async with journey.engine.connect() as db:
        decision = (await decisions_of(db, [order_id]))[order_id][-1]
        assert await rejections_of(db, [order_id]) == {}
    assert decision.override is not None
    assert decision.override.reason == "the store is closing"
    assert "Chosen by a person: the store is closing." in explain(decision, "en")
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=one.id, actor=SELLER) for one in offered])
    back = body | {"location_id": str(first.location_id)}
    assert problem(await boss.post(path, json=back)) == (409, "not_free")
    await journey.finish(order_id)


async def test_who_reviews_the_rules_sees_what_people_decided_otherwise_and_what_it_cost(
    open_shop: OpenShop, house: House
) -> None:
    """SRC-15: an override feeds back into the review of the rules."""
    journey = await open_shop({"chair": {"north": 3, "south": 3}}, policies=MUTED)
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    (first,) = await journey.work(order_id)
    (other,) = (one for one in journey.shop.locations.values() if one.id != first.location_id)
    body = {"location_id": str(other.id), "reason": "the store is closing"}
    boss = house.asked_by(a_caller("sourcing.override", "sourcing.manage"))
    assert (await boss.post(f"/api/orders/{order_id}/sourcing/override", json=body)).status_code == 200

    listed = await boss.get("/api/sourcing/overrides", params={"location_id": str(other.id)})
    of_a_strategy = await boss.get("/api/sourcing/overrides", params={"strategy_code": "no-such-strategy"})

    (one,) = listed.json()["items"]
    assert (one["order_id"], one["quantity"], one["reason"]) == (str(order_id), 2, "the store is closing")
    assert [source["location_id"] for source in one["before"]] == [str(first.location_id)]
    assert one["costs"]["freight_minor"] >= one["costs_before"]["freight_minor"] > 0
    assert of_a_strategy.json()["items"] == []
    nosy = house.asked_by(a_caller("sourcing.manage", location_ids=frozenset({other.id})))
    assert (await nosy.get("/api/sourcing/overrides")).status_code == 403
    assert (await nosy.get("/api/sourcing/pool-runs")).status_code == 403


async def test_a_channel_says_for_how_long_a_reason_bans(open_shop: OpenShop) -> None:
    """SRC-08: no capacity today is asked again at once, by a channel that bans nobody for it."""
    policies = msgspec.structs.replace(MUTED, ban_days={"no_capacity": 0})
    journey = await open_shop({"chair": {"north": 1}}, policies=policies)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)

    await say_no(journey, order_id, "no_capacity")

    assert len(await journey.ids(order_id, OFFERED)) == 1
