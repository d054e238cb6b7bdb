"""Counts that were not what the ledger said (PLT-11)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Condition
from batuta.inventory.domain.feeds.messages import Counts


class DifferenceStatus(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


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
