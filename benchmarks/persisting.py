"""A client that does not give up: what has no answer is asked again under the same key, of whoever answers."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.wire import Answer, ConnectionLost, Wire

BUG = 500
PASSING = {429, 502, 503, 504}
PAUSE_S = 0.1


class NoAnswer(RuntimeError):
    """Nobody answered in all that time."""


class Persistent:
    """One client with connections to several processes; it stays with one until that one fails.

    lost: how often a connection broke before the answer. turned_away: how often it was told to come again.
    """

    def __init__(self, ports: Sequence[int], *, first: int, within_s: float = 60) -> None:
        self._wires = [Wire(port) for port in ports]
        self._at = first % len(ports)
        self._within_s = within_s
        self.lost = 0
        self.turned_away = 0

    async def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> Answer:
        """Ask until there is an answer that says what became of the request.

        Raises:
            NoAnswer: there is none in a minute.
        """
        until = time.monotonic() + self._within_s
        while time.monotonic() < until:
            try:
                answer = await self._wires[self._at].ask(method, path, headers, body)
            except ConnectionLost:
                self.lost += 1
                self._at = (self._at + 1) % len(self._wires)
            else:
                if answer.status not in PASSING:
                    return answer
                self.turned_away += 1
            await asyncio.sleep(PAUSE_S)
        raise NoAnswer(f"{method} {path}: no answer within {self._within_s} s")

    def close(self) -> None:
        """Let all connections go."""
        for wire in self._wires:
            wire.close()
