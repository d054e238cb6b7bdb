from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from batuta.plumbing import opening
from batuta.plumbing.opening import (
    BadDatabaseUrl,
    NoDatabase,
    NotLetIn,
    ServerTooOld,
    driver_url,
    join_database,
    open_database,
)
from batuta.plumbing.outage import DatabaseAway
from batuta.plumbing.settings import Settings


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgresql://shop:a%40b@db:5432/shop", "postgresql+asyncpg://shop:a%40b@db:5432/shop"),
        ("postgres://db/shop?sslmode=require", "postgresql+asyncpg://db/shop?ssl=require"),
        ("postgresql+asyncpg://db/shop", "postgresql+asyncpg://db/shop"),
    ],
)
def test_an_address_as_psql_takes_it_is_taken(given: str, taken: str) -> None:
    assert driver_url(given) == taken


@pytest.mark.parametrize("given", ["", "somewhere", "sqlite:///shop.db"])
def test_any_other_address_is_told(given: str) -> None:
    with pytest.raises(BadDatabaseUrl):
        driver_url(given)


async def test_a_server_of_ones_own_is_used_and_no_other_started(server_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=server_url, data_folder=tmp_path / "never")
    async with open_database(settings) as database, database.engine.connect() as db:
        assert database.server is None
        assert database.problem() is None
        assert await db.scalar(text("SELECT 1")) == 1
    assert not settings.data_folder.exists()


async def test_a_server_that_is_too_old_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OLDEST_MAJOR_VERSION", 99)
    with pytest.raises(ServerTooOld) as refusal:
        async with open_database(Settings(database_url=server_url)):
            pass
    assert refusal.value.facts == {"found": 18, "needed": 99}


async def test_a_command_in_another_folder_makes_no_database_there(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "another")
    with pytest.raises(NoDatabase, match="run batuta up"):
        async with join_database(settings):
            pass
    assert not settings.data_folder.exists()


async def test_a_server_that_lets_nobody_in_or_does_not_answer_is_told_by_its_place(server_url: str) -> None:
    url = make_url(server_url)
    with pytest.raises(NotLetIn) as unknown:
        async with open_database(Settings(database_url=_text(url.set(database="no_such_shop")))):
            pass
    with pytest.raises(DatabaseAway) as nobody:
        async with open_database(Settings(database_url="postgresql://shop:secret@127.0.0.1:1/shop")):
            pass

    assert "no_such_shop" in unknown.value.sentence
    assert (nobody.value.facts["host"], nobody.value.facts["port"]) == ("127.0.0.1", 1)
    assert "secret" not in str(nobody.value.facts)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


async def test_two_open_the_embedded_database_when_the_second_joins(place: Path) -> None:
    settings = Settings(data_folder=place / "shop")
    async with (
        open_database(settings) as first,
        join_database(settings) as second,
        second.engine.connect() as db,
    ):
        assert first.server is not None
        assert second.server is None
        assert await db.scalar(text("SELECT 1")) == 1
