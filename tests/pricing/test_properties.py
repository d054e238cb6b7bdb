"""Laws of price, tax and rounding, for any amounts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from batuta.company.domain import TaxMode
from batuta.kernel.periods import Period
from batuta.pricing.domain import (
    Charge,
    ChargePart,
    Item,
    NoSuchPrice,
    PeriodsOverlap,
    Price,
    Priced,
    PricedCharge,
    PricedLine,
    PriceHasBegun,
    RoundingLevel,
    RoundingMode,
    RoundingRule,
    Tax,
    cash_rounding,
    fit_all,
    price,
    rounded,
    rounded_parts,
    rounding_rule,
    share_of_units,
    take_back,
)
from tests.making import NOW, fresh_id

LINE_ID = fresh_id()
HALF = Fraction(1, 2)
DAY = timedelta(days=1)
Part = PricedLine | PricedCharge | ChargePart

taxes = st.builds(
    Tax,
    category=st.just("standard"),
    rate_bp=st.sampled_from([0, 260, 400, 700, 1000, 1075, 2000, 2100, 100_000]),
    jurisdiction=st.sampled_from(["ES", "US-NY"]),
)
amounts = st.integers(0, 10**9)


@st.composite
def items_of(draw: st.DrawFn) -> Item:
    quantity, unit_price_minor = draw(st.integers(1, 1_000)), draw(amounts)
    return Item(
        line_id=LINE_ID,
        quantity=quantity,
        unit_price_minor=unit_price_minor,
        discount_minor=draw(st.integers(0, quantity * unit_price_minor)),
        tax=draw(taxes),
    )


class Document(NamedTuple):
    items: list[Item]
    charges: list[Charge]
    rule: RoundingRule
    mode: TaxMode

    def price(self) -> Priced:
        return price(self.items, self.charges, rule=self.rule, mode=self.mode)

    def given_of(self, one: Part) -> int:
        return one.gross_minor if self.mode is TaxMode.INCLUSIVE else one.net_minor

    def exact_tax(self, one: PricedLine | ChargePart) -> Fraction:
        whole = 10_000 + one.tax_rate_bp if self.mode is TaxMode.INCLUSIVE else 10_000
        return Fraction(self.given_of(one) * one.tax_rate_bp, whole)


documents = st.builds(
    Document,
    st.lists(items_of(), min_size=1, max_size=12),
    st.lists(st.builds(Charge, amount_minor=amounts, tax=st.none() | taxes), max_size=3),
    st.builds(
        lambda level, mode: rounding_rule(f"{level}_{mode}"),
        st.sampled_from(RoundingLevel),
        st.sampled_from(RoundingMode),
    ),
    st.sampled_from(TaxMode),
)


@given(documents)
def test_the_parts_add_up_to_the_totals(document: Document) -> None:
    """TAX-02, I-19, I-25: net + tax = gross on every line, charge and document, and nothing is lost between."""
    priced = document.price()

    everything: list[Part | Priced] = [priced, *priced.lines, *priced.charges, *_charge_parts(priced)]
    for one in everything:
        assert one.net_minor + one.tax_minor == one.gross_minor
        assert min(one.net_minor, one.tax_minor) >= 0
    assert _sums([*priced.lines, *priced.charges]) == _sums([priced])
    for charge in priced.charges:
        assert _sums(charge.parts) == _sums([charge])


@given(documents)
def test_the_given_side_of_a_price_is_never_touched(document: Document) -> None:
    """TAX-03: what was listed is what is charged, gross where tax is included and net where it is not."""
    priced = document.price()

    for item, line in zip(document.items, priced.lines, strict=True):
        assert document.given_of(line) == item.unit_price_minor * item.quantity - item.discount_minor
    for charge, priced_charge in zip(document.charges, priced.charges, strict=True):
        assert document.given_of(priced_charge) == charge.amount_minor


@given(documents)
def test_no_tax_is_further_from_exact_than_its_rule_allows(document: Document) -> None:
    """TAX-02: half a unit for each thing that is rounded; less than one for a share of what was rounded."""
    priced = document.price()
    level = document.rule.level
    exact_by_group: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    by_group: dict[tuple[str, int], int] = defaultdict(int)

    parts: list[PricedLine | ChargePart] = [*priced.lines, *_charge_parts(priced)]
    for part in parts:
        exact = document.exact_tax(part)
        exact_by_group[part.jurisdiction, part.tax_rate_bp] += exact
        by_group[part.jurisdiction, part.tax_rate_bp] += part.tax_minor
        if level is RoundingLevel.LINE:
            assert abs(part.tax_minor - exact) <= HALF
        elif level is RoundingLevel.UNIT:
            assert abs(part.tax_minor - exact) <= HALF * (part.quantity if isinstance(part, PricedLine) else 1)
        else:
            assert abs(part.tax_minor - exact) < 1

    if level is RoundingLevel.TAX_GROUP:
        assert all(abs(by_group[group] - exact_by_group[group]) <= HALF for group in by_group)
    if level is RoundingLevel.DOCUMENT:
        assert abs(priced.tax_minor - sum(exact_by_group.values(), Fraction(0))) <= HALF


def _charge_parts(priced: Priced) -> list[ChargePart]:
    return [part for charge in priced.charges for part in charge.parts]


def _sums(parts: Sequence[Part | Priced]) -> tuple[int, int, int]:
    return (
        sum(one.net_minor for one in parts),
        sum(one.tax_minor for one in parts),
        sum(one.gross_minor for one in parts),
    )


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.sampled_from(RoundingMode))
def test_rounding_is_that_of_exact_fractions(numerator: int, denominator: int, mode: RoundingMode) -> None:
    exact = Fraction(numerator, denominator)
    half_up = int(exact + Fraction(1, 2))

    assert rounded(numerator, denominator, mode) == (half_up if mode is RoundingMode.HALF_UP else round(exact))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30), st.integers(1, 10**5), st.sampled_from(RoundingMode))
def test_rounded_parts_lose_nothing_and_each_is_its_ratio_up_or_down(
    numerators: list[int], denominator: int, mode: RoundingMode
) -> None:
    """TAX-02."""
    parts = rounded_parts(numerators, denominator, mode)

    assert sum(parts) == rounded(sum(numerators), denominator, mode)
    for part, numerator in zip(parts, numerators, strict=True):
        assert abs(part - Fraction(numerator, denominator)) < 1


@given(st.integers(0, 10**12), st.integers(1, 200), st.data())
def test_shares_of_units_add_up_in_whatever_steps_they_are_taken(
    amount_minor: int, quantity: int, data: st.DataObject
) -> None:
    """TAX-01, golden test 3: refunds in any steps give back the line, to the last unit."""
    cuts = data.draw(st.lists(st.integers(0, quantity)))
    steps = list(pairwise(sorted({0, quantity, *cuts})))

    shares = [share_of_units(amount_minor, quantity, before=begin, units=end - begin) for begin, end in steps]

    assert sum(shares) == amount_minor
    for share, (begin, end) in zip(shares, steps, strict=True):
        assert abs(share - Fraction(amount_minor * (end - begin), quantity)) < 1


@given(st.integers(0, 10**12), st.sampled_from([1, 5, 10, 50, 100]), st.sampled_from(RoundingMode))
def test_coins_can_pay_what_cash_is_rounded_to(gross_minor: int, step: int, mode: RoundingMode) -> None:
    """TAX-02."""
    added = cash_rounding(gross_minor, rounding_rule(f"line_{mode}_cash_{step}"))

    assert (gross_minor + added) % step == 0
    assert 2 * abs(added) <= step


@st.composite
def prices_of(draw: st.DrawFn) -> Price:
    begin = draw(st.integers(-5, 5))
    length = draw(st.none() | st.integers(1, 4))
    return Price(
        price_list_id=LINE_ID,
        sku_id=LINE_ID,
        amount_minor=draw(st.integers(1, 3)),
        valid=Period(NOW + begin * DAY, None if length is None else NOW + (begin + length) * DAY),
    )


@given(st.lists(prices_of(), max_size=12))
def test_whatever_is_set_no_two_prices_hold_at_once_and_what_has_begun_keeps_its_amount(news: list[Price]) -> None:
    stored: dict[datetime, Price] = {}
    for new in news:
        before = dict(stored)
        (answer,), rows = fit_all(list(stored.values()), [new], now=NOW)
        stored |= {one.valid.from_at: one for one in rows}

        assert not any(one.valid.overlaps(other.valid) for one, other in combinations(stored.values(), 2))
        for from_at, one in before.items():
            assert from_at >= NOW or stored[from_at].amount_minor == one.amount_minor
        if isinstance(answer, PeriodsOverlap):
            assert stored == before
        else:
            assert stored[new.valid.from_at] == answer
            assert answer.amount_minor == new.amount_minor
        assert fit_all(list(stored.values()), [new], now=NOW)[1] == []


@given(st.lists(prices_of(), max_size=8), st.integers(-5, 5))
def test_what_is_taken_back_leaves_no_gap_and_no_two_prices_at_once(news: list[Price], begin: int) -> None:
    _, present = fit_all([], news, now=NOW)
    from_at = NOW + begin * DAY

    try:
        stays = take_back(present, from_at, now=NOW)
    except NoSuchPrice:
        assert from_at not in {one.valid.from_at for one in present}
    except PriceHasBegun:
        assert from_at < NOW
    else:
        assert from_at not in {one.valid.from_at for one in stays}
        assert not any(one.valid.overlaps(other.valid) for one, other in combinations(stays, 2))
        (gone,) = [one for one in present if one.valid.from_at == from_at]
        follows = any(one.valid.until_at == from_at for one in present)
        for day in range(-6, 10):
            at = NOW + day * DAY
            held, holds = [{one.amount_minor for one in some if one.valid.covers(at)} for some in (present, stays)]
            assert holds >= held or gone.valid.covers(at)
            assert holds or not held or not follows
