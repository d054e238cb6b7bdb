"""Counting, and counting again (INV-16). A count's row is locked for all of its lines."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select, update

from batuta.catalog.queries import skus_by_id
from batuta.inventory.commands.opening import NoRow
from batuta.inventory.domain import Condition, NotStocked, StockKey, UnknownStock
from batuta.inventory.domain.counts import (
    Count,
    CountEntry,
    CountLine,
    CountStatus,
    LineStatus,
    Tally,
    UnknownCount,
    check_tally,
    judged,
    status_of,
)
from batuta.inventory.queries.counts import Books, Place, books_at, counts_by_id
from batuta.inventory.tables.counts import count_entry, count_line, standstill, stock_count
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_new, insert_rows, params

ENDED = frozenset({CountStatus.POSTED, CountStatus.CANCELLED})

_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_lock = select(stock_count.c.id).where(stock_count.c.id == any_(_ids)).order_by(stock_count.c.id).with_for_update()


async def record_counts(db: Connection, *, tallies: Sequence[Tally], now: datetime) -> list[CountLine | BatutaError]:
    """Write down what people counted; each answer is the line as it stands then, or why not.

    A count that is too far from the books waits for another person's. The same id again is answered, not repeated.
    """
    board = Board(await lock_counts(db, {one.count_id for one in tallies}))
    strange = await _add_found(db, board, tallies)
    named = [tally for tally in tallies if board.line_of(tally)]
    books = await books_at(db, [(board.row_of(tally), tally.counted_at or now) for tally in named])
    then = {tally.id: one for tally, one in zip(named, books, strict=True)}

    def enter(tally: Tally) -> CountLine:
        if tally.id in strange:
            raise strange[tally.id]
        return board.enter(tally, then.get(tally.id), now=now)

    outcomes = each(tallies, enter)
    await insert_rows(db, count_entry, [msgspec.structs.asdict(entry) for entry in board.entries])
    await write_lines(db, board.changed())
    await write_counts(db, board.standing())
    return outcomes


class Board:
    """Counts under lock, as they will be once they are written."""

    def __init__(self, counts: dict[UUID, Count]) -> None:
        self.counts = counts
        self.entries: list[CountEntry] = []
        self._lines = {line.id: line for count in counts.values() for line in count.lines}
        self._by_row = {(line.count_id, counts[line.count_id].row(line)): line.id for line in self._lines.values()}

    def add(self, line: CountLine) -> None:
        self._lines[line.id] = line
        self._by_row[line.count_id, self.counts[line.count_id].row(line)] = line.id

    def line_of(self, tally: Tally) -> CountLine | None:
        """The line that a tally means, if the count has it."""
        count = self.counts.get(tally.count_id)
        if count is None:
            return None
        row = row_of(count, tally)
        line_id = tally.line_id or (self._by_row.get((count.id, row)) if row else None)
        line = self._lines.get(line_id) if line_id else None
        return line if line and line.count_id == count.id else None

    def row_of(self, tally: Tally) -> StockKey:
        line = self.line_of(tally)
        assert line
        return self.counts[line.count_id].row(line)

    def lines_of(self, count_id: UUID) -> list[CountLine]:
        return [line for line in self._lines.values() if line.count_id == count_id]

    def enter(self, tally: Tally, books: Books | None, *, now: datetime) -> CountLine:
        """Raises:
        UnknownCount, or what `check_tally` refuses.
        """
        line = self.line_of(tally)
        if line is None or books is None:
            raise UnknownCount("there is no such count, or no such line in it", count_id=str(tally.count_id))
        if any(entry.id == tally.id for entry in line.entries):
            return line
        count = self.counts[tally.count_id]
        check_tally(count, line, tally, now=now)
        entry = CountEntry(
            id=tally.id,
            line_id=line.id,
            round=len(line.entries) + 1,
            units=tally.units,
            book_units=books.then,
            counted_at=tally.counted_at or now,
            actor=tally.actor,
            recorded_at=now,
        )
        done = msgspec.structs.replace(line, status=judged(count, line, entry), entries=[*line.entries, entry])
        self._lines[line.id] = done
        self.entries.append(entry)
        return done

    def changed(self) -> list[CountLine]:
        """Lines with new entries."""
        return [self._lines[line_id] for line_id in sorted({entry.line_id for entry in self.entries})]

    def standing(self) -> list[Count]:
        """Counts that have not ended, by what their lines now say."""
        return [
            msgspec.structs.replace(count, status=status_of(self.lines_of(count.id)))
            for count in self.counts.values()
            if count.status not in ENDED
        ]


def row_of(count: Count, tally: Tally) -> StockKey | None:
    """The row that a tally names by itself."""
    return StockKey(tally.sku_id, count.location_id, tally.condition.value, tally.lot) if tally.sku_id else None


async def lock_counts(db: Connection, ids: Collection[UUID]) -> dict[UUID, Count]:
    """Lock counts in the order of their ids, and read them."""
    await db.execute(_lock, {"ids": list(ids)})
    return await counts_by_id(db, ids)


async def _add_found(db: Connection, board: Board, tallies: Sequence[Tally]) -> dict[UUID, NoRow]:
    """Add lines for rows that counters met and the task did not name; say which tallies name nothing that can be."""
    met = [
        (tally, count, row)
        for tally in tallies
        if (count := board.counts.get(tally.count_id))
        and count.status not in ENDED
        and tally.line_id is None
        and (row := row_of(count, tally))
        and not board.line_of(tally)
    ]
    strange = await untracked(db, {row.sku_id for _, _, row in met})
    added: list[CountLine] = []
    for tally, count, row in met:
        if row.sku_id not in strange and not board.line_of(tally):
            added.append(made_line(count, row, position=len(board.lines_of(count.id)), is_found=True))
            board.add(added[-1])
    await insert_rows(db, count_line, [line_row(line) for line in added])
    await freeze_places(db, [count for _, count, _ in met if count.freezes], added)
    return {tally.id: strange[row.sku_id] for tally, _, row in met if row.sku_id in strange}


async def untracked(db: Connection, sku_ids: Collection[UUID]) -> dict[UUID, NoRow]:
    """Say for each SKU that has no stock what is wrong with it."""
    skus = await skus_by_id(db, sku_ids)
    return {
        sku_id: NotStocked("this SKU has no stock of its own", sku_id=str(sku_id))
        if sku_id in skus
        else UnknownStock("there is no such SKU", sku_id=str(sku_id))
        for sku_id in sku_ids
        if sku_id not in skus or not skus[sku_id].is_tracked
    }


def made_line(count: Count, row: StockKey, *, position: int, is_found: bool) -> CountLine:
    return CountLine(
        id=child_id(count.id, row.sku_id, row.condition, row.lot),
        count_id=count.id,
        position=position,
        sku_id=row.sku_id,
        condition=Condition(row.condition),
        lot=row.lot,
        status=LineStatus.OPEN,
        is_found=is_found,
        variance=None,
        reason=None,
        note="",
    )


def line_row(line: CountLine) -> dict[str, object]:
    row = msgspec.structs.asdict(line)
    del row["entries"]
    return row


async def freeze_places(db: Connection, counts: Iterable[Count], lines: Iterable[CountLine]) -> set[Place]:
    """Let the places of lines stand still for those counts; return which of them now do."""
    locations = {count.id: count.location_id for count in counts}
    places = {(line.sku_id, locations[line.count_id]): line.count_id for line in lines if line.count_id in locations}
    rows = [
        {"sku_id": sku_id, "location_id": location_id, "count_id": count_id}
        for (sku_id, location_id), count_id in sorted(places.items())
    ]
    frozen = await insert_new(db, standstill, rows, returning=("sku_id", "location_id"))
    return {(sku_id, location_id) for sku_id, location_id in frozen}


_given = arrays("line", id=Uuid(), status=Text(), variance=Integer(), reason=Text(), note=Text())
_write_lines = (
    update(count_line)
    .where(count_line.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)
_ended = arrays("count", id=Uuid(), status=Text(), ended_at=Instant, ended_by=Text())
_write_counts = (
    update(stock_count)
    .where(stock_count.c.id == _ended.c.id)
    .values({column.name: column for column in _ended.c if column.name != "id"})
)


async def write_lines(db: Connection, lines: Sequence[CountLine]) -> None:
    if lines:
        await db.execute(
            _write_lines,
            params(
                "line",
                id=[line.id for line in lines],
                status=[line.status.value for line in lines],
                variance=[line.variance for line in lines],
                reason=[line.reason.value if line.reason else None for line in lines],
                note=[line.note for line in lines],
            ),
        )


async def write_counts(db: Connection, counts: Sequence[Count]) -> None:
    if counts:
        await db.execute(
            _write_counts,
            params(
                "count",
                id=[count.id for count in counts],
                status=[count.status.value for count in counts],
                ended_at=[count.ended_at for count in counts],
                ended_by=[count.ended_by for count in counts],
            ),
        )
