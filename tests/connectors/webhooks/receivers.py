"""Real HTTP servers on the loopback, which behave as strangers do."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Got(msgspec.Struct, frozen=True):
    headers: dict[str, str]
    body: bytes


class Stranger:
    """A server. answers: what it says to the first, second … request; the last one to all that follow."""

    def __init__(self, *answers: bytes | Behaviour) -> None:
        self._answers = list(answers or [NO_CONTENT])
        self.got: list[Got] = []
        self.connections = 0
        self.server_names: list[str | None] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator["Stranger"]:
        server = await asyncio.start_server(self._serve, host, self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while got := await _request(reader):
                answer = self._answers[min(len(self.got), len(self._answers) - 1)]
                self.got.append(got)
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Got | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
    return Got(headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.Event().wait()


async def dripping(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 200, and then a body without end, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


class Flood:
    """Answer 200 and ten gigabytes; `sent` says how much the other side let itself be sent."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = 10_000_000_000
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % size)
        part = b"x" * 65_536
        while self.sent < size:
            writer.write(part)
            await writer.drain()
            self.sent += len(part)


async def slow_headers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin an answer and never end its headers."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
