"""Rounding as data (TAX-02): where tax is rounded, which way halves go, and what cash can pay.

Amounts are whole minor units, so the currency's exponent (0, 2 or 3) needs no rule here. Everything is exact
integer arithmetic on ratios; amounts are never negative.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import msgspec

from batuta.kernel.errors import Invalid


class RoundingLevel(StrEnum):
    """What the tax of is rounded once; the parts of it then share the rounded amount."""

    UNIT = "unit"
    LINE = "line"
    TAX_GROUP = "tax_group"
    DOCUMENT = "document"


class RoundingMode(StrEnum):
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


class RoundingRule(msgspec.Struct, frozen=True, kw_only=True):
    """code: as policies and lines store it. cash_step_minor: the smallest coin; 1 rounds nothing."""

    code: str
    level: RoundingLevel
    mode: RoundingMode
    cash_step_minor: int = 1


class UnknownRoundingRule(Invalid):
    """The code is not `level_mode` with an optional `_cash_step`."""


_CODE = re.compile(
    rf"(?P<level>{'|'.join(RoundingLevel)})_(?P<mode>{'|'.join(RoundingMode)})(?:_cash_(?P<step>[1-9]\d{{0,4}}))?",
    re.ASCII,
)


@lru_cache(maxsize=200)
def rounding_rule(code: str) -> RoundingRule:
    """Read a rule from its code: `line_half_up`, `document_half_even`, `line_half_up_cash_5`.

    Raises:
        UnknownRoundingRule: no such level, mode or step.
    """
    found = _CODE.fullmatch(code)
    if found is None:
        raise UnknownRoundingRule(
            "no such rounding rule", rounding_rule=code, levels=list(RoundingLevel), modes=list(RoundingMode)
        )
    return RoundingRule(
        code=code,
        level=RoundingLevel(found["level"]),
        mode=RoundingMode(found["mode"]),
        cash_step_minor=int(found["step"] or 1),
    )


def rounded(numerator: int, denominator: int, mode: RoundingMode) -> int:
    """Round the ratio of two non-negative numbers to a whole one."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and (mode is RoundingMode.HALF_UP or whole & 1)):
        return whole + 1
    return whole


def rounded_parts(numerators: Sequence[int], denominator: int, mode: RoundingMode) -> list[int]:
    """Round the sum of ratios once and share it: every part is its ratio rounded up or down.

    The sum of the parts is the rounded sum. Largest remainders are rounded up, earlier parts winning ties.
    """
    total = rounded(sum(numerators), denominator, mode)
    parts = [numerator // denominator for numerator in numerators]
    by_remainder = sorted(range(len(parts)), key=lambda i: numerators[i] % denominator, reverse=True)
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share_of_units(amount_minor: int, quantity: int, *, before: int, units: int) -> int:
    """The share of a line's amount that falls on `units` of its units, after `before` others had theirs.

    Whatever the order and size of the steps, the shares of all units add up to the amount: ten units of 179.25
    are refunded as 179.25, one by one or together, never as 179.26 (TAX-01, RET-04).

    Raises:
        Invalid: the line does not have that many units.
    """
    if not 0 <= before <= before + units <= quantity:
        raise Invalid("the line has fewer units", quantity=quantity, before=before, units=units)
    return amount_minor * (before + units) // quantity - amount_minor * before // quantity


def cash_rounding(gross_minor: int, rule: RoundingRule) -> int:
    """What is added to (or, negative, taken from) a total so that coins can pay it."""
    step = rule.cash_step_minor
    return rounded(gross_minor, step, rule.mode) * step - gross_minor
