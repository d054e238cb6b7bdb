"""Tables of webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    SmallInteger,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
    text,
)

from batuta.company.tables import channel
from batuta.connectors.webhooks.domain import Content, DeliveryStatus, EndpointStatus, Format
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, Xid8, metadata


def _known(column: str, words: type[Format | Content | EndpointStatus | DeliveryStatus]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(word)) for word in words)})", name=f"{column}_known")


class EndpointColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    url: Named[str] = Column(Text, nullable=False)
    event_types: Named[Any] = Column(Json, nullable=False)
    description: Named[str] = Column(Text, nullable=False)
    channel_id: Named[UUID | None] = Column(ForeignKey(channel.c.id))
    format: Named[str] = Column(Text, nullable=False)
    content: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    version: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


endpoint = Table(
    "endpoint",
    metadata,
    EndpointColumns,
    _known("format", Format),
    _known("content", Content),
    _known("status", EndpointStatus),
    schema="webhooks",
)


class BreakerColumns(TypedColumns):
    """How each endpoint fares, apart from what people say of it."""

    endpoint_id: Named[UUID] = Column(ForeignKey(endpoint.c.id), primary_key=True)
    failures: Named[int] = Column(Integer, nullable=False)
    openings: Named[int] = Column(Integer, nullable=False)
    open_until_at: Named[datetime | None] = Column(Instant)
    failing_since_at: Named[datetime | None] = Column(Instant)
    answered_at: Named[datetime | None] = Column(Instant)


breaker = Table("breaker", metadata, BreakerColumns, schema="webhooks")


class SecretColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    endpoint_id: Named[UUID] = Column(ForeignKey(endpoint.c.id), nullable=False, index=True)
    secret: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)


secret = Table("secret", metadata, SecretColumns, schema="webhooks")


class LaneColumns(TypedColumns):
    """due_at: when its first pending delivery is sent, none when it has none. taken_until_at: to whom sends it now."""

    endpoint_id: Named[UUID] = Column(ForeignKey(endpoint.c.id), primary_key=True)
    stream: Named[UUID] = Column(Uuid, primary_key=True)
    due_at: Named[datetime | None] = Column(Instant)
    taken_until_at: Named[datetime | None] = Column(Instant)


lane = Table(
    "lane",
    metadata,
    LaneColumns,
    Index("lane_due_idx", "endpoint_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    schema="webhooks",
)


class DeliveryColumns(TypedColumns):
    """epoch, xid, fact_id: the fact in the log. attempts: all tries ever; tries: those since it was last asked for."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    endpoint_id: Named[UUID] = Column(ForeignKey(endpoint.c.id), nullable=False)
    epoch: Named[int] = Column(Integer, nullable=False)
    xid: Named[int] = Column(Xid8, nullable=False)
    fact_id: Named[int] = Column(BigInteger, nullable=False)
    stream: Named[UUID] = Column(Uuid, nullable=False)
    type: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    tries: Named[int] = Column(SmallInteger, nullable=False)
    attempts: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant)
    last_status: Named[int | None] = Column(SmallInteger)
    last_problem: Named[str] = Column(Text, nullable=False)


delivery = Table(
    "delivery",
    metadata,
    DeliveryColumns,
    UniqueConstraint("endpoint_id", "epoch", "xid", "fact_id"),
    _known("status", DeliveryStatus),
    CheckConstraint("(status = 'pending') = (ended_at IS NULL)", name="ended_has_its_time"),
    Index(
        "delivery_pending_idx",
        "endpoint_id",
        "stream",
        "epoch",
        "xid",
        "fact_id",
        postgresql_where=text("status = 'pending'"),
    ),
    Index("delivery_created_at_idx", "created_at"),
    schema="webhooks",
)


class AttemptColumns(TypedColumns):
    delivery_id: Named[UUID] = Column(ForeignKey(delivery.c.id), primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True)
    tried_at: Named[datetime] = Column(Instant, nullable=False)
    duration_ms: Named[int] = Column(Integer, nullable=False)
    status: Named[int | None] = Column(SmallInteger)
    problem: Named[str] = Column(Text, nullable=False)
    excerpt: Named[str] = Column(Text, nullable=False)


attempt = Table("attempt", metadata, AttemptColumns, schema="webhooks")
