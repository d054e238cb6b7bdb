"""What lines of a feed's message do to stock: counts are reconciled with the ledger, changes are movements (INV-09)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import open_rows
from batuta.inventory.commands.rows import Place as RowPlace
from batuta.inventory.commands.rows import write_rows
from batuta.inventory.domain import Condition, Movement, NotStocked, Recorded, StockKey, UnknownStock
from batuta.inventory.domain.feeds import (
    BadRow,
    CountedTwice,
    Counts,
    Difference,
    DifferenceStatus,
    Feed,
    FeedLine,
    ForeignPlace,
    MessageKind,
    NegativeCount,
    Part,
    RowAnswer,
    RowStatus,
    place_in,
)
from batuta.inventory.domain.reconciling import (
    Count,
    Finding,
    Known,
    Level,
    Place,
    Since,
    Told,
    change,
    correction,
    covered,
    newest_cut,
    reconcile,
    rows_at,
)
from batuta.inventory.queries.feeds import claimed_since, counts_known, levels_at, moved_since
from batuta.inventory.tables.feeds import feed_count, feed_difference
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, insert_rows, upsert_rows

TOLERATED_BY = "system:inventory"
FIRST_COUNT = "the first count of a place that the ledger knew nothing of"


class _Line(msgspec.Struct, frozen=True):
    """A line that can be taken. number: its place in the message, from 1."""

    number: int
    told: FeedLine
    place: Place

    @property
    def row(self) -> StockKey:
        return StockKey(*self.place, self.told.lot)

    def answer(
        self, status: RowStatus, *, difference: int = 0, on_hand: int | None = None, missing: int = 0
    ) -> RowAnswer:
        return RowAnswer(
            line=self.number,
            status=status,
            sku_code=self.told.sku_code,
            location_code=self.told.location_code,
            condition=self.told.condition,
            lot=self.told.lot,
            difference=difference,
            on_hand=on_hand,
            missing=missing,
        )


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message as it is carried out. sequence: the one that it bears."""

    feed: Feed
    part: Part
    sequence: int
    document_id: UUID
    now: datetime

    @property
    def told(self) -> Told:
        return Told(self.document_id, self.part.actor, self.part.telling.cut_at)

    def key(self, number: int) -> str:
        return f"feed:{self.document_id.hex}:{number}"


class _Ground(msgspec.Struct, frozen=True):
    """What is there, under lock, and what is known of it. Ours: rows of the lines' places and perhaps of others."""

    rows: dict[StockKey, Level]
    since: Mapping[StockKey, Since]
    known: Mapping[Place, Sequence[Known]]


async def take_lines(db: Connection, message: Message) -> list[RowAnswer]:
    """Carry out a part of a message, line by line; each is answered, and one that is refused stops no other.

    The feed is locked; stock rows are locked here, in the order of their keys.
    """
    read = await _read(db, message)
    lines = [one for one in read if isinstance(one, _Line)]
    ground = await _lock(db, message, lines)
    answers = {one.line: one for one in read if isinstance(one, RowAnswer)}
    take = _take_counts if message.part.telling.kind is MessageKind.SNAPSHOT else _take_changes
    answers |= {one.line: one for one in await take(db, message, lines, ground)}
    return [answers[number] for number in sorted(answers)]


async def _read(db: Connection, message: Message) -> list[_Line | RowAnswer]:
    part = message.part
    rows = part.content.rows[part.first : part.first + part.count]
    told = [row for row in rows if isinstance(row, FeedLine)]
    skus = await skus_by_code(db, {row.sku_code for row in told})
    location_ids = await location_ids_by_code(db, {row.location_code for row in told})
    read: list[_Line | RowAnswer] = []
    for i, row in enumerate(rows, start=part.first):
        if isinstance(row, BadRow):
            read.append(
                RowAnswer(line=i + 1, status=RowStatus.REFUSED, code=row.code, detail=row.detail, facts=row.facts)
            )
            continue
        try:
            read.append(_line(message, i, row, skus, location_ids))
        except BatutaError as problem:
            read.append(_refused(i + 1, row, problem))
    return read


def _line(message: Message, i: int, row: FeedLine, skus: Mapping[str, Sku], location_ids: Mapping[str, UUID]) -> _Line:
    sku, location_id = skus.get(row.sku_code), location_ids.get(row.location_code)
    seen = message.part.location_ids
    if sku is None:
        raise UnknownStock("there is no such SKU", sku_code=row.sku_code)
    if location_id is None or (seen is not None and location_id not in seen):
        raise UnknownStock("there is no such location", location_code=row.location_code)
    if not message.feed.speaks_of(location_id):
        raise ForeignPlace("the feed does not speak of this location", location_code=row.location_code)
    if not sku.is_tracked:
        raise NotStocked("this SKU has no stock of its own", sku_code=row.sku_code)
    if message.part.telling.kind is MessageKind.SNAPSHOT:
        if row.quantity < 0:
            raise NegativeCount("nobody counts fewer than no units", quantity=row.quantity)
        if i in message.part.content.twice:
            raise CountedTwice("the same message has counted this before", sku_code=row.sku_code)
    return _Line(i + 1, row, (sku.id, location_id, row.condition.value))


def _refused(number: int, row: FeedLine, problem: BatutaError) -> RowAnswer:
    return RowAnswer(
        line=number,
        status=RowStatus.REFUSED,
        sku_code=row.sku_code,
        location_code=row.location_code,
        condition=row.condition,
        lot=row.lot,
        code=problem.code,
        detail=problem.sentence,
        facts=dict(problem.facts),
    )


async def _lock(db: Connection, message: Message, lines: Sequence[_Line]) -> _Ground:
    """Lock the rows of all lines, those too that units will come to, and read what is known of them."""
    if not lines:
        return _Ground({}, {}, {})
    places = {line.place for line in lines}
    present = await levels_at(db, places)
    lots = rows_at(present)
    await open_rows(db, {line.row for line in lines if _is_to_open(message, line, lots.get(line.place, ()))})
    rows = await lock_rows_now(db, {RowPlace(*place) for place in places}, now=message.now)
    await write_rows(db, rows)

    telling = message.part.telling
    since = await moved_since(db, places, telling.cut_at) if telling.kind is MessageKind.SNAPSHOT else {}
    if telling.counts is Counts.AVAILABLE and telling.kind is MessageKind.SNAPSHOT:
        claimed = await claimed_since(db, places, telling.cut_at)
        since = {key: _together(since.get(key), claimed.get(key)) for key in since.keys() | claimed.keys()}
    return _Ground(await levels_at(db, places), since, await counts_known(db, places))


def _is_to_open(message: Message, line: _Line, present: Sequence[StockKey]) -> bool:
    """Whether units may come to a row that is not there. Counted without a lot, they go to the only lot there is."""
    if line.told.quantity <= 0 or line.row in present:
        return False
    content, kind = message.part.content, message.part.telling.kind
    is_exact = bool(line.told.lot) or kind is MessageKind.DELTA or place_in(line.told) in content.told_apart
    return is_exact or len(present) != 1


def _together(moved: Since | None, claimed: Since | None) -> Since:
    moved, claimed = moved or Since(), claimed or Since()
    return Since(moved=moved.moved, issued=moved.issued, held=claimed.held, consumed=claimed.consumed)


async def _take_counts(db: Connection, message: Message, lines: Sequence[_Line], ground: _Ground) -> list[RowAnswer]:
    telling = message.part.telling
    answers, findings, shares = [], [], []
    lots = rows_at(ground.rows)
    for line in lines:
        counted_at = newest_cut(line.told.lot, ground.known.get(line.place, ()))
        if counted_at is not None and counted_at > telling.cut_at:
            answers.append(line.answer(RowStatus.SUPERSEDED))
            continue
        count = Count(line.place, line.told.lot, line.told.quantity)
        keys = covered(count, lots, told_apart=place_in(line.told) in message.part.content.told_apart)
        finding = reconcile(count, keys, ground.rows, ground.since, telling.counts)
        findings.append((line, keys, finding))
        shares += [(line.number, row, units) for row, units in finding.shares.items()]

    refusals = await _correct(db, message, shares) if message.feed.is_correcting else {}
    taken = []
    for line, keys, finding in findings:
        if line.number in refusals:
            answers.append(_refused(line.number, line.told, refusals[line.number]))
            continue
        taken.append((line, finding))
        answers.append(_found(line, keys, finding, ground, is_correcting=message.feed.is_correcting))
    await _keep_counts(db, message, [line for line, _ in taken])
    await _keep_differences(db, message, taken, ground)
    return answers


async def _correct(
    db: Connection, message: Message, shares: Sequence[tuple[int, StockKey, int]]
) -> dict[int, BatutaError]:
    """Put rows right; the answer is why not, by the line's number."""
    movements = [
        correction(message.told, row, units, movement_key=message.key(number) + (f":{row.lot}" if row.lot else ""))
        for number, row, units in shares
    ]
    outcomes = await _record(db, movements, now=message.now)
    return {
        number: outcome
        for (number, _, _), outcome in zip(shares, outcomes, strict=True)
        if isinstance(outcome, BatutaError)
    }


async def _record(db: Connection, movements: Sequence[Movement], *, now: datetime) -> Sequence[Recorded | BatutaError]:
    return await record_movements(db, movements=movements, now=now) if movements else []


def _found(
    line: _Line, keys: Sequence[StockKey], finding: Finding, ground: _Ground, *, is_correcting: bool
) -> RowAnswer:
    on_hand = finding.target if is_correcting else finding.expected
    reserved = sum(ground.rows[key].reserved for key in keys if key in ground.rows)
    is_changed = bool(finding.difference and is_correcting)
    return line.answer(
        RowStatus.CHANGED if is_changed else RowStatus.UNCHANGED,
        difference=finding.difference,
        on_hand=on_hand,
        missing=max(0, reserved - on_hand),
    )


async def _keep_counts(db: Connection, message: Message, lines: Sequence[_Line]) -> None:
    rows = [
        {
            "sku_id": line.row.sku_id,
            "location_id": line.row.location_id,
            "condition": line.row.condition,
            "lot": line.row.lot,
            "feed_id": message.feed.id,
            "sequence": message.sequence,
            "counts": message.part.telling.counts.value,
            "counted": line.told.quantity,
            "cut_at": message.part.telling.cut_at,
            "received_at": message.now,
        }
        for line in lines
    ]
    await upsert_rows(db, feed_count, rows, key=("sku_id", "location_id", "condition", "lot"))


async def _keep_differences(
    db: Connection, message: Message, taken: Sequence[tuple[_Line, Finding]], ground: _Ground
) -> None:
    """Write down what was not as the ledger said; what nobody need look at is settled at once."""
    found = [_difference(message, line, finding, ground) for line, finding in taken if finding.difference]
    await insert_rows(db, feed_difference, [msgspec.structs.asdict(one) for one in found])


def _difference(message: Message, line: _Line, finding: Finding, ground: _Ground) -> Difference:
    is_first = not finding.expected and line.place not in ground.known
    is_small = abs(finding.difference) <= message.feed.tolerance_units
    is_settled = is_small or (is_first and message.feed.is_correcting)
    return Difference(
        id=child_id(message.document_id, f"difference {line.number}"),
        feed_id=message.feed.id,
        sequence=message.sequence,
        line=line.number,
        document_id=message.document_id,
        sku_id=line.row.sku_id,
        location_id=line.row.location_id,
        condition=Condition(line.row.condition),
        lot=line.row.lot,
        counts=message.part.telling.counts,
        counted=line.told.quantity,
        expected=finding.expected,
        units=finding.difference,
        is_corrected=message.feed.is_correcting,
        status=DifferenceStatus.SETTLED if is_settled else DifferenceStatus.OPEN,
        cut_at=message.part.telling.cut_at,
        found_at=message.now,
        settled_at=message.now if is_settled else None,
        settled_by=TOLERATED_BY if is_settled else None,
        note=FIRST_COUNT if is_first and is_settled else None,
    )


async def _take_changes(db: Connection, message: Message, lines: Sequence[_Line], ground: _Ground) -> list[RowAnswer]:
    answers = []
    moving = []
    for line in lines:
        counted_at = newest_cut(line.told.lot, ground.known.get(line.place, ()))
        if counted_at is not None and counted_at > message.part.telling.cut_at:
            answers.append(line.answer(RowStatus.CONTAINED))
        elif line.told.quantity:
            moving.append(line)
        else:
            level = ground.rows.get(line.row, Level(0, 0))
            answers.append(line.answer(RowStatus.UNCHANGED, on_hand=level.on_hand))
    movements = [
        change(message.told, line.row, line.told.quantity, line.told.reason, movement_key=message.key(line.number))
        for line in moving
    ]
    outcomes = await _record(db, movements, now=message.now)
    return [*answers, *_changed(moving, outcomes, ground)]


def _changed(
    lines: Sequence[_Line], outcomes: Sequence[Recorded | BatutaError], ground: _Ground
) -> Iterator[RowAnswer]:
    moved: dict[StockKey, int] = defaultdict(int)
    for line, outcome in zip(lines, outcomes, strict=True):
        if isinstance(outcome, BatutaError):
            yield _refused(line.number, line.told, outcome)
            continue
        moved[line.row] += line.told.quantity
        level = ground.rows.get(line.row, Level(0, 0))
        on_hand = level.on_hand + moved[line.row]
        yield line.answer(
            RowStatus.CHANGED,
            difference=line.told.quantity,
            on_hand=on_hand,
            missing=max(0, level.reserved - on_hand),
        )
