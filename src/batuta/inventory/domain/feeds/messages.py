"""What feeds say: snapshots, deltas and heartbeats, with their lines (INV-09)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Condition, Lot
from batuta.inventory.domain.slips import EARLIEST, NotThen
from batuta.kernel.quantities import QUANTITY_MAX, Code

LINES_MAX = 2_000

LINES_IN_PART = 1_000
LINES_COMPLETED_MAX = 10_000
"""What a message may come to with what it says is not there; larger ones are files."""

SEQUENCE_MAX = 2**53

AHEAD_MAX = timedelta(minutes=5)
"""By how much a sender's clock may be ahead of ours."""

Signed = Annotated[int, msgspec.Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]

MessageNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MAX)]

DeltaReason: TypeAlias = Literal["adjust", "receipt", "sale_pos", "return_receive", "count", "damage", "scrap"]


class MessageKind(StrEnum):
    """snapshot: what was counted. delta: what came and went since. heartbeat: nothing, but that the feed lives."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"
    HEARTBEAT = "heartbeat"


class Counts(StrEnum):
    """What a snapshot counts: all units that lie there, or those that the sender has not promised to orders."""

    ON_HAND = "on_hand"
    AVAILABLE = "available"


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

    location_ids: those the bringer may see; None is all. is_whole: refuse all of it for one bad row. is_complete: what
    it does not name does not lie at the locations that it names. is_trial: say what would change, and change nothing.
    """

    feed_code: str
    telling: Telling
    content: Content
    actor: str
    first: int = 0
    count: int = LINES_MAX
    location_ids: frozenset[UUID] | None = None
    is_whole: bool = False
    is_complete: bool = False
    is_trial: bool = False


def check_cut(cut_at: datetime, *, now: datetime) -> datetime:
    """Until when a message knows what happened; not later than now.

    Raises:
        NotThen: it is no such moment.
    """
    if not EARLIEST <= cut_at <= now + AHEAD_MAX:
        raise NotThen("that is no moment until which anything can be known", cut_at=str(cut_at))
    return min(cut_at, now)


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
