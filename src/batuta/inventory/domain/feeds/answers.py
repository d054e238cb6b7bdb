"""What feeds are answered, line by line (PLT-08)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from batuta.inventory.domain.accounts import Condition
from batuta.inventory.domain.feeds.messages import MessageKind

ROWS_TOLD_MAX = 2_000


class RowStatus(StrEnum):
    """superseded: a newer count of the place is known. contained: the place was counted after the delta happened."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    CONTAINED = "contained"
    REFUSED = "refused"


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
