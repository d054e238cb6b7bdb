"""Tables of prices, tax rates and shipping charges."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    Table,
    TypedColumns,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.company.tables import channel
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Text, metadata


class PriceListColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    channel_id: Named[UUID] = Column(ForeignKey(channel.c.id), nullable=False, index=True)
    currency: Named[str] = Column(Text, nullable=False)
    priority: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


price_list = Table(
    "price_list",
    metadata,
    PriceListColumns,
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    schema="pricing",
)


class PriceColumns(TypedColumns):
    price_list_id: Named[UUID] = Column(ForeignKey(price_list.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    from_at: Named[datetime] = Column(Instant, primary_key=True)
    until_at: Named[datetime | None] = Column(Instant)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


price = Table(
    "price",
    metadata,
    PriceColumns,
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("until_at > from_at", name="ends_after_it_begins"),
    schema="pricing",
)


class TaxRateColumns(TypedColumns):
    country: Named[str] = Column(Text, primary_key=True)
    region: Named[str] = Column(Text, primary_key=True)
    tax_category: Named[str] = Column(Text, primary_key=True)
    from_at: Named[datetime] = Column(Instant, primary_key=True)
    until_at: Named[datetime | None] = Column(Instant)
    rate_bp: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


tax_rate = Table(
    "tax_rate",
    metadata,
    TaxRateColumns,
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_is_alpha_2"),
    CheckConstraint("rate_bp BETWEEN 0 AND 100000", name="rate_in_bounds"),
    CheckConstraint("until_at > from_at", name="ends_after_it_begins"),
    schema="pricing",
)


class ShippingChargeColumns(TypedColumns):
    channel_id: Named[UUID] = Column(ForeignKey(channel.c.id), primary_key=True)
    service_kind: Named[str] = Column(Text, primary_key=True)
    currency: Named[str] = Column(Text, primary_key=True)
    position: Named[int] = Column(Integer, primary_key=True)
    up_to_amount_minor: Named[int | None] = Column(BigInteger)
    charge_minor: Named[int] = Column(BigInteger, nullable=False)
    tax_category: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(Instant, nullable=False)


shipping_charge = Table(
    "shipping_charge",
    metadata,
    ShippingChargeColumns,
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    CheckConstraint("charge_minor >= 0", name="charge_not_negative"),
    CheckConstraint("up_to_amount_minor >= 0", name="bound_not_negative"),
    CheckConstraint("position >= 0", name="position_not_negative"),
    schema="pricing",
)


class UnitCostColumns(TypedColumns):
    """What a unit costs us wherever it comes from, unless it is known of the location."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    currency: Named[str] = Column(Text, primary_key=True)
    cost_minor: Named[int] = Column(BigInteger, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


unit_cost = Table(
    "unit_cost",
    metadata,
    UnitCostColumns,
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    CheckConstraint("cost_minor >= 0", name="cost_not_negative"),
    schema="pricing",
)


class LocationCostColumns(TypedColumns):
    """What a unit costs us when it comes from this location: what its supplier is paid, in the location's currency."""

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    currency: Named[str] = Column(Text, nullable=False)
    cost_minor: Named[int] = Column(BigInteger, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


location_cost = Table(
    "location_cost",
    metadata,
    LocationCostColumns,
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    CheckConstraint("cost_minor >= 0", name="cost_not_negative"),
    schema="pricing",
)
Index("location_cost_sku_idx", location_cost.c.sku_id)
