"""What merchants want of plans."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Named,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from batuta.plumbing.database import Instant, Integer, Json, Text, metadata
from batuta.sourcing.domain.strategies import VersionStatus


class StrategyVersionColumns(TypedColumns):
    """document: the strategy as it is written. digest: of the document, once it was published."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False)
    number: Named[int] = Column(Integer, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    owner: Named[str] = Column(Text, nullable=False)
    priority: Named[int] = Column(Integer, nullable=False)
    valid_from: Named[datetime | None] = Column(Instant)
    valid_until: Named[datetime | None] = Column(Instant)
    document: Named[Any] = Column(Json, nullable=False)
    digest: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    created_by: Named[str] = Column(Text, nullable=False)
    published_at: Named[datetime | None] = Column(Instant)
    published_by: Named[str | None] = Column(Text)
    withdrawn_at: Named[datetime | None] = Column(Instant)
    withdrawn_by: Named[str | None] = Column(Text)


strategy_version = Table(
    "strategy_version",
    metadata,
    StrategyVersionColumns,
    UniqueConstraint("code", "number"),
    CheckConstraint(f"status IN ({', '.join(repr(str(one)) for one in VersionStatus)})", name="status_is_known"),
    CheckConstraint("number > 0", name="number_counts_from_one"),
    CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at_a_moment"),
    CheckConstraint("(published_at IS NULL) = (digest IS NULL)", name="published_with_digest"),
    CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at_a_moment"),
    schema="sourcing",
)
