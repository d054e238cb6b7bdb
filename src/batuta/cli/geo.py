"""`batuta geo`: where postal codes are."""

import zipfile
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.locations.commands import PlacesSaved
    from batuta.locations.domain import PostalPlace

PARQUET = ".parquet"
ZIP = ".zip"
COLUMNS = ("country_code", "zipcode", "place", "state", "latitude", "longitude")
ROWS_AT_ONCE = 10_000


@click.group()
def geo() -> None:
    """Postal codes on the map, for distances where an address has no coordinates."""


@geo.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--country", "countries", multiple=True, metavar="ES", help="Only these; all of the file unless said.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def import_places(file: Path, *, countries: Sequence[str], as_json: bool) -> None:
    """Import postal codes from FILE: GeoNames' own (.txt, or the .zip it comes in), or the same as .parquet.

    Each country of the file is replaced as a whole, in a transaction of its own; the same file again changes nothing.
    """
    import msgspec

    from batuta.locations.domain import ATTRIBUTION

    for saved in running.run(_import(file, frozenset(one.upper() for one in countries))):
        if as_json:
            click.echo(msgspec.json.encode(saved))
        else:
            click.echo(f"{saved.country}  {saved.known} postal codes, {saved.new} new, {saved.gone} gone")
    if not as_json:
        click.echo(ATTRIBUTION)


async def _import(file: Path, countries: frozenset[str]) -> "list[PlacesSaved]":
    from batuta.locations.commands import save_places
    from batuta.locations.domain import BadPlaces, places_in
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    found = places_in(one for one in _read(file) if not countries or one.country in countries)
    missing = sorted(countries - found.keys())
    if missing or not found:
        raise BadPlaces("the file has no places of these countries", file=str(file), countries=missing)
    saved = []
    async with join_database(running.loaded().settings) as database:
        async with database.engine.connect() as db:
            await expect_newest(db)
        for country, places in found.items():
            async with database.engine.begin() as db:
                saved.append(await save_places(db, country=country, places=places))
    return saved


def _read(file: Path) -> "Iterator[PostalPlace]":
    if file.suffix == PARQUET:
        return _read_parquet(file)
    return _read_zip(file) if file.suffix == ZIP else _read_text(file)


def _read_text(file: Path) -> "Iterator[PostalPlace]":
    from batuta.locations.domain import BadPlaces, read_geonames

    with file.open(encoding="utf-8") as lines:
        try:
            yield from read_geonames(lines)
        except UnicodeDecodeError:
            raise BadPlaces("the file is no text in UTF-8", file=str(file)) from None


def _read_zip(file: Path) -> "Iterator[PostalPlace]":
    """The file of the archive that is not its readme."""
    from batuta.locations.domain import BadPlaces, read_geonames

    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.lower().startswith("readme")]
            for name in names:
                with archive.open(name) as packed:
                    yield from read_geonames(TextIOWrapper(packed, encoding="utf-8"))
    except (zipfile.BadZipFile, UnicodeDecodeError):
        raise BadPlaces("the file is no archive of text", file=str(file)) from None


def _read_parquet(file: Path) -> "Iterator[PostalPlace]":
    from batuta.locations.domain import BadPlaces, place_of

    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        sentence = "reading Parquet needs pyarrow: pip install 'batuta[parquet]', or give the file as GeoNames does"
        raise BadPlaces(sentence, file=str(file)) from None
    try:
        table = parquet.ParquetFile(file)
        missing = sorted(set(COLUMNS) - set(table.schema_arrow.names))
        if missing:
            raise BadPlaces("the file lacks columns", file=str(file), missing=missing, expected=list(COLUMNS))
        line = 0
        for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(COLUMNS)):
            for row in batch.to_pylist():
                line += 1
                yield place_of(
                    line,
                    country=row["country_code"],
                    postal_code=row["zipcode"],
                    name=row["place"],
                    region=row["state"],
                    latitude=row["latitude"],
                    longitude=row["longitude"],
                )
    except pa.ArrowException as problem:
        raise BadPlaces("the file is no Parquet", file=str(file), why=str(problem)) from None
