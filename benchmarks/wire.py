"""A raw HTTP/1.1 client: one keep-alive connection, one request at a time, as little work as possible."""

import asyncio
from typing import NamedTuple

HEAD_END = b"\r\n\r\n"
LINE_END = b"\r\n"
CHUNKED = b"transfer-encoding: chunked"
LAST_CHUNK = b"0\r\n\r\n"
LENGTH = b"content-length:"
CLOSING = b"connection: close"
STATUS_AT = slice(9, 12)


class Answer(NamedTuple):
    """status: of HTTP. head: its lines, in lower case."""

    status: int
    head: bytes
    body: bytes


class ConnectionLost(ConnectionError):
    """The other end went away before it had answered: nobody knows yet whether it did what it was asked."""


class Wire(asyncio.Protocol):
    """One connection to one port, opened when it is first needed and again after it was lost."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", within_s: float = 30) -> None:
        self.port = port
        self._host = host
        self._within_s = within_s
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._got = bytearray()

    async def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> Answer:
        """Send a request and wait for the whole answer. headers: `Name: value` lines, each with its CRLF.

        Raises:
            ConnectionLost: there is no answer.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await self._open(loop)
        assert self._transport
        typed = "" if not body or "Content-Type" in headers else "Content-Type: application/json\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body or method != "GET" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}{typed}{length}\r\n"
        self._waiting = loop.create_future()
        self._transport.write(head.encode() + body)
        too_late = loop.call_later(self._within_s, self._transport.abort)
        try:
            return await self._waiting
        finally:
            too_late.cancel()
            self._waiting = None

    def close(self) -> None:
        """Let the connection go."""
        if self._transport:
            self._transport.abort()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._got += data
        answer = _answer_in(self._got)
        if answer is None or self._waiting is None:
            return
        self._got.clear()
        if CLOSING in answer.head:
            self.close()
        self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._got.clear()
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionLost(str(exc or "the connection was closed")))

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._got.clear()
        try:
            async with asyncio.timeout(self._within_s):
                self._transport, _ = await loop.create_connection(lambda: self, self._host, self.port)
        except OSError as problem:
            raise ConnectionLost(str(problem)) from problem


def _answer_in(got: bytearray) -> Answer | None:
    """The answer, when all of it is there."""
    end = got.find(HEAD_END)
    if end < 0:
        return None
    head, begin = bytes(got[: end + 2]).lower(), end + len(HEAD_END)
    if CHUNKED in head:
        body = _joined(got, begin) if got.endswith(LAST_CHUNK) else None
    else:
        length = _length_in(head)
        body = bytes(got[begin:]) if len(got) - begin >= length else None
    return None if body is None else Answer(int(head[STATUS_AT]), head, body)


def _length_in(head: bytes) -> int:
    found = head.find(LENGTH)
    return int(head[found + len(LENGTH) : head.index(LINE_END, found)]) if found >= 0 else 0


def _joined(got: bytearray, begin: int) -> bytes | None:
    """The chunks as one body; None when what looked like the last chunk was part of another."""
    parts: list[bytes] = []
    while True:
        line = got.find(LINE_END, begin)
        if line < 0:
            return None
        size = int(got[begin:line], 16)
        begin = line + len(LINE_END)
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(got[begin : begin + size]))
        begin += size + len(LINE_END)
