"""Feeds of stock, what they say, files of counts and changes, and what was not as the ledger said (INV-09, PLT-08)."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.inventory.commands.completing import check_size, completed
from batuta.inventory.commands.feeding import hear
from batuta.inventory.commands.feeds import Settle, save_feeds, settle_differences
from batuta.inventory.commands.importing import digest_of
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.feeds import (
    LINES_COMPLETED_MAX,
    LINES_MAX,
    LOCATIONS_MAX,
    Counts,
    Difference,
    DifferenceFilter,
    DifferenceStatus,
    Feed,
    FeedAnswer,
    FeedCode,
    FeedKind,
    FeedLine,
    MessageKind,
    MessageNumber,
    Minutes,
    Part,
    Telling,
    UnknownFeed,
    content_of,
)
from batuta.inventory.queries.feeds import feeds_by_code, list_differences, list_feeds
from batuta.kernel.errors import Forbidden
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, QuantityOrNone, Text
from batuta.locations.queries import location_ids_by_code, locations_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    once,
    page_of,
    read_code,
    read_cursor,
    requires,
    sentence_for,
)
from batuta.plumbing.web.moments import fresh_id, moment

PLACES_MAX = 200

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Lines = Annotated[list[FeedLine], msgspec.Meta(max_length=LINES_MAX)]
Locations = Annotated[list[Code], msgspec.Meta(max_length=LOCATIONS_MAX)]
Few = Annotated[list[UUID] | None, QueryParameter(max_items=PLACES_MAX)]
FeedIs = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


class NotYourFeed(Forbidden):
    """Who is bound to certain locations says who feeds none but these."""


class FeedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A feed as it shall be.

    location_codes: of which it speaks; none is all. silent_after_minutes, gone_after_minutes: after how long without a
    word its locations begin to keep units back, and leave sourcing. tolerance_units: differences up to so many units
    need nobody's look. is_correcting: what it counts is put right in the ledger; otherwise it is only compared.
    """

    code: FeedCode
    kind: FeedKind
    location_codes: Locations = []
    silent_after_minutes: Minutes | None = None
    gone_after_minutes: Minutes | None = None
    tolerance_units: QuantityOrNone = 0
    is_correcting: bool = True


class FeedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A feed, and what was heard of it.

    silent_bp: the share of their units, in hundredths of a percent, that its locations keep back for its silence now.
    """

    id: UUID
    code: str
    kind: FeedKind
    location_codes: list[str]
    silent_after_minutes: int | None
    gone_after_minutes: int | None
    tolerance_units: int
    is_correcting: bool
    last_sequence: int
    last_cut_at: datetime | None
    last_heard_at: datetime | None
    silent_bp: int


class MessageBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a feed says.

    sequence: its own count of its messages, which only grows. cut_at: until when it knows what happened. counts: what
    a snapshot counted. complete: what it does not name does not lie at the locations that it names. all_or_nothing:
    refuse all of it for one bad line. dry_run: say what would change.
    """

    sequence: MessageNumber
    kind: MessageKind
    cut_at: Moment
    counts: Counts = Counts.ON_HAND
    lines: Lines = []
    complete: bool = False
    all_or_nothing: bool = False
    dry_run: bool = False


class SettleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """note: what was found out."""

    note: Text


@get("/api/stock/feeds", guards=[requires("inventory.read")])
async def feeds(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[FeedTold]:
    """List who feeds stock, when they were heard last, and whether their locations keep units back."""
    behind = read_code(cursor)
    async with engine.connect() as db:
        found = await list_feeds(db, behind=behind, limit=limit + 1)
        codes = await _codes(db, found)
    page = page_of(found, limit=limit, key=lambda one: (one.code,))
    return Page(items=[_told(one, codes) for one in page.items if _sees(caller, one)], next=page.next)


@get("/api/stock/feeds/{code:str}", guards=[requires("inventory.read")])
async def feed(engine: NamedDependency[Engine], caller: NamedDependency[Caller], code: FromPath[str]) -> FeedTold:
    """Answer with a feed, and what was heard of it."""
    async with engine.connect() as db:
        found = await _feed(db, caller, code)
        return _told(found, await _codes(db, [found]))


@post("/api/stock/feeds", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def save_feed(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[FeedBody],
) -> Response[FeedTold]:
    """Say who feeds stock, of which locations, and what their silence means; one that is there keeps its id."""

    async def act(db: Connection) -> Answer[FeedTold]:
        location_ids = await _location_ids(db, caller, data.location_codes)
        present = (await feeds_by_code(db, [data.code])).get(data.code)
        if caller.location_ids is not None and (not location_ids or (present and not _sees_all_of(caller, present))):
            raise NotYourFeed("you work at certain locations, and a feed that you save speaks of these alone")
        given = Feed(
            id=fresh_id(),
            code=data.code,
            kind=data.kind,
            location_ids=location_ids,
            silent_after_minutes=data.silent_after_minutes,
            gone_after_minutes=data.gone_after_minutes,
            tolerance_units=data.tolerance_units,
            is_correcting=data.is_correcting,
        )
        saved = only(await save_feeds(db, feeds=[given], actor=caller.actor, now=moment()))
        return Answer(_told(saved, await _codes(db, [saved])))

    return await once(engine, request, act)


@post("/api/stock/feeds/{code:str}/messages", guards=[requires("inventory.move")], status_code=HTTPStatus.OK)
async def tell(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    code: FromPath[str],
    data: JSONBody[MessageBody],
) -> Response[FeedAnswer]:
    """Take what a feed says: a snapshot of what was counted, a delta of what changed, or a heartbeat.

    A snapshot is true for its cut: what the ledger moved since is added to it. The same sequence again is answered
    alike, and an older one is refused. Each line is taken or refused by itself.
    """
    part = Part(
        feed_code=code,
        telling=_telling(data),
        content=content_of(data.lines),
        actor=caller.actor,
        location_ids=caller.location_ids,
        count=LINES_COMPLETED_MAX,
        is_whole=data.all_or_nothing,
        is_complete=data.complete,
        is_trial=data.dry_run,
    )

    async def act(db: Connection) -> Answer[FeedAnswer]:
        await _feed(db, caller, code)
        whole = await completed(db, part)
        check_size(whole)
        return Answer(_in_words(request, only(await hear(db, parts=[whole], now=moment()))))

    return await once(engine, request, act)


@get("/api/stock/differences", guards=[requires("inventory.read")])
async def differences(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    feed: FeedIs = None,
    sku_id: FromQuery[UUID | None] = None,
    location_id: Few = None,
    status: FromQuery[DifferenceStatus | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Difference]:
    """List counts that were not what the ledger said, found last first; `open` ones wait for somebody to look."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        wanted = DifferenceFilter(
            feed_id=None if feed is None else (await _feed(db, caller, feed)).id,
            sku_id=sku_id,
            location_ids=_seen(caller, location_id),
            status=status,
        )
        found = await list_differences(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.found_at, one.id))


@post(
    "/api/stock/differences/{difference_id:uuid}/settle",
    guards=[requires("inventory.move")],
    status_code=HTTPStatus.OK,
)
async def settle_difference(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    difference_id: FromPath[UUID],
    data: JSONBody[SettleBody],
) -> Response[Difference]:
    """Say that somebody has looked at a difference, and what they found out."""

    async def act(db: Connection) -> Answer[Difference]:
        one = Settle(id=difference_id, note=data.note, actor=caller.actor, location_ids=caller.location_ids)
        return Answer(only(await settle_differences(db, settles=[one], now=moment())))

    return await once(engine, request, act)


def _telling(data: MessageBody) -> Telling:
    said = msgspec.json.encode((data.kind, data.cut_at, data.counts, data.lines, data.complete))
    return Telling(
        sequence=data.sequence, kind=data.kind, counts=data.counts, cut_at=data.cut_at, digest=digest_of(said)
    )


async def _feed(db: Connection, caller: Caller, code: str) -> Feed:
    found = (await feeds_by_code(db, [code])).get(code)
    if found is None or not _sees(caller, found):
        raise UnknownFeed("there is no such feed", feed=code)
    return found


def _sees(caller: Caller, one: Feed) -> bool:
    """Whether a feed speaks of a location of the caller's."""
    return caller.location_ids is None or not one.location_ids or not caller.location_ids.isdisjoint(one.location_ids)


def _sees_all_of(caller: Caller, one: Feed) -> bool:
    return bool(one.location_ids) and all(caller.sees_location(at) for at in one.location_ids)


def _seen(caller: Caller, location_ids: list[UUID] | None) -> list[UUID] | None:
    """Of the locations asked for, those that the caller may see."""
    if caller.location_ids is None:
        return location_ids
    return sorted(caller.location_ids.intersection(caller.location_ids if location_ids is None else location_ids))


async def _location_ids(db: Connection, caller: Caller, codes: list[str]) -> list[UUID]:
    found = await location_ids_by_code(db, codes)
    for code in codes:
        if code not in found or not caller.sees_location(found[code]):
            raise UnknownStock("there is no such location", location_code=code)
    return sorted(set(found.values()))


async def _codes(db: Connection, found: list[Feed]) -> Mapping[UUID, str]:
    places = await locations_by_id(db, {at for one in found for at in one.location_ids})
    return {one.id: one.code for one in places.values()}


def _told(one: Feed, codes: Mapping[UUID, str]) -> FeedTold:
    return FeedTold(
        location_codes=sorted(codes[at] for at in one.location_ids),
        **{name: getattr(one, name) for name in FeedTold.__struct_fields__ if name != "location_codes"},
    )


def _in_words(request: AnyRequest, told: FeedAnswer) -> FeedAnswer:
    """The answer with the reasons of refused rows in the language of who asks."""
    rows = [
        msgspec.structs.replace(row, detail=sentence_for(request, row.code, row.detail or "")) if row.code else row
        for row in told.rows
    ]
    return msgspec.structs.replace(told, rows=rows)


ROUTES = [feeds, feed, save_feed, tell, differences, settle_difference]
