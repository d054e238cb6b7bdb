from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.kernel.states import IllegalMove
from batuta.returns.domain import (
    GRADED_TO,
    RETURN_MOVES,
    BadRefund,
    BlindReceipt,
    BlindUnits,
    Grade,
    GradeUnits,
    MoreThanPaid,
    MoreThanReceived,
    NotApproved,
    NothingToRefund,
    NotReturnable,
    Receipt,
    ReceivedUnits,
    RefundUnits,
    Resolve,
    Return,
    ReturnStatus,
    UnknownOrder,
    UnknownReturnLine,
    decide_blind,
    decide_expiry,
    decide_grade,
    decide_receipt,
    decide_refund,
    decide_request,
    decide_status,
    followed,
)
from tests.making import NOW, fresh_id
from tests.returns.given import ACTOR, a_request, approved, requested, sold, sold_order

IS = ReturnStatus


def arrived(one: Return, *units: tuple[UUID, int]) -> Receipt:
    return Receipt(
        id=fresh_id(),
        return_id=one.id,
        location_id=fresh_id(),
        lines=tuple(ReceivedUnits(line_id=line_id, quantity=quantity) for line_id, quantity in units),
        actor=ACTOR,
    )


def graded(one: Return, quantity: int, as_: Grade = Grade.RESELL) -> GradeUnits:
    return GradeUnits(
        id=fresh_id(), return_id=one.id, line_id=one.lines[0].id, grade=as_, quantity=quantity, actor=ACTOR
    )


def money(one: Return, *, shipping_minor: int = 0, fee_minor: int = 0, units: int | None = None) -> Resolve:
    return Resolve(
        id=fresh_id(),
        return_id=one.id,
        actor=ACTOR,
        lines=None if units is None else (RefundUnits(line_id=one.lines[0].id, quantity=units),),
        shipping_minor=shipping_minor,
        fee_minor=fee_minor,
    )


def test_every_status_and_every_grade_leads_somewhere_known() -> None:
    """ORD-03, RET-05."""
    assert set(RETURN_MOVES) == set(ReturnStatus)
    assert set(GRADED_TO) == set(Grade)


def test_goods_may_arrive_whatever_was_said_before() -> None:
    """RET-06."""
    assert all(IS.RECEIVED in moves for status, moves in RETURN_MOVES.items() if status is not IS.RECEIVED)


def test_no_more_units_come_back_than_were_delivered_and_are_not_coming_already() -> None:
    line = sold(3, delivered=2)
    order = sold_order(line)
    first = requested(order, (line.line_id, 1))

    after = followed(order, None, first)

    with pytest.raises(NotReturnable) as refusal:
        decide_request(a_request(order, (line.line_id, 2)), after)
    assert refusal.value.facts["left"] == 1
    with pytest.raises(NotReturnable):
        decide_request(a_request(order, (line.line_id, 2), (line.line_id, 1)), order)
    with pytest.raises(UnknownOrder):
        decide_request(a_request(order, (fresh_id(), 1)), order)


def test_a_cancelled_return_lets_its_units_be_announced_again() -> None:
    line = sold(1)
    order = sold_order(line)
    one = requested(order, (line.line_id, 1))
    waiting = followed(order, None, one)

    free = followed(waiting, one, decide_status(one, IS.CANCELLED))

    assert decide_request(a_request(order, (line.line_id, 1)), free).status is IS.REQUESTED


def test_a_step_that_comes_late_changes_nothing_and_one_that_leads_nowhere_is_illegal() -> None:
    line = sold(1)
    order = sold_order(line)
    one = approved(order, (line.line_id, 1))
    sent = decide_status(one, IS.IN_TRANSIT)

    assert decide_status(sent, IS.APPROVED) == sent
    with pytest.raises(IllegalMove):
        decide_status(sent, IS.CANCELLED)


def test_a_receipt_counts_what_is_there_expected_or_not() -> None:
    """RET-05: fewer than announced, and a thing nobody announced."""
    line = sold(3)
    order = sold_order(line)
    one = approved(order, (line.line_id, 2))
    stranger = fresh_id()
    receipt = arrived(one, (one.lines[0].id, 1))
    receipt = msgspec.structs.replace(
        receipt,
        lines=(*receipt.lines, ReceivedUnits(sku_id=stranger, quantity=4), ReceivedUnits(quantity=1, note="a sock")),
    )

    arrival = decide_receipt(one, receipt, order, {stranger: True})

    first, second, third = arrival.after.lines
    assert (arrival.after.status, first.received, first.counted) == (IS.RECEIVED, 1, 1)
    assert (second.sku_id, second.received, second.order_line_id) == (stranger, 4, None)
    assert (third.sku_id, third.note, third.components) == (None, "a sock", ())


def test_more_than_was_delivered_is_received_but_not_booked_on_the_order() -> None:
    """I-23: the order never has more units returned than delivered, and the dock refuses nothing."""
    line = sold(2, delivered=1)
    order = sold_order(line)
    one = approved(order, (line.line_id, 1))

    arrival = decide_receipt(one, arrived(one, (one.lines[0].id, 3)), order, {})

    assert (arrival.after.lines[0].received, arrival.after.lines[0].counted) == (3, 1)
    assert arrival.counted == {one.lines[0].id: 1}


def test_blind_goods_are_linked_where_the_order_is_known_and_received_where_it_is_not() -> None:
    """RET-06."""
    line = sold(1)
    order = sold_order(line)
    stranger = fresh_id()
    receipt = BlindReceipt(
        id=fresh_id(),
        location_id=fresh_id(),
        lines=(
            BlindUnits(order_line_id=line.line_id, quantity=1),
            BlindUnits(order_line_id=fresh_id(), sku_id=stranger, quantity=2, worth_minor=1_001),
        ),
        actor=ACTOR,
        currency="EUR",
        order_id=order.id,
    )

    linked = decide_blind(receipt, order, {stranger: True}).after
    alone = decide_blind(receipt, None, {stranger: True}).after

    assert [one.order_line_id for one in linked.lines] == [line.line_id, None]
    assert (linked.order_id, linked.customer_id) == (order.id, order.customer_id)
    assert (alone.order_id, alone.stream, alone.status) == (None, alone.id, IS.RECEIVED)


def test_units_are_graded_once_each_and_never_more_than_came() -> None:
    """RET-05."""
    line = sold(3)
    order = sold_order(line)
    one = approved(order, (line.line_id, 3))
    one = decide_receipt(one, arrived(one, (one.lines[0].id, 3)), order, {}).after
    two = graded(one, 2)

    half = decide_grade(one, two)
    whole = decide_grade(half, graded(one, 1, Grade.SCRAP))

    assert (half.status, whole.status) == (IS.RECEIVED, IS.GRADED)
    assert decide_grade(half, two) == half
    with pytest.raises(MoreThanReceived):
        decide_grade(half, graded(one, 2))
    with pytest.raises(UnknownReturnLine):
        decide_grade(one, msgspec.structs.replace(two, line_id=fresh_id()))


def test_ten_units_of_an_odd_sum_are_refunded_to_the_cent_however_they_are_cut() -> None:
    """RET-04, golden test woocommerce/woocommerce #64668: all ten are 179.25, never 179.26."""
    line = sold(10, gross_minor=17_925)
    order = sold_order(line)
    at_once = approved(order, (line.line_id, 10))
    _, whole = decide_refund(at_once, money(at_once), order)

    amounts = []
    one, known = at_once, order
    for _ in range(10):
        after, refund = decide_refund(one, money(one, units=1), known)
        known = followed(known, one, after)
        one = after
        amounts.append(refund.amount_minor)

    assert whole.amount_minor == sum(amounts) == 17_925
    with pytest.raises(NothingToRefund):
        decide_refund(one, money(one), known)
    with pytest.raises(MoreThanPaid):
        decide_refund(one, money(one, units=1), known)


def test_a_refund_needs_no_goods_and_goods_need_no_refund() -> None:
    """RET-10: either order ends the same."""
    line = sold(2)
    order = sold_order(line)
    one = approved(order, (line.line_id, 2))
    receipt = arrived(one, (one.lines[0].id, 2))

    paid, _ = decide_refund(one, money(one), order)
    paid_first = decide_grade(decide_receipt(paid, receipt, order, {}).after, graded(one, 2))
    came = decide_grade(decide_receipt(one, receipt, order, {}).after, graded(one, 2))
    came_first, _ = decide_refund(came, money(one), order)

    assert paid.status is IS.APPROVED
    assert came.status is IS.GRADED
    assert paid_first.status is came_first.status is IS.RESOLVED


def test_what_came_is_what_is_refunded_unless_more_is_said() -> None:
    line = sold(3, gross_minor=9_000)
    order = sold_order(line)
    one = approved(order, (line.line_id, 3))
    came = decide_receipt(one, arrived(one, (one.lines[0].id, 2)), order, {}).after

    assert decide_refund(came, money(came), order)[1].amount_minor == 6_000
    assert decide_refund(came, money(came, units=3), order)[1].amount_minor == 9_000


def test_shipping_is_given_back_once_and_a_fee_is_kept() -> None:
    """RET-04."""
    line = sold(1, gross_minor=2_500)
    order = sold_order(line, shipping_minor=490)
    one = approved(order, (line.line_id, 1))

    after, refund = decide_refund(one, money(one, shipping_minor=490, fee_minor=300), order)
    known = followed(order, one, after, shipping_minor=refund.shipping_minor)

    assert refund.amount_minor == 2_690
    with pytest.raises(MoreThanPaid):
        decide_refund(after, money(one, shipping_minor=1), known)
    with pytest.raises(BadRefund):
        decide_refund(one, money(one, fee_minor=2_501), order)


def test_cancelled_units_were_never_paid_and_are_not_refunded() -> None:
    line = sold(3, gross_minor=100, cancelled=1)
    order = sold_order(line)
    one = approved(order, (line.line_id, 2))

    _, refund = decide_refund(one, money(one), order)

    assert refund.amount_minor == 67
    with pytest.raises(MoreThanPaid):
        decide_refund(one, money(one, units=3), order)


def test_what_nobody_approved_is_not_refunded() -> None:
    line = sold(1)
    order = sold_order(line)
    one = requested(order, (line.line_id, 1))

    with pytest.raises(NotApproved):
        decide_refund(one, money(one), order)


def test_a_blind_return_is_refunded_what_it_was_said_to_be_worth() -> None:
    stranger = fresh_id()
    receipt = BlindReceipt(
        id=fresh_id(),
        location_id=fresh_id(),
        lines=(BlindUnits(sku_id=stranger, quantity=3, worth_minor=1_000),),
        actor=ACTOR,
        currency="GBP",
    )
    one = decide_blind(receipt, None, {stranger: True}).after

    after, first = decide_refund(one, money(one, units=1), None)
    _, rest = decide_refund(after, money(one), None)

    assert (first.amount_minor, rest.amount_minor, rest.currency) == (333, 667, "GBP")


def test_kept_goods_end_with_their_money_and_cannot_be_announced_again() -> None:
    """RET-02."""
    line = sold(1)
    order = sold_order(line)
    one = msgspec.structs.replace(approved(order, (line.line_id, 1)), is_kept=True)

    after, _ = decide_refund(one, money(one), order)

    assert after.status is IS.RESOLVED
    with pytest.raises(NotReturnable):
        decide_request(a_request(order, (line.line_id, 1)), followed(order, None, after))


def test_goods_not_sent_in_time_are_not_waited_for_any_longer() -> None:
    line = sold(1)
    order = sold_order(line)
    one = msgspec.structs.replace(approved(order, (line.line_id, 1)), expires_at=NOW)

    assert decide_expiry(one, now=NOW - timedelta(microseconds=1)) == one
    assert decide_expiry(one, now=NOW).status is IS.EXPIRED
    sent = decide_status(one, IS.IN_TRANSIT)
    assert decide_expiry(sent, now=NOW) == sent
