"""Feeds, what they said last of each place, and where that was not what the ledger said."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.inventory.domain.feeds import Counts, DifferenceStatus, FeedKind, MessageKind
from batuta.inventory.tables.stock import Key, one_of, reservation
from batuta.locations.tables import location
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata


class FeedColumns(TypedColumns):
    """silent_bp: the share its locations keep back for its silence; silence_due_at: when that changes next."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    kind: Named[str] = Column(Text, nullable=False)
    silent_after_minutes: Named[int | None] = Column(Integer)
    gone_after_minutes: Named[int | None] = Column(Integer)
    tolerance_units: Named[int] = Column(Integer, nullable=False)
    is_correcting: Named[bool] = Column(Boolean, nullable=False)
    last_sequence: Named[int] = Column(BigInteger, nullable=False)
    last_cut_at: Named[datetime | None] = Column(Instant)
    last_heard_at: Named[datetime | None] = Column(Instant)
    watched_from_at: Named[datetime | None] = Column(Instant)
    silent_bp: Named[int] = Column(Integer, nullable=False)
    silence_due_at: Named[datetime | None] = Column(Instant, index=True)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


feed = Table(
    "feed",
    metadata,
    FeedColumns,
    CheckConstraint("gone_after_minutes > silent_after_minutes", name="gone_after_silent"),
    CheckConstraint(
        "(gone_after_minutes IS NULL) = (silent_after_minutes IS NULL)"
        " AND (gone_after_minutes IS NULL) = (watched_from_at IS NULL)",
        name="watched_wholly_or_not",
    ),
    CheckConstraint("silent_bp BETWEEN 0 AND 10000", name="silent_within_bounds"),
    CheckConstraint("tolerance_units >= 0 AND last_sequence >= 0", name="not_negative"),
    one_of("kind", FeedKind),
    schema="inventory",
)


class FeedLocationColumns(TypedColumns):
    """Of which locations a feed speaks; of all when it has none here."""

    feed_id: Named[UUID] = Column(ForeignKey(feed.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True, index=True)


feed_location = Table("feed_location", metadata, FeedLocationColumns, schema="inventory")


class FeedMessageColumns(TypedColumns):
    """What was heard, with its answer, so that it is answered alike when it is sent again."""

    feed_id: Named[UUID] = Column(ForeignKey(feed.c.id), primary_key=True)
    sequence: Named[int] = Column(BigInteger, primary_key=True)
    kind: Named[str] = Column(Text, nullable=False)
    counts: Named[str] = Column(Text, nullable=False)
    cut_at: Named[datetime] = Column(Instant, nullable=False)
    digest: Named[bytes] = Column(LargeBinary, nullable=False)
    lines: Named[int] = Column(Integer, nullable=False)
    lines_done: Named[int] = Column(Integer, nullable=False)
    answer: Named[Any] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False, index=True)


feed_message = Table(
    "feed_message",
    metadata,
    FeedMessageColumns,
    CheckConstraint("lines_done BETWEEN 0 AND lines", name="no_more_done_than_said"),
    one_of("kind", MessageKind),
    one_of("counts", Counts),
    schema="inventory",
)
Index("feed_message_digest_idx", feed_message.c.feed_id, feed_message.c.digest)


class FeedCountColumns(TypedColumns):
    """The newest count of a place; lot is empty where all lots were counted together."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    condition: Named[str] = Column(Key, primary_key=True)
    lot: Named[str] = Column(Key, primary_key=True)
    feed_id: Named[UUID] = Column(ForeignKey(feed.c.id), nullable=False)
    sequence: Named[int] = Column(BigInteger, nullable=False)
    counts: Named[str] = Column(Text, nullable=False)
    counted: Named[int] = Column(Integer, nullable=False)
    cut_at: Named[datetime] = Column(Instant, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False)


feed_count = Table(
    "feed_count",
    metadata,
    FeedCountColumns,
    CheckConstraint("counted >= 0", name="counted_not_negative"),
    schema="inventory",
    postgresql_with={"fillfactor": "80"},
)


class FeedDifferenceColumns(TypedColumns):
    """Counts that were not what the ledger said; each is for somebody to see."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    feed_id: Named[UUID] = Column(Uuid, nullable=False)
    sequence: Named[int] = Column(BigInteger, nullable=False)
    line: Named[int] = Column(Integer, nullable=False)
    document_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)
    location_id: Named[UUID] = Column(Uuid, nullable=False)
    condition: Named[str] = Column(Key, nullable=False)
    lot: Named[str] = Column(Key, nullable=False)
    counts: Named[str] = Column(Text, nullable=False)
    counted: Named[int] = Column(Integer, nullable=False)
    expected: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    is_corrected: Named[bool] = Column(Boolean, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    cut_at: Named[datetime] = Column(Instant, nullable=False)
    found_at: Named[datetime] = Column(Instant, nullable=False)
    settled_at: Named[datetime | None] = Column(Instant)
    settled_by: Named[str | None] = Column(Text)
    note: Named[str | None] = Column(Text)


feed_difference = Table(
    "feed_difference",
    metadata,
    FeedDifferenceColumns,
    ForeignKeyConstraint(["feed_id"], [feed.c.id]),
    CheckConstraint("units <> 0", name="is_one"),
    CheckConstraint(
        "(status = 'settled') = (settled_at IS NOT NULL) AND (status = 'settled') = (settled_by IS NOT NULL)",
        name="settled_by_somebody",
    ),
    one_of("status", DifferenceStatus),
    schema="inventory",
)
Index("feed_difference_found_idx", feed_difference.c.found_at, feed_difference.c.id)
Index("feed_difference_status_idx", feed_difference.c.status, feed_difference.c.found_at, feed_difference.c.id)
# Claims are made in the order of time: what was claimed since a count is found without an index of its own weight.
Index("reservation_created_idx", reservation.c.created_at, postgresql_using="brin")
