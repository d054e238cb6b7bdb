"""Tables of the company."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Named, Table, TypedColumns, Uuid

from batuta.company.domain import ChannelKind, TaxMode
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata


class LegalEntityColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[str] = Column(Text, nullable=False)
    country: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    time_zone: Named[str] = Column(Text, nullable=False)
    tax_number: Named[str] = Column(Text, nullable=False)
    gs1_prefix: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


legal_entity = Table(
    "legal_entity",
    metadata,
    LegalEntityColumns,
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_is_alpha_2"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    schema="company",
)


class BrandColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[str] = Column(Text, nullable=False)
    legal_entity_id: Named[UUID] = Column(ForeignKey(legal_entity.c.id), nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


brand = Table("brand", metadata, BrandColumns, schema="company")


class ChannelColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[str] = Column(Text, nullable=False)
    brand_id: Named[UUID] = Column(ForeignKey(brand.c.id), nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    country: Named[str] = Column(Text, nullable=False)
    locale: Named[str] = Column(Text, nullable=False)
    tax_mode: Named[str] = Column(Text, nullable=False)
    policies: Named[Any] = Column(Json, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


channel = Table(
    "channel",
    metadata,
    ChannelColumns,
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_is_alpha_2"),
    CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in ChannelKind)})", name="kind_is_known"),
    CheckConstraint(f"tax_mode IN ({', '.join(repr(str(mode)) for mode in TaxMode)})", name="tax_mode_is_known"),
    schema="company",
)
