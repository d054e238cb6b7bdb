"""Drafts of strategies beside the live ones: every order is planned with them too, and nothing follows (SRC-13)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from batuta.kernel.outcomes import only
from batuta.locations.commands import save_locations
from batuta.plumbing.database import Engine
from batuta.plumbing.events import react
from batuta.rehearsal.commands import begin_shadows, end_shadows, forget_differences, shadowing
from batuta.rehearsal.domain import Changed, InShadowAlready, NewShadow, NoDraft, Shadow, UnknownShadow
from batuta.rehearsal.jobs import compare_pending
from batuta.rehearsal.queries import Differing, ShadowReport, list_differences, report_of, shadows_in_force, shadows_of
from batuta.sourcing.commands import Draft, publish_strategies, save_drafts, withdraw_strategies
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.journeys.test_rehearsal import begin, draft, placed
from tests.journeys.test_rehearsal import only as only_from
from tests.making import NOW, fresh_id
from tests.world import sound

Tried = Callable[[Journey, dict[str, Any]], Awaitable[Shadow]]
EVA = "staff:eva"


async def saved(journey: Journey, said: dict[str, Any]) -> NewShadow:
    [version] = await journey.do(save_drafts, drafts=[Draft(id=fresh_id(), document=said)], actor=EVA)
    return NewShadow(id=fresh_id(), strategy_code=version.code, number=version.number, actor=EVA)


@pytest.fixture
async def tried(engine: Engine) -> AsyncIterator[Tried]:
    """Put a draft in shadow from a moment that no other story has; none is in shadow afterwards.

    What other stories told at later moments is passed over first.
    """

    async def put(journey: Journey, said: dict[str, Any]) -> Shadow:
        await begin(journey)
        await react(engine, shadowing(), now=journey.now)
        [shadow] = await journey.do(begin_shadows, wishes=[await saved(journey, said)])
        assert isinstance(shadow, Shadow)
        return shadow

    yield put
    async with engine.begin() as db:
        live = [one.id for one in await shadows_in_force(db)]
        await end_shadows(db, ids=live, actor=EVA, now=NOW + timedelta(days=1_000))


async def compare(journey: Journey) -> int:
    return await compare_pending(journey.engine, now=journey.now)


async def read(journey: Journey, shadow: Shadow) -> tuple[ShadowReport, list[Changed]]:
    async with journey.engine.snapshot() as db:
        one = (await shadows_of(db, [shadow.id]))[shadow.id]
        return await report_of(db, one), await list_differences(db, Differing(shadow_id=shadow.id, limit=100))


async def prefer_north(journey: Journey) -> None:
    """All ships from the north, since every shipment from the south costs an euro more."""
    dear = msgspec.structs.replace(journey.shop.locations["south"], handling_order_minor=200)
    async with journey.engine.begin() as db:
        sound(await save_locations(db, locations=[dear], now=journey.now))


async def test_a_draft_in_shadow_tells_what_it_would_change_and_changes_nothing(journey: Journey, tried: Tried) -> None:
    was, other = "north", "south"
    await prefer_north(journey)
    shadow = await tried(journey, only_from(journey, other))

    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    assert await compare(journey) == 1

    found, [changed] = await read(journey, shadow)
    codes = {name: one.code for name, one in journey.shop.locations.items()}
    assert (found.orders, found.reproduced, found.differing, found.waiting) == (1, 1, 1, 0)
    assert (changed.order_id, changed.live, changed.draft) == (order_id, [codes[was]], [codes[other]])
    [comparison] = found.comparisons
    assert (comparison.live.costs, comparison.draft.costs) == (changed.live_costs, changed.draft_costs)
    loads = {one.location_code: (one.live_units, one.draft_units) for one in found.loads}
    assert loads == {codes[was]: (2, 0), codes[other]: (0, 2)}
    assert await placed(journey, order_id) == {was}
    await journey.send(order_id)


async def test_a_draft_that_changes_nothing_differs_in_nothing(journey: Journey, tried: Tried) -> None:
    shadow = await tried(journey, draft())
    for _ in range(3):
        await journey.buy(("chair", 1), gross_minor=2_990)

    while await compare(journey):
        pass

    found, changed = await read(journey, shadow)
    [comparison] = found.comparisons
    assert comparison.live == comparison.draft
    assert (found.orders, comparison.live.orders, changed) == (3, 3, [])


async def test_stock_is_as_it_was_when_the_order_was_planned(open_shop: OpenShop, tried: Tried) -> None:
    """What others took before the draft was asked lay there then; each order is one by itself, without drift."""
    journey = await open_shop({"chair": {"north": 1, "south": 1}})
    shadow = await tried(journey, only_from(journey, "north"))
    orders = [await journey.buy(("chair", 1), gross_minor=2_990) for _ in range(2)]
    for order_id in orders:
        await journey.send(order_id)
    assert await journey.available("chair") == 0

    await compare(journey)

    found, changed = await read(journey, shadow)
    [comparison] = found.comparisons
    assert (found.orders, comparison.live.planned) == (2, 2)
    last = next((one for one in changed if one.order_id == orders[1]), None)
    assert (last is not None) == (await placed(journey, orders[0]) == {"north"})


async def test_orders_before_it_began_and_after_it_was_stopped_are_not_its_own(journey: Journey, tried: Tried) -> None:
    await journey.buy(("chair", 1), gross_minor=2_990)
    shadow = await tried(journey, draft())
    await journey.buy(("chair", 1), gross_minor=2_990)
    await compare(journey)
    await journey.buy(("chair", 1), gross_minor=2_990)
    [ended] = await journey.do(end_shadows, ids=[shadow.id], actor=EVA)
    await journey.buy(("chair", 1), gross_minor=2_990)

    assert await compare(journey) == 0
    found, _ = await read(journey, shadow)
    assert (found.orders, found.waiting) == (1, 0)
    assert (found.shadow.ended_by, found.shadow.ended_at) == (EVA, ended.ended_at)
    assert await journey.do(end_shadows, ids=[shadow.id], actor="staff:ana") == [ended]


async def test_two_workers_count_an_order_once(journey: Journey, tried: Tried) -> None:
    shadow = await tried(journey, draft())
    for _ in range(4):
        await journey.buy(("chair", 1), gross_minor=2_990)

    counted = await asyncio.gather(*(compare(journey) for _ in range(3)))

    found, _ = await read(journey, shadow)
    assert sum(counted) == found.orders == sum(one.live.orders for one in found.comparisons) == 4


async def test_an_order_that_cannot_be_planned_again_is_left_out_and_the_next_goes_on(
    journey: Journey, tried: Tried
) -> None:
    shadow = await tried(journey, draft())
    lost, found_again = [await journey.buy(("chair", 1), gross_minor=2_990) for _ in range(2)]
    async with journey.engine.begin() as db:
        before = text("UPDATE rehearsal.shadow_pending SET at = at - interval '1 year' WHERE order_id = :id")
        await db.execute(before, {"id": lost})

    while await compare(journey):
        pass

    found, _ = await read(journey, shadow)
    assert (found.orders, found.shadow.left_out, found.waiting) == (1, 1, 0)
    assert found_again != lost


async def test_what_would_have_changed_is_forgotten_after_90_days(journey: Journey, tried: Tried) -> None:
    await prefer_north(journey)
    shadow = await tried(journey, only_from(journey, "south"))
    await journey.buy(("chair", 1), gross_minor=2_990)
    await compare(journey)
    await journey.do(end_shadows, ids=[shadow.id], actor=EVA)

    for days, left in ((89, 1), (92, 0)):
        async with journey.engine.begin() as db:
            await forget_differences(db, now=journey.now + timedelta(days=days), limit=500)
        found, changed = await read(journey, shadow)
        assert (found.orders, found.differing, len(changed), len(found.loads) > 0) == (left, left, left, bool(left))


async def test_only_a_draft_can_be_in_shadow_and_one_of_a_strategy(journey: Journey, tried: Tried) -> None:
    said = draft(when={"field": "order.channel", "is": "equals", "value": "no such channel"})
    shadow = await tried(journey, said)
    again = NewShadow(id=fresh_id(), strategy_code=shadow.strategy_code, number=shadow.number, actor=EVA)
    same = NewShadow(id=shadow.id, strategy_code=shadow.strategy_code, number=shadow.number, actor=EVA)
    unknown = NewShadow(id=fresh_id(), strategy_code=shadow.strategy_code, number=7, actor=EVA)

    refused, answered, lost = await journey.ask(begin_shadows, wishes=[again, same, unknown])

    assert (type(refused), answered.id, type(lost)) == (InShadowAlready, shadow.id, NoDraft)
    key = (shadow.strategy_code, shadow.number)
    await journey.do(end_shadows, ids=[shadow.id], actor=EVA)
    await journey.do(publish_strategies, versions=[key], actor=EVA)
    [published] = await journey.ask(begin_shadows, wishes=[again])
    assert isinstance(published, NoDraft)
    await journey.do(withdraw_strategies, versions=[key], actor=EVA)
    with pytest.raises(UnknownShadow):
        only(await journey.ask(end_shadows, ids=[fresh_id()], actor=EVA))
