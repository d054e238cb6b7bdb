"""Somebody no longer wants it, at every stage of the work (ORD-04)."""

from uuid import UUID

import pytest

from batuta.fulfillment.commands import accept, agree_to_cancel, refuse_to_cancel, report_short, start_picking
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    FulfillmentStatus,
    RejectionReason,
    ReportShort,
    ShortUnits,
    StartPicking,
)
from batuta.kernel.errors import BatutaError
from batuta.ordering.commands import cancel
from batuta.ordering.domain import Cancelled, CancelRequest, NothingToCancel, OrderStatus
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import BUYER, SELLER, Journey, broken_laws
from tests.making import fresh_id


async def being_picked(journey: Journey, chairs: int, gross_minor: int) -> tuple[UUID, UUID]:
    order_id = await journey.buy(("chair", chairs), gross_minor=gross_minor)
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(start_picking, starts=[StartPicking(fulfillment_order_id=work_id, actor=SELLER)])
    return order_id, work_id


def an_answer(cancellation: Cancelled, work_id: UUID, reason: str = "") -> AnswerCancellation:
    return AnswerCancellation(
        cancellation_id=cancellation.request_id, fulfillment_order_id=work_id, actor=SELLER, reason=reason
    )


async def test_a_location_that_is_picking_is_asked_and_agrees(journey: Journey) -> None:
    order_id, work_id = await being_picked(journey, 2, 5_490)
    asked = await journey.cancel(order_id)
    assert (asked.lines[0].units, asked.lines[0].asked) == (0, 2)
    assert (await journey.order(order_id)).status is OrderStatus.IN_PROGRESS
    assert await journey.ids(order_id, FulfillmentStatus.CANCEL_REQUESTED) == [work_id]

    await journey.do(agree_to_cancel, answers=[an_answer(asked, work_id)])

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    money = await journey.money(order_id)
    assert (money.due_minor, money.held_minor, money.paid_minor) == (0, 0, 0)
    assert await journey.available("chair") == 10


async def test_one_of_two_is_agreed_and_the_other_ships(journey: Journey) -> None:
    order_id, work_id = await being_picked(journey, 2, 5_490)
    line = (await journey.order(order_id)).lines[0]
    asked = await journey.cancel(order_id, (line.id, 1))
    await journey.do(agree_to_cancel, answers=[an_answer(asked, work_id)])

    await journey.finish(order_id)

    closed = await journey.order(order_id)
    assert (closed.status, closed.lines[0].buckets.delivered) == (OrderStatus.COMPLETED, 1)
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (2_990, 2_990, 0)
    assert await journey.available("chair") == 9


async def test_a_unit_that_is_missing_after_another_was_cancelled_is_claimed_once(open_shop: OpenShop) -> None:
    """ORD-04, RES-07, FUL-03: three at work, one cancelled, one damaged; the plan must not still count three."""
    journey = await open_shop({"chair": {"north": 3, "south": 1}})
    order_id = await journey.buy(("chair", 3), gross_minor=7_990)
    (work,) = await journey.work(order_id)
    line = (await journey.order(order_id)).lines[0]
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work.id, actor=SELLER)])
    await journey.cancel(order_id, (line.id, 1))
    await journey.do(start_picking, starts=[StartPicking(fulfillment_order_id=work.id, actor=SELLER)])

    damaged = ReportShort(
        fulfillment_order_id=work.id,
        lines=(ShortUnits(line_id=line.id, quantity=1),),
        actor=SELLER,
        reason=RejectionReason.DAMAGED,
    )
    await journey.do(report_short, reports=[damaged])

    assert await broken_laws(journey.engine) == []
    other = next(one for one in await journey.work(order_id) if one.id != work.id)
    assert other.location_id == journey.shop.locations["south"].id
    assert await journey.available("chair") == 1


async def test_a_location_may_refuse_and_the_parcel_leaves(journey: Journey) -> None:
    order_id, work_id = await being_picked(journey, 1, 2_990)
    asked = await journey.cancel(order_id)
    await journey.do(refuse_to_cancel, answers=[an_answer(asked, work_id, "the van is loaded")])

    await journey.finish(order_id)

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor) == (2_990, 2_990)
    (changed_mind,) = await journey.ask(agree_to_cancel, answers=[an_answer(asked, work_id)])
    assert isinstance(changed_mind, BatutaError)


async def test_what_the_carrier_has_is_too_late_and_comes_back_as_a_return_or_an_intercept(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.send(order_id)

    late = await journey.cancel(order_id)

    assert (late.lines[0].units, late.lines[0].asked, late.lines[0].late) == (0, 0, 1)
    assert (await journey.facts(order_id)).count("ordering.cancelled_too_late") == 1
    assert (await journey.order(order_id)).lines[0].buckets.shipped == 1
    assert (await journey.money(order_id)).captured_minor == 2_990
    await journey.carrier_says(order_id, "returning", journey.now)
    await journey.carrier_says(order_id, "returned", journey.now)
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert (await journey.money(order_id)).refunded_minor == 2_990


@pytest.mark.parametrize("again", ["the same wish", "another wish"])
async def test_an_order_cancelled_twice_is_cancelled_once(journey: Journey, again: str) -> None:
    """Bad input: the same wish is answered as before; another one is told what has become of the lines."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    wish = CancelRequest(id=fresh_id(), order_id=order_id, reason="twice", actor=BUYER)
    (first,) = await journey.do(cancel, requests=[wish])
    is_same = again == "the same wish"
    second = wish if is_same else CancelRequest(id=fresh_id(), order_id=order_id, reason="twice", actor=BUYER)

    (outcome,) = await journey.ask(cancel, requests=[second])
    await journey.pass_time(minutes=1)

    if is_same:
        assert outcome == first
    else:
        assert isinstance(outcome, NothingToCancel)
        assert outcome.facts["status"] == "cancelled"
        assert outcome.facts["lines"]
    assert (await journey.money(order_id)).due_minor == 0
    assert await journey.available("chair") == 10
    assert (await journey.facts(order_id)).count("ordering.units_cancelled") == 1
