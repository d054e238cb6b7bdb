"""Lots, serial numbers, and the work by which kits are built and broken up."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Named,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from batuta.catalog.tables import sku
from batuta.inventory.domain.kits import KitVerb
from batuta.inventory.domain.serials import SerialStatus
from batuta.inventory.tables.stock import Key, movement, one_of, stock
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata


class LotColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    code: Named[str] = Column(Key, nullable=False)
    expires_on: Named[date | None] = Column(Date)
    made_on: Named[date | None] = Column(Date)
    supplier_lot: Named[str] = Column(Text, nullable=False)
    min_remaining_days: Named[int] = Column(Integer, nullable=False)
    recalled_at: Named[datetime | None] = Column(Instant)
    recall_reason: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


lot = Table(
    "lot",
    metadata,
    LotColumns,
    UniqueConstraint("sku_id", "code"),
    CheckConstraint("code <> ''", name="code_is_said"),
    CheckConstraint("made_on <= expires_on", name="made_before_it_ends"),
    CheckConstraint("min_remaining_days >= 0", name="days_not_negative"),
    schema="inventory",
)
Index("lot_recalled_idx", lot.c.sku_id, lot.c.code, postgresql_where=lot.c.recalled_at.is_not(None))
Index("lot_expires_idx", lot.c.expires_on)


# Who looks for lots that are past their date; on-hand is left out of it, so that sales touch no index.
Index(
    "stock_expires_idx",
    stock.c.expires_at,
    postgresql_where=stock.c.expires_at.is_not(None) & (stock.c.condition == "sellable"),
)


# Where the units of a lot went.
Index("movement_lot_idx", movement.c.sku_id, movement.c.lot, postgresql_where=movement.c.lot != "")


class SerialColumns(TypedColumns):
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    serial: Named[str] = Column(Key, primary_key=True)
    status: Named[str] = Column(Text, nullable=False)
    location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    lot: Named[str] = Column(Key, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


serial = Table("serial", metadata, SerialColumns, one_of("status", SerialStatus), schema="inventory")
Index("serial_serial_idx", serial.c.serial)


class SerialUseColumns(TypedColumns):
    sku_id: Named[UUID] = Column(Uuid, primary_key=True)
    serial: Named[str] = Column(Key, primary_key=True)
    parcel_id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False)
    line_id: Named[UUID] = Column(Uuid, nullable=False)
    used_at: Named[datetime] = Column(Instant, nullable=False)
    ended_at: Named[datetime | None] = Column(Instant)


serial_use = Table(
    "serial_use",
    metadata,
    SerialUseColumns,
    ForeignKeyConstraint(["sku_id", "serial"], [serial.c.sku_id, serial.c.serial], name="serial_use_serial_fkey"),
    schema="inventory",
)
# A piece is one order line's at a time, whoever packs it at the same moment.
Index(
    "serial_use_active_idx",
    serial_use.c.sku_id,
    serial_use.c.serial,
    unique=True,
    postgresql_where=serial_use.c.ended_at.is_(None),
)


class KitWorkColumns(TypedColumns):
    """parts: of what one unit was built then, and lots. quantity: kits built or broken up."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    kit_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    verb: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    lot: Named[str] = Column(Key, nullable=False)
    parts: Named[list[Any]] = Column(Json, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    worked_at: Named[datetime] = Column(Instant, nullable=False)


kit_work = Table(
    "kit_work",
    metadata,
    KitWorkColumns,
    one_of("verb", KitVerb),
    CheckConstraint("quantity > 0", name="quantity_is_positive"),
    schema="inventory",
)
Index("kit_work_kit_idx", kit_work.c.kit_id, kit_work.c.worked_at)
