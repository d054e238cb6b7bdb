"""What a line costs when something else is sent, some of it is cancelled, and some comes back (INV-17, RET-10)."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batuta.catalog.domain import PriceRule
from batuta.kernel.errors import BatutaError
from batuta.ordering.domain import Buckets, Component, Line, Repriced, Share
from batuta.ordering.domain.substituting import repriced
from batuta.returns.domain import RefundUnits, Resolve, Return, SoldOrder, decide_refund, followed
from tests.making import fresh_id
from tests.returns.given import ACTOR, approved, sold, sold_order


def a_line(quantity: int, *, price_minor: int, discount_minor: int = 0) -> Line:
    sku_id, gross_minor = fresh_id(), quantity * price_minor - discount_minor
    return Line(
        id=fresh_id(),
        position=0,
        sku_id=sku_id,
        sku_code="CHAIR",
        name="Chair",
        quantity=quantity,
        buckets=Buckets(reserved=quantity),
        components=(Component(sku_id, 1),),
        is_tracked=True,
        is_shipped=True,
        unit_price_minor=price_minor,
        unit_net_minor=price_minor,
        unit_gross_minor=price_minor,
        discount_minor=discount_minor,
        net_minor=gross_minor,
        tax_minor=0,
        gross_minor=gross_minor,
        tax_category="standard",
        tax_rate_bp=0,
        jurisdiction="ES",
        is_tax_included=True,
        rounding_rule="line",
        tax_engine="",
    )


def cancelled(line: Line, units: int) -> tuple[Line, int]:
    """The line with its last units cancelled, and what goes back for them."""
    live = line.buckets.live
    worth = line.worth_minor(Share(live - units, live))
    buckets = Buckets(reserved=live - units, cancelled=line.buckets.cancelled + units)
    return msgspec.structs.replace(line, buckets=buckets), worth


def substituted(line: Line, rule: PriceRule, own_minor: int) -> tuple[Line, int]:
    """The line with something else sent, and by how much it costs more."""
    price = repriced(line, rule, own_minor=own_minor)
    more = price.amount_minor - line.worth_minor(Share(0, price.units))
    return msgspec.structs.replace(line, repriced=price), more


def brought_back(line: Line, cuts: list[int]) -> list[int]:
    """What is given back as all units come back, a few at a time."""
    there = sold(line.quantity, cancelled=line.buckets.cancelled)
    there = msgspec.structs.replace(there, paid_minor=line.worth_minor(Share(0, line.buckets.live)))
    order: SoldOrder = sold_order(there)
    one: Return = approved(order, (there.line_id, line.buckets.live))
    given_back = []
    for units in [*cuts, *[1] * line.quantity]:
        asked = RefundUnits(line_id=one.lines[0].id, quantity=units)
        try:
            after, made = decide_refund(
                one, Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR, lines=(asked,)), order
            )
        except BatutaError:
            continue
        one, order = after, followed(order, one, after)
        given_back.append(made.amount_minor)
    assert one.lines[0].refunded == line.buckets.live
    return given_back


amounts = st.integers(0, 1_000_000)
changes = st.one_of(
    st.tuples(st.just("cancel"), st.integers(1, 3)),
    st.tuples(st.sampled_from(PriceRule), amounts),
)


@given(
    quantity=st.integers(1, 9),
    price_minor=st.integers(0, 100_000),
    discount_bp=st.integers(0, 10_000),
    happens=st.lists(changes, max_size=6),
    cuts=st.lists(st.integers(1, 4), max_size=6),
)
def test_whatever_is_sent_instead_cancelled_or_brought_back_exactly_what_was_paid_goes_back(
    quantity: int, price_minor: int, discount_bp: int, happens: list[tuple[str, int]], cuts: list[int]
) -> None:
    """INV-17, RET-10, I-23"""
    line = a_line(quantity, price_minor=price_minor, discount_minor=quantity * price_minor * discount_bp // 10_000)
    due_minor = line.gross_minor
    for change, amount in happens:
        live = line.buckets.live
        if change == "cancel":
            line, worth = cancelled(line, min(amount, live - 1))
            assert worth >= 0
            due_minor -= worth
        else:
            line, more = substituted(line, PriceRule(change), amount)
            assert more <= 0 or change == PriceRule.OWN or line.repriced
            due_minor += more
        assert due_minor == line.worth_minor(Share(0, line.buckets.live))

    given_back = brought_back(line, cuts)

    assert min(given_back) >= 0
    assert sum(given_back) == due_minor


def test_a_second_substitute_is_reckoned_from_what_was_ordered_not_from_the_first() -> None:
    """INV-17"""
    line = a_line(3, price_minor=1_000)

    first, less = substituted(line, PriceRule.LOWER, 2_400)
    second, more = substituted(first, PriceRule.LOWER, 2_700)
    third, back = substituted(second, PriceRule.AS_ORDERED, 0)

    assert (less, more, back) == (-600, 300, 300)
    assert [one.repriced for one in (first, second, third)] == [
        Repriced(3, 2_400),
        Repriced(3, 2_700),
        Repriced(3, 3_000),
    ]


def test_a_unit_cancelled_after_the_substitution_gives_back_its_new_price_and_before_it_the_old() -> None:
    """INV-17"""
    line, before = cancelled(a_line(3, price_minor=1_000), 1)
    line, less = substituted(line, PriceRule.LOWER, 1_500)
    line, after = cancelled(line, 1)

    assert (before, less, after) == (1_000, -500, 750)
    assert brought_back(line, []) == [750]
