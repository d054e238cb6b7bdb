"""The tables of the room: carriers with their rate cards, parcels, labels and scans."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Json, Xid8, metadata
from batuta.shipping.domain import LabelFormat, ParcelStatus, ServiceKind, TrackingStatus


def _one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class CarrierColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    code: Named[str] = Column(Text, nullable=False)
    name: Named[str] = Column(Text, nullable=False)
    adapter: Named[str] = Column(Text, nullable=False)
    gs1_prefix: Named[str] = Column(Text, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


carrier = Table("carrier", metadata, CarrierColumns, UniqueConstraint("code"), schema="shipping")


class ServiceColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    carrier_id: Named[UUID] = Column(ForeignKey(carrier.c.id), nullable=False, index=True)
    code: Named[str] = Column(Text, nullable=False)
    name: Named[dict[str, str]] = Column(Json, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    weight_max_g: Named[int] = Column(Integer, nullable=False)
    length_max_mm: Named[int] = Column(Integer, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


service = Table(
    "service",
    metadata,
    ServiceColumns,
    UniqueConstraint("code"),
    _one_of("kind", ServiceKind),
    CheckConstraint("weight_max_g > 0 AND length_max_mm > 0", name="limits_positive"),
    schema="shipping",
)


class ZoneRuleColumns(TypedColumns):
    service_id: Named[UUID] = Column(ForeignKey(service.c.id), primary_key=True)
    origin_country: Named[str] = Column(Text, primary_key=True)
    origin_prefix: Named[str] = Column(Text, primary_key=True)
    destination_country: Named[str] = Column(Text, primary_key=True)
    destination_prefix: Named[str] = Column(Text, primary_key=True)
    zone: Named[str] = Column(Text, nullable=False)


zone_rule = Table("zone_rule", metadata, ZoneRuleColumns, schema="shipping")


class RateColumns(TypedColumns):
    service_id: Named[UUID] = Column(ForeignKey(service.c.id), primary_key=True)
    zone: Named[str] = Column(Text, primary_key=True)
    weight_up_to_g: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    price_minor: Named[int] = Column(BigInteger, nullable=False)


rate = Table(
    "rate",
    metadata,
    RateColumns,
    CheckConstraint("weight_up_to_g > 0", name="weight_positive"),
    CheckConstraint("price_minor >= 0", name="price_not_negative"),
    schema="shipping",
)


class TransitColumns(TypedColumns):
    service_id: Named[UUID] = Column(ForeignKey(service.c.id), primary_key=True)
    zone: Named[str] = Column(Text, primary_key=True)
    days_min: Named[int] = Column(Integer, nullable=False)
    days_max: Named[int] = Column(Integer, nullable=False)


transit = Table(
    "transit",
    metadata,
    TransitColumns,
    CheckConstraint("days_min >= 0 AND days_min <= days_max", name="days_in_order"),
    schema="shipping",
)


class PickupColumns(TypedColumns):
    """weekly: wall times by weekday; special_days: dates on which these do not count."""

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    carrier_id: Named[UUID] = Column(ForeignKey(carrier.c.id), primary_key=True)
    weekly: Named[Any] = Column(Json, nullable=False)
    special_days: Named[Any] = Column(Json, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


pickup = Table("pickup", metadata, PickupColumns, schema="shipping")


class CarrierCalendarColumns(TypedColumns):
    """working_days: weekdays; special_days: dates on which these and the holidays do not count."""

    carrier_id: Named[UUID] = Column(ForeignKey(carrier.c.id), primary_key=True)
    working_days: Named[Any] = Column(Json, nullable=False)
    holiday_calendar: Named[str | None] = Column(Text)
    special_days: Named[Any] = Column(Json, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")


carrier_calendar = Table("carrier_calendar", metadata, CarrierCalendarColumns, schema="shipping")


class TransitModelColumns(TypedColumns):
    """What the deliveries of a service until `heard_until_at` have taught of its lanes; looked at again at due_at."""

    service_id: Named[UUID] = Column(ForeignKey(service.c.id), primary_key=True)
    learned: Named[dict[str, object]] = Column(Json, nullable=False)
    lessons: Named[int] = Column(Integer, nullable=False)
    heard_until_at: Named[datetime] = Column(Instant, nullable=False)
    learned_at: Named[datetime] = Column(Instant, nullable=False)
    due_at: Named[datetime] = Column(Instant, nullable=False)
    changed_by: Named[int] = Column(Xid8, nullable=False)


transit_model = Table(
    "transit_model",
    metadata,
    TransitModelColumns,
    CheckConstraint("lessons >= 0", name="lessons_not_negative"),
    CheckConstraint("heard_until_at <= learned_at AND learned_at < due_at", name="nothing_from_the_future"),
    schema="shipping",
)


class PreparingColumns(TypedColumns):
    """Minutes of open time within which half and nine of ten parcels of a location are ready, learned from those."""

    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    p50_minutes: Named[int] = Column(Integer, nullable=False)
    p90_minutes: Named[int] = Column(Integer, nullable=False)
    lessons: Named[int] = Column(Integer, nullable=False)
    learned_at: Named[datetime] = Column(Instant, nullable=False, index=True)


preparing = Table(
    "preparing",
    metadata,
    PreparingColumns,
    CheckConstraint("p50_minutes BETWEEN 0 AND p90_minutes AND lessons >= 0", name="minutes_in_order"),
    schema="shipping",
)


class TrackingCodeColumns(TypedColumns):
    carrier_id: Named[UUID] = Column(ForeignKey(carrier.c.id), primary_key=True)
    raw_code: Named[str] = Column(Text, primary_key=True)
    status: Named[str] = Column(Text, nullable=False)
    detail: Named[str] = Column(Text, nullable=False)


tracking_code = Table(
    "tracking_code", metadata, TrackingCodeColumns, _one_of("status", TrackingStatus), schema="shipping"
)


class ParcelColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    number: Named[int] = Column(BigInteger, Identity(always=True), nullable=False)
    owner_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    reference: Named[str] = Column(Text, nullable=False)
    service_id: Named[UUID | None] = Column(ForeignKey(service.c.id))
    carrier_id: Named[UUID | None] = Column(ForeignKey(carrier.c.id))
    our_status: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    carrier_status: Named[str] = Column(Text, nullable=False)
    carrier_detail: Named[str] = Column(Text, nullable=False)
    carrier_at: Named[datetime | None] = Column(Instant)
    exception_code: Named[str] = Column(Text, nullable=False)
    exception_at: Named[datetime | None] = Column(Instant)
    tracking_number: Named[str | None] = Column(Text)
    sscc: Named[str | None] = Column(Text)
    label_format: Named[str | None] = Column(Text)
    origin: Named[dict[str, object]] = Column(Json, nullable=False)
    destination: Named[dict[str, object]] = Column(Json, nullable=False)
    weight_g: Named[int] = Column(Integer, nullable=False)
    length_mm: Named[int] = Column(Integer, nullable=False)
    width_mm: Named[int] = Column(Integer, nullable=False)
    height_mm: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    closed_at: Named[datetime | None] = Column(Instant)
    labelled_at: Named[datetime | None] = Column(Instant)
    handed_over_at: Named[datetime | None] = Column(Instant)
    delivered_at: Named[datetime | None] = Column(Instant)


OUR_STATUSES = (
    ParcelStatus.OPEN,
    ParcelStatus.CLOSED,
    ParcelStatus.LABELLED,
    ParcelStatus.MANIFESTED,
    ParcelStatus.VOIDED,
)

parcel = Table(
    "parcel",
    metadata,
    ParcelColumns,
    UniqueConstraint("carrier_id", "tracking_number"),
    UniqueConstraint("sscc"),
    _one_of("our_status", OUR_STATUSES),
    _one_of("status", ParcelStatus),
    _one_of("label_format", LabelFormat),
    CheckConstraint("weight_g > 0", name="weight_positive"),
    CheckConstraint("(service_id IS NULL) = (carrier_id IS NULL)", name="service_with_carrier"),
    CheckConstraint("tracking_number IS NULL OR carrier_id IS NOT NULL", name="tracked_by_a_carrier"),
    CheckConstraint("our_status <> 'manifested' OR handed_over_at IS NOT NULL", name="handed_over_dated"),
    CheckConstraint("sscc ~ '^[0-9]{18}$'", name="sscc_of_18_digits"),
    Index("parcel_delivered_idx", "service_id", "delivered_at", postgresql_where="delivered_at IS NOT NULL"),
    schema="shipping",
)


class ContentColumns(TypedColumns):
    parcel_id: Named[UUID] = Column(ForeignKey(parcel.c.id), primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(Uuid, primary_key=True)
    quantity: Named[int] = Column(Integer, nullable=False)


content = Table(
    "content",
    metadata,
    ContentColumns,
    CheckConstraint("quantity > 0", name="quantity_positive"),
    schema="shipping",
)


class LabelColumns(TypedColumns):
    """What was sent to a label printer. Pages are drawn from the parcel whenever they are asked for."""

    parcel_id: Named[UUID] = Column(ForeignKey(parcel.c.id), primary_key=True)
    zpl: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


label = Table("label", metadata, LabelColumns, schema="shipping")


class ScanColumns(TypedColumns):
    parcel_id: Named[UUID] = Column(ForeignKey(parcel.c.id), primary_key=True)
    happened_at: Named[datetime] = Column(Instant, primary_key=True)
    raw_code: Named[str] = Column(Text, primary_key=True)
    place: Named[str] = Column(Text, primary_key=True)
    utc_offset_minutes: Named[int] = Column(Integer, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    detail: Named[str] = Column(Text, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


scan = Table("scan", metadata, ScanColumns, _one_of("status", TrackingStatus), schema="shipping")


class UnmatchedScanColumns(TypedColumns):
    """A scan of a tracking number that no parcel has yet."""

    carrier_code: Named[str] = Column(Text, primary_key=True)
    tracking_number: Named[str] = Column(Text, primary_key=True)
    happened_at: Named[datetime] = Column(Instant, primary_key=True)
    raw_code: Named[str] = Column(Text, primary_key=True)
    place: Named[str] = Column(Text, primary_key=True)
    utc_offset_minutes: Named[int] = Column(Integer, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


unmatched_scan = Table("unmatched_scan", metadata, UnmatchedScanColumns, schema="shipping")
