"""Rates, numbers and the meaning of reports, without any database."""

from datetime import timedelta

import pytest

from batuta.kernel import gs1
from batuta.kernel.errors import Invalid
from batuta.shipping.domain import (
    BadRateCard,
    NotServed,
    ParcelStatus,
    Rate,
    RateCard,
    Rated,
    RateRequest,
    Report,
    ServiceKind,
    Tariff,
    Tariffs,
    TrackingStatus,
    Transit,
    ZoneRule,
    bare_postal_code,
    check_rate_card,
    normalise,
    outlook,
    sscc_of,
    tracking_number,
)
from tests.making import NOW, fresh_id
from tests.shipping.making import a_card, a_carrier, a_service


def a_request(
    destination: str,
    *,
    origin: str = "28014",
    country: str = "ES",
    weight_g: int = 900,
    length_mm: int = 0,
    kind: ServiceKind | None = None,
) -> RateRequest:
    return RateRequest(
        id=fresh_id(),
        origin_country="ES",
        origin_postal_code=origin,
        destination_country=country,
        destination_postal_code=destination,
        weight_g=weight_g,
        length_mm=length_mm,
        service_kind=kind,
    )


def standard_only() -> Tariffs:
    carrier = a_carrier()
    service = a_service(carrier)
    return Tariffs([Tariff(service, carrier, a_card(service))])


def zone_of(answer: list[Rated] | NotServed) -> str:
    assert isinstance(answer, list)
    return answer[0].zone


@pytest.mark.parametrize(
    ("origin", "destination", "zone"),
    [
        ("28014", "41001", "peninsula"),
        ("28014", "07001", "islands"),
        ("28014", "35001", "islands"),
        ("28014", "28933", "city"),
        ("08001", "28933", "peninsula"),
        ("28014", "", "peninsula"),
    ],
)
def test_the_longest_prefixes_name_the_zone(origin: str, destination: str, zone: str) -> None:
    assert zone_of(standard_only().rate(a_request(destination, origin=origin))) == zone


@pytest.mark.parametrize(("weight_g", "price_minor"), [(1, 460), (1_000, 460), (1_001, 500), (30_000, 750)])
def test_a_weight_step_holds_up_to_and_with_its_weight(weight_g: int, price_minor: int) -> None:
    answer = standard_only().rate(a_request("41001", weight_g=weight_g))

    assert isinstance(answer, list)
    assert [one.price_minor for one in answer] == [price_minor]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (a_request("41001", weight_g=30_001), "too_heavy"),
        (a_request("41001", length_mm=1_501), "too_long"),
        (a_request("1000-001", country="PT"), "no_zone"),
    ],
)
def test_what_no_service_takes_is_refused_with_each_service_s_reason(request_: RateRequest, why: str) -> None:
    answer = standard_only().rate(request_)

    assert isinstance(answer, NotServed)
    assert list(answer.facts["services"].values()) == [why]  # type: ignore[attr-defined]


def test_a_kind_that_nobody_sells_is_not_served() -> None:
    assert isinstance(standard_only().rate(a_request("41001", kind=ServiceKind.EXPRESS)), NotServed)


def test_of_two_services_the_cheaper_comes_first() -> None:
    carrier = a_carrier()
    dear, cheap = a_service(carrier, kind=ServiceKind.EXPRESS), a_service(carrier)
    low = a_card(cheap)
    high = RateCard(
        service_id=dear.id,
        zones=low.zones,
        rates=[Rate(zone=one.zone, weight_up_to_g=one.weight_up_to_g, price_minor=9_000) for one in low.rates],
        transits=low.transits,
    )

    answer = Tariffs([Tariff(dear, carrier, high), Tariff(cheap, carrier, low)]).rate(a_request("41001"))

    assert isinstance(answer, list)
    assert [one.service_id for one in answer] == [cheap.id, dear.id]


def test_postal_codes_are_compared_without_separators() -> None:
    assert [bare_postal_code(text) for text in ("01310-100", "sw1a 1aa", "28014", "٢٨")] == [
        "01310100",
        "SW1A1AA",
        "28014",
        "",
    ]


def test_a_rate_card_that_leaves_a_zone_out_or_says_a_thing_twice_is_refused() -> None:
    rule = ZoneRule(origin_country="ES", destination_country="ES", zone="a")
    card = RateCard(
        service_id=fresh_id(),
        zones=[rule, rule, ZoneRule(origin_country="ES", destination_country="PT", zone="b")],
        rates=[Rate(zone="a", weight_up_to_g=1, price_minor=1)],
        transits=[Transit(zone="a", days_min=3, days_max=2)],
    )

    with pytest.raises(BadRateCard) as refused:
        check_rate_card(card)

    facts = refused.value.facts
    assert facts["zones_without_rate"] == ["b"]
    assert facts["zones_without_days"] == ["b"]
    assert facts["days_backwards"] == ["a"]
    assert facts["given_twice"] == ["ES  > ES "]


def test_numbers_carry_check_digits_and_never_repeat() -> None:
    carrier = a_carrier()
    numbers = [1, 2, 999_999_999, 1_000_000_000, 10_000_000_001]

    codes = [sscc_of(carrier, number) for number in numbers]
    tracked = [tracking_number(carrier, number) for number in numbers]

    assert codes[0] == "084123450000000010"
    assert codes[3].startswith("18412345")
    assert all(gs1.check_digit(code[:-1]) == int(code[-1]) for code in codes)
    assert len(set(codes[:4])) == 4
    assert tracked[0].startswith("SEU00000000001")
    assert len(set(tracked)) == len(numbers)
    assert {len(number) for number in tracked} == {15}


def test_an_sscc_does_not_fit_behind_a_prefix_that_is_too_long() -> None:
    with pytest.raises(Invalid):
        gs1.sscc("841234567890", 10_000)


@pytest.mark.parametrize(
    ("raw_code", "meaning"),
    [
        ("DLV", (TrackingStatus.DELIVERED, "signed")),
        ("delivered", (TrackingStatus.DELIVERED, "")),
        ("exception:customs", (TrackingStatus.EXCEPTION, "customs")),
        ("exception:gremlins", (TrackingStatus.UNKNOWN, "")),
        ("Q7", (TrackingStatus.UNKNOWN, "")),
    ],
)
def test_a_carrier_s_code_is_told_in_our_words(raw_code: str, meaning: tuple[TrackingStatus, str]) -> None:
    """SHP-02."""
    assert normalise(raw_code, {"DLV": (TrackingStatus.DELIVERED, "signed")}) == meaning


def reports(*statuses: str) -> list[Report]:
    return [
        Report(NOW + timedelta(hours=hour), TrackingStatus(status.partition(":")[0]), status.partition(":")[2])
        for hour, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "status", "code"),
    [
        ([], "manifested", ""),
        (["pre_transit"], "manifested", ""),
        (["unknown"], "manifested", ""),
        (["accepted"], "in_transit", ""),
        (["accepted", "out_for_delivery", "in_transit"], "out_for_delivery", ""),
        (["accepted", "exception:customs"], "exception", "customs"),
        (["exception:customs", "in_transit"], "in_transit", ""),
        (["out_for_delivery", "attempt_failed:recipient_absent"], "exception", "recipient_absent"),
        (["out_for_delivery", "attempt_failed", "in_transit"], "out_for_delivery", ""),
        (["accepted", "expired"], "exception", "expired"),
        (["accepted", "lost", "in_transit"], "lost", ""),
        (["lost", "delivered"], "delivered", ""),
        (["delivered", "in_transit", "exception:damaged"], "delivered", ""),
        (["delivered", "returning"], "returning", ""),
        (["delivered", "returning", "returned"], "returned", ""),
        (["in_transit", "returning", "delivered"], "returned", ""),
        (["cancelled"], "voided", ""),
        (["cancelled", "in_transit"], "in_transit", ""),
    ],
)
def test_a_parcel_s_status_is_the_highest_with_the_documented_exceptions(
    statuses: list[str], status: str, code: str
) -> None:
    """SHP-03."""
    seen = outlook(ParcelStatus.MANIFESTED, reports(*statuses))

    assert (seen.status, seen.exception_code) == (status, code)


def test_delivered_is_when_the_carrier_first_said_so() -> None:
    """SHP-05."""
    assert outlook(ParcelStatus.MANIFESTED, reports("in_transit", "delivered", "delivered")).delivered_at == (
        NOW + timedelta(hours=1)
    )


def test_a_delivery_to_the_sender_is_not_a_delivery() -> None:
    assert outlook(ParcelStatus.MANIFESTED, reports("in_transit", "returning", "delivered")).delivered_at is None


def test_the_carrier_s_last_word_is_kept_beside_our_status() -> None:
    """SHP-01: two fields."""
    seen = outlook(ParcelStatus.MANIFESTED, reports("delivered", "exception:damaged"))

    assert (seen.status, seen.carrier_status, seen.carrier_detail) == ("delivered", "exception", "damaged")
