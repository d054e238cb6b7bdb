"""Who feeds stock, and what their silence means (INV-11)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.feeds.refusals import BadFeed
from batuta.kernel.quantities import QUANTITY_MAX

LOCATIONS_MAX = 1_000

MINUTE = timedelta(minutes=1)

MINUTES_MAX = 525_600

FILES = "files"
"""The feed that stands for files of nobody in particular."""

STEPS_BP = (2_500, 5_000, 7_500, 10_000)
"""What a silent location keeps back of its units, step by step; the last takes it out of sourcing."""

FeedCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", max_length=100)]

Minutes = Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)]


class FeedKind(StrEnum):
    """What kind of system speaks; `file` is whoever imports files."""

    WMS = "wms"
    POS = "pos"
    THIRD_PARTY = "3pl"
    SUPPLIER = "supplier"
    FILE = "file"


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
