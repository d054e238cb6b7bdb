"""Supply to come, how else it can be had, how much may be sold ahead of it, and who waits for it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.catalog.tables import sku
from batuta.company.tables import channel
from batuta.inventory.domain.reaching import PathKind
from batuta.inventory.domain.supply import SupplyKind, SupplyStatus
from batuta.inventory.domain.waiting import AheadKind
from batuta.inventory.tables.stock import Key, one_of
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata

SCHEMA = "inventory"


class SupplierColumns(TypedColumns):
    """How late a supplier mostly is: as somebody told, and as its deliveries have taught."""

    supplier_code: Named[str] = Column(Key, primary_key=True)
    p50_days: Named[int] = Column(Integer, nullable=False)
    p90_days: Named[int] = Column(Integer, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    learned_p50_days: Named[int | None] = Column(Integer)
    learned_p90_days: Named[int | None] = Column(Integer)
    deliveries: Named[int] = Column(Integer, nullable=False, server_default="0")
    learned_at: Named[datetime | None] = Column(Instant)


lateness = Table(
    "lateness",
    metadata,
    SupplierColumns,
    CheckConstraint("0 <= p50_days AND p50_days <= p90_days", name="p90_is_no_earlier"),
    CheckConstraint("0 <= learned_p50_days AND learned_p50_days <= learned_p90_days", name="learned_p90_is_no_earlier"),
    schema=SCHEMA,
)


class ExpectedColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    received: Named[int] = Column(Integer, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    due_at: Named[datetime] = Column(Instant, nullable=False)
    first_due_at: Named[datetime] = Column(Instant, nullable=False)
    supplier_code: Named[str | None] = Column(Key)
    document: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    closed_at: Named[datetime | None] = Column(Instant)


expected = Table(
    "expected",
    metadata,
    ExpectedColumns,
    CheckConstraint("quantity > 0", name="quantity_is_positive"),
    CheckConstraint("received BETWEEN 0 AND quantity", name="no_more_than_expected"),
    CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed_when_over"),
    one_of("kind", SupplyKind),
    one_of("status", SupplyStatus),
    schema=SCHEMA,
)
Index("expected_open_idx", expected.c.sku_id, expected.c.location_id, postgresql_where=expected.c.status == "open")
Index("expected_due_idx", expected.c.due_at, expected.c.id)


class LeadPathColumns(TypedColumns):
    """How more of a SKU can be had at a location. weekdays: on which work is done, Monday is 1."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    source_location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    supplier_code: Named[str | None] = Column(Key)
    components: Named[list[Any]] = Column(Json, nullable=False)
    lead_days: Named[int] = Column(Integer, nullable=False)
    units_per_day: Named[int | None] = Column(Integer)
    weekdays: Named[list[Any]] = Column(Json, nullable=False)
    holidays: Named[list[Any]] = Column(Json, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


lead_path = Table(
    "lead_path",
    metadata,
    LeadPathColumns,
    CheckConstraint("lead_days >= 0", name="lead_days_not_negative"),
    CheckConstraint("units_per_day > 0", name="units_per_day_is_positive"),
    CheckConstraint("(kind = 'transfer') = (source_location_id IS NOT NULL)", name="transfers_come_from_a_location"),
    CheckConstraint("source_location_id <> location_id", name="transfers_lead_elsewhere"),
    one_of("kind", PathKind),
    schema=SCHEMA,
)
Index("lead_path_sku_idx", lead_path.c.sku_id, lead_path.c.location_id)


class BackorderLimitColumns(TypedColumns):
    """How many units of a SKU a channel may sell ahead of its stock (INV-12). used: by those who wait now."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    channel_id: Named[UUID] = Column(ForeignKey(channel.c.id), primary_key=True)
    units: Named[int] = Column(Integer, nullable=False)
    used: Named[int] = Column(Integer, nullable=False)
    until_at: Named[datetime | None] = Column(Instant)
    launch_at: Named[datetime | None] = Column(Instant)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


backorder_limit = Table(
    "backorder_limit",
    metadata,
    BackorderLimitColumns,
    CheckConstraint("units >= 0 AND used >= 0", name="units_not_negative"),
    schema=SCHEMA,
)


class WaitingColumns(TypedColumns):
    """Units of an order's line that wait for supply; a kit's line has a row for each component.

    units: that still wait; asked: at first. per_unit: what one unit of the line takes. serves_whole: no part of it is
    served. location_id: where it is to come; only_there: and nowhere else. promised_at: as told last, None when nobody
    knows; first_promised_at: as told at first. patience_until_at: when too much of the customer's time has gone.
    region, customer_group: for whom, besides the channel, where units are kept back.
    """

    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    channel_id: Named[UUID] = Column(Uuid, nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    asked: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    per_unit: Named[int] = Column(Integer, nullable=False)
    serves_whole: Named[bool] = Column(Boolean, nullable=False)
    only_there: Named[bool] = Column(Boolean, nullable=False)
    priority: Named[int] = Column(Integer, nullable=False)
    ordered_at: Named[datetime] = Column(Instant, nullable=False)
    launch_at: Named[datetime | None] = Column(Instant)
    promised_at: Named[datetime | None] = Column(Instant)
    first_promised_at: Named[datetime | None] = Column(Instant)
    patience_days: Named[int | None] = Column(Integer)
    patience_until_at: Named[datetime | None] = Column(Instant)
    looked_at: Named[datetime] = Column(Instant, nullable=False)
    region: Named[str] = Column(Text, nullable=False, server_default="")
    customer_group: Named[str] = Column(Text, nullable=False, server_default="")


waiting = Table(
    "waiting",
    metadata,
    WaitingColumns,
    CheckConstraint("units BETWEEN 0 AND asked", name="no_more_than_asked"),
    CheckConstraint("per_unit > 0", name="per_unit_is_positive"),
    one_of("kind", AheadKind),
    schema=SCHEMA,
)
Index("waiting_open_idx", waiting.c.sku_id, postgresql_where=waiting.c.units > 0)
Index("waiting_promised_idx", waiting.c.promised_at, postgresql_where=waiting.c.units > 0)
Index("waiting_patience_idx", waiting.c.patience_until_at, postgresql_where=waiting.c.units > 0)


class PegColumns(TypedColumns):
    """Which receipt a waiting line's units are to come from (INV-23)."""

    line_id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(Uuid, primary_key=True)
    expected_id: Named[UUID] = Column(ForeignKey(expected.c.id), primary_key=True)
    units: Named[int] = Column(Integer, nullable=False)


peg = Table("peg", metadata, PegColumns, CheckConstraint("units > 0", name="units_are_positive"), schema=SCHEMA)
Index("peg_expected_idx", peg.c.expected_id)
Index("peg_sku_idx", peg.c.sku_id)


class SupplyRunColumns(TypedColumns):
    """The document of one receipt, or of one look at free stock: who was served, in which order (INV-24)."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    expected_id: Named[UUID | None] = Column(ForeignKey(expected.c.id), index=True)
    came: Named[int] = Column(Integer, nullable=False)
    free: Named[int] = Column(Integer, nullable=False)
    served: Named[list[Any]] = Column(Json, nullable=False)
    passed_over: Named[list[Any]] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    ran_at: Named[datetime] = Column(Instant, nullable=False)


supply_run = Table("supply_run", metadata, SupplyRunColumns, schema=SCHEMA)
Index("supply_run_ran_idx", supply_run.c.ran_at, supply_run.c.id)
