"""Addresses by the rules of their countries, and distances between them."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.addresses import Address, BadAddress, check_address, distance_m
from batuta.kernel.outcomes import each

GRAN_VIA = Address(
    name="Ana", street=["Gran Vía 28"], city="Madrid", region="Madrid", postal_code="28013", country="ES"
)


def changed(**parts: object) -> Address:
    return msgspec.structs.replace(GRAN_VIA, **parts)


def test_a_checked_address_is_written_as_its_country_writes_it() -> None:
    untidy = changed(street=["  Gran   Vía 28 ", "", " 3º  B"], city=" Madrid ", country="es", region="madrid")

    assert check_address(untidy) == changed(street=["Gran Vía 28", "3º B"], region="M")


@pytest.mark.parametrize(
    ("city", "postal_code", "region"),
    [
        ("Madrid", "28013", "M"),
        ("Palma", "07001", "PM"),
        ("Las Palmas de Gran Canaria", "35001", "GC"),
        ("Ceuta", "51001", "CE"),
        ("Melilla", "52001", "ML"),
        ("Donostia", "20001", "SS"),
    ],
)
def test_a_spanish_region_is_told_from_the_postal_code(city: str, postal_code: str, region: str) -> None:
    """Zones and tax rates follow the region: the Canaries, Ceuta and Melilla know no VAT."""
    assert check_address(changed(city=city, postal_code=postal_code, region="")).region == region


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ({"street": []}, {"street": "required"}),
        ({"street": [" "]}, {"street": "required"}),
        ({"street": list("abcde")}, {"street": "too_long"}),
        ({"street": ["a" * 201]}, {"street": "too_long"}),
        ({"name": "a" * 201}, {"name": "too_long"}),
        ({"name": "a\x00"}, {"name": "invalid"}),
        ({"street": ["a\x00"]}, {"street": "invalid"}),
        ({"phone": "1\x00"}, {"phone": "invalid"}),
        ({"city": ""}, {"city": "required"}),
        ({"postal_code": ""}, {"postal_code": "required"}),
        ({"postal_code": "2801"}, {"postal_code": "invalid"}),
        ({"postal_code": "08001"}, {"postal_code": "invalid"}),
        ({"region": "Bavaria"}, {"region": "invalid"}),
        ({"country": ""}, {"country": "required"}),
        ({"country": "XX"}, {"country": "invalid"}),
        ({"country": "ZZ"}, {"country": "invalid"}),
        ({"country": "../"}, {"country": "invalid"}),
        ({"latitude": 40.4}, {"longitude": "required"}),
        ({"latitude": 90.1, "longitude": 0.0}, {"latitude": "invalid"}),
        ({"latitude": 0.0, "longitude": 180.1}, {"longitude": "invalid"}),
        ({"postal_code": "1", "street": []}, {"postal_code": "invalid", "street": "required"}),
    ],
)
def test_every_part_that_breaks_a_rule_is_named(parts: dict[str, object], wrong: dict[str, str]) -> None:
    with pytest.raises(BadAddress) as refusal:
        check_address(changed(**parts))

    assert refusal.value.facts["fields"] == wrong


@pytest.mark.parametrize(
    ("typed", "written"), [("sao paulo", "São Paulo"), ("SAO PAULO", "São Paulo"), ("Vila X", "Vila X")]
)
def test_a_city_is_known_however_it_is_typed_and_one_that_is_not_listed_stays(typed: str, written: str) -> None:
    address = Address(street=["Rua A 1"], city=typed, region="SP", postal_code="01310-100", country="BR")

    assert check_address(address).city == written


@pytest.mark.parametrize(
    ("country", "city", "region", "postal_code"),
    [
        ("BR", "São Paulo", "SP", "01310-100"),
        ("GB", "LONDON", "", "EC1Y 8SY"),
        ("PT", "Lisboa", "", "1100-148"),
        ("FR", "Paris", "", "75001"),
        ("DE", "Berlin", "", "10115"),
        ("US", "Mountain View", "CA", "94043"),
        ("MX", "Ciudad de México", "CDMX", "06000"),
        ("IE", "Dublin", "", "D02 AF30"),
        ("HK", "Tsim Sha Tsui", "九龍", ""),
        ("AE", "Dubai", "Dubai", ""),
    ],
)
def test_each_country_asks_for_its_own_parts(country: str, city: str, region: str, postal_code: str) -> None:
    checked = check_address(
        Address(street=["1 Road"], city=city, region=region, postal_code=postal_code, country=country)
    )

    assert checked.postal_code == postal_code
    assert checked.country == country


@given(
    street=st.lists(st.text(max_size=30), max_size=5),
    city=st.text(max_size=30),
    region=st.text(max_size=10) | st.sampled_from(["", "Madrid", "M", "Sevilla"]),
    postal_code=st.text(max_size=8) | st.from_regex(r"[0-9]{5}", fullmatch=True),
    country=st.text(max_size=3) | st.sampled_from(["ES", "es", "BR", "GB", "US", "PT"]),
)
def test_any_address_is_either_refused_or_checked_and_a_checked_one_stays_as_it_is(
    street: list[str], city: str, region: str, postal_code: str, country: str
) -> None:
    [outcome] = each(
        [Address(street=street, city=city, region=region, postal_code=postal_code, country=country)], check_address
    )

    if isinstance(outcome, Address):
        assert check_address(outcome) == outcome
    else:
        assert isinstance(outcome, BadAddress)
        assert outcome.facts["fields"]


latitudes = st.floats(min_value=-90, max_value=90)
longitudes = st.floats(min_value=-180, max_value=180)


@given(north_1=latitudes, east_1=longitudes, north_2=latitudes, east_2=longitudes)
def test_a_distance_is_the_same_both_ways_and_never_more_than_half_the_earth(
    north_1: float, east_1: float, north_2: float, east_2: float
) -> None:
    there = distance_m(north_1, east_1, north_2, east_2)

    assert there == distance_m(north_2, east_2, north_1, east_1)
    assert 0 <= there <= math.ceil(math.pi * 6_371_008.8)
    assert distance_m(north_1, east_1, north_1, east_1) == 0


def test_madrid_lies_505_kilometres_from_barcelona() -> None:
    assert distance_m(40.4168, -3.7038, 41.3874, 2.1686) == pytest.approx(505_000, abs=500)
