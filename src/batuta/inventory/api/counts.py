"""Cycle counts: opened by who may move stock, counted blind by who may count, posted to the ledger (INV-16)."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.catalog.queries import skus_by_code, skus_by_id
from batuta.inventory.api.sight import Few, Moment, check_seen, instant, places_of, seen_by, stocked_skus
from batuta.inventory.commands.counting import record_counts
from batuta.inventory.commands.counts import cancel_counts, open_counts, post_counts
from batuta.inventory.domain import Condition, Lot
from batuta.inventory.domain.counts import (
    COUNT_LINES_MAX,
    TO_COUNT,
    CancelCount,
    Count,
    CountEntry,
    CountLine,
    CountStatus,
    Explained,
    LineStatus,
    Note,
    OpenCount,
    PostCount,
    ShareBp,
    Tally,
    UnknownCount,
    VarianceReason,
)
from batuta.inventory.queries.counts import CountFilter, books_at, counts_by_id, list_counts
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, QuantityOrNone
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

PATH = "/api/stock/counts/{count_id:uuid}"
ENTRIES_MAX = 1_000
SKUS_MAX = 1_000

SkuCodes = Annotated[list[Code], msgspec.Meta(min_length=1, max_length=SKUS_MAX)]
Some = Annotated[int, msgspec.Meta(ge=1, le=SKUS_MAX)]


class CountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be counted where: SKUs, or so many that nobody counted for the longest time, or all that lies there.

    is_blind: counters are not told what the books say. freezes: no sellable unit comes or goes there until
    the count ends. The larger of both tolerances is nothing to count again for.
    """

    location_code: Code
    sku_codes: SkuCodes | None = None
    longest_uncounted: Some | None = None
    is_blind: bool = True
    freezes: bool = False
    tolerance_units: QuantityOrNone = 0
    tolerance_bp: ShareBp = 0
    note: Note = ""


class EntryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a line of the count; or of what it does not name, by SKU, condition and lot.

    units: all that lies there, also what is picked and not yet packed. counted_at: when, if not now.
    """

    units: QuantityOrNone
    line_id: UUID | None = None
    sku_code: Code | None = None
    condition: Condition = Condition.SELLABLE
    lot: Lot = ""
    counted_at: Moment | None = None


class EntriesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entries: Annotated[list[EntryBody], msgspec.Meta(min_length=1, max_length=ENTRIES_MAX)]


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a line differs from the books."""

    line_id: UUID
    reason: VarianceReason
    note: Note = ""


class PostBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """reasons: of the lines beyond the tolerance."""

    reasons: Annotated[list[ReasonBody], msgspec.Meta(max_length=COUNT_LINES_MAX)] = []


class CountedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A row to count. What was counted is told once it stands, what the books say before only if the count is open
    about it. rounds: how often it was counted.
    """

    id: UUID
    sku_id: UUID
    sku_code: str
    condition: Condition
    lot: str
    status: LineStatus
    is_found: bool
    rounds: int
    book_units: int | None
    counted_units: int | None
    variance: int | None
    reason: VarianceReason | None
    note: str
    entries: list[CountEntry]


class CountTold(msgspec.Struct, frozen=True, kw_only=True):
    """A count and its lines."""

    id: UUID
    location_id: UUID
    status: CountStatus
    is_blind: bool
    freezes: bool
    tolerance_units: int
    tolerance_bp: int
    note: str
    actor: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    lines: list[CountedLine]


class CountHead(msgspec.Struct, frozen=True, kw_only=True):
    """A count without its lines."""

    id: UUID
    location_id: UUID
    status: CountStatus
    is_blind: bool
    freezes: bool
    note: str
    actor: str
    created_at: datetime
    ended_at: datetime | None


class EntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an entry: the line as it stands, or the problem's code and facts."""

    line: CountedLine | None = None
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = {}


class EntryAnswers(msgspec.Struct, frozen=True, kw_only=True):
    answers: list[EntryAnswer]


@post("/api/stock/counts", guards=[requires("inventory.move")])
async def open_count(
    request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[CountBody]
) -> Response[CountTold]:
    """Let stock be counted: a task with a line for each row."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[CountTold]:
        location_id = (await places_of(db, [data.location_code]))[data.location_code]
        check_seen(caller, data.location_code, location_id)
        wish = OpenCount(
            id=fresh_id(),
            location_id=location_id,
            sku_ids=sorted((await stocked_skus(db, data.sku_codes)).values()) if data.sku_codes else None,
            longest_uncounted=data.longest_uncounted,
            is_blind=data.is_blind,
            freezes=data.freezes,
            tolerance_units=data.tolerance_units,
            tolerance_bp=data.tolerance_bp,
            note=data.note,
            actor=caller.actor,
        )
        return Answer(await _told(db, only(await open_counts(db, counts=[wish], now=moment()))))

    return await once(engine, request, act)


@get("/api/stock/counts", guards=[requires("inventory.count")])
async def counts(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: Few = None,
    status: FromQuery[CountStatus | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[CountHead]:
    """List counts, the newest first."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    wanted = CountFilter(location_ids=seen_by(caller, location_id), status=status)
    async with engine.connect() as db:
        found = await list_counts(db, wanted=wanted, behind=behind, limit=limit + 1)
    heads = [msgspec.convert(one, CountHead, from_attributes=True) for one in found]
    return page_of(heads, limit=limit, key=lambda one: (one.created_at, one.id))


@get(PATH, guards=[requires("inventory.count")])
async def count(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], count_id: FromPath[UUID]
) -> CountTold:
    """Answer with a count: what is to be counted, and what was, as far as it stands."""
    async with engine.connect() as db:
        return await _told(db, await _seen(db, caller, count_id))


@post(f"{PATH}/entries", guards=[requires("inventory.count")], status_code=HTTPStatus.OK)
async def enter_counts(
    request: AnyRequest, engine: NamedDependency[Engine], count_id: FromPath[UUID], data: JSONBody[EntriesBody]
) -> Response[EntryAnswers]:
    """Say what was counted; each entry stands, wants another person's count, or is refused by itself."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[EntryAnswers]:
        await _seen(db, caller, count_id)
        skus = await skus_by_code(db, {one.sku_code for one in data.entries if one.sku_code})
        tallies = [
            Tally(
                id=fresh_id(),
                count_id=count_id,
                units=one.units,
                actor=caller.actor,
                line_id=one.line_id,
                sku_id=skus[one.sku_code].id if one.sku_code in skus else None,
                condition=one.condition,
                lot=one.lot,
                counted_at=instant(one.counted_at),
            )
            for one in data.entries
        ]
        outcomes = await record_counts(db, tallies=tallies, now=moment())
        standing = (await counts_by_id(db, [count_id]))[count_id]
        lines = {line.id: line for line in await _lines(db, standing)}
        return Answer(EntryAnswers(answers=[_entry_answer(lines, outcome) for outcome in outcomes]))

    return await once(engine, request, act)


@post(f"{PATH}/post", guards=[requires("inventory.move")], status_code=HTTPStatus.OK)
async def post_count(
    request: AnyRequest, engine: NamedDependency[Engine], count_id: FromPath[UUID], data: JSONBody[PostBody]
) -> Response[CountTold]:
    """Let the ledger say what was counted, by movements of the differences, each beyond the tolerance with its reason.

    The count comes back open where something recorded meanwhile makes a line worth counting again.
    """
    caller = caller_of(request)
    reasons = {one.line_id: Explained(reason=one.reason, note=one.note) for one in data.reasons}
    wish = PostCount(count_id=count_id, actor=caller.actor, reasons=reasons)

    async def act(db: Connection) -> Answer[CountTold]:
        await _seen(db, caller, count_id)
        return Answer(await _told(db, only(await post_counts(db, posts=[wish], now=moment()))))

    return await once(engine, request, act)


@post(f"{PATH}/cancel", guards=[requires("inventory.move")], status_code=HTTPStatus.OK)
async def cancel_count(
    request: AnyRequest, engine: NamedDependency[Engine], count_id: FromPath[UUID]
) -> Response[CountTold]:
    """End a count without a word to the ledger."""
    caller = caller_of(request)
    wish = CancelCount(count_id=count_id, actor=caller.actor)

    async def act(db: Connection) -> Answer[CountTold]:
        await _seen(db, caller, count_id)
        return Answer(await _told(db, only(await cancel_counts(db, cancellations=[wish], now=moment()))))

    return await once(engine, request, act)


async def _seen(db: Connection, caller: Caller, count_id: UUID) -> Count:
    """Raises:
    UnknownCount: or at a location that the caller does not see.
    """
    found = (await counts_by_id(db, [count_id])).get(count_id)
    if found is None or not caller.sees_location(found.location_id):
        raise UnknownCount("there is no such count", count_id=str(count_id))
    return found


async def _told(db: Connection, found: Count) -> CountTold:
    heads = {name: getattr(found, name) for name in CountTold.__struct_fields__ if name != "lines"}
    return CountTold(**heads, lines=await _lines(db, found))


async def _lines(db: Connection, found: Count) -> list[CountedLine]:
    skus = await skus_by_id(db, {line.sku_id for line in found.lines})
    open_lines = [line for line in found.lines if line.status in TO_COUNT and not found.is_blind]
    books = await books_at(db, [(found.row(line), moment()) for line in open_lines])
    then = {line.id: book.then for line, book in zip(open_lines, books, strict=True)}
    return [_line(line, skus[line.sku_id].code, then.get(line.id)) for line in found.lines]


def _line(line: CountLine, sku_code: str, book_units: int | None) -> CountedLine:
    """While a line is to be counted, nobody is told what others have counted of it."""
    stands = line.status not in TO_COUNT
    return CountedLine(
        id=line.id,
        sku_id=line.sku_id,
        sku_code=sku_code,
        condition=line.condition,
        lot=line.lot,
        status=line.status,
        is_found=line.is_found,
        rounds=len(line.entries),
        book_units=line.last.book_units if stands else book_units,
        counted_units=line.last.units if stands else None,
        variance=(line.last.variance if line.variance is None else line.variance) if stands else None,
        reason=line.reason,
        note=line.note,
        entries=line.entries if stands else [],
    )


def _entry_answer(lines: dict[UUID, CountedLine], outcome: CountLine | BatutaError) -> EntryAnswer:
    if isinstance(outcome, BatutaError):
        return EntryAnswer(code=outcome.code, detail=outcome.sentence, facts=dict(outcome.facts))
    return EntryAnswer(line=lines[outcome.id])


ROUTES: Sequence[Any] = [open_count, counts, count, enter_counts, post_count, cancel_count]
