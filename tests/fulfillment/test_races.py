import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from batuta.fulfillment.commands import (
    accept,
    agree_to_cancel,
    collect,
    hand_over,
    pack,
    pick,
    ready_for_pickup,
    request_cancellations,
)
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    Cancellation,
    CancellationPart,
    Collect,
    FulfillmentOrder,
    FulfillmentStatus,
    HandOver,
    MakeReady,
    Method,
    Pack,
    PackedContent,
    PackedParcel,
    Pick,
    RequestCancellation,
)
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.inventory.queries import movements_of_document
from batuta.kernel.states import IllegalMove
from batuta.ordering.commands import cancel
from batuta.ordering.domain import Cancelled, CancelRequest, NothingToCancel
from batuta.plumbing.database import Connection, Engine
from tests.fulfillment.orders import (
    ACTOR,
    accept_all,
    assert_lawful_of,
    buckets,
    build_world,
    facts,
    good,
    pack_all,
    pick_all,
)
from tests.making import NOW, fresh_id
from tests.world import sound

IS = FulfillmentStatus
Work = Callable[[Connection], Awaitable[Sequence[Any]]]


async def at_once(engine: Engine, *works: Work) -> list[Any]:
    """Run each work in a transaction of its own, all at the same time; the first answer of each."""

    async def run(work: Work) -> Any:
        async with engine.begin() as db:
            return (await work(db))[0]

    return list(await asyncio.gather(*(run(work) for work in works)))


def everything(one: FulfillmentOrder) -> RequestCancellation:
    return RequestCancellation(id=fresh_id(), order_id=one.order_id, actor="customer:ana")


@pytest.mark.parametrize("turn", range(5))
async def test_a_location_accepts_while_the_order_is_being_cancelled(engine: Engine, turn: int) -> None:
    """ORD-04: whoever is first is believed, and the other sees it; no unit is both."""
    async with engine.begin() as db:
        world = await build_world(db)
        (one,) = await world.offered(db, ("chair", 2))
    request, yes = everything(one), Accept(fulfillment_order_id=one.id, actor=ACTOR)
    wish = CancelRequest(id=request.id, order_id=one.order_id, reason="too late", actor="customer:ana")

    works: list[Work] = [
        lambda db: accept(db, acceptances=[yes], now=NOW),
        lambda db: cancel(db, requests=[wish], now=NOW),
        lambda db: request_cancellations(db, requests=[request], now=NOW),
    ]
    accepted, asked, cancelled = _in_first_order(await at_once(engine, *works[turn % 3 :], *works[: turn % 3]), turn)

    assert isinstance(accepted, FulfillmentOrder | IllegalMove)
    assert isinstance(asked, Cancelled | NothingToCancel)
    assert isinstance(cancelled, Cancellation)
    async with engine.connect() as db:
        assert (await buckets(db, one.order_id)).cancelled == 2
        await assert_lawful_of(db, one)


def _in_first_order(answers: list[Any], turn: int) -> list[Any]:
    at = len(answers) - turn % 3
    return answers[at:] + answers[:at]


async def test_two_packers_pack_the_same_goods_once(engine: Engine) -> None:
    async with engine.begin() as db:
        world = await build_world(db)
        (one,) = await world.offered(db, ("chair", 2))
        await pick_all(db, [one])
    plain = Pack(fulfillment_order_id=one.id, actor="staff:ana")
    line = one.lines[0]
    boxes = tuple(
        PackedParcel(id=fresh_id(), contents=(PackedContent(line_id=line.line_id, sku_id=line.sku_id, quantity=1),))
        for _ in range(2)
    )
    split = Pack(fulfillment_order_id=one.id, actor="staff:luis", parcels=boxes)

    answers = await at_once(
        engine,
        lambda db: pack(db, packs=[plain], now=NOW),
        lambda db: pack(db, packs=[split], now=NOW),
        lambda db: pack(db, packs=[plain], now=NOW),
    )

    assert any(isinstance(each, FulfillmentOrder) for each in answers)
    async with engine.connect() as db:
        assert (await buckets(db, one.order_id)).packed == 2
        assert (await facts(db, one.order_id)).count("fulfillment.packed") == 1
        await assert_lawful_of(db, one)


async def test_the_same_code_hands_out_the_goods_once(engine: Engine) -> None:
    """FUL-11."""
    async with engine.begin() as db:
        world = await build_world(db)
        offered = await world.offered(db, ("chair", 2), method=Method.PICKUP, service_id=None, ship_to=None)
        (one,) = await pack_all(db, offered)
        make = MakeReady(fulfillment_order_id=one.id, code="K7PMX2QA", until_at=NOW + timedelta(days=7), actor=ACTOR)
        sound(await ready_for_pickup(db, pickups=[make], now=NOW))
    code = Collect(fulfillment_order_id=one.id, code="K7PMX2QA", actor=ACTOR)

    answers = await at_once(engine, *[lambda db: collect(db, collections=[code], now=NOW)] * 8)

    assert len(good(answers)) == 8
    assert len({each.version for each in answers}) == 1
    async with engine.connect() as db:
        assert (await buckets(db, one.order_id)).delivered == 2
        assert (await facts(db, one.order_id)).count("fulfillment.collected") == 1
        await assert_lawful_of(db, one)


async def test_goods_leave_while_the_location_agrees_to_cancel_them(engine: Engine) -> None:
    """ORD-04: they are gone or cancelled, never both."""
    async with engine.begin() as db:
        world = await build_world(db)
        (one,) = await pack_all(db, await world.offered(db, ("chair", 2)))
        request = everything(one)
        await request_cancellations(db, requests=[request], now=NOW)
    yes = AnswerCancellation(cancellation_id=request.id, fulfillment_order_id=one.id, actor=ACTOR)
    gone = HandOver(fulfillment_order_id=one.id, actor=ACTOR)

    agreed, left = await at_once(
        engine,
        lambda db: agree_to_cancel(db, answers=[yes], now=NOW),
        lambda db: hand_over(db, handovers=[gone], now=NOW),
    )

    assert isinstance(agreed, CancellationPart) != isinstance(left, FulfillmentOrder)
    async with engine.connect() as db:
        there = await buckets(db, one.order_id)
        assert {there.cancelled, there.shipped} == {0, 2}
        await assert_lawful_of(db, one)


async def test_batches_over_the_same_orders_in_any_order_all_end(engine: Engine) -> None:
    """No deadlock: orders are locked in ascending order, before anything else."""
    async with engine.begin() as db:
        world = await build_world(db)
        those = await world.offered(db, ("chair", 1), count=20)
        await accept_all(db, those)

    async def pick_them(wanted: Sequence[UUID]) -> None:
        async with engine.begin() as db:
            await pick(db, picks=[Pick(fulfillment_order_id=id_, actor=ACTOR) for id_ in wanted], now=NOW)

    async def cancel_them(wanted: Sequence[FulfillmentOrder]) -> None:
        async with engine.begin() as db:
            sound(await request_cancellations(db, requests=[everything(one) for one in wanted], now=NOW))

    ids = [one.id for one in those]
    await asyncio.gather(
        pick_them(ids[:15]), pick_them(ids[::-1][:15]), cancel_them(those[10:]), cancel_them(those[:3])
    )

    async with engine.connect() as db:
        found = await fulfillment_orders_by_id(db, ids)
        assert {one.status for one in found.values()} <= {IS.PICKED, IS.CANCELLED, IS.CANCEL_REQUESTED}
        await assert_lawful_of(db, *those)
        assert not any((await movements_of_document(db, ids)).values())
