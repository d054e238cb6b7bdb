"""Cycle counts: what people find on the shelf, compared with the books, and posted as movements (INV-16)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Account, Condition, Lot, Movement, MovementReason, StockKey, StockRefusal
from batuta.kernel.errors import Forbidden, NotFound, Refused
from batuta.kernel.quantities import QUANTITY_MAX, QuantityOrNone, Text

COUNT_LINES_MAX = 2_000
ROUNDS_MAX = 20
ALL_BP = 10_000

Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
ShareBp = Annotated[int, msgspec.Meta(ge=0, le=ALL_BP)]


class CountStatus(StrEnum):
    """open: units are being counted. counted: every line has a count that stands, and can be posted."""

    OPEN = "open"
    COUNTED = "counted"
    POSTED = "posted"
    CANCELLED = "cancelled"


COUNT_MOVES = {
    CountStatus.OPEN: {CountStatus.COUNTED, CountStatus.CANCELLED},
    CountStatus.COUNTED: {CountStatus.OPEN, CountStatus.POSTED, CountStatus.CANCELLED},
    CountStatus.POSTED: set[CountStatus](),
    CountStatus.CANCELLED: set[CountStatus](),
}


class LineStatus(StrEnum):
    """recount: too far from the books; somebody else counts again."""

    OPEN = "open"
    RECOUNT = "recount"
    COUNTED = "counted"
    POSTED = "posted"


TO_COUNT = frozenset({LineStatus.OPEN, LineStatus.RECOUNT})


class VarianceReason(StrEnum):
    """Why the shelf says something else than the books."""

    WITHIN_TOLERANCE = "within_tolerance"
    THEFT = "theft"
    DAMAGE = "damage"
    MISPLACED = "misplaced"
    FOUND = "found"
    RECEIVING = "receiving"
    SHIPPING = "shipping"
    ENTRY = "entry"
    UNKNOWN = "unknown"


class CountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody counted. book_units: what the ledger said of the moment at which they counted."""

    id: UUID
    line_id: UUID
    round: int
    units: int
    book_units: int
    counted_at: datetime
    actor: str
    recorded_at: datetime

    @property
    def variance(self) -> int:
        return self.units - self.book_units


class CountLine(msgspec.Struct, frozen=True, kw_only=True):
    """A stock row that is counted.

    is_found: a counter met it, the task did not name it. variance: what was posted, found units positive.
    """

    id: UUID
    count_id: UUID
    position: int
    sku_id: UUID
    condition: Condition
    lot: str
    status: LineStatus
    is_found: bool
    variance: int | None
    reason: VarianceReason | None
    note: str
    entries: list[CountEntry] = []

    @property
    def last(self) -> CountEntry:
        return self.entries[-1]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """A task to count rows of one location.

    is_blind: counters are not told what the books say. freezes: no sellable unit comes or goes there until it ends.
    tolerance: the larger of units and hundredths of a percent of the books is nothing to count again for.
    """

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
    lines: list[CountLine] = []

    def tolerates(self, variance: int, book_units: int) -> bool:
        return abs(variance) <= max(self.tolerance_units, book_units * self.tolerance_bp // ALL_BP)

    def row(self, line: CountLine) -> StockKey:
        return StockKey(line.sku_id, self.location_id, line.condition.value, line.lot)


class OpenCount(msgspec.Struct, frozen=True, kw_only=True):
    """Let rows of a location be counted.

    sku_ids: their rows, in every condition and lot. longest_uncounted: of so many SKUs that nobody has counted for
    the longest time. Neither: of all.
    """

    id: UUID
    location_id: UUID
    sku_ids: list[UUID] | None = None
    longest_uncounted: int | None = None
    is_blind: bool = True
    freezes: bool = False
    tolerance_units: QuantityOrNone = 0
    tolerance_bp: ShareBp = 0
    note: Note = ""
    actor: Text


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody counted of a line; or of a row that the task did not name, by its SKU, condition and lot.

    units: all that lies there, also what is picked and not yet packed. counted_at: when; now when it says nothing.
    """

    id: UUID
    count_id: UUID
    units: QuantityOrNone
    actor: Text
    line_id: UUID | None = None
    sku_id: UUID | None = None
    condition: Condition = Condition.SELLABLE
    lot: Lot = ""
    counted_at: datetime | None = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    reason: VarianceReason
    note: Note = ""


class PostCount(msgspec.Struct, frozen=True, kw_only=True):
    """Let the ledger say what was counted. reasons: by line, for those beyond the tolerance."""

    count_id: UUID
    actor: Text
    reasons: dict[UUID, Explained] = {}


class CancelCount(msgspec.Struct, frozen=True, kw_only=True):
    count_id: UUID
    actor: Text


class UnknownCount(NotFound):
    """There is no such count, or no such line in it."""


class CountEnded(Refused):
    """The count was posted or cancelled."""


class LineCounted(Refused):
    """The line has a count that stands."""


class SamePerson(Forbidden):
    """A second count is another person's."""


class CountedThen(Refused):
    """Units are counted between the beginning of the task and now."""


class TooManyRounds(Refused):
    """The line was counted often enough; cancel the count and look into it."""


class NothingToCount(Refused):
    """Nothing lies there that could be counted."""


class TooManyToCount(Refused):
    """A count has fewer lines; `lines_max` says how many."""


class NotAllCounted(Refused):
    """Lines wait to be counted; `line_ids` says which."""


class ReasonMissing(Refused):
    """A line beyond the tolerance says why; `line_ids` says which do not."""


class Frozen(StockRefusal):
    """The place is being counted, and nothing moves there until the count ends."""


def judged(count: Count, line: CountLine, entry: CountEntry) -> LineStatus:
    """Say whether a count of a line stands: it is near the books, or another person's earlier one says the same."""
    is_near = count.tolerates(entry.variance, entry.book_units)
    is_agreed = any(one.variance == entry.variance and one.actor != entry.actor for one in line.entries)
    return LineStatus.COUNTED if is_near or is_agreed else LineStatus.RECOUNT


def check_tally(count: Count, line: CountLine, tally: Tally, *, now: datetime) -> None:
    """Refuse a count that cannot be, or is not this person's.

    Raises:
        CountEnded, LineCounted, SamePerson, CountedThen, TooManyRounds.
    """
    if count.status in {CountStatus.POSTED, CountStatus.CANCELLED}:
        raise CountEnded("the count has ended", count_id=str(count.id), status=count.status)
    if line.status not in TO_COUNT:
        raise LineCounted("the line has a count that stands", line_id=str(line.id))
    if line.entries and line.last.actor == tally.actor:
        raise SamePerson("somebody else counts this line again", line_id=str(line.id))
    if len(line.entries) >= ROUNDS_MAX:
        raise TooManyRounds("the line was counted often enough", line_id=str(line.id), rounds_max=ROUNDS_MAX)
    if not count.created_at <= (tally.counted_at or now) <= now:
        raise CountedThen(
            "units are counted between the beginning of the task and now",
            line_id=str(line.id),
            since_at=count.created_at.isoformat(),
            until_at=now.isoformat(),
        )


def status_of(lines: Sequence[CountLine]) -> CountStatus:
    """Of a count that has not ended: counted, once every line is."""
    return CountStatus.OPEN if any(line.status in TO_COUNT for line in lines) else CountStatus.COUNTED


class Review(msgspec.Struct, frozen=True):
    """What posting a count would do: variances by line, those to be counted again, those that lack a reason."""

    variances: dict[UUID, int]
    again: list[UUID]
    unexplained: list[UUID]


def review(count: Count, post: PostCount, *, books: dict[UUID, int], on_hand: dict[UUID, int]) -> Review:
    """Compare what was counted with what the ledger now says of the moment of counting.

    A movement that was recorded late may explain a difference away, or make one; a line that has become one too far
    from the books, or that would leave fewer than no units, is counted again.
    """
    variances: dict[UUID, int] = {}
    again, unexplained = [], []
    for line in count.lines:
        variance = variances[line.id] = line.last.units - books[line.id]
        is_near = count.tolerates(variance, books[line.id])
        was_near = count.tolerates(line.last.variance, line.last.book_units)
        if not 0 <= on_hand[line.id] + variance <= QUANTITY_MAX or (was_near and not is_near):
            again.append(line.id)
        elif not is_near and line.id not in post.reasons:
            unexplained.append(line.id)
    return Review(variances, again, unexplained)


def correction(count: Count, line: CountLine, variance: int, *, actor: str, now: datetime) -> Movement:
    """The movement that makes the ledger say what was counted."""
    there, nowhere = Account.location(count.location_id, line.condition), Account.loss()
    return Movement(
        key=f"count:{line.id.hex}",
        sku_id=line.sku_id,
        quantity=abs(variance),
        source=nowhere if variance > 0 else there,
        target=there if variance > 0 else nowhere,
        lot=line.lot,
        reason=MovementReason.COUNT,
        document_id=count.id,
        actor=actor,
        effective_at=now,
    )
