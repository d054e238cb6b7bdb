"""The table of messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Named, Table, TypedColumns, Uuid

from batuta.notifications.domain import Medium, MessageStatus
from batuta.plumbing.database import Instant, Text, metadata


class MessageColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    template: Named[str] = Column(Text, nullable=False)
    locale: Named[str] = Column(Text, nullable=False)
    medium: Named[str] = Column(Text, nullable=False)
    recipient: Named[str] = Column(Text, nullable=False)
    subject: Named[str] = Column(Text, nullable=False)
    body: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    dedupe_key: Named[str] = Column(Text, nullable=False, unique=True)
    stream: Named[UUID] = Column(Uuid, nullable=False, index=True)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    sent_at: Named[datetime | None] = Column(Instant)
    problem: Named[str] = Column(Text, nullable=False)
    sending_until_at: Named[datetime | None] = Column(Instant)


message = Table(
    "message",
    metadata,
    MessageColumns,
    CheckConstraint(f"medium IN ({', '.join(repr(str(medium)) for medium in Medium)})", name="medium_is_known"),
    CheckConstraint(f"status IN ({', '.join(repr(str(status)) for status in MessageStatus)})", name="status_is_known"),
    CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent_has_its_time"),
    CheckConstraint("(status = 'muted') = (body = '')", name="only_muted_has_no_words"),
    CheckConstraint("status = 'muted' OR recipient <> ''", name="has_a_recipient"),
    schema="notifications",
)
