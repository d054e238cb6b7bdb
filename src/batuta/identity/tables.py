"""Tables of identity."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Named,
    Table,
    TypedColumns,
    Uuid,
    text,
)

from batuta.identity.domain import Role
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata


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
    channel_ids: Named[Any] = Column(Json, nullable=False, server_default=text("'[]'"))
    limits: Named[Any] = Column(Json, nullable=False, server_default=text("'{}'"))
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


staff = Table(
    "staff",
    metadata,
    StaffColumns,
    CheckConstraint(f"role IN ({', '.join(repr(str(role)) for role in Role)})", name="role_is_known"),
    CheckConstraint("email = lower(email)", name="email_is_lower"),
    schema="identity",
)


class PasswordColumns(TypedColumns):
    staff_id: Named[UUID] = Column(ForeignKey(staff.c.id), primary_key=True)
    hashed: Named[str] = Column(Text, nullable=False)
    shown: Named[str | None] = Column(Text, nullable=True)
    changed_at: Named[datetime] = Column(Instant, nullable=False)


password = Table(
    "password",
    metadata,
    PasswordColumns,
    CheckConstraint("hashed LIKE '$argon2id$%'", name="hashed_by_argon2id"),
    schema="identity",
)
"""shown: the made-up password of one of the demo company, for `batuta up` to print; nobody else's is ever kept."""


class SessionColumns(TypedColumns):
    token_hash: Named[bytes] = Column(LargeBinary, primary_key=True)
    staff_id: Named[UUID] = Column(ForeignKey(staff.c.id), nullable=False)
    browser_hash: Named[bytes] = Column(LargeBinary, nullable=False)
    address: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False, index=True)
    seen_at: Named[datetime] = Column(Instant, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant, nullable=True)


session = Table(
    "session",
    metadata,
    SessionColumns,
    CheckConstraint("length(token_hash) = 32 AND length(browser_hash) = 32", name="hashes_are_whole"),
    schema="identity",
)
Index(None, session.c.staff_id, session.c.address)


class ApiKeyColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(Text, nullable=False)
    secret_hash: Named[bytes] = Column(LargeBinary, nullable=False)
    shown: Named[str | None] = Column(Text, nullable=True)
    permissions: Named[Any] = Column(Json, nullable=False)
    channel_ids: Named[Any] = Column(Json, nullable=False)
    location_ids: Named[Any] = Column(Json, nullable=False)
    limits: Named[Any] = Column(Json, nullable=False)
    requests_per_minute: Named[int] = Column(Integer, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant, nullable=True)
    last_used_at: Named[datetime | None] = Column(Instant, nullable=True)
    revoked_at: Named[datetime | None] = Column(Instant, nullable=True)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    created_by: Named[str] = Column(Text, nullable=False)


api_key = Table(
    "api_key",
    metadata,
    ApiKeyColumns,
    CheckConstraint("length(secret_hash) = 32", name="hash_is_whole"),
    CheckConstraint("requests_per_minute > 0", name="requests_are_allowed"),
    CheckConstraint("expires_at > created_at", name="ends_after_its_beginning"),
    schema="identity",
)
"""shown: the whole key of the demo company, for `batuta up` to print; nobody else's is ever kept."""
Index("api_key_name_in_force_key", api_key.c.name, unique=True, postgresql_where=api_key.c.revoked_at.is_(None))


class AllowanceColumns(TypedColumns):
    name: Named[str] = Column(Text, primary_key=True)
    until_at: Named[datetime] = Column(Instant, nullable=False, index=True)


allowance = Table("allowance", metadata, AllowanceColumns, schema="identity")
"""Rate limits; until_at: when the bucket is empty again."""


class OpenIdBegunColumns(TypedColumns):
    state_hash: Named[bytes] = Column(LargeBinary, primary_key=True)
    nonce: Named[str] = Column(Text, nullable=False)
    verifier: Named[str] = Column(Text, nullable=False)
    return_to: Named[str] = Column(Text, nullable=False)
    browser_hash: Named[bytes] = Column(LargeBinary, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False, index=True)


openid_begun = Table("openid_begun", metadata, OpenIdBegunColumns, schema="identity")
"""Sign-ins that are on their way to a provider and back."""
