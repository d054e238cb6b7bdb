"""Importing files of counts and changes: part by part, each in a transaction of its own, resumed where it stopped."""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

from batuta.inventory.commands.completing import completed
from batuta.inventory.commands.feeding import hear
from batuta.inventory.commands.feeds import save_feeds
from batuta.inventory.domain.feeds import (
    FILES,
    LINES_IN_PART,
    LINES_MAX,
    Content,
    Feed,
    FeedAnswer,
    FeedKind,
    Part,
    content_of,
    together,
)
from batuta.inventory.domain.parquet import is_parquet, read_parquet
from batuta.inventory.domain.sheets import read_csv
from batuta.inventory.queries.feeds import feeds_by_code
from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection, Engine

DIGEST_SIZE = 16


def read_file(content: bytes) -> Content:
    """The lines of a CSV or Parquet file; which it is, it says itself.

    Raises:
        BadFile, ParquetNotInstalled.
    """
    return content_of(read_parquet(content) if is_parquet(content) else read_csv(content))


def digest_of(*said: bytes) -> bytes:
    """What tells messages apart that bear the same sequence."""
    digest = blake2b(digest_size=DIGEST_SIZE)
    for one in said:
        digest.update(len(one).to_bytes(8, "big"))
        digest.update(one)
    return digest.digest()


async def open_files_feed(db: Connection, *, id_: UUID, actor: str, now: datetime) -> Feed:
    """The feed of files that nobody in particular sends: it speaks of all locations, and nobody listens for it."""
    present = (await feeds_by_code(db, [FILES])).get(FILES)
    if present:
        return present
    return only(await save_feeds(db, feeds=[Feed(id=id_, code=FILES, kind=FeedKind.FILE)], actor=actor, now=now))


async def import_lines(
    engine: Engine, *, whole: Part, now: datetime, is_over: Callable[[], bool] = lambda: False
) -> FeedAnswer:
    """Take all lines of a message, part by part, from where an earlier try stopped.

    All or nothing is one part, of at most so many lines as a message has. is_over: whether to stop before the next
    part; then the answer is not done, and the same again goes on.

    Raises:
        BatutaError: the message is refused; what earlier parts did stays.
    """
    async with engine.connect() as db:
        whole = await completed(db, whole)
    part = msgspec.structs.replace(whole, count=LINES_MAX if whole.is_whole else LINES_IN_PART)
    if whole.is_trial:
        return await _try(engine, part, now=now)
    first = 0
    while True:
        answer = await _take(engine, msgspec.structs.replace(part, first=first), now=now)
        if answer.is_done or is_over():
            return answer
        first = answer.lines_done


async def _try(engine: Engine, part: Part, *, now: datetime) -> FeedAnswer:
    answer = await _take(engine, part, now=now)
    while not answer.is_done:
        more = await _take(engine, msgspec.structs.replace(part, first=answer.lines_done), now=now)
        answer = together(answer, more)
    return answer


async def _take(engine: Engine, part: Part, *, now: datetime) -> FeedAnswer:
    async with engine.begin() as db:
        return only(await hear(db, parts=[part], now=now))
