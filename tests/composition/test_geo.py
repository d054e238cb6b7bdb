"""`batuta geo import`: postal codes from files as GeoNames gives them."""

import asyncio
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from batuta.locations.domain import BadPlaces
from batuta.locations.queries import places_of
from tests.composition.databases import batuta, engine_on, migrated_database, told
from tests.making import fresh_code

LINES = """ES\t28014\tMadrid\tMadrid\tMD\tMadrid\tM\tMadrid\t28079\t40.4146\t-3.6951\t4
ES\t28014\tAtocha\tMadrid\tMD\tMadrid\tM\tMadrid\t28079\t40.4100\t-3.6900\t4
ES\t08001\tBarcelona\tCataluña\tCT\tBarcelona\tB\tBarcelona\t08019\t41.3795\t2.1684\t4
AD\tAD500\tAndorra la Vella\t\t\t\t\t\t\t42.5\t1.5\t6
"""


@pytest.fixture(scope="module")
def url(server_url: str, worker_id: str) -> str:
    return asyncio.run(migrated_database(server_url, f"geo_{worker_id}_{fresh_code('at')}"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "places.txt"
    path.write_text(LINES)
    return path


def test_a_file_is_imported_country_by_country_and_again_changes_nothing(url: str, file: Path) -> None:
    first = batuta(url, "geo", "import", str(file))
    again = batuta(url, "geo", "import", str(file), "--country", "es", "--json")

    assert first.exit_code == 0, first.output
    assert first.output.splitlines() == [
        "AD  1 postal codes, 1 new, 0 gone",
        "ES  2 postal codes, 2 new, 0 gone",
        "Postal codes by GeoNames (geonames.org), CC BY 4.0",
    ]
    assert told(again) == {"country": "ES", "known": 2, "new": 0, "gone": 0}

    async def look() -> dict[str, str]:
        async with engine_on(url) as engine, engine.connect() as db:
            found = await places_of(db, [("ES", "28014"), ("AD", "AD500"), ("ES", "99999")])
        return {key[1]: one.name for key, one in found.items()}

    assert asyncio.run(look()) == {"28014": "Atocha", "AD500": "Andorra la Vella"}


def test_an_archive_and_parquet_say_the_same(url: str, tmp_path: Path) -> None:
    packed = tmp_path / "ES.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "no places")
        archive.writestr("PT.txt", LINES.replace("AD\tAD500", "PT\t1000"))
    columns = tmp_path / "places.parquet"
    table = {
        "country_code": ["UY", "UY"],
        "zipcode": ["11000", "11100"],
        "place": ["Montevideo", "Montevideo"],
        "state": ["Montevideo", None],
        "latitude": [-34.9, -34.91],
        "longitude": [-56.2, -56.19],
    }
    parquet.write_table(pa.table(table), columns)

    from_archive = batuta(url, "geo", "import", str(packed), "--country", "PT", "--json")
    from_parquet = batuta(url, "geo", "import", str(columns), "--json")

    assert told(from_archive) == {"country": "PT", "known": 1, "new": 1, "gone": 0}
    assert told(from_parquet) == {"country": "UY", "known": 2, "new": 2, "gone": 0}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("places.txt", b"ES,28014,Madrid"),
        ("places.txt", b"\xff\xfe"),
        ("places.txt", b""),
        ("places.zip", b"no archive"),
        ("places.parquet", b"no columns"),
    ],
)
def test_a_file_that_is_none_is_refused_and_nothing_changes(
    url: str, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    result = batuta(url, "geo", "import", str(path))

    assert isinstance(result.exception, BadPlaces), result.output


def test_a_parquet_file_without_the_columns_is_refused(url: str, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"name": ["Madrid"]}), path)

    result = batuta(url, "geo", "import", str(path))

    assert isinstance(result.exception, BadPlaces)
    assert "zipcode" in str(result.exception.facts["missing"])


def test_a_country_that_the_file_does_not_have_is_refused(url: str, file: Path) -> None:
    result = batuta(url, "geo", "import", str(file), "--country", "FR")

    assert isinstance(result.exception, BadPlaces)
