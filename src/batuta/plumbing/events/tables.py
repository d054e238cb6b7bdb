"""Tables of the event log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Named, Table, Text, TypedColumns, Uuid, text

from batuta.plumbing.database import Instant, Json, Xid8, metadata


class EventColumns(TypedColumns):
    epoch: Named[int] = Column(Integer, primary_key=True)
    xid: Named[int] = Column(Xid8, primary_key=True, server_default=text("pg_current_xact_id()"))
    id: Named[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    stream: Named[UUID] = Column(Uuid, nullable=False)
    type: Named[str] = Column(Text, nullable=False)
    data: Named[dict[str, Any]] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    happened_at: Named[datetime] = Column(Instant, nullable=False)
    recorded_at: Named[datetime] = Column(Instant, nullable=False, server_default=text("clock_timestamp()"))


event = Table(
    "event",
    metadata,
    EventColumns,
    Index("event_stream_idx", "stream", "id"),
    # Of a log that only grows it is small, and it costs next to nothing to keep.
    Index("event_recorded_at_idx", "recorded_at", postgresql_using="brin"),
    schema="plumbing",
)


class ClusterColumns(TypedColumns):
    """The database clusters this log has lived on; after a logical restore transaction ids begin anew."""

    system_identifier: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    epoch: Named[int] = Column(Integer, nullable=False, unique=True)


cluster = Table("cluster", metadata, ClusterColumns, schema="plumbing")


class ReactionColumns(TypedColumns):
    name: Named[str] = Column(Text, primary_key=True)
    epoch: Named[int] = Column(Integer, nullable=False)
    xid: Named[int] = Column(Xid8, nullable=False)
    id: Named[int] = Column(BigInteger, nullable=False)
    failures: Named[int] = Column(Integer, nullable=False, server_default="0")


reaction = Table("reaction", metadata, ReactionColumns, schema="plumbing")


class ParkedColumns(TypedColumns):
    """The facts of parked streams, in order; the first of a stream is the one that failed."""

    reaction: Named[str] = Column(Text, primary_key=True)
    stream: Named[UUID] = Column(Uuid, primary_key=True)
    epoch: Named[int] = Column(Integer, primary_key=True)
    xid: Named[int] = Column(Xid8, primary_key=True)
    id: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    error: Named[str | None] = Column(Text)
    parked_at: Named[datetime] = Column(Instant, nullable=False)


parked = Table("parked", metadata, ParkedColumns, schema="plumbing")


class SkippedColumns(TypedColumns):
    """Who decided that a reaction shall never see a fact, and why."""

    reaction: Named[str] = Column(Text, primary_key=True)
    epoch: Named[int] = Column(Integer, primary_key=True)
    xid: Named[int] = Column(Xid8, primary_key=True)
    id: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    skipped_at: Named[datetime] = Column(Instant, nullable=False)


skipped = Table("skipped", metadata, SkippedColumns, schema="plumbing")
