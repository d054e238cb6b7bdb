from datetime import timedelta

import msgspec

from batuta.fulfillment.commands import (
    agree_to_cancel,
    hand_over,
    offer,
    pack,
    refuse_to_cancel,
    request_cancellations,
)
from batuta.fulfillment.domain import (
    AnswerCancellation,
    Cancellation,
    CancellationOpen,
    CancellationPart,
    CancellationStatus,
    CountedUnits,
    FulfillmentOrder,
    FulfillmentStatus,
    HandOver,
    Pack,
    RequestCancellation,
    UnknownCancellation,
)
from batuta.fulfillment.queries import cancellations_of
from batuta.inventory.domain import Claim
from batuta.inventory.queries import availability, claims_of
from batuta.kernel.states import IllegalMove
from batuta.ordering.commands import UnknownOrder, cancel
from batuta.ordering.domain import CancelRequest
from batuta.ordering.queries import orders_by_id
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection
from batuta.shipping.queries import parcels_by_id
from tests.fulfillment.orders import (
    ACTOR,
    accept_all,
    assert_lawful,
    buckets,
    build_world,
    facts,
    good,
    hand_over_all,
    now_is,
    pack_all,
    pick_all,
)
from tests.making import NOW, fresh_id

IS = FulfillmentStatus


def wish(one: FulfillmentOrder, units: int | None = None) -> RequestCancellation:
    lines = None if units is None else (CountedUnits(line_id=one.lines[0].line_id, quantity=units),)
    return RequestCancellation(id=fresh_id(), order_id=one.order_id, actor="customer:ana", lines=lines, reason="late")


def answer(asked: RequestCancellation, one: FulfillmentOrder) -> AnswerCancellation:
    return AnswerCancellation(cancellation_id=asked.id, fulfillment_order_id=one.id, actor=ACTOR, reason="too busy")


async def ask(db: Connection, request: RequestCancellation) -> Cancellation:
    (made,) = await request_cancellations(db, requests=[request], now=NOW)
    assert isinstance(made, Cancellation), made
    return made


async def held(db: Connection, one: FulfillmentOrder) -> list[Claim]:
    return [claim for claim in (await claims_of(db, [one.order_id], now=NOW))[one.order_id] if claim.held]


async def test_what_nobody_has_begun_is_cancelled_at_once_and_its_stock_is_free(db: Connection) -> None:
    """ORD-04."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 3))
    request = wish(one, 2)

    made = await ask(db, request)
    again = await ask(db, request)

    assert made == again
    assert [part.status for part in made.parts] == [CancellationStatus.CANCELLED]
    there = await buckets(db, one.order_id)
    assert (there.allocated, there.cancelled) == (1, 2)
    (level,) = await availability(db, sku_ids=[world.shop.skus["chair"].id], now=NOW)
    assert level.available == 99
    assert (await balances(db, [one.order_id]))[one.order_id].due_minor == 2_500 + 490
    assert (await facts(db, one.order_id)).count("fulfillment.cancelled") == 1
    await assert_lawful(db)


async def test_a_location_at_work_is_asked_and_its_yes_unpacks(db: Connection) -> None:
    """ORD-04."""
    world = await build_world(db)
    (one,) = await pack_all(db, await world.offered(db, ("chair", 2)))
    request = wish(one)

    made = await ask(db, request)
    (blocked,) = await pack(db, packs=[Pack(fulfillment_order_id=one.id, actor=ACTOR)], now=NOW)
    yes, again = await agree_to_cancel(db, answers=[answer(request, one)] * 2, now=NOW)
    (no,) = await refuse_to_cancel(db, answers=[answer(request, one)], now=NOW)

    assert [part.status for part in made.parts] == [CancellationStatus.REQUESTED]
    assert isinstance(blocked, FulfillmentOrder), "what is packed already stays packed"
    assert isinstance(yes, CancellationPart)
    assert (yes, yes.status) == (again, CancellationStatus.CANCELLED)
    assert isinstance(no, IllegalMove)
    parcel_id = one.packages[0].parcel_id
    assert (await parcels_by_id(db, [parcel_id]))[parcel_id].status == "voided"
    (level,) = await availability(db, sku_ids=[world.shop.skus["chair"].id], now=NOW)
    assert (level.on_hand, level.available) == (100, 100)
    assert (await cancellations_of(db, [one.order_id]))[one.order_id][0].parts == (yes,)
    assert (await facts(db, one.order_id))[-2:] == ["fulfillment.cancellation_requested", "fulfillment.cancelled"]
    await assert_lawful(db)


async def test_after_a_no_the_work_goes_on(db: Connection) -> None:
    """ORD-04."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 2))
    await pick_all(db, [one])
    request = wish(one, 1)
    await ask(db, request)

    (blocked,) = await pack(db, packs=[Pack(fulfillment_order_id=one.id, actor=ACTOR)], now=NOW)
    (no,) = await refuse_to_cancel(db, answers=[answer(request, one)], now=NOW)
    packed = good(await pack(db, packs=[Pack(fulfillment_order_id=one.id, actor=ACTOR)], now=NOW))

    assert isinstance(blocked, CancellationOpen)
    assert isinstance(no, CancellationPart)
    assert (no.status, no.reason) == (CancellationStatus.REFUSED, "too busy")
    assert [one.status for one in packed] == [IS.PACKED]
    assert "fulfillment.cancel_refused" in await facts(db, one.order_id)
    await assert_lawful(db)


async def test_a_yes_to_part_of_what_is_picked_lets_the_rest_go_on(db: Connection) -> None:
    """ORD-04."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 3))
    await pick_all(db, [one])
    first, second = wish(one, 1), wish(one, 1)
    await ask(db, first)
    await ask(db, second)

    await agree_to_cancel(db, answers=[answer(first, one)], now=NOW)
    assert (await now_is(db, one)).status is IS.CANCEL_REQUESTED
    await refuse_to_cancel(db, answers=[answer(second, one)], now=NOW)

    assert (await now_is(db, one)).status is IS.CANCEL_REFUSED
    there = await buckets(db, one.order_id)
    assert (there.picked, there.cancelled) == (2, 1)
    assert sum(claim.held for claim in await held(db, one)) == 2
    await assert_lawful(db)


async def test_goods_that_leave_answer_the_question_themselves(db: Connection) -> None:
    """ORD-04: after hand-over it is an intercept or a return."""
    world = await build_world(db)
    (one,) = await pack_all(db, await world.offered(db, ("chair", 2)))
    request = wish(one)
    await ask(db, request)

    good(await hand_over(db, handovers=[HandOver(fulfillment_order_id=one.id, actor=ACTOR)], now=NOW))
    late = await ask(db, wish(one))

    (known,) = [each for each in (await cancellations_of(db, [one.order_id]))[one.order_id] if each.id == request.id]
    assert known.parts[0].status is CancellationStatus.REFUSED
    assert (late.parts, late.late[0].quantity) == ((), 2)
    assert (await facts(db, one.order_id))[-2:] == ["fulfillment.cancel_refused", "fulfillment.cancel_too_late"]
    await assert_lawful(db)


async def test_a_line_split_over_two_locations_frees_the_stock_of_the_one_that_stops(db: Connection) -> None:
    """ORD-04, RES-07."""
    world = await build_world(db, chair={"north": 2, "south": 2})
    (order,) = await world.place(db, ("chair", 4))
    whole = world.offer_of(order)
    offers = [
        world.offer_of(order, place, lines=tuple(msgspec.structs.replace(line, quantity=2) for line in whole.lines))
        for place in ("north", "south")
    ]
    north, south = good(await offer(db, offers=offers, now=NOW))
    for staying, stopping in ((north, south), (south, north)):
        savepoint = db.savepoint()
        await savepoint.start()
        await accept_all(db, [staying])
        await pick_all(db, [staying])

        made = await ask(db, wish(north, 2))

        assert [part.fulfillment_order_id for part in made.parts] == [stopping.id]
        assert {claim.location_id for claim in await held(db, north)} == {staying.location_id}
        assert (await pack_all(db, [staying]))[0].status is IS.PACKED
        await assert_lawful(db)
        await savepoint.rollback()


async def test_ordering_asks_and_fulfillment_answers_with_the_same_units(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 2))
    wanted = CancelRequest(id=fresh_id(), order_id=one.order_id, reason="too slow", actor="customer:ana")
    await cancel(db, requests=[wanted], now=NOW)

    await ask(db, RequestCancellation(id=wanted.id, order_id=one.order_id, actor="customer:ana", reason="too slow"))

    order = (await orders_by_id(db, [one.order_id]))[one.order_id]
    assert order.status == "cancelled"
    assert (await balances(db, [one.order_id]))[one.order_id].due_minor == 0
    await assert_lawful(db)


async def test_cancelling_twice_in_one_batch_takes_the_units_once(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 2))

    first, second = await request_cancellations(db, requests=[wish(one, 2), wish(one, 1)], now=NOW)

    assert isinstance(first, Cancellation)
    assert isinstance(second, Cancellation)
    assert (second.parts, second.late[0].quantity) == ((), 1)
    await assert_lawful(db)


async def test_questions_nobody_asked_have_no_answer(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await hand_over_all(db, await world.offered(db, ("chair", 1)))
    stranger = RequestCancellation(id=fresh_id(), order_id=fresh_id(), actor="customer:ana")

    (unknown,) = await agree_to_cancel(db, answers=[answer(wish(one), one)], now=NOW + timedelta(days=1))
    (no_order,) = await request_cancellations(db, requests=[stranger], now=NOW)

    assert isinstance(unknown, UnknownCancellation)
    assert isinstance(no_order, UnknownOrder)
