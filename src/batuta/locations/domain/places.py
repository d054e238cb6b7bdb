"""Where postal codes are: read from a table of places, of which several may share a code."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Annotated

import msgspec

from batuta.kernel.addresses import bare_postal_code, distance_m
from batuta.kernel.errors import Invalid
from batuta.kernel.quantities import Text

ATTRIBUTION = "Postal codes by GeoNames (geonames.org), CC BY 4.0"
PREFIX_LEAST = 2
"""How many characters two codes must share at their beginning for one to stand for the other."""

_COUNTRY, _POSTAL_CODE, _NAME, _REGION, _LATITUDE, _LONGITUDE, _COLUMNS = 0, 1, 2, 3, 9, 10, 11


class BadPlaces(Invalid):
    """The table of places cannot be read; `line` says where."""


class PostalPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a table, or a postal code with the middle of its places. postal_code: capitals and digits only."""

    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
    postal_code: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{1,12}$")]
    name: Text
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    region: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")] = ""


class Coordinates(msgspec.Struct, frozen=True, kw_only=True):
    """Where a postal code is. is_exact: it is in the table itself; else the code that begins most alike stands for it.

    postal_code: the one whose place it is.
    """

    latitude: float
    longitude: float
    name: str
    region: str
    postal_code: str
    is_exact: bool


def read_geonames(lines: Iterable[str]) -> Iterator[PostalPlace]:
    """The places of a GeoNames postal code file: tab-separated, without a head.

    Raises:
        BadPlaces: a line that is none; nothing of it is guessed.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) < _COLUMNS:
            raise BadPlaces(
                "a line of a GeoNames postal code file has 12 columns parted by tabs", line=number, columns=len(cells)
            )
        yield place_of(
            number,
            country=cells[_COUNTRY],
            postal_code=cells[_POSTAL_CODE],
            name=cells[_NAME],
            region=cells[_REGION],
            latitude=cells[_LATITUDE],
            longitude=cells[_LONGITUDE],
        )


def place_of(line: int, **cells: object) -> PostalPlace:
    """One place of a table, checked.

    Raises:
        BadPlaces: a cell that does not fit.
    """
    written = dict(cells, postal_code=bare_postal_code(str(cells["postal_code"] or "")))
    written["region"] = written["region"] or ""
    try:
        return msgspec.convert(written, PostalPlace, strict=False)
    except msgspec.ValidationError as problem:
        raise BadPlaces(f"this is no place: {problem}", line=line) from None


def places_in(places: Iterable[PostalPlace]) -> dict[str, list[PostalPlace]]:
    """By country, one row a postal code: the middle of its places, under the name of the one nearest to it."""
    sharing: dict[tuple[str, str], list[PostalPlace]] = defaultdict(list)
    for one in places:
        sharing[one.country, one.postal_code].append(one)
    found: dict[str, list[PostalPlace]] = defaultdict(list)
    for (country, _), several in sorted(sharing.items()):
        found[country].append(_middle(several))
    return dict(found)


def shared_beginning(one: str, other: str) -> int:
    """How many characters two codes have in common before they differ."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _middle(several: Sequence[PostalPlace]) -> PostalPlace:
    """The median is not moved by one place that somebody put into the sea."""
    latitude = median(one.latitude for one in several)
    longitude = median(one.longitude for one in several)
    nearest = min(
        several, key=lambda one: (distance_m(one.latitude, one.longitude, latitude, longitude), one.name, one.region)
    )
    return msgspec.structs.replace(nearest, latitude=latitude, longitude=longitude)
