"""Feeds: what warehouses, tills, third parties and suppliers tell of the stock that lies with them (INV-09, INV-11)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Condition, Lot
from batuta.inventory.domain.slips import EARLIEST, NotThen
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import QUANTITY_MAX, Code

LINES_MAX = 2_000
LINES_IN_PART = 1_000
ROWS_TOLD_MAX = 2_000
LOCATIONS_MAX = 1_000
SEQUENCE_MAX = 2**53
AHEAD_MAX = timedelta(minutes=5)
"""By how much a sender's clock may be ahead of ours."""

MINUTE = timedelta(minutes=1)
MINUTES_MAX = 525_600
FILES = "files"
"""The feed that stands for files of nobody in particular."""

STEPS_BP = (2_500, 5_000, 7_500, 10_000)
"""What a silent location keeps back of its units, step by step; the last takes it out of sourcing."""

FeedCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", max_length=100)]
Signed = Annotated[int, msgspec.Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
MessageNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MAX)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)]


class FeedKind(StrEnum):
    """What kind of system speaks; `file` is whoever imports files."""

    WMS = "wms"
    POS = "pos"
    THIRD_PARTY = "3pl"
    SUPPLIER = "supplier"
    FILE = "file"


class MessageKind(StrEnum):
    """snapshot: what was counted. delta: what came and went since. heartbeat: nothing, but that the feed lives."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"
    HEARTBEAT = "heartbeat"


class Counts(StrEnum):
    """What a snapshot counts: all units that lie there, or those that the sender has not promised to orders."""

    ON_HAND = "on_hand"
    AVAILABLE = "available"


class RowStatus(StrEnum):
    """superseded: a newer count of the place is known. contained: the place was counted after the delta happened."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    CONTAINED = "contained"
    REFUSED = "refused"


class DifferenceStatus(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


DeltaReason: TypeAlias = Literal["adjust", "receipt", "sale_pos", "return_receive", "count", "damage", "scrap"]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody outside who tells of stock.

    location_ids: of which it speaks; none is all. silent_after_minutes, gone_after_minutes: after how long without a
    word its locations begin to keep units back, and leave sourcing; None is never. tolerance_units: differences up to
    so many units need nobody's look. is_correcting: what it counts is put right in the ledger; otherwise only compared.
    last_sequence: of the newest message, 0 before the first. silent_bp: the share its locations keep back for it now.
    """

    id: UUID
    code: FeedCode
    kind: FeedKind
    location_ids: list[UUID] = []
    silent_after_minutes: Minutes | None = None
    gone_after_minutes: Minutes | None = None
    tolerance_units: Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)] = 0
    is_correcting: bool = True
    last_sequence: int = 0
    last_cut_at: datetime | None = None
    last_heard_at: datetime | None = None
    watched_from_at: datetime | None = None
    silent_bp: int = 0

    @property
    def silent_since_at(self) -> datetime | None:
        """Since when nothing was heard, as far as anybody listened; None while nobody does."""
        if self.watched_from_at is None or self.last_heard_at is None:
            return self.watched_from_at
        return max(self.watched_from_at, self.last_heard_at)

    def speaks_of(self, location_id: UUID) -> bool:
        return not self.location_ids or location_id in self.location_ids


class FeedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a SKU at a location: how many were counted, or by how many they changed.

    lot: empty where the sender does not tell lots apart; then all of them together are meant. reason: of a change.
    """

    sku_code: Code
    location_code: Code
    quantity: Signed
    condition: Condition = Condition.SELLABLE
    lot: Lot = ""
    reason: DeltaReason = "adjust"


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a file that is no line."""

    code: str
    detail: str
    facts: dict[str, Any] = {}


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of a message. twice: positions of lines that count what an earlier one has counted.

    told_apart: places of which lots are named, as SKU, location and condition; there a line without a lot is the units
    that bear none, and elsewhere all units.
    """

    rows: list[FeedLine | BadRow]
    twice: frozenset[int] = frozenset()
    told_apart: frozenset[tuple[str, str, str]] = frozenset()


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is, but for its lines.

    sequence: the sender's count of its messages; None is the next one, unless the same was heard before. cut_at: until
    when it knows what happened. digest: of all it says.
    """

    sequence: int | None
    kind: MessageKind
    counts: Counts
    cut_at: datetime
    digest: bytes


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a feed, or `count` lines of it behind the `first` ones, and who brings it.

    location_ids: those the bringer may see; None is all. is_whole: refuse all of it for one bad row. is_trial: say
    what would change, and change nothing.
    """

    feed_code: str
    telling: Telling
    content: Content
    actor: str
    first: int = 0
    count: int = LINES_MAX
    location_ids: frozenset[UUID] | None = None
    is_whole: bool = False
    is_trial: bool = False


class RowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line. line: its place in the message, from 1.

    difference: by how many units the ledger changed. on_hand: units there now. missing: how many more are reserved
    than are there. code, detail, facts: why it was refused.
    """

    line: int
    status: RowStatus
    sku_code: str | None = None
    location_code: str | None = None
    condition: Condition | None = None
    lot: str | None = None
    difference: int = 0
    on_hand: int | None = None
    missing: int = 0
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = {}


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message.

    is_done: all of its lines were read; of a file that takes longer, send it again to go on. skipped: how many
    sequences before it were never heard. rows: what is to be said of lines, without those that changed nothing.
    """

    feed_code: str
    sequence: int
    kind: MessageKind
    is_trial: bool
    is_done: bool
    lines: int
    lines_done: int
    skipped: int = 0
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    contained: int = 0
    refused: int = 0
    rows: list[RowAnswer] = []
    has_more_rows: bool = False


def told_of(rows: Sequence[RowAnswer]) -> tuple[list[RowAnswer], bool]:
    """The rows that are told, refused ones before all others, and whether there are more."""
    if len(rows) <= ROWS_TOLD_MAX:
        return list(rows), False
    urgent_first = sorted(rows, key=lambda row: (row.status is not RowStatus.REFUSED, row.line))
    return sorted(urgent_first[:ROWS_TOLD_MAX], key=lambda row: row.line), True


def together(before: FeedAnswer, after: FeedAnswer) -> FeedAnswer:
    """What became of two parts of a message, each told by itself."""
    rows, has_more_rows = told_of([*before.rows, *after.rows])
    summed = ("changed", "unchanged", "superseded", "contained", "refused")
    return msgspec.structs.replace(
        after,
        rows=rows,
        has_more_rows=before.has_more_rows or after.has_more_rows or has_more_rows,
        **{name: getattr(before, name) + getattr(after, name) for name in summed},
    )


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A count that was not what the ledger said (PLT-11).

    counted: as the sender said. expected: what the ledger said for the same moment. units: what the ledger was short
    of, negative where it had too many. open: beyond the tolerance, and nobody has looked yet.
    """

    id: UUID
    feed_id: UUID
    sequence: int
    line: int
    document_id: UUID
    sku_id: UUID
    location_id: UUID
    condition: Condition
    lot: str
    counts: Counts
    counted: int
    expected: int
    units: int
    is_corrected: bool
    status: DifferenceStatus
    cut_at: datetime
    found_at: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None
    note: str | None = None


class DifferenceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which differences to list; None is any."""

    feed_id: UUID | None = None
    sku_id: UUID | None = None
    location_ids: list[UUID] | None = None
    status: DifferenceStatus | None = None


class UnknownFeed(NotFound):
    """There is no feed by this code."""


class UnknownDifference(NotFound):
    """There is no such difference, or not for this caller."""


class BadFeed(Refused):
    """A feed cannot be like that."""


class OlderThanLast(Refused):
    """A newer message of the feed was heard; an older one never overwrites it (INV-09)."""


class SequenceReused(Refused):
    """The feed has already said something else under this sequence."""


class OnlyCompares(Refused):
    """What this feed counts is compared with the ledger, and it changes nothing."""


class NothingToCount(Refused):
    """A heartbeat says that the feed lives, and counts nothing."""


class RowsRefused(Refused):
    """All or nothing was asked for, and some rows cannot be taken; nothing was changed."""


class TooManyAtOnce(Refused):
    """So many lines are not taken in one piece."""


class ForeignPlace(Refused):
    """The feed does not speak of this location."""


class NegativeCount(Refused):
    """Nobody counts fewer than no units."""


class CountedTwice(Refused):
    """The same message has counted this before."""


class AlreadySettled(Refused):
    """Somebody else has settled the difference, otherwise."""


def check_feed(feed: Feed) -> Feed:
    """Return the feed if it can be like that.

    Raises:
        BadFeed: a silence that ends before it begins, or of all locations there are.
    """
    silent, gone = feed.silent_after_minutes, feed.gone_after_minutes
    if (silent is None) != (gone is None) or (silent is not None and gone is not None and gone <= silent):
        raise BadFeed("a location is gone after it was silent: say both times", silent_after=silent, gone_after=gone)
    if silent is not None and not feed.location_ids:
        raise BadFeed("a feed whose silence counts names the locations that it speaks of")
    return feed


def check_cut(cut_at: datetime, *, now: datetime) -> datetime:
    """Until when a message knows what happened; not later than now.

    Raises:
        NotThen: it is no such moment.
    """
    if not EARLIEST <= cut_at <= now + AHEAD_MAX:
        raise NotThen("that is no moment until which anything can be known", cut_at=str(cut_at))
    return min(cut_at, now)


def silent_steps(feed: Feed) -> list[tuple[datetime, int]]:
    """The moments from which the feed's locations keep back more, and how much; none for a feed that nobody watches."""
    since_at, silent, gone = feed.silent_since_at, feed.silent_after_minutes, feed.gone_after_minutes
    if since_at is None or silent is None or gone is None:
        return []
    step = (gone - silent) * MINUTE / (len(STEPS_BP) - 1)
    return [(since_at + silent * MINUTE + i * step, share_bp) for i, share_bp in enumerate(STEPS_BP)]


def silence_at(feed: Feed, *, now: datetime) -> tuple[int, datetime | None]:
    """What the feed's locations keep back now, in hundredths of a percent, and when that changes next."""
    steps = silent_steps(feed)
    share_bp = max((share for at, share in steps if at <= now), default=0)
    return share_bp, next((at for at, _ in steps if at > now), None)


def content_of(rows: Sequence[FeedLine | BadRow]) -> Content:
    """The lines of a message, with what is to be known of them together."""
    seen: set[tuple[tuple[str, str, str], str]] = set()
    twice = set()
    for i, row in enumerate(rows):
        if isinstance(row, FeedLine) and row.quantity >= 0:
            counted = (place_in(row), row.lot)
            if counted in seen:
                twice.add(i)
            seen.add(counted)
    told_apart = frozenset(place for place, lot in seen if lot)
    return Content(rows=list(rows), twice=frozenset(twice), told_apart=told_apart)


def place_in(line: FeedLine) -> tuple[str, str, str]:
    """A SKU at a location in a condition, by codes."""
    return line.sku_code, line.location_code, line.condition.value
