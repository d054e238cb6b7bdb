"""Channels, brands and legal entities, to read."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from batuta.company.domain import Brand, Channel, LegalEntity
from batuta.company.queries import channels_by_id, list_brands, list_channels, list_legal_entities
from batuta.kernel.errors import NotFound
from batuta.kernel.quantities import Code
from batuta.plumbing.database import Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, page_of, read_cursor, requires


class UnknownChannel(NotFound):
    """There is no such channel, or not for you."""


@get("/api/channels", guards=[requires("catalog.read")])
async def channels(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Channel]:
    """List the channels that the caller may see, in the order of their codes."""
    async with engine.connect() as db:
        found = await list_channels(db, ids=caller.channel_ids, behind=_behind(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/channels/{channel_id:uuid}", guards=[requires("catalog.read")])
async def channel(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], channel_id: FromPath[UUID]
) -> Channel:
    """Answer with a channel and its policies."""
    async with engine.connect() as db:
        found = (await channels_by_id(db, [channel_id])).get(channel_id)
    if found is None or not caller.sees_channel(channel_id):
        raise UnknownChannel("there is no such channel", channel_id=str(channel_id))
    return found


@get("/api/brands", guards=[requires("catalog.read")])
async def brands(engine: NamedDependency[Engine], cursor: Cursor = None, limit: Limit = LIMIT_USUAL) -> Page[Brand]:
    """List brands in the order of their codes."""
    async with engine.connect() as db:
        found = await list_brands(db, behind=_behind(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/legal-entities", guards=[requires("locations.read")])
async def legal_entities(
    engine: NamedDependency[Engine], cursor: Cursor = None, limit: Limit = LIMIT_USUAL
) -> Page[LegalEntity]:
    """List those who owe the tax and own the stock, in the order of their codes."""
    async with engine.connect() as db:
        found = await list_legal_entities(db, behind=_behind(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


def _behind(cursor: str | None) -> str | None:
    return read_cursor(cursor, tuple[Code])[0] if cursor else None


ROUTES = [channels, channel, brands, legal_entities]
