"""Tasks to count: opened, posted to the ledger, cancelled (INV-16). Stock rows are locked before the count's row."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete

from batuta.inventory.commands.counting import (
    ENDED,
    freeze_places,
    line_row,
    lock_counts,
    made_line,
    untracked,
    write_counts,
    write_lines,
)
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.rows import places_of, write_rows
from batuta.inventory.domain import Condition, StockKey, UnknownStock
from batuta.inventory.domain.counts import (
    COUNT_LINES_MAX,
    COUNT_MOVES,
    TO_COUNT,
    CancelCount,
    Count,
    CountEnded,
    CountLine,
    CountStatus,
    Explained,
    Frozen,
    LineStatus,
    NotAllCounted,
    NothingToCount,
    OpenCount,
    PostCount,
    ReasonMissing,
    Review,
    TooManyToCount,
    UnknownCount,
    VarianceReason,
    correction,
    review,
)
from batuta.inventory.events import CountCancelled, CountPosted
from batuta.inventory.queries.counts import books_at, counts_by_id, longest_uncounted, rows_to_count
from batuta.inventory.tables.counts import count_line, standstill, stock_count
from batuta.kernel.errors import BatutaError
from batuta.kernel.states import move
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, insert_new, insert_rows
from batuta.plumbing.events import publish

_thaw = delete(standstill).where(standstill.c.count_id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))


async def open_counts(db: Connection, *, counts: Sequence[OpenCount], now: datetime) -> list[Count | BatutaError]:
    """Let rows be counted; each answer is the task with its lines, or why there is none.

    A task that freezes waits for what moves its rows at this moment; afterwards nothing does until it ends. The same
    id again is answered with the task as it stands.
    """
    known = await counts_by_id(db, [one.id for one in counts])
    return [known.get(one.id) or await _open(db, one, now=now) for one in counts]


async def _open(db: Connection, one: OpenCount, *, now: datetime) -> Count | BatutaError:
    rows = await _rows(db, one)
    if isinstance(rows, BatutaError):
        return rows
    count = Count(
        id=one.id,
        location_id=one.location_id,
        status=CountStatus.OPEN,
        is_blind=one.is_blind,
        freezes=one.freezes,
        tolerance_units=one.tolerance_units,
        tolerance_bp=one.tolerance_bp,
        note=one.note,
        actor=one.actor,
        created_at=now,
        ended_at=None,
        ended_by=None,
    )
    lines = [made_line(count, row, position=i, is_found=False) for i, row in enumerate(rows)]
    try:
        async with db.savepoint():
            await _store(db, count, lines, now=now)
    except Frozen as problem:
        return problem
    return msgspec.structs.replace(count, lines=lines)


async def _rows(db: Connection, one: OpenCount) -> list[StockKey] | BatutaError:
    """The rows to count, in order; a SKU that never lay there is looked for as sellable."""
    if one.location_id not in await locations_by_id(db, [one.location_id]):
        return UnknownStock("there is no such location", location_id=str(one.location_id))
    sku_ids = one.sku_ids
    if sku_ids is None and one.longest_uncounted is not None:
        sku_ids = await longest_uncounted(db, one.location_id, limit=one.longest_uncounted)
    for problem in (await untracked(db, set(sku_ids or ()))).values():
        return problem
    rows = await rows_to_count(db, one.location_id, sku_ids, limit=COUNT_LINES_MAX + 1)
    absent = set(sku_ids or ()) - {row.sku_id for row in rows}
    rows += [StockKey(sku_id, one.location_id, Condition.SELLABLE.value, "") for sku_id in absent]
    if len(rows) > COUNT_LINES_MAX:
        return TooManyToCount("more lies there than one count takes", lines_max=COUNT_LINES_MAX)
    if not rows:
        return NothingToCount("nothing lies there", location_id=str(one.location_id))
    return sorted(rows)


async def _store(db: Connection, count: Count, lines: Sequence[CountLine], *, now: datetime) -> None:
    """Raises:
    Frozen: another count wants some of the places to stand still.
    """
    if count.freezes:
        held = await lock_rows_now(db, places_of(count.row(line) for line in lines), now=now)
        await write_rows(db, held)
    row = msgspec.structs.asdict(count)
    del row["lines"]
    if not await insert_new(db, stock_count, [row], returning=("id",)):
        return
    await insert_rows(db, count_line, [line_row(line) for line in lines])
    if count.freezes:
        taken = {(line.sku_id, count.location_id) for line in lines} - await freeze_places(db, [count], lines)
        if taken:
            raise Frozen(
                "another count is going on there",
                location_id=str(count.location_id),
                sku_ids=sorted(str(sku_id) for sku_id, _ in taken),
            )


async def post_counts(db: Connection, *, posts: Sequence[PostCount], now: datetime) -> list[Count | BatutaError]:
    """Let the ledger say what was counted, by movements; all lines of a count, or none and why.

    What moved since the units were counted stays moved: the difference is posted, never the count. A count comes back
    open, and nothing of it is posted, where what was recorded meanwhile makes a line worth counting again.
    """
    seen = await counts_by_id(db, {one.count_id for one in posts})
    rows = {count.row(line) for count in seen.values() for line in count.lines}
    held = await lock_rows_now(db, places_of(rows), now=now)
    await write_rows(db, held)
    counts = await lock_counts(db, seen)
    outcomes: list[Count | BatutaError] = []
    for one in posts:
        outcome = await _post(db, counts.get(one.count_id), one, now=now)
        if isinstance(outcome, Count):
            counts[one.count_id] = outcome
        outcomes.append(outcome)
    return outcomes


async def _post(db: Connection, count: Count | None, one: PostCount, *, now: datetime) -> Count | BatutaError:
    problem = _not_to_post(count, one)
    if problem:
        return problem
    assert count
    if count.status is CountStatus.POSTED:
        return count
    books = await books_at(db, [(count.row(line), line.last.counted_at) for line in count.lines])
    said = review(
        count,
        one,
        books={line.id: book.then for line, book in zip(count.lines, books, strict=True)},
        on_hand={line.id: book.on_hand for line, book in zip(count.lines, books, strict=True)},
    )
    if said.again:
        return await _count_again(db, count, said)
    if said.unexplained:
        line_ids = [str(line_id) for line_id in said.unexplained]
        return ReasonMissing("say why there are more or fewer", count_id=str(count.id), line_ids=line_ids)
    posted = _posted(count, one, said, now=now)
    try:
        async with db.savepoint():
            await _move(db, posted, said, actor=one.actor, now=now)
    except BatutaError as refusal:
        return refusal
    return posted


def _not_to_post(count: Count | None, one: PostCount) -> BatutaError | None:
    if count is None:
        return UnknownCount("there is no such count", count_id=str(one.count_id))
    if count.status is CountStatus.CANCELLED:
        return CountEnded("the count has ended", count_id=str(count.id), status=count.status)
    waiting = [str(line.id) for line in count.lines if line.status in TO_COUNT]
    if waiting:
        return NotAllCounted("not all is counted", count_id=str(count.id), line_ids=waiting)
    return None


async def _count_again(db: Connection, count: Count, said: Review) -> Count:
    again = set(said.again)
    lines = [
        msgspec.structs.replace(line, status=LineStatus.RECOUNT) if line.id in again else line for line in count.lines
    ]
    opened = msgspec.structs.replace(count, status=move(COUNT_MOVES, count.status, CountStatus.OPEN), lines=lines)
    await write_lines(db, [line for line in lines if line.id in again])
    await write_counts(db, [opened])
    return opened


def _posted(count: Count, one: PostCount, said: Review, *, now: datetime) -> Count:
    lines = []
    for line in count.lines:
        variance = said.variances[line.id]
        why = one.reasons.get(line.id, Explained(reason=VarianceReason.WITHIN_TOLERANCE)) if variance else None
        lines.append(
            msgspec.structs.replace(
                line,
                status=LineStatus.POSTED,
                variance=variance,
                reason=why.reason if why else None,
                note=why.note if why else "",
            )
        )
    status = move(COUNT_MOVES, count.status, CountStatus.POSTED)
    return msgspec.structs.replace(count, status=status, ended_at=now, ended_by=one.actor, lines=lines)


async def _move(db: Connection, count: Count, said: Review, *, actor: str, now: datetime) -> None:
    """Raises:
    BatutaError: the ledger refuses a correction.
    """
    movements = [
        correction(count, line, said.variances[line.id], actor=actor, now=now)
        for line in count.lines
        if said.variances[line.id]
    ]
    for outcome in await record_movements(db, movements=movements, now=now):
        if isinstance(outcome, BatutaError):
            raise outcome
    await write_lines(db, count.lines)
    await write_counts(db, [count])
    await db.execute(_thaw, {"ids": [count.id]})
    variances = said.variances.values()
    await publish(
        db,
        [
            CountPosted(
                stream=count.id,
                happened_at=now,
                actor=actor,
                location_id=count.location_id,
                lines=len(count.lines),
                found=sum(variance for variance in variances if variance > 0),
                missing=-sum(variance for variance in variances if variance < 0),
            )
        ],
    )


async def cancel_counts(
    db: Connection, *, cancellations: Sequence[CancelCount], now: datetime
) -> list[Count | BatutaError]:
    """Let counts end without a word to the ledger."""
    counts = await lock_counts(db, {one.count_id for one in cancellations})
    ended: dict[UUID, Count] = {}
    outcomes: list[Count | BatutaError] = []
    for one in cancellations:
        count = ended.get(one.count_id) or counts.get(one.count_id)
        if count is None:
            outcomes.append(UnknownCount("there is no such count", count_id=str(one.count_id)))
            continue
        try:
            status = move(COUNT_MOVES, count.status, CountStatus.CANCELLED)
        except BatutaError as problem:
            outcomes.append(problem)
            continue
        if count.status not in ENDED:
            count = msgspec.structs.replace(count, status=status, ended_at=now, ended_by=one.actor)
            ended[count.id] = count
        outcomes.append(count)
    await write_counts(db, list(ended.values()))
    await db.execute(_thaw, {"ids": list(ended)})
    await publish(
        db,
        [
            CountCancelled(stream=count.id, happened_at=now, actor=count.ended_by or "", location_id=count.location_id)
            for count in ended.values()
        ],
    )
    return outcomes
