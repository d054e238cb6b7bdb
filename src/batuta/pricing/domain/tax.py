"""Taxing lines and charges: one amount is given, tax is rounded by the rule, the other amount follows."""

from collections import defaultdict
from collections.abc import Sequence
from math import lcm
from uuid import UUID

import msgspec

from batuta.company.domain import TaxMode
from batuta.kernel.money import split_minor
from batuta.pricing.domain.rounding import RoundingLevel, RoundingRule, cash_rounding, rounded, rounded_parts

ENGINE = "batuta/1"
"""Stored with every priced line; another way of calculating gets another number (TAX-01)."""

WHOLE_BP = 10_000


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """rate_bp: 2100 is 21 %. jurisdiction: who levies it, `ES` or `US-NY`."""

    category: str
    rate_bp: int
    jurisdiction: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Units to be taxed. discount_minor: off the whole line, not off a unit, and never more than the line."""

    line_id: UUID
    quantity: int
    unit_price_minor: int
    tax: Tax
    discount_minor: int = 0


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Shipping or a fee. tax: None shares it over the goods' taxes in proportion to their amounts (TAX-04)."""

    amount_minor: int
    tax: Tax | None = None


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored with an order line (TAX-01); net + tax = gross, of all units after the discount.

    unit_net_minor, unit_gross_minor: of one unit before the discount, rounded alone, to be shown.
    discount_minor: as given, in the terms of the listed price.
    """

    line_id: UUID
    quantity: int
    unit_price_minor: int
    unit_net_minor: int
    unit_gross_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_category: str
    tax_rate_bp: int
    jurisdiction: str
    is_tax_included: bool
    rounding_rule: str
    engine: str = ENGINE


class ChargePart(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a charge that is taxed at one rate."""

    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_category: str
    tax_rate_bp: int
    jurisdiction: str


class PricedCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A charge with its tax. tax_rate_bp: of the only part, or what all parts come to together."""

    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_rate_bp: int
    parts: tuple[ChargePart, ...]
    is_tax_included: bool
    rounding_rule: str
    engine: str = ENGINE


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """Lines and charges in the order given, and their sums; cash_rounding_minor comes on top of gross."""

    lines: tuple[PricedLine, ...]
    charges: tuple[PricedCharge, ...]
    net_minor: int
    tax_minor: int
    gross_minor: int
    cash_rounding_minor: int


class _Part(msgspec.Struct, frozen=True):
    """An amount at one rate: of a line, or the part of a charge."""

    amount_minor: int
    quantity: int
    tax: Tax


def price(items: Sequence[Item], charges: Sequence[Charge], *, rule: RoundingRule, mode: TaxMode) -> Priced:
    """Tax all lines and charges of one document so that the parts add up to the totals."""
    goods = [
        _Part(item.unit_price_minor * item.quantity - item.discount_minor, item.quantity, item.tax) for item in items
    ]
    shares = [_shared(charge, goods) for charge in charges]
    parts = goods + [part for share in shares for part in share]
    taxes = _taxes(parts, rule, mode)

    lines = [
        _line(item, part, tax, rule, mode) for item, part, tax in zip(items, goods, taxes[: len(goods)], strict=True)
    ]
    priced_charges = []
    begin = len(goods)
    for share in shares:
        priced_charges.append(_charge(share, taxes[begin : begin + len(share)], rule, mode))
        begin += len(share)
    return _priced(lines, priced_charges, rule)


def _shared(charge: Charge, goods: Sequence[_Part]) -> list[_Part]:
    """The parts of a charge by rate; goods that are all free share it equally by rate."""
    if charge.tax is not None:
        return [_Part(charge.amount_minor, 1, charge.tax)]

    amounts: dict[Tax, int] = defaultdict(int)
    for part in goods:
        amounts[part.tax] += part.amount_minor
    weights = list(amounts.values()) if any(amounts.values()) else [1] * len(amounts)
    split = split_minor(charge.amount_minor, weights)
    return [_Part(amount_minor, 1, tax) for amount_minor, tax in zip(split, amounts, strict=True)]


def _taxes(parts: Sequence[_Part], rule: RoundingRule, mode: TaxMode) -> list[int]:
    """The tax of each part. Inclusive: what is inside of the amount; exclusive: what comes on top of it."""
    numerators = [part.amount_minor * part.tax.rate_bp for part in parts]
    if mode is TaxMode.INCLUSIVE:
        denominators = [WHOLE_BP + part.tax.rate_bp for part in parts]
    else:
        denominators = [WHOLE_BP] * len(parts)

    match rule.level:
        case RoundingLevel.LINE:
            return [rounded(n, d, rule.mode) for n, d in zip(numerators, denominators, strict=True)]
        case RoundingLevel.UNIT:
            return [_tax_by_unit(part, d, rule) for part, d in zip(parts, denominators, strict=True)]
        case RoundingLevel.TAX_GROUP:
            return _taxes_by_group(parts, numerators, denominators, rule)
        case RoundingLevel.DOCUMENT:
            common = lcm(*denominators)
            scaled = [n * (common // d) for n, d in zip(numerators, denominators, strict=True)]
            return rounded_parts(scaled, common, rule.mode)


def _tax_by_unit(part: _Part, denominator: int, rule: RoundingRule) -> int:
    """The sum of the rounded taxes of the units; a discount that does not divide makes some of them one dearer."""
    each_minor, dearer = divmod(part.amount_minor, part.quantity)
    rate_bp = part.tax.rate_bp
    return (part.quantity - dearer) * rounded(each_minor * rate_bp, denominator, rule.mode) + dearer * rounded(
        (each_minor + 1) * rate_bp, denominator, rule.mode
    )


def _taxes_by_group(
    parts: Sequence[_Part], numerators: Sequence[int], denominators: Sequence[int], rule: RoundingRule
) -> list[int]:
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, part in enumerate(parts):
        groups[part.tax.jurisdiction, part.tax.rate_bp].append(i)
    taxes = [0] * len(parts)
    for members in groups.values():
        shares = rounded_parts([numerators[i] for i in members], denominators[members[0]], rule.mode)
        for i, share in zip(members, shares, strict=True):
            taxes[i] = share
    return taxes


def _line(item: Item, part: _Part, tax_minor: int, rule: RoundingRule, mode: TaxMode) -> PricedLine:
    tax = item.tax
    is_included = mode is TaxMode.INCLUSIVE
    whole = WHOLE_BP + tax.rate_bp if is_included else WHOLE_BP
    unit_minor = item.unit_price_minor
    unit_tax_minor = rounded(unit_minor * tax.rate_bp, whole, rule.mode)
    return PricedLine(
        line_id=item.line_id,
        quantity=item.quantity,
        unit_price_minor=unit_minor,
        unit_net_minor=unit_minor - unit_tax_minor if is_included else unit_minor,
        unit_gross_minor=unit_minor if is_included else unit_minor + unit_tax_minor,
        discount_minor=item.discount_minor,
        net_minor=part.amount_minor - tax_minor if is_included else part.amount_minor,
        tax_minor=tax_minor,
        gross_minor=part.amount_minor if is_included else part.amount_minor + tax_minor,
        tax_category=tax.category,
        tax_rate_bp=tax.rate_bp,
        jurisdiction=tax.jurisdiction,
        is_tax_included=is_included,
        rounding_rule=rule.code,
    )


def _charge(share: Sequence[_Part], taxes: Sequence[int], rule: RoundingRule, mode: TaxMode) -> PricedCharge:
    is_included = mode is TaxMode.INCLUSIVE
    parts = tuple(
        ChargePart(
            net_minor=part.amount_minor - tax_minor if is_included else part.amount_minor,
            tax_minor=tax_minor,
            gross_minor=part.amount_minor if is_included else part.amount_minor + tax_minor,
            tax_category=part.tax.category,
            tax_rate_bp=part.tax.rate_bp,
            jurisdiction=part.tax.jurisdiction,
        )
        for part, tax_minor in zip(share, taxes, strict=True)
    )
    net_minor = sum(part.net_minor for part in parts)
    tax_minor = sum(taxes)
    together_bp = rounded(tax_minor * WHOLE_BP, net_minor, rule.mode) if net_minor else 0
    return PricedCharge(
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=net_minor + tax_minor,
        tax_rate_bp=parts[0].tax_rate_bp if len(parts) == 1 else together_bp,
        parts=parts,
        is_tax_included=is_included,
        rounding_rule=rule.code,
    )


def _priced(lines: Sequence[PricedLine], charges: Sequence[PricedCharge], rule: RoundingRule) -> Priced:
    net_minor = tax_minor = 0
    for line in lines:
        net_minor += line.net_minor
        tax_minor += line.tax_minor
    for charge in charges:
        net_minor += charge.net_minor
        tax_minor += charge.tax_minor
    return Priced(
        lines=tuple(lines),
        charges=tuple(charges),
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=net_minor + tax_minor,
        cash_rounding_minor=cash_rounding(net_minor + tax_minor, rule),
    )
