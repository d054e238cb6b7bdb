"""What was offered and nobody accepted yet, planned again together with others (SRC-06)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept
from batuta.fulfillment.domain import OVER, Accept, FulfillmentOrder, FulfillmentStatus
from batuta.orchestration.commands.overriding import OverrideSourcing, override_sourcing
from batuta.orchestration.jobs import plan_pool
from batuta.ordering.domain import OrderStatus
from batuta.sourcing.queries import list_pool_runs
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey

REPLANNING = Policies(are_messages_muted=True, label_format="zpl", replan_minutes=10, offer_minutes=10_000)
STOCK = {"chair": {"north": 1, "south": 1}, "lamp": {"north": 1}, "table": {"south": 1}}


async def crosswise(open_shop: OpenShop, **policies: Any) -> tuple[Journey, UUID, UUID]:
    """One order took the chair beside what only lies there and what the second one wants too: that one is split."""
    journey = await open_shop(STOCK, policies=msgspec.structs.replace(REPLANNING, **policies))
    alone = await journey.buy(("chair", 1), gross_minor=2_990)
    [offered] = await journey.work(alone)
    beside = "lamp" if offered.location_id == journey.shop.locations["north"].id else "table"
    both = await journey.buy(("chair", 1), (beside, 1), gross_minor=5_490)
    assert len(await live(journey, both)) == 2
    return journey, alone, both


async def live(journey: Journey, order_id: UUID) -> list[FulfillmentOrder]:
    return [one for one in await journey.work(order_id) if one.status not in OVER]


async def offers(journey: Journey, *order_ids: UUID) -> list[set[UUID]]:
    return [{one.id for one in await live(journey, order_id)} for order_id in order_ids]


async def test_offers_that_nobody_accepted_change_places_when_that_saves_enough(open_shop: OpenShop) -> None:
    """The withdrawn offers say why; what moved is not looked at again before its time, and then stays."""
    journey, alone, both = await crosswise(open_shop)
    [first] = await live(journey, alone)

    await journey.pass_time(minutes=11)

    (of_alone,), (of_both,) = await live(journey, alone), await live(journey, both)
    assert (of_both.location_id, of_alone.location_id != first.location_id) == (first.location_id, True)
    gone = [one for id_ in (alone, both) for one in await journey.work(id_) if one.status is FulfillmentStatus.REJECTED]
    assert {one.reason for one in gone} == {"better_plan"}
    assert len(gone) == 3
    async with journey.engine.connect() as db:
        run = next(one for one in await list_pool_runs(db, after=None, limit=100) if one.id in {alone, both})
    assert (run.orders, run.replanned, run.moved, run.stability, run.orders_stale) == (2, 2, 2, 0, 0)
    assert run.gain > 0

    before = await offers(journey, alone, both)
    for minutes in (5, 11, 11):
        await journey.pass_time(minutes=minutes)
        assert await offers(journey, alone, both) == before
    for order_id in (alone, both):
        await journey.send(order_id)
    await journey.carrier_says(both, "delivered", journey.now)
    assert (await journey.order(both)).status is OrderStatus.COMPLETED


@pytest.mark.parametrize("policies", [{"replan_gain_minor": 100_000}, {"replan_minutes": 0}])
async def test_what_gains_too_little_or_is_not_wanted_stays(open_shop: OpenShop, policies: dict[str, int]) -> None:
    journey, alone, both = await crosswise(open_shop, **policies)
    before = await offers(journey, alone, both)

    await journey.pass_time(minutes=11)

    assert await offers(journey, alone, both) == before


async def test_what_a_location_accepted_is_never_moved(open_shop: OpenShop) -> None:
    journey, alone, both = await crosswise(open_shop)
    [first] = await live(journey, alone)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=first.id, actor=SELLER)])
    before = await offers(journey, alone, both)

    await journey.pass_time(minutes=11)

    assert await offers(journey, alone, both) == before
    assert [one.status for one in await live(journey, alone)] == [FulfillmentStatus.ACCEPTED]


async def test_what_a_person_decided_stays(open_shop: OpenShop) -> None:
    """SRC-15."""
    journey, alone, both = await crosswise(open_shop)
    [first] = await live(journey, alone)
    wish = OverrideSourcing(
        order_id=alone, location_id=first.location_id, reason="the customer knows them", actor="staff:eva"
    )
    await journey.do(override_sourcing, wishes=[wish])
    before = await offers(journey, alone, both)

    await journey.pass_time(minutes=11)

    assert await offers(journey, alone, both) == before


async def test_an_order_that_waits_for_others_is_planned_with_what_is_offered(open_shop: OpenShop) -> None:
    journey = await open_shop(STOCK, policies=msgspec.structs.replace(REPLANNING, pool_minutes=15))
    alone = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.pass_time(minutes=16)
    [first] = await live(journey, alone)
    beside = "lamp" if first.location_id == journey.shop.locations["north"].id else "table"
    both = await journey.buy(("chair", 1), (beside, 1), gross_minor=5_490)
    assert await live(journey, both) == []

    await journey.pass_time(minutes=16)

    (of_alone,), (of_both,) = await live(journey, alone), await live(journey, both)
    assert (of_both.location_id, of_alone.location_id != first.location_id) == (first.location_id, True)


async def test_a_location_that_accepts_while_pools_are_planned_keeps_the_work_or_is_told(open_shop: OpenShop) -> None:
    """Whoever is first: the order is accepted there, or the location's yes is refused."""
    for _ in range(3):
        journey, alone, both = await crosswise(open_shop)
        [first] = await live(journey, alone)
        journey.now += timedelta(minutes=12)

        yes = Accept(fulfillment_order_id=first.id, actor=SELLER)

        _, [answer] = await asyncio.gather(
            plan_pool(journey.engine, [alone, both], now=journey.now), journey.ask(accept, acceptances=[yes])
        )
        await journey.pass_time(seconds=1)

        [now_at] = await live(journey, alone)
        if isinstance(answer, FulfillmentOrder):
            assert (now_at.id, now_at.status) == (first.id, FulfillmentStatus.ACCEPTED)
        else:
            assert now_at.id != first.id
        async with journey.engine.connect() as db:
            held = text("SELECT sum(held) FROM inventory.reservation WHERE holder_id = ANY(:ids) AND status = 'held'")
            assert await db.scalar(held, {"ids": [alone, both]}) == 3


async def test_orders_that_were_offered_at_other_moments_meet(open_shop: OpenShop) -> None:
    """They are looked at together, however the step falls, and only once they are old enough."""
    journey = await open_shop(STOCK, policies=REPLANNING)
    alone = await journey.buy(("chair", 1), gross_minor=2_990)
    [first] = await live(journey, alone)
    beside = "lamp" if first.location_id == journey.shop.locations["north"].id else "table"
    await journey.pass_time(minutes=4)
    both = await journey.buy(("chair", 1), (beside, 1), gross_minor=5_490)

    for minute in range(25):
        await journey.pass_time(minutes=1)
        assert minute >= 9 or len(await live(journey, both)) == 2

    (of_both,) = await live(journey, both)
    assert of_both.location_id == first.location_id
