"""Files of counts and changes (PLT-08)."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from batuta.inventory.commands.importing import digest_of, import_lines, open_files_feed, read_file
from batuta.inventory.domain.feeds import SEQUENCE_MAX, Counts, FeedAnswer, MessageKind, Part, Telling, UnknownFeed
from batuta.inventory.queries.feeds import feeds_by_code
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, Caller, requires
from batuta.plumbing.web.moments import fresh_id, moment

IMPORT_WITHIN_S = 20.0

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
FeedIs = Annotated[
    str | None, QueryParameter(min_length=1, max_length=100, description="Whose file it is; `files` unless given")
]
SequenceIs = Annotated[
    int | None,
    QueryParameter(ge=1, le=SEQUENCE_MAX, description="The feed's count of its messages; the next one unless given"),
]


@post(
    "/api/stock/imports",
    guards=[requires("inventory.move")],
    status_code=HTTPStatus.OK,
    opt={"takes_no_key": True},
)
async def import_stock(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    *,
    feed: FeedIs = None,
    sequence: SequenceIs = None,
    kind: FromQuery[MessageKind] = MessageKind.SNAPSHOT,
    counts: FromQuery[Counts] = Counts.ON_HAND,
    cut_at: FromQuery[Moment | None] = None,
    complete: FromQuery[bool] = False,
    all_or_nothing: FromQuery[bool] = False,
    dry_run: FromQuery[bool] = False,
) -> FeedAnswer:
    """Import a file of counts or changes: CSV in UTF-8 or Parquet, as the body.

    Columns, in any order: sku_code, location_code, quantity, and perhaps condition, lot, reason. Rows are examined as
    the lines of a feed's message are, and each is taken or refused by itself. What a `complete` file does not name does
    not lie at the locations that it names. The same file again is answered alike,
    and goes on where it stopped: send it until `is_done`.
    """
    now = moment()
    body = await request.body()
    content = await asyncio.to_thread(read_file, body)
    said = (kind.encode(), counts.encode(), b"" if cut_at is None else cut_at.isoformat().encode(), b"%d" % complete)
    part = Part(
        feed_code=await _feed_code(engine, caller, feed, now=now),
        telling=Telling(
            sequence=sequence, kind=kind, counts=counts, cut_at=cut_at or now, digest=digest_of(body, *said)
        ),
        content=content,
        actor=caller.actor,
        location_ids=caller.location_ids,
        is_whole=all_or_nothing,
        is_complete=complete,
        is_trial=dry_run,
    )
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + IMPORT_WITHIN_S
    return await import_lines(engine, whole=part, now=now, is_over=lambda: loop.time() > ends_at)


async def _feed_code(engine: Engine, caller: Caller, code: str | None, *, now: datetime) -> str:
    async with engine.begin() as db:
        if code is None:
            return (await open_files_feed(db, id_=fresh_id(), actor=caller.actor, now=now)).code
        found = (await feeds_by_code(db, [code])).get(code)
    if found is None or not (
        caller.location_ids is None or not found.location_ids or caller.location_ids & set(found.location_ids)
    ):
        raise UnknownFeed("there is no such feed", feed=code)
    return found.code


ROUTES = [import_stock]
