"""Money: whole minor units of one currency."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import msgspec

from batuta.kernel.errors import Invalid

# ISO 4217 exponents that are not 2.
EXPONENTS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)

AMOUNT_MINOR_MAX = 10**15


class MixedCurrencies(Invalid):
    """Amounts of two currencies met where only one makes sense."""


class Money(msgspec.Struct, frozen=True):
    """An amount that is never a float and never mixes currencies.

    amount_minor: count of the smallest unit by the ISO 4217 exponent; 1999 BRL is R$ 19.99.
    currency: ISO 4217 alphabetic code.
    """

    amount_minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.amount_minor * times, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other).amount_minor

    def __str__(self) -> str:
        exponent = exponent_of(self.currency)
        return f"{Decimal(self.amount_minor).scaleb(-exponent):.{exponent}f} {self.currency}"

    def split(self, weights: Sequence[int]) -> "list[Money]":
        """Share the amount in proportion to `weights`, losing no minor unit.

        Largest remainder method: floors first, then one unit each to the largest remainders,
        earlier shares winning ties. Used for order discounts over lines and refunds over items.

        Raises:
            Invalid: a weight is negative, or all are zero.
        """
        return [Money(share, self.currency) for share in split_minor(self.amount_minor, weights)]

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise MixedCurrencies(
                f"{self.currency} and {other.currency} cannot be added",
                expected=self.currency,
                got=other.currency,
            )
        return other


def split_minor(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """`Money.split` on bare minor units, for code that already knows the currency."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise Invalid("weights must be non-negative with a positive sum", weights=list(weights))

    floors = [amount_minor * weight // total for weight in weights]
    left = amount_minor - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda i: amount_minor * weights[i] % total, reverse=True)
    for i in by_remainder[:left]:
        floors[i] += 1
    return floors


def exponent_of(currency: str) -> int:
    """How many decimal digits the currency's major unit has."""
    return EXPONENTS.get(currency, 2)


def money_of(text: str | Decimal, currency: str) -> Money:
    """Read a decimal amount of major units, as outside files carry it.

    Raises:
        Invalid: not a number, or finer than the currency's minor unit.
    """
    try:
        minor = Decimal(text).scaleb(exponent_of(currency))
    except ArithmeticError:
        raise Invalid("an amount is a decimal number", got=str(text)) from None
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise Invalid("the amount is finer than the currency's smallest unit", got=str(text), currency=currency)
    return Money(int(minor), currency)


def half_up(exact: Decimal) -> int:
    """Round to the nearest whole number, halves away from zero."""
    return int(exact.to_integral_value(ROUND_HALF_UP))


def half_even(exact: Decimal) -> int:
    """Round to the nearest whole number, halves to the even neighbour."""
    return int(exact.to_integral_value(ROUND_HALF_EVEN))
