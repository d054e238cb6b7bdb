"""Tables of the locations."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Double, ForeignKey, Named, Table, TypedColumns, Uuid

from batuta.company.tables import legal_entity
from batuta.locations.domain import LocationKind
from batuta.plumbing.database import BigInteger, Instant, Integer, Json, Text, metadata


class LocationColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False, unique=True)
    name: Named[str] = Column(Text, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    legal_entity_id: Named[UUID] = Column(ForeignKey(legal_entity.c.id), nullable=False)
    address: Named[Any] = Column(Json, nullable=False)
    time_zone: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    gln: Named[str | None] = Column(Text, nullable=True)
    latitude: Named[float | None] = Column(Double, nullable=True)
    longitude: Named[float | None] = Column(Double, nullable=True)
    hours: Named[Any] = Column(Json, nullable=False)
    holiday_calendar: Named[str | None] = Column(Text, nullable=True)
    cut_off: Named[str | None] = Column(Text, nullable=True)
    abilities: Named[Any] = Column(Json, nullable=False)
    handling_order_minor: Named[int] = Column(BigInteger, nullable=False)
    handling_unit_minor: Named[int] = Column(BigInteger, nullable=False)
    is_active: Named[bool] = Column(Boolean, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")
    processing_minutes: Named[int] = Column(Integer, nullable=False, server_default="60")
    packaging_parcel_minor: Named[int] = Column(BigInteger, nullable=False, server_default="0")
    packaging_unit_minor: Named[int] = Column(BigInteger, nullable=False, server_default="0")
    capacity: Named[Any] = Column(Json, nullable=False, server_default="[]")


location = Table(
    "location",
    metadata,
    LocationColumns,
    CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in LocationKind)})", name="kind_is_known"),
    CheckConstraint("gln ~ '^[0-9]{13}$'", name="gln_is_digits"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_alpha_3"),
    CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_are_whole"),
    CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="coordinates_on_earth"),
    CheckConstraint("handling_order_minor >= 0 AND handling_unit_minor >= 0", name="handling_not_negative"),
    CheckConstraint("processing_minutes >= 0", name="processing_not_negative"),
    CheckConstraint("packaging_parcel_minor >= 0 AND packaging_unit_minor >= 0", name="packaging_not_negative"),
    schema="locations",
)


class SpecialDayColumns(TypedColumns):
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    reason: Named[str] = Column(Text, nullable=False)
    shifts: Named[Any] = Column(Json, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


special_day = Table("special_day", metadata, SpecialDayColumns, schema="locations")


class TransferLaneColumns(TypedColumns):
    source_location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    target_location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    transit_days: Named[int] = Column(Integer, nullable=False)
    cost_minor: Named[int] = Column(BigInteger, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


transfer_lane = Table(
    "transfer_lane",
    metadata,
    TransferLaneColumns,
    CheckConstraint("source_location_id <> target_location_id", name="leads_elsewhere"),
    CheckConstraint("transit_days >= 0 AND cost_minor >= 0", name="nothing_below_zero"),
    schema="locations",
)


class PostalPlaceColumns(TypedColumns):
    """postal_code: capitals and digits, in the order of their bytes, so that codes that begin alike are neighbours."""

    country: Named[str] = Column(Text, primary_key=True)
    postal_code: Named[str] = Column(Text(collation="C"), primary_key=True)
    name: Named[str] = Column(Text, nullable=False)
    latitude: Named[float] = Column(Double, nullable=False)
    longitude: Named[float] = Column(Double, nullable=False)
    region: Named[str] = Column(Text, nullable=False)


postal_place = Table(
    "postal_place",
    metadata,
    PostalPlaceColumns,
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_is_alpha_2"),
    CheckConstraint("postal_code ~ '^[0-9A-Z]+$'", name="postal_code_is_bare"),
    CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="coordinates_on_earth"),
    schema="locations",
)
