from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import BatutaError
from batuta.returns.domain import (
    Grade,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RefundUnits,
    Resolve,
    Return,
    SoldOrder,
    decide_grade,
    decide_receipt,
    decide_refund,
    followed,
)
from tests.making import fresh_id
from tests.returns.given import ACTOR, approved, sold, sold_order


def step(one: Return, order: SoldOrder, verb: str, line: int, units: int) -> tuple[Return, SoldOrder, int]:
    """Do it if it is allowed; answer what was given back."""
    line_id = one.lines[line % len(one.lines)].id
    amount_minor = 0
    try:
        if verb == "receive":
            lines = (ReceivedUnits(line_id=line_id, quantity=units),)
            receipt = Receipt(id=fresh_id(), return_id=one.id, location_id=fresh_id(), lines=lines, actor=ACTOR)
            after = decide_receipt(one, receipt, order, {}).after
        elif verb == "grade":
            request = GradeUnits(
                id=fresh_id(), return_id=one.id, line_id=line_id, grade=Grade.OUTLET, quantity=units, actor=ACTOR
            )
            after = decide_grade(one, request)
        else:
            wanted = (RefundUnits(line_id=line_id, quantity=units),)
            refund = Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR, lines=wanted if units < 4 else None)
            after, made = decide_refund(one, refund, order)
            amount_minor = made.amount_minor
    except BatutaError:
        return one, order, 0
    return after, followed(order, one, after), amount_minor


@given(
    lines=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10_000), st.integers(0, 2)), min_size=1, max_size=3),
    steps=st.lists(
        st.tuples(st.sampled_from(["receive", "grade", "refund"]), st.integers(0, 2), st.integers(1, 4)), max_size=30
    ),
)
def test_no_journey_gives_back_more_than_was_paid_or_returns_more_than_was_delivered(
    lines: list[tuple[int, int, int]], steps: list[tuple[str, int, int]]
) -> None:
    """RET-04, RET-10, I-23."""
    those = [sold(quantity + cancelled, gross_minor=gross, cancelled=cancelled) for quantity, gross, cancelled in lines]
    order = sold_order(*those)
    one = approved(order, *((line.line_id, line.returnable) for line in those))
    given_back = 0
    for verb, position, units in steps:
        one, order, amount_minor = step(one, order, verb, position, units)
        given_back += amount_minor

    assert given_back == sum(line.refund_minor for line in one.lines)
    for line, first in zip(one.lines, those, strict=True):
        assert line.refund_minor <= first.paid_minor
        assert line.refunded <= first.quantity - first.cancelled
        assert line.counted <= first.returnable
        assert line.graded <= line.received
        assert order.lines[first.line_id].returnable == first.returnable - line.counted
    if all(line.refunded == first.returnable for line, first in zip(one.lines, those, strict=True)):
        assert [line.refund_minor for line in one.lines] == [first.paid_minor for first in those]
