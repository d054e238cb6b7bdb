"""What ARCHITECTURE.md says of the embedded server, as long as nothing goes wrong."""

import os
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest

from batuta.plumbing.embedded import EmbeddedServer
from tests.plumbing.servers import (
    OPTIONS,
    as_root,
    ask,
    free_port,
    postmaster_pid,
    server_in,
)


async def test_a_new_cluster_has_checksums_utf8_and_code_point_order(place: Path) -> None:
    async with server_in(place) as server:
        assert await ask(server, "SHOW data_checksums") == "on"
        assert await ask(server, "SHOW server_encoding") == "UTF8"
        locale = "SELECT datlocale FROM pg_database WHERE datname = current_database() AND datlocprovider = 'b'"
        assert await ask(server, locale) == "C.UTF-8"
        assert await ask(server, "SHOW server_version_num") >= "180000"  # type: ignore[operator]


async def test_long_transactions_end_and_autovacuum_is_eager(place: Path) -> None:
    async with server_in(place) as server:
        assert await ask(server, "SHOW transaction_timeout") == "30s"
        assert await ask(server, "SHOW idle_in_transaction_session_timeout") == "10s"
        assert await ask(server, "SHOW autovacuum_naptime") == "10s"


async def test_fsync_is_on_unless_a_test_says_otherwise(place: Path) -> None:
    async with EmbeddedServer(place / "shop") as server:
        assert await ask(server, "SHOW fsync") == "on"


async def test_data_stays_and_the_second_start_is_quick(place: Path) -> None:
    async with server_in(place) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 7 AS seven")
    started = time.monotonic()
    async with server_in(place) as server:
        assert time.monotonic() - started < 1
        assert await ask(server, "SELECT seven FROM kept") == 7


async def test_a_password_is_asked_even_on_the_socket(place: Path) -> None:
    async with server_in(place) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url.replace("+asyncpg", ""), password="guessed")


async def test_the_socket_is_private_and_its_path_short_even_with_a_long_temporary_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = place / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    async with server_in(place) as server:
        folder = Path(str(await ask(server, "SHOW unix_socket_directories")))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(folder / ".s.PGSQL.65535")) <= 107
    assert not folder.exists()


async def test_nothing_listens_on_tcp_unless_asked(place: Path) -> None:
    async with server_in(place) as server:
        assert await ask(server, "SHOW listen_addresses") == ""


async def test_tcp_asks_for_the_password_too(place: Path) -> None:
    port = free_port()
    async with server_in(place, port=port) as server:
        assert await ask(server, "SHOW listen_addresses") == "127.0.0.1"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=port, user="batuta", password="guessed", database="batuta")


@as_root
async def test_root_runs_the_server_as_somebody_else(place: Path) -> None:
    async with server_in(place) as server:
        assert Path(f"/proc/{postmaster_pid(place)}").stat().st_uid != 0
        assert server.data_folder == place / "shop"


@as_root
async def test_roots_data_goes_home_when_the_server_cannot_reach_the_folder(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    asked = private / "deep" / "shop"
    async with EmbeddedServer(asked, options=OPTIONS, home=place / "home") as server:
        found = server.data_folder
        assert found.parent == place / "home"
        await ask(server, "CREATE TABLE kept AS SELECT 7 AS seven")
    assert private.stat().st_mode & 0o777 == 0o700
    assert not asked.parent.exists()

    private.chmod(0o755)
    async with EmbeddedServer(asked, options=OPTIONS, home=place / "home") as server:
        assert server.data_folder == found, "data once written stays where it is"
        assert await ask(server, "SELECT seven FROM kept") == 7
