"""Postal codes on the map."""

import pytest

from batuta.locations.commands import save_places
from batuta.locations.domain import BadPlaces, PostalPlace, places_in, read_geonames
from batuta.locations.queries import places_known, places_of
from batuta.plumbing.database import Connection

MADRID = "ES\t28014\tMadrid\tMadrid\tMD\tMadrid\tM\tMadrid\t28079\t40.4146\t-3.6951\t4"


def a_place(postal_code: str, latitude: float = 40.0, **more: object) -> PostalPlace:
    return PostalPlace(
        **{
            "country": "ZZ",
            "postal_code": postal_code,
            "name": f"Town {postal_code}",
            "latitude": latitude,
            "longitude": -3.0,
            **more,
        }  # type: ignore[arg-type]
    )


def test_a_geonames_line_is_a_place() -> None:
    (place,) = read_geonames([MADRID, "", "\n"])

    assert place == PostalPlace(
        country="ES", postal_code="28014", name="Madrid", latitude=40.4146, longitude=-3.6951, region="Madrid"
    )


def test_a_postal_code_is_kept_bare() -> None:
    (place,) = read_geonames([MADRID.replace("ES\t28014", "BR\t01310-100")])

    assert place.postal_code == "01310100"


@pytest.mark.parametrize(
    "line",
    [
        "ES,28014,Madrid",
        MADRID.replace("40.4146", "94.4146"),
        MADRID.replace("40.4146", "nan"),
        MADRID.replace("40.4146", "inf"),
        MADRID.replace("40.4146", ""),
        MADRID.replace("28014", "---"),
        MADRID.replace("ES\t", "Spain\t"),
        MADRID.replace("\tMadrid\tMadrid", "\tMad\x00rid\tMadrid", 1),
    ],
)
def test_a_line_that_is_no_place_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(BadPlaces) as refusal:
        list(read_geonames([MADRID, line]))

    assert refusal.value.facts["line"] == 2


def test_places_that_share_a_code_become_its_middle_and_one_in_the_sea_does_not_move_it() -> None:
    several = [a_place("28014", name="A", latitude=40.0), a_place("28014", name="B", latitude=40.1)]
    strayed = a_place("28014", name="Sea", latitude=0.0)

    (middle,) = places_in([*several, strayed])["ZZ"]

    assert (middle.latitude, middle.name) == (40.0, "A")


async def test_a_code_is_found_as_it_is_written(db: Connection) -> None:
    await save_places(db, country="ZZ", places=[a_place("01310100", 10.0), a_place("01310200", 20.0)])

    found = await places_of(db, [("ZZ", "01310-100"), ("ZZ", "01310200"), ("YY", "01310200"), ("ZZ", "")])

    assert {key: (one.latitude, one.is_exact) for key, one in found.items()} == {
        ("ZZ", "01310-100"): (10.0, True),
        ("ZZ", "01310200"): (20.0, True),
    }


async def test_a_code_that_is_not_there_lies_where_the_one_that_begins_most_alike_lies(db: Connection) -> None:
    codes = {"28001": 1.0, "28014": 2.0, "29001": 3.0, "08001": 4.0}
    await save_places(db, country="ZZ", places=[a_place(code, latitude) for code, latitude in codes.items()])

    found = await places_of(db, [("ZZ", code) for code in ("28013", "28999", "29", "30000", "2801", "0800155", "99")])

    assert {key[1]: (one.postal_code, one.is_exact) for key, one in found.items()} == {
        "28013": ("28014", False),
        "28999": ("28014", False),
        "29": ("29001", False),
        "2801": ("28014", False),
        "0800155": ("08001", False),
    }


async def test_importing_again_changes_nothing_and_what_is_no_longer_there_goes(db: Connection) -> None:
    places = [a_place("10001"), a_place("10002"), a_place("10003")]

    first = await save_places(db, country="ZZ", places=places)
    again = await save_places(db, country="ZZ", places=places)
    fewer = await save_places(db, country="ZZ", places=[a_place("10001", 41.0), a_place("10004")])

    assert (first.new, first.gone, first.known) == (3, 0, 3)
    assert (again.new, again.gone, again.known) == (0, 0, 3)
    assert (fewer.new, fewer.gone, fewer.known) == (1, 2, 2)
    assert (await places_known(db))["ZZ"] == 2
    assert (await places_of(db, [("ZZ", "10001")]))["ZZ", "10001"].latitude == 41.0


async def test_importing_a_country_leaves_the_others_alone(db: Connection) -> None:
    await save_places(db, country="ZZ", places=[a_place("10001")])

    await save_places(db, country="ZY", places=[a_place("10001", country="ZY"), a_place("10002")])

    assert {country: (await places_known(db))[country] for country in ("ZZ", "ZY")} == {"ZZ": 1, "ZY": 1}
