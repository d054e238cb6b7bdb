"""Embedded servers under test: started, asked, killed."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from batuta.plumbing.embedded import EmbeddedServer

OPTIONS = {"fsync": "off", "shared_buffers": "16MB"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users and mounts file systems")

# A shell ignores Ctrl-C in what it runs in the background, and children inherit that; this one must hear it.
BATUTA = """
import asyncio, signal, sys
from pathlib import Path
from batuta.plumbing.embedded import EmbeddedServer

async def main() -> None:
    async with EmbeddedServer(Path(sys.argv[1]), options={"fsync": "off", "shared_buffers": "16MB"}) as server:
        print(server.url, flush=True)
        await asyncio.sleep(600)

signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(main())
"""


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


@contextmanager
def small_disk(place: Path, *, megabytes: int) -> Iterator[Path]:
    disk = place / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)
