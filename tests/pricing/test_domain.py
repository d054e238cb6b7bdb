"""Rounding, tax, quotes and dated lists, by example."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.company.domain import TaxMode
from batuta.kernel.errors import Invalid
from batuta.kernel.money import MixedCurrencies
from batuta.kernel.periods import Period
from batuta.pricing.domain import (
    ENGINE,
    BadQuote,
    BadTariff,
    Charge,
    Item,
    ListedPrice,
    ListedRate,
    NoPrice,
    NoShippingCharge,
    NoTaxRate,
    PeriodsOverlap,
    Price,
    Quote,
    QuoteLine,
    QuoteRequest,
    RoundingLevel,
    RoundingMode,
    ShippingCharge,
    Tariff,
    Tax,
    TaxRate,
    UnknownRoundingRule,
    cash_rounding,
    fit,
    fit_all,
    in_tiers,
    price,
    quote_one,
    rounded,
    rounded_parts,
    rounding_rule,
    share_of_units,
)
from tests.making import NOW, fresh_id

DAY = timedelta(days=1)
CHANNEL_ID, SKU_ID = fresh_id(), fresh_id()


def tax(rate_bp: int, category: str = "standard", jurisdiction: str = "ES") -> Tax:
    return Tax(category=category, rate_bp=rate_bp, jurisdiction=jurisdiction)


def item(unit_price_minor: int, rate_bp: int, quantity: int = 1, discount_minor: int = 0) -> Item:
    return Item(
        line_id=fresh_id(),
        quantity=quantity,
        unit_price_minor=unit_price_minor,
        tax=tax(rate_bp),
        discount_minor=discount_minor,
    )


# Golden tests of requirements 1.6


def test_tax_of_10_75_percent_on_24_99_with_untaxed_shipping_is_charged_as_stored() -> None:
    """Golden test 1 (medusajs/medusa #14818, I-25), TAX-02, TAX-04."""
    shipping = Charge(amount_minor=644, tax=tax(0, "shipping", "US"))

    priced = price([item(2499, 1075)], [shipping], rule=rounding_rule("line_half_up"), mode=TaxMode.EXCLUSIVE)

    assert priced.tax_minor == 269
    assert priced.gross_minor == 3412
    assert priced.gross_minor == priced.lines[0].gross_minor + priced.charges[0].gross_minor


def test_a_document_of_164_02_net_at_2_6_percent_is_168_28_gross() -> None:
    """Golden test 2 (vendurehq/vendure #2662, I-25), TAX-02: one rounding for the document, shared by its lines."""
    nets = [3333, 4999, 8070]
    assert sum(nets) == 16402

    priced = price([item(net, 260) for net in nets], [], rule=rounding_rule("document_half_up"), mode=TaxMode.EXCLUSIVE)

    assert (priced.net_minor, priced.tax_minor, priced.gross_minor) == (16402, 426, 16828)
    assert sum(line.tax_minor for line in priced.lines) == 426


@pytest.mark.parametrize("steps", [[10], [1] * 10, [3, 3, 3, 1], [9, 1]])
def test_refunding_ten_units_of_a_discounted_line_gives_back_what_was_paid(steps: list[int]) -> None:
    """Golden test 3 (woocommerce/woocommerce #64668, I-25), TAX-01: 179.25 is paid and refunded, never 179.26."""
    discounted = item(2390, 2000, quantity=10, discount_minor=23900 * 25 // 100)
    (line,) = price([discounted], [], rule=rounding_rule("line_half_up"), mode=TaxMode.INCLUSIVE).lines
    assert line.gross_minor == 17925

    refunded = before = 0
    for units in steps:
        refunded += share_of_units(line.gross_minor, line.quantity, before=before, units=units)
        before += units

    assert refunded == 17925


# Rounding


@pytest.mark.parametrize(
    ("numerator", "half_up", "half_even"), [(0, 0, 0), (4, 0, 0), (5, 1, 0), (6, 1, 1), (15, 2, 2), (25, 3, 2)]
)
def test_halves_go_where_the_mode_says(numerator: int, half_up: int, half_even: int) -> None:
    """TAX-02."""
    assert rounded(numerator, 10, RoundingMode.HALF_UP) == half_up
    assert rounded(numerator, 10, RoundingMode.HALF_EVEN) == half_even


def test_largest_remainders_are_rounded_up_and_earlier_parts_win_ties() -> None:
    """TAX-02: 0.4 + 0.4 + 0.4 is 1.2, so one of the three is charged a unit."""
    assert rounded_parts([4, 4, 4], 10, RoundingMode.HALF_UP) == [1, 0, 0]
    assert rounded_parts([3, 9, 4], 10, RoundingMode.HALF_UP) == [0, 1, 1]


@pytest.mark.parametrize(
    ("code", "level", "mode", "step"),
    [
        ("line_half_up", RoundingLevel.LINE, RoundingMode.HALF_UP, 1),
        ("unit_half_even", RoundingLevel.UNIT, RoundingMode.HALF_EVEN, 1),
        ("tax_group_half_up", RoundingLevel.TAX_GROUP, RoundingMode.HALF_UP, 1),
        ("document_half_even_cash_5", RoundingLevel.DOCUMENT, RoundingMode.HALF_EVEN, 5),
    ],
)
def test_a_rounding_rule_is_read_from_its_code(code: str, level: RoundingLevel, mode: RoundingMode, step: int) -> None:
    """TAX-02: the rule is data."""
    rule = rounding_rule(code)

    assert (rule.code, rule.level, rule.mode, rule.cash_step_minor) == (code, level, mode, step)


@pytest.mark.parametrize(
    "code", ["", "line", "order_half_up", "line_half_up_cash_0", "line_half_up ", "line_half_up\n"]
)
def test_an_unknown_rounding_rule_is_refused_with_those_there_are(code: str) -> None:
    with pytest.raises(UnknownRoundingRule) as refusal:
        rounding_rule(code)
    assert refusal.value.facts["levels"] == ["unit", "line", "tax_group", "document"]


@pytest.mark.parametrize(("gross_minor", "added"), [(1000, 0), (1001, -1), (1002, -2), (1003, 2), (1004, 1), (1005, 0)])
def test_cash_is_rounded_to_the_smallest_coin(gross_minor: int, added: int) -> None:
    """TAX-02: five rappen are the smallest Swiss coin."""
    assert cash_rounding(gross_minor, rounding_rule("line_half_up_cash_5")) == added
    assert cash_rounding(gross_minor, rounding_rule("line_half_up")) == 0


def test_a_line_has_no_shares_of_units_it_does_not_have() -> None:
    with pytest.raises(Invalid):
        share_of_units(100, 3, before=2, units=2)


# Tax


def test_where_tax_is_included_gross_stays_and_net_follows() -> None:
    """TAX-03, TAX-01: 12.10 with 21 % inside."""
    (line,) = price([item(1210, 2100, 3)], [], rule=rounding_rule("line_half_up"), mode=TaxMode.INCLUSIVE).lines

    assert (line.unit_net_minor, line.unit_gross_minor) == (1000, 1210)
    assert (line.net_minor, line.tax_minor, line.gross_minor) == (3000, 630, 3630)
    assert line.is_tax_included
    assert (line.tax_category, line.tax_rate_bp, line.jurisdiction) == ("standard", 2100, "ES")
    assert (line.rounding_rule, line.engine) == ("line_half_up", ENGINE)


def test_where_tax_is_added_net_stays_and_gross_follows() -> None:
    """TAX-03, TAX-01."""
    (line,) = price([item(1000, 2100, 3)], [], rule=rounding_rule("line_half_up"), mode=TaxMode.EXCLUSIVE).lines

    assert (line.unit_net_minor, line.unit_gross_minor) == (1000, 1210)
    assert (line.net_minor, line.tax_minor, line.gross_minor) == (3000, 630, 3630)
    assert not line.is_tax_included


@pytest.mark.parametrize(
    ("code", "taxes"),
    [
        ("unit_half_up", [6, 6]),  # 1.5 a unit becomes 2, three times
        ("unit_half_even", [6, 6]),
        ("line_half_up", [5, 5]),  # 4.5 a line becomes 5
        ("line_half_even", [4, 4]),
        ("tax_group_half_up", [5, 4]),  # 9 exactly
        ("document_half_even", [5, 4]),
    ],
)
def test_each_level_rounds_where_it_says(code: str, taxes: list[int]) -> None:
    """TAX-02."""
    items = [item(15, 1000, 3), item(15, 1000, 3)]

    priced = price(items, [], rule=rounding_rule(code), mode=TaxMode.EXCLUSIVE)

    assert [line.tax_minor for line in priced.lines] == taxes


def test_tax_groups_of_two_rates_round_apart_and_a_document_rounds_once() -> None:
    """TAX-02: 0.5 at 10 % and 0.5 at 5 % are two halves, or one whole."""
    items = [item(5, 1000), item(10, 500)]

    def tax_by(code: str) -> int:
        return price(items, [], rule=rounding_rule(code), mode=TaxMode.EXCLUSIVE).tax_minor

    assert tax_by("tax_group_half_up") == 2
    assert tax_by("document_half_up") == 1


def test_a_charge_without_its_own_tax_is_taxed_as_the_goods_are() -> None:
    """TAX-04: three quarters of the goods at 21 %, one quarter at 4 %."""
    (charge,) = price(
        [item(3000, 2100), item(1000, 400)],
        [Charge(amount_minor=401)],
        rule=rounding_rule("line_half_up"),
        mode=TaxMode.EXCLUSIVE,
    ).charges

    assert [(part.net_minor, part.tax_rate_bp, part.tax_minor) for part in charge.parts] == [
        (301, 2100, 63),
        (100, 400, 4),
    ]
    assert (charge.net_minor, charge.tax_minor, charge.gross_minor) == (401, 67, 468)
    assert charge.tax_rate_bp == 1671


def test_a_charge_on_goods_that_cost_nothing_still_finds_its_tax() -> None:
    (charge,) = price(
        [item(0, 2100)], [Charge(amount_minor=500)], rule=rounding_rule("line_half_up"), mode=TaxMode.INCLUSIVE
    ).charges

    assert (charge.gross_minor, charge.tax_minor, charge.tax_rate_bp) == (500, 87, 2100)


# Quotes


def listed(amount_minor: int, from_at: datetime = NOW - DAY, until_at: datetime | None = None) -> ListedPrice:
    return ListedPrice(amount_minor, from_at, until_at)


def tariff(*prices: ListedPrice, charges: list[ShippingCharge] | None = None) -> Tariff:
    return Tariff(
        prices={(CHANNEL_ID, "EUR", SKU_ID): list(prices)},
        rates={
            ("ES", "", "standard"): [ListedRate(2100, NOW - DAY, NOW + DAY), ListedRate(2300, NOW + DAY, None)],
            ("ES", "", "books"): [ListedRate(400, NOW - DAY, None)],
            ("ES", "CN", "standard"): [ListedRate(700, NOW - DAY, None)],
            ("AD", "", "standard"): [ListedRate(0, NOW - DAY, None)],
        },
        charges={(CHANNEL_ID, "standard", "EUR"): charges or []},
    )


def line(given_unit_minor: int | None = None, quantity: int = 1, **more: object) -> QuoteLine:
    plain = QuoteLine(
        line_id=fresh_id(),
        sku_id=SKU_ID,
        tax_category="standard",
        quantity=quantity,
        given_unit_minor=given_unit_minor,
    )
    return msgspec.structs.replace(plain, **more)


def request(*lines: QuoteLine, **more: object) -> QuoteRequest:
    plain = QuoteRequest(
        id=fresh_id(),
        channel_id=CHANNEL_ID,
        currency="EUR",
        tax_mode=TaxMode.INCLUSIVE,
        country="ES",
        lines=lines,
        at=NOW,
    )
    return msgspec.structs.replace(plain, **more)


def quoted(asked: QuoteRequest, by: Tariff) -> Quote:
    answer = quote_one(asked, by)
    assert isinstance(answer, Quote), answer
    return answer


def test_the_list_of_the_greatest_priority_that_has_a_price_now_is_taken() -> None:
    over, sale, normal = listed(700, until_at=NOW), listed(900, until_at=NOW + DAY), listed(1000)

    assert quoted(request(line()), tariff(over, sale, normal)).gross_minor == 900
    assert quoted(request(line(), at=NOW + DAY), tariff(over, sale, normal)).gross_minor == 1000


def test_a_price_holds_from_its_first_instant_up_to_not_including_its_last() -> None:
    held = tariff(listed(900, NOW, NOW + DAY))

    assert quoted(request(line(), at=NOW), held).gross_minor == 900
    assert isinstance(quote_one(request(line(), at=NOW - DAY / 1000), held), NoPrice)
    assert isinstance(quote_one(request(line(), at=NOW + DAY), held), NoPrice)


def test_the_rate_of_that_day_is_taken() -> None:
    assert quoted(request(line(1000)), tariff()).lines[0].tax_rate_bp == 2100
    assert quoted(request(line(1000), at=NOW + DAY), tariff()).lines[0].tax_rate_bp == 2300


def test_a_regions_own_rate_goes_before_its_countrys() -> None:
    (canary,) = quoted(request(line(1000), region="CN"), tariff()).lines
    (madrid,) = quoted(request(line(1000), region="MD"), tariff()).lines

    assert (canary.tax_rate_bp, canary.jurisdiction) == (700, "ES-CN")
    assert (madrid.tax_rate_bp, madrid.jurisdiction) == (2100, "ES")


def test_no_tax_is_only_where_a_rate_says_so() -> None:
    assert quoted(request(line(1000), country="AD"), tariff()).tax_minor == 0

    refusal = quote_one(request(line(1000), country="FR"), tariff())

    assert isinstance(refusal, NoTaxRate)
    assert refusal.facts["country"] == "FR"
    assert refusal.facts["tax_category"] == "standard"


def test_a_marketplaces_own_price_and_shipping_overrule_ours() -> None:
    quote = quoted(request(line(1234), given_shipping_minor=500), tariff(listed(1000)))

    assert quote.lines[0].gross_minor == 1234
    assert (quote.shipping.gross_minor, quote.shipping.tax_rate_bp) == (500, 2100)
    assert quote.gross_minor == 1734


def test_a_chosen_window_costs_its_price_on_top_of_the_charge_and_is_taxed_with_it() -> None:
    """PRM-06"""
    charged = quoted(
        request(line(1000), service_kind="standard", window_minor=390), tariff(charges=[charge(495, None)])
    )
    free = quoted(request(line(1000), service_kind="standard", window_minor=390), tariff(charges=[charge(0, None)]))
    collected = quoted(request(line(1000), window_minor=390), tariff())

    assert (charged.shipping.gross_minor, charged.shipping.tax_rate_bp) == (885, 2100)
    assert free.shipping.gross_minor == collected.shipping.gross_minor == 390
    assert collected.gross_minor == 1390
    assert quoted(request(line(1000)), tariff()).shipping.gross_minor == 0
    assert isinstance(quote_one(request(line(1000), window_minor=-1), tariff()), BadQuote)


def test_all_skus_without_a_price_are_named_at_once() -> None:
    others = [line(sku_id=fresh_id()), line(sku_id=fresh_id())]

    refusal = quote_one(request(line(), *others), tariff(listed(1000)))

    assert isinstance(refusal, NoPrice)
    assert refusal.facts["sku_ids"] == sorted(str(one.sku_id) for one in others)


def charge(charge_minor: int, up_to: int | None, category: str | None = "standard") -> ShippingCharge:
    return ShippingCharge(
        channel_id=CHANNEL_ID,
        service_kind="standard",
        currency="EUR",
        up_to_amount_minor=up_to,
        charge_minor=charge_minor,
        tax_category=category,
    )


@pytest.mark.parametrize(("unit_minor", "asked_minor"), [(4999, 495), (5000, 495), (5001, 0)])
def test_shipping_costs_by_the_worth_of_the_goods(unit_minor: int, asked_minor: int) -> None:
    charges = [charge(495, 5000), charge(0, None)]

    quote = quoted(request(line(unit_minor), service_kind="standard"), tariff(charges=charges))

    assert quote.shipping.gross_minor == asked_minor


def test_a_discount_counts_before_shipping_is_free() -> None:
    charges = [charge(495, 5000), charge(0, None)]

    quote = quoted(request(line(5500, discount_minor=500), service_kind="standard"), tariff(charges=charges))

    assert quote.shipping.gross_minor == 495


def test_shipping_has_its_own_rate_or_that_of_the_goods() -> None:
    """TAX-04."""
    books = line(2000, tax_category="books")

    own = quoted(request(books, service_kind="standard"), tariff(charges=[charge(500, None)]))
    like_goods = quoted(request(books, service_kind="standard"), tariff(charges=[charge(500, None, None)]))

    assert own.shipping.tax_rate_bp == 2100
    assert like_goods.shipping.tax_rate_bp == 400


def test_a_service_without_a_charge_is_refused_not_given_away() -> None:
    assert isinstance(quote_one(request(line(1000), service_kind="courier"), tariff()), NoShippingCharge)
    up_to_ten = tariff(charges=[charge(495, 1000)])
    assert isinstance(quote_one(request(line(1001), service_kind="standard"), up_to_ten), NoShippingCharge)


def test_nothing_shipped_costs_nothing() -> None:
    quote = quoted(request(line(1000)), tariff())

    assert quote.shipping.gross_minor == 0
    assert quote.shipping.parts == ()
    assert quote.gross_minor == 1000


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([], BadQuote),
        ([line(1000, quantity=0)], BadQuote),
        ([line(1000, discount_minor=1001)], BadQuote),
        ([line(1000, discount_minor=-1)], BadQuote),
        ([line(10**15, quantity=2)], BadQuote),
        ([line(10**15), line(1)], BadQuote),
        ([line(-1)], BadQuote),
        ([line(1000, currency="USD")], MixedCurrencies),
        ([line(1000), line(1000, currency="GBP")], MixedCurrencies),
    ],
)
def test_a_request_that_contradicts_itself_is_invalid(lines: list[QuoteLine], kind: type[Invalid]) -> None:
    """ORD-05, TAX-07: also mixed currencies."""
    assert isinstance(quote_one(request(*lines), tariff()), kind)


@pytest.mark.parametrize("given_minor", [-1, 10**15 + 1])
def test_shipping_is_not_paid_by_us_nor_without_bounds(given_minor: int) -> None:
    assert isinstance(quote_one(request(line(1000), given_shipping_minor=given_minor), tariff()), BadQuote)


def test_two_lines_of_one_id_are_invalid() -> None:
    once = line(1000)

    assert isinstance(quote_one(request(once, once), tariff()), BadQuote)


def test_an_unknown_rounding_rule_is_the_answer_not_an_accident() -> None:
    assert isinstance(quote_one(request(line(1000), rounding_rule="by_feel"), tariff()), UnknownRoundingRule)


# Dated lists


LIST_ID: UUID = fresh_id()


def dated(amount_minor: int, from_at: datetime, until_at: datetime | None = None) -> Price:
    return Price(price_list_id=LIST_ID, sku_id=SKU_ID, amount_minor=amount_minor, valid=Period(from_at, until_at))


def test_a_new_price_closes_the_open_ended_one_before_it() -> None:
    assert fit([dated(900, NOW - DAY)], dated(800, NOW + DAY), now=NOW) == [
        dated(900, NOW - DAY, NOW + DAY),
        dated(800, NOW + DAY),
    ]


def test_the_same_price_again_changes_nothing_even_when_closed_since() -> None:
    answers, rows = fit_all([], [dated(900, NOW - DAY), dated(800, NOW)], now=NOW)
    assert answers == [dated(900, NOW - DAY), dated(800, NOW)]

    again, rewritten = fit_all(rows, [dated(900, NOW - DAY), dated(800, NOW)], now=NOW)

    assert again == [dated(900, NOW - DAY, NOW), dated(800, NOW)]
    assert rewritten == []


def test_a_price_that_has_not_begun_may_still_be_corrected() -> None:
    present = [dated(900, NOW - DAY, NOW + DAY), dated(800, NOW + DAY)]

    assert fit(present, dated(750, NOW + DAY), now=NOW) == [present[0], dated(750, NOW + DAY)]


@pytest.mark.parametrize(
    "new",
    [
        dated(800, NOW - DAY),  # has begun
        dated(800, NOW - 2 * DAY),  # would run into it
        dated(800, NOW + DAY, NOW + 3 * DAY),  # would run into the next
    ],
)
def test_two_prices_never_hold_at_once_and_what_has_begun_is_not_rewritten(new: Price) -> None:
    present = [dated(900, NOW - DAY, NOW + 2 * DAY), dated(950, NOW + 2 * DAY)]

    overlap = fit(present, new, now=NOW)

    assert isinstance(overlap, PeriodsOverlap)
    assert overlap.facts["wanted_from_at"] == new.valid.from_at.isoformat()


def test_rates_are_dated_as_prices_are() -> None:
    old = TaxRate(country="ES", tax_category="standard", rate_bp=1800, valid=Period(NOW - DAY))
    new = TaxRate(country="ES", tax_category="standard", rate_bp=2100, valid=Period(NOW))

    fitted = fit([old], new, now=NOW)

    assert fitted == [msgspec.structs.replace(old, valid=Period(NOW - DAY, NOW)), new]


def test_shipping_charges_are_put_in_the_order_of_their_bounds() -> None:
    assert [one.up_to_amount_minor for one in in_tiers([charge(0, None), charge(3, 100), charge(5, 0)])] == [
        0,
        100,
        None,
    ]
    with pytest.raises(BadTariff):
        in_tiers([charge(0, None), charge(1, None)])
