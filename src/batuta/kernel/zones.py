"""Which time zone a place is in, by the table that comes with the time zones themselves (PRM-01)."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from batuta.kernel.addresses import distance_m

_POINT = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?")

Zone = tuple[str, float, float]
"""An IANA name, and where its chief place lies: latitude, longitude."""


def zone_of(country: str, latitude: float | None = None, longitude: float | None = None) -> ZoneInfo:
    """The zone of a country, or of the nearest chief place among its zones; UTC where nobody knows the country.

    country: ISO 3166-1 alpha-2. Without coordinates it is the zone where most people of the country live.
    """
    zones = _zones().get(country, ())
    if not zones:
        return ZoneInfo("UTC")
    if len(zones) == 1 or latitude is None or longitude is None:
        return ZoneInfo(zones[0][0])
    return ZoneInfo(min(zones, key=lambda zone: distance_m(latitude, longitude, zone[1], zone[2]))[0])


@cache
def _zones() -> Mapping[str, Sequence[Zone]]:
    """The zones of each country, the most peopled first, as `zone.tab` lists them."""
    found: dict[str, list[Zone]] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, point, name, *_ = line.split("\t")
            found.setdefault(country, []).append((name, *_degrees(point)))
    return found


def _degrees(point: str) -> tuple[float, float]:
    """`+4024-00341` as degrees (ISO 6709)."""
    parts = _POINT.fullmatch(point)
    assert parts, point
    north, north_degrees, north_minutes, north_seconds, east, east_degrees, east_minutes, east_seconds = parts.groups()
    latitude = int(north_degrees) + int(north_minutes) / 60 + int(north_seconds or 0) / 3600
    longitude = int(east_degrees) + int(east_minutes) / 60 + int(east_seconds or 0) / 3600
    return latitude * (1 if north == "+" else -1), longitude * (1 if east == "+" else -1)
