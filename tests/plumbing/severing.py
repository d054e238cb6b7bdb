"""A wire between batuta and its database that is cut at a chosen moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url

CHUNK = 65_536


class Wire:
    """A proxy before PostgreSQL. cut_at: text whose sending is the moment; None lets all pass.

    passes_on: the database still hears what is sent at that moment. waits: the database replies before the cut.
    stays_cut: nobody gets through afterwards.
    """

    def __init__(self, database: URL) -> None:
        self._database = database
        self._tasks: set[asyncio.Task[None]] = set()
        self.cut_at: bytes | None = None
        self.passes_on = True
        self.waits = True
        self.stays_cut = False
        self.cuts = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(writer):
            if not (self.stays_cut and self.cuts):
                their_reader, their_writer = await self._connect()
                with contextlib.closing(their_writer):
                    await self._both_ways(reader, writer, their_reader, their_writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        their_reader: asyncio.StreamReader,
        their_writer: asyncio.StreamWriter,
    ) -> None:
        back = asyncio.create_task(_copy(their_reader, writer))
        try:
            while sent := await reader.read(CHUNK):
                is_cut = self.cut_at is not None and self.cut_at in sent
                if is_cut:
                    self.cuts += 1
                    self.cut_at = None
                    back.cancel()
                if not is_cut or self.passes_on:
                    their_writer.write(sent)
                    await their_writer.drain()
                if is_cut:
                    if self.passes_on and self.waits:
                        await their_reader.read(CHUNK)
                    break
        finally:
            back.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await back

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url = self._database
        host, port = str(url.query.get("host") or url.host), int(str(url.query.get("port") or url.port or 5432))
        if host.startswith("/"):
            return await asyncio.open_unix_connection(str(Path(host) / f".s.PGSQL.{port}"))
        return await asyncio.open_connection(host, port)


@asynccontextmanager
async def wire_to(database_url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the database, and the database's address by that wire."""
    url = make_url(database_url)
    wire = Wire(url)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    through = url.set(host="127.0.0.1", port=server.sockets[0].getsockname()[1]).difference_update_query(
        ["host", "port"]
    )
    try:
        yield wire, through.render_as_string(hide_password=False)
    finally:
        server.close()
        await wire.end()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while sent := await reader.read(CHUNK):
            writer.write(sent)
            await writer.drain()
    writer.close()
