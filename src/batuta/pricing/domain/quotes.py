"""From a request and the prices, rates and charges that may apply, to a quote or the reason there is none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.company.domain import TaxMode
from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.money import AMOUNT_MINOR_MAX, MixedCurrencies
from batuta.kernel.quantities import AmountMinor, Quantity
from batuta.pricing.domain.lists import Currency, ShippingCharge
from batuta.pricing.domain.rounding import rounding_rule
from batuta.pricing.domain.tax import Charge, Item, PricedCharge, PricedLine, Tax, price


class QuoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. given_unit_minor: a marketplace's own price, which no list overrules.

    currency: of the given amounts where the caller knows it; another one than the quote's is refused.
    """

    line_id: UUID
    sku_id: UUID
    tax_category: str
    quantity: Quantity
    given_unit_minor: AmountMinor | None = None
    discount_minor: AmountMinor = 0
    currency: Currency | None = None


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One order, cart or edit to price as of `at`, taxed where it goes.

    service_kind: which shipping charge applies; None ships nothing. given_shipping_minor: a marketplace's own
    charge, taxed as ours would be, or in proportion to the goods where we have none. window_minor: what the window of
    delivery costs that was chosen, on top of the charge and taxed with it.
    """

    id: UUID
    channel_id: UUID
    currency: Currency
    tax_mode: TaxMode
    country: str
    lines: Sequence[QuoteLine]
    at: datetime
    region: str = ""
    rounding_rule: str = "line_half_up"
    service_kind: str | None = None
    given_shipping_minor: AmountMinor | None = None
    window_minor: AmountMinor = 0


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Every amount of an order; lines as asked, shipping all zero where there is none.

    cash_rounding_minor: on top of gross_minor, for who pays with coins.
    """

    id: UUID
    currency: str
    lines: tuple[PricedLine, ...]
    shipping: PricedCharge
    net_minor: int
    tax_minor: int
    gross_minor: int
    cash_rounding_minor: int


class NoPrice(Refused):
    """No price list of the channel and currency has the SKU at that time; `sku_ids` are all that lack one."""


class NoTaxRate(Refused):
    """Nobody has said what tax the category bears there and then; nothing is sold untaxed by accident."""


class NoShippingCharge(Refused):
    """The channel has no charge for the service, or none for goods of this amount."""


class BadQuote(Invalid):
    """The request contradicts itself."""


class ListedPrice(msgspec.Struct, frozen=True):
    amount_minor: int
    from_at: datetime
    until_at: datetime | None


class ListedRate(msgspec.Struct, frozen=True):
    rate_bp: int
    from_at: datetime
    until_at: datetime | None


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """What may apply to a batch of requests, as `queries.quote` has read it.

    prices: by (channel, currency, SKU), the greatest priority first. rates: by (country, region, category).
    charges: by (channel, service, currency), the least amount of goods first.
    """

    prices: Mapping[tuple[UUID, str, UUID], Sequence[ListedPrice]]
    rates: Mapping[tuple[str, str, str], Sequence[ListedRate]]
    charges: Mapping[tuple[UUID, str, str], Sequence[ShippingCharge]]


def quote_one(request: QuoteRequest, tariff: Tariff) -> Quote | Refused | Invalid:
    """Price one request; a refusal or a mistake is the answer, not an accident."""
    try:
        _check(request)
        items = _items(request, tariff)
        shipping = _shipping(request, tariff, _goods(items))
        priced = price(items, shipping, rule=rounding_rule(request.rounding_rule), mode=request.tax_mode)
    except (Refused, Invalid) as answer:
        return answer
    return Quote(
        id=request.id,
        currency=request.currency,
        lines=priced.lines,
        shipping=priced.charges[0] if priced.charges else _nothing_shipped(request),
        net_minor=priced.net_minor,
        tax_minor=priced.tax_minor,
        gross_minor=priced.gross_minor,
        cash_rounding_minor=priced.cash_rounding_minor,
    )


def _check(request: QuoteRequest) -> None:
    if not request.lines:
        raise BadQuote("nothing to price", id=str(request.id))
    if len({line.line_id for line in request.lines}) < len(request.lines):
        raise BadQuote("two lines have one id", id=str(request.id))
    if request.given_shipping_minor is not None and not 0 <= request.given_shipping_minor <= AMOUNT_MINOR_MAX:
        raise BadQuote("shipping costs nothing or something", given_shipping_minor=request.given_shipping_minor)
    if not 0 <= request.window_minor <= AMOUNT_MINOR_MAX:
        raise BadQuote("a window costs nothing or something", window_minor=request.window_minor)
    for line in request.lines:
        if line.quantity < 1:
            raise BadQuote("a line asks for at least one unit", line_id=str(line.line_id), quantity=line.quantity)
        if line.currency is not None and line.currency != request.currency:
            raise MixedCurrencies(
                "one quote has one currency",
                line_id=str(line.line_id),
                expected=request.currency,
                got=line.currency,
            )


def _items(request: QuoteRequest, tariff: Tariff) -> list[Item]:
    taxed = {category: _tax(request, category, tariff) for category in {line.tax_category for line in request.lines}}
    items = []
    missing = []
    for line in request.lines:
        unit_minor = line.given_unit_minor
        if unit_minor is None:
            unit_minor = _listed(request, line.sku_id, tariff)
        if unit_minor is None:
            missing.append(line.sku_id)
            continue
        item = Item(
            line_id=line.line_id,
            quantity=line.quantity,
            unit_price_minor=unit_minor,
            tax=taxed[line.tax_category],
            discount_minor=line.discount_minor,
        )
        _check_amount(item)
        items.append(item)
    if missing:
        raise NoPrice(
            "no price list of this channel and currency has these SKUs now",
            sku_ids=sorted({str(sku_id) for sku_id in missing}),
            channel_id=str(request.channel_id),
            currency=request.currency,
            at=request.at.isoformat(),
        )
    return items


def _listed(request: QuoteRequest, sku_id: UUID, tariff: Tariff) -> int | None:
    at = request.at
    for listed in tariff.prices.get((request.channel_id, request.currency, sku_id), ()):
        if listed.from_at <= at and (listed.until_at is None or at < listed.until_at):
            return listed.amount_minor
    return None


def _tax(request: QuoteRequest, category: str, tariff: Tariff) -> Tax:
    at = request.at
    for region in (request.region, "") if request.region else ("",):
        for listed in tariff.rates.get((request.country, region, category), ()):
            if listed.from_at <= at and (listed.until_at is None or at < listed.until_at):
                jurisdiction = f"{request.country}-{region}" if region else request.country
                return Tax(category=category, rate_bp=listed.rate_bp, jurisdiction=jurisdiction)
    raise NoTaxRate(
        "no tax rate for this category there",
        tax_category=category,
        country=request.country,
        region=request.region,
        at=at.isoformat(),
    )


def _check_amount(item: Item) -> None:
    full_minor = item.unit_price_minor * item.quantity
    if full_minor > AMOUNT_MINOR_MAX:
        raise BadQuote("a line costs more than any line may", line_id=str(item.line_id), amount_minor=full_minor)
    if not 0 <= item.discount_minor <= full_minor:
        raise BadQuote(
            "a discount is at most what the line costs",
            line_id=str(item.line_id),
            amount_minor=full_minor,
            discount_minor=item.discount_minor,
        )


def _goods(items: Sequence[Item]) -> int:
    goods_minor = sum(item.unit_price_minor * item.quantity - item.discount_minor for item in items)
    if goods_minor > AMOUNT_MINOR_MAX:
        raise BadQuote("an order costs more than any order may", amount_minor=goods_minor)
    return goods_minor


def _shipping(request: QuoteRequest, tariff: Tariff, goods_minor: int) -> list[Charge]:
    given_minor = request.given_shipping_minor
    if request.service_kind is None:
        alone_minor = (given_minor or 0) + request.window_minor
        return [Charge(amount_minor=alone_minor)] if alone_minor or given_minor is not None else []

    tiers = tariff.charges.get((request.channel_id, request.service_kind, request.currency), ())
    ours = next((tier for tier in tiers if _reaches(tier, goods_minor)), None)
    if ours is None:
        if given_minor is not None:
            return [Charge(amount_minor=given_minor + request.window_minor)]
        raise NoShippingCharge(
            "this channel has no charge for shipping these goods so",
            service_kind=request.service_kind,
            channel_id=str(request.channel_id),
            currency=request.currency,
            goods_minor=goods_minor,
        )
    return [
        Charge(
            amount_minor=(ours.charge_minor if given_minor is None else given_minor) + request.window_minor,
            tax=None if ours.tax_category is None else _tax(request, ours.tax_category, tariff),
        )
    ]


def _reaches(tier: ShippingCharge, goods_minor: int) -> bool:
    return tier.up_to_amount_minor is None or goods_minor <= tier.up_to_amount_minor


def _nothing_shipped(request: QuoteRequest) -> PricedCharge:
    return PricedCharge(
        net_minor=0,
        tax_minor=0,
        gross_minor=0,
        tax_rate_bp=0,
        parts=(),
        is_tax_included=request.tax_mode is TaxMode.INCLUSIVE,
        rounding_rule=request.rounding_rule,
    )
