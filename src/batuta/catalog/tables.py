"""Tables of the catalog."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.catalog.domain import SkuKind
from batuta.company.tables import brand
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata
from batuta.plumbing.listing import parts_of, words_of


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


sku = Table(
    "sku",
    metadata,
    SkuColumns,
    CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in SkuKind)})", name="kind_is_known"),
    CheckConstraint("kind = 'good' OR NOT is_tracked", name="only_goods_are_tracked"),
    CheckConstraint("gtin ~ '^([0-9]{8}|[0-9]{12,14})$'", name="gtin_is_digits"),
    CheckConstraint(
        "weight_g >= 0 AND length_mm >= 0 AND width_mm >= 0 AND height_mm >= 0", name="measures_not_negative"
    ),
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
