"""Laws of money."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import Invalid
from batuta.kernel.money import (
    MixedCurrencies,
    Money,
    exponent_of,
    half_even,
    half_up,
    money_of,
    split_minor,
)

amounts = st.integers(min_value=-(10**15), max_value=10**15)
currencies = st.sampled_from(["EUR", "BRL", "JPY", "KWD"])
weights = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=50).filter(any)


@given(amount_minor=amounts, weights=weights)
def test_split_loses_nothing_and_is_fair(amount_minor: int, weights: list[int]) -> None:
    shares = split_minor(amount_minor, weights)

    assert sum(shares) == amount_minor
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * total - amount_minor * weight) < total, "no share is a whole unit from its exact part"


@given(amount_minor=st.integers(min_value=0, max_value=10**15), weights=weights)
def test_split_gives_nothing_to_who_weighs_nothing_and_as_much_to_equals(amount_minor: int, weights: list[int]) -> None:
    shares = split_minor(amount_minor, weights)

    for share, weight in zip(shares, weights, strict=True):
        assert share == 0 if weight == 0 else share >= 0
    by_weight: dict[int, list[int]] = {}
    for share, weight in zip(shares, weights, strict=True):
        by_weight.setdefault(weight, []).append(share)
    for equals in by_weight.values():
        assert max(equals) - min(equals) <= 1
        assert equals == sorted(equals, reverse=True), "earlier shares win ties"


@given(amount_minor=amounts, weights=weights)
def test_split_of_money_is_split_of_its_minor_units(amount_minor: int, weights: list[int]) -> None:
    assert Money(amount_minor, "EUR").split(weights) == [
        Money(share, "EUR") for share in split_minor(amount_minor, weights)
    ]


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1], [-1]])
def test_split_by_nothing_or_by_a_negative_weight_is_invalid(weights: list[int]) -> None:
    with pytest.raises(Invalid):
        split_minor(100, weights)


@given(first=amounts, second=amounts, currency=currencies)
def test_what_is_added_can_be_taken_away(first: int, second: int, currency: str) -> None:
    one, other = Money(first, currency), Money(second, currency)

    assert one + other - other == one
    assert one - other == one + -other
    assert (one < other) == (first < second)
    assert (one <= other) == (first <= second)


@given(amount_minor=amounts, times=st.integers(min_value=0, max_value=1_000))
def test_a_multiple_is_a_repeated_sum(amount_minor: int, times: int) -> None:
    one = Money(amount_minor, "EUR")

    assert one * times == sum([one] * times, Money(0, "EUR"))


def test_currencies_never_mix() -> None:
    euro, real = Money(100, "EUR"), Money(100, "BRL")

    for mix in (
        lambda: euro + real,
        lambda: euro - real,
        lambda: euro < real,
        lambda: euro <= real,
    ):
        with pytest.raises(MixedCurrencies) as refusal:
            mix()
        assert refusal.value.facts == {"expected": "EUR", "got": "BRL"}
    assert euro != real


@given(amount_minor=amounts, currency=currencies)
def test_an_amount_written_out_is_read_back_the_same(amount_minor: int, currency: str) -> None:
    money = Money(amount_minor, currency)
    text, written_currency = str(money).split()

    assert written_currency == currency
    assert money_of(text, currency) == money


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1999, "BRL"), "19.99 BRL"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(1999, "JPY"), "1999 JPY"),
        (Money(1999, "KWD"), "1.999 KWD"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text
    assert exponent_of(money.currency) == len(text.split(maxsplit=1)[0].partition(".")[2])


@pytest.mark.parametrize(
    ("text", "currency"),
    [("0.001", "EUR"), ("1.5", "JPY"), ("ten", "EUR"), ("", "EUR"), ("NaN", "EUR"), ("Infinity", "EUR")],
)
def test_an_amount_that_no_coin_can_pay_is_invalid(text: str, currency: str) -> None:
    with pytest.raises(Invalid):
        money_of(text, currency)


@given(whole=st.integers(min_value=-(10**12), max_value=10**12))
def test_halves_go_away_from_zero_or_to_the_even_neighbour(whole: int) -> None:
    half = Decimal(whole) + Decimal("0.5")

    assert half_up(half) == (whole + 1 if half > 0 else whole)
    assert half_even(half) % 2 == 0
    assert abs(half_even(half) - half) == Decimal("0.5")


@given(exact=st.decimals(min_value=-(10**12), max_value=10**12, places=4))
def test_both_roundings_are_never_further_than_half_a_unit(exact: Decimal) -> None:
    assert abs(half_up(exact) - exact) <= Decimal("0.5")
    assert abs(half_even(exact) - exact) <= Decimal("0.5")
    assert half_up(-exact) == -half_up(exact)
