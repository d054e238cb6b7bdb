"""Answers leave in one packet."""

import asyncio

from batuta.plumbing.web.serving import TOGETHER_BYTES_MAX, Together


class Written(asyncio.Transport):
    """A connection that notes what is written to it, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


async def test_head_and_body_of_an_answer_are_written_once() -> None:
    written = Written()
    together = Together(written, asyncio.get_running_loop())
    together.write(b"HTTP/1.1 200 OK\r\n\r\n")
    together.write(b"{}")
    assert written.writes == []
    await asyncio.sleep(0)
    assert written.writes == [b"HTTP/1.1 200 OK\r\n\r\n{}"]
    together.write(b"next")
    await asyncio.sleep(0)
    assert written.writes[1:] == [b"next"]


async def test_what_is_long_is_not_kept_until_it_is_whole() -> None:
    written = Written()
    together = Together(written, asyncio.get_running_loop())
    part = b"x" * (TOGETHER_BYTES_MAX // 2)
    for _ in range(3):
        together.write(part)
    assert written.writes == [part * 3]


async def test_closing_a_connection_sends_what_was_written_before() -> None:
    written = Written()
    together = Together(written, asyncio.get_running_loop())
    together.write(b"goodbye")
    together.close()
    assert written.writes == [b"goodbye"]
    assert together.is_closing()
    together.write(b"too late")
    await asyncio.sleep(0)
    assert written.writes == [b"goodbye"]
