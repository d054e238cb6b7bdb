"""`batuta` as people use it: another process, its output and its exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import batuta
from tests.plumbing.places import reachable_place

SOURCE = str(Path(batuta.__file__).parent.parent)
BATUTA = (sys.executable, "-c", "from batuta.cli import main; main()")


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_place() as place:
        yield place


def run(place: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*BATUTA, *arguments], cwd=place, env=environment(**settings), capture_output=True, text=True, check=False
    )


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BATUTA_")}
    return {**inherited, "PYTHONPATH": SOURCE, **{f"BATUTA_{name.upper()}": value for name, value in settings.items()}}


@contextmanager
def up(place: Path, port: int, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*BATUTA, "up"],
        cwd=place,
        env=environment(port=str(port), log_level="warning", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def answer(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as got:
        return str(got.read().decode())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_up_serves_and_ctrl_c_ends_everything_and_the_second_start_finds_what_was_there(place: Path) -> None:
    port = free_port()
    for _ in range(2):
        with up(place, port) as process:
            assert f"http://127.0.0.1:{port}" in first_line(process)
            assert json.loads(answer(port, "/health/ready")) == {"status": "ready"}
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        assert not (place / ".batuta" / "postgres" / "postmaster.pid").exists()


def test_ctrl_c_before_the_first_answer_ends_everything_too(place: Path) -> None:
    with up(place, free_port()) as process:
        cluster = place / ".batuta" / "postgres"
        while not (cluster / "postmaster.pid").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert not (cluster / "postmaster.pid").exists()


def test_commands_join_a_running_batuta_and_a_second_up_is_told_so(place: Path) -> None:
    with up(place, free_port()) as process:
        first_line(process)
        assert run(place, "migrate").stdout == "nothing to migrate\n"
        assert run(place, "psql", "-At", "-c", "SHOW data_checksums").stdout == "on\n"
        second = run(place, "up", port=str(free_port()))
        assert second.returncode == 1
        assert "code: folder_in_use" in second.stderr


def test_a_taken_port_is_told_and_starts_nothing(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = run(place, "up", port=str(listener.getsockname()[1]))
    assert told.returncode == 1
    assert "code: http_port_taken" in told.stderr
    assert not (place / ".batuta").exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://shop@127.0.0.1:1/shop", "database_away"),
        ("mysql://shop@127.0.0.1/shop", "bad_database_url"),
        ("somewhere", "bad_database_url"),
    ],
)
def test_a_database_of_ones_own_that_cannot_be_reached_is_told(place: Path, url: str, code: str) -> None:
    told = run(place, "up", database_url=url, port=str(free_port()))
    assert told.returncode == 1
    assert f"code: {code}" in told.stderr
    assert "Traceback" not in told.stderr


def test_settings_are_shown_with_origin_and_without_passwords(place: Path) -> None:
    shown = run(place, "settings", database_url="postgresql://shop:s3cr3t@db/shop")
    assert "database_url = postgresql://shop:***@db/shop  (environment; BATUTA_DATABASE_URL)" in shown.stdout
    told = run(place, "settings", prot="80")
    assert told.returncode == 1
    assert "did you mean BATUTA_PORT?" in told.stderr


def test_psql_without_a_running_batuta_says_what_to_do(place: Path) -> None:
    told = run(place, "psql")
    assert told.returncode == 1
    assert "run batuta up" in told.stderr


def test_help_imports_neither_the_web_nor_the_database(place: Path) -> None:
    script = "import sys, batuta.cli; print({'litestar', 'sqlalchemy', 'asyncpg', 'uvicorn'} & set(sys.modules))"
    imported = subprocess.run(
        [sys.executable, "-c", script], cwd=place, env=environment(), capture_output=True, text=True, check=True
    )
    assert imported.stdout == "set()\n"
