"""Tables of identity."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Named, Table, TypedColumns, Uuid

from batuta.identity.domain import Role
from batuta.plumbing.database import Instant, Json, Text, metadata


class StaffColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    email: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[str] = Column(Text, nullable=False)
    role: Named[str] = Column(Text, nullable=False)
    location_ids: Named[Any] = Column(Json, nullable=False)
    locale: Named[str] = Column(Text, nullable=False)
    is_active: Named[bool] = Column(Boolean, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


staff = Table(
    "staff",
    metadata,
    StaffColumns,
    CheckConstraint(f"role IN ({', '.join(repr(str(role)) for role in Role)})", name="role_is_known"),
    CheckConstraint("email = lower(email)", name="email_is_lower"),
    schema="identity",
)
