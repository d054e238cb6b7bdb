"""Tables of the catalog."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from batuta.catalog.domain import Consent, PriceRule, SkuKind, Tracking
from batuta.company.tables import brand
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata
from batuta.plumbing.listing import parts_of, words_of


def _one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    known = ", ".join(repr(str(word)) for word in words)
    return CheckConstraint(f"{column} IN ({known})", name=f"{column}_is_known")


class ProductColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[Any] = Column(Json, nullable=False)
    description: Named[Any] = Column(Json, nullable=False)
    category: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


product = Table("product", metadata, ProductColumns, schema="catalog")
product_words = words_of(parts_of(product.c.code), product.c.name)
Index("product_words_idx", product_words, postgresql_using="gin")
Index("product_category_idx", product.c.category, product.c.code)


class SkuColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    product_id: Named[UUID] = Column(ForeignKey(product.c.id), nullable=False, index=True)
    name: Named[Any] = Column(Json, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    gtin: Named[str | None] = Column(Text, nullable=True)
    weight_g: Named[int] = Column(Integer, nullable=False)
    length_mm: Named[int] = Column(Integer, nullable=False)
    width_mm: Named[int] = Column(Integer, nullable=False)
    height_mm: Named[int] = Column(Integer, nullable=False)
    tax_category: Named[str] = Column(Text, nullable=False)
    unit: Named[str] = Column(Text, nullable=False)
    is_tracked: Named[bool] = Column(Boolean, nullable=False)
    is_active: Named[bool] = Column(Boolean, nullable=False)
    brand_id: Named[UUID | None] = Column(ForeignKey(brand.c.id), nullable=True)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")
    tracking: Named[str] = Column(Text, nullable=False, server_default="none")
    shelf_life_days: Named[int | None] = Column(Integer)
    min_remaining_days: Named[int] = Column(Integer, nullable=False, server_default="0")
    is_unique: Named[bool] = Column(Boolean, nullable=False, server_default="false")
    is_weighed: Named[bool] = Column(Boolean, nullable=False, server_default="false")
    is_made_to_order: Named[bool] = Column(Boolean, nullable=False, server_default="false")


sku = Table(
    "sku",
    metadata,
    SkuColumns,
    _one_of("kind", SkuKind),
    CheckConstraint("kind = 'good' OR NOT is_tracked", name="only_goods_are_tracked"),
    CheckConstraint("gtin ~ '^([0-9]{8}|[0-9]{12,14})$'", name="gtin_is_digits"),
    CheckConstraint(
        "weight_g >= 0 AND length_mm >= 0 AND width_mm >= 0 AND height_mm >= 0", name="measures_not_negative"
    ),
    _one_of("tracking", Tracking),
    CheckConstraint(
        "is_tracked OR (tracking = 'none' AND NOT is_unique AND NOT is_weighed)", name="only_stock_is_told_apart"
    ),
    CheckConstraint(
        "NOT is_made_to_order OR (is_tracked AND tracking = 'none' AND NOT is_unique AND NOT is_weighed)",
        name="only_goods_are_made",
    ),
    CheckConstraint("shelf_life_days > 0 AND min_remaining_days >= 0", name="days_not_negative"),
    schema="catalog",
)
Index(None, sku.c.gtin, postgresql_where=sku.c.gtin.is_not(None))
sku_words = words_of(parts_of(sku.c.code), sku.c.name)
Index("sku_words_idx", sku_words, postgresql_using="gin")


class ComponentColumns(TypedColumns):
    bundle_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True, index=True)
    quantity: Named[int] = Column(Integer, nullable=False)


component = Table(
    "component",
    metadata,
    ComponentColumns,
    CheckConstraint("quantity >= 1", name="quantity_is_positive"),
    CheckConstraint("bundle_id <> sku_id", name="not_of_itself"),
    schema="catalog",
)


class UnitColumns(TypedColumns):
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    code: Named[str] = Column(Text, primary_key=True)
    numerator: Named[int] = Column(Integer, nullable=False)
    denominator: Named[int] = Column(Integer, nullable=False)
    is_sold: Named[bool] = Column(Boolean, nullable=False)
    is_stocked: Named[bool] = Column(Boolean, nullable=False)
    is_bought: Named[bool] = Column(Boolean, nullable=False)


unit = Table(
    "unit",
    metadata,
    UnitColumns,
    CheckConstraint("numerator > 0 AND denominator > 0", name="fraction_is_positive"),
    schema="catalog",
)


class KitPartColumns(TypedColumns):
    kit_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True, index=True)
    quantity: Named[int] = Column(Integer, nullable=False)


kit_part = Table(
    "kit_part",
    metadata,
    KitPartColumns,
    CheckConstraint("quantity >= 1", name="quantity_is_positive"),
    CheckConstraint("kit_id <> sku_id", name="not_of_itself"),
    schema="catalog",
)


class RecipeColumns(TypedColumns):
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    abilities: Named[list[Any]] = Column(Json, nullable=False)
    steps: Named[list[Any]] = Column(Json, nullable=False)
    fields: Named[list[Any]] = Column(Json, nullable=False)
    needs_proof: Named[bool] = Column(Boolean, nullable=False)
    is_returnable: Named[bool] = Column(Boolean, nullable=False)
    minutes: Named[int] = Column(Integer, nullable=False, server_default="0")


recipe = Table(
    "recipe",
    metadata,
    RecipeColumns,
    CheckConstraint("minutes >= 0", name="minutes_not_negative"),
    schema="catalog",
)


class SubstituteColumns(TypedColumns):
    instead_of_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True, index=True)
    rank: Named[int] = Column(Integer, nullable=False)
    price_rule: Named[str] = Column(Text, nullable=False)
    consent: Named[str] = Column(Text, nullable=False)


substitute = Table(
    "substitute",
    metadata,
    SubstituteColumns,
    UniqueConstraint("instead_of_id", "rank"),
    CheckConstraint("rank >= 1", name="rank_is_positive"),
    CheckConstraint("instead_of_id <> sku_id", name="not_of_itself"),
    _one_of("price_rule", PriceRule),
    _one_of("consent", Consent),
    schema="catalog",
)
