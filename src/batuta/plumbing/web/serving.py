"""How answers leave: head and body in one packet, where the web server would send two.

Two packets are two calls of the system here, and wake whoever reads twice.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOGETHER_BYTES_MAX = 65_536


class OneWrite(HttpToolsProtocol):
    """A connection of HTTP whose answers are written once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stand between the server and the connection."""
        super().connection_made(Together(transport, self.loop))  # type: ignore[arg-type] # it is one to the server


class Together:
    """A transport that keeps what is written until the loop's next turn, or until it is much."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, part: bytes) -> None:
        """Send this, perhaps with what follows."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(part)
        self._size += len(part)
        if self._size > TOGETHER_BYTES_MAX:
            self._flush()

    def close(self) -> None:
        """Send what is left and end the connection."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            if not self._transport.is_closing():
                self._transport.write(b"".join(parts))
