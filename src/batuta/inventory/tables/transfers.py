"""Transfers between locations: their lines, who did what when, what arrived, and what became of the rest."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns, UniqueConstraint, Uuid

from batuta.catalog.tables import sku
from batuta.inventory.domain.transfers import SettledAs, TransferKind, TransferStatus
from batuta.inventory.tables.stock import Key, one_of
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Text, metadata


class TransferColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    source_location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    target_location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    due_at: Named[datetime | None] = Column(Instant)
    carrier: Named[str] = Column(Text, nullable=False)
    tracking_number: Named[str] = Column(Text, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


transfer = Table(
    "transfer",
    metadata,
    TransferColumns,
    CheckConstraint("source_location_id <> target_location_id", name="leads_elsewhere"),
    one_of("kind", TransferKind),
    one_of("status", TransferStatus),
    schema="inventory",
)
_is_open = transfer.c.status.not_in([TransferStatus.CLOSED.value, TransferStatus.CANCELLED.value])
Index("transfer_open_idx", transfer.c.target_location_id, postgresql_where=_is_open)
Index("transfer_created_idx", transfer.c.created_at, transfer.c.id)
Index("transfer_source_idx", transfer.c.source_location_id, transfer.c.created_at, transfer.c.id)
Index("transfer_target_idx", transfer.c.target_location_id, transfer.c.created_at, transfer.c.id)


class TransferLineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    transfer_id: Named[UUID] = Column(ForeignKey(transfer.c.id), nullable=False, index=True)
    position: Named[int] = Column(Integer, nullable=False)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False, index=True)
    requested: Named[int] = Column(Integer, nullable=False)
    approved: Named[int] = Column(Integer, nullable=False)
    picked: Named[int] = Column(Integer, nullable=False)
    shipped: Named[int] = Column(Integer, nullable=False)
    received: Named[int] = Column(Integer, nullable=False)
    damaged: Named[int] = Column(Integer, nullable=False)
    lost: Named[int] = Column(Integer, nullable=False)
    sent_back: Named[int] = Column(Integer, nullable=False)


transfer_line = Table(
    "transfer_line",
    metadata,
    TransferLineColumns,
    UniqueConstraint("transfer_id", "sku_id"),
    CheckConstraint("requested > 0 AND approved BETWEEN 0 AND requested", name="approved_within_requested"),
    CheckConstraint("picked BETWEEN 0 AND approved AND shipped BETWEEN 0 AND picked", name="shipped_within_approved"),
    CheckConstraint(
        "received >= 0 AND damaged >= 0 AND lost >= 0 AND sent_back >= 0"
        " AND received + damaged + lost + sent_back <= shipped",
        name="arrived_within_shipped",
    ),
    schema="inventory",
)


class TransferStepColumns(TypedColumns):
    """Who brought a transfer to a status. Rows are only ever added."""

    transfer_id: Named[UUID] = Column(ForeignKey(transfer.c.id), primary_key=True)
    status: Named[str] = Column(Text, primary_key=True)
    actor: Named[str] = Column(Text, nullable=False)
    at: Named[datetime] = Column(Instant, nullable=False)


transfer_step = Table(
    "transfer_step", metadata, TransferStepColumns, one_of("status", TransferStatus), schema="inventory"
)


class TransferReceiptColumns(TypedColumns):
    """Units of a line that arrived by one delivery. Rows are only ever added."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    delivery_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    line_id: Named[UUID] = Column(ForeignKey(transfer_line.c.id), nullable=False, index=True)
    quantity: Named[int] = Column(Integer, nullable=False)
    damaged: Named[int] = Column(Integer, nullable=False)
    lot: Named[str | None] = Column(Key)
    actor: Named[str] = Column(Text, nullable=False)
    received_at: Named[datetime] = Column(Instant, nullable=False)


transfer_receipt = Table(
    "transfer_receipt",
    metadata,
    TransferReceiptColumns,
    CheckConstraint("quantity >= 0 AND damaged >= 0", name="units_not_negative"),
    schema="inventory",
)


class TransferSettlementColumns(TypedColumns):
    """What became of units that did not arrive, who says so, and why. Rows are only ever added."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    line_id: Named[UUID] = Column(ForeignKey(transfer_line.c.id), nullable=False, index=True)
    quantity: Named[int] = Column(Integer, nullable=False)
    outcome: Named[str] = Column(Text, nullable=False)
    note: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    settled_at: Named[datetime] = Column(Instant, nullable=False)


transfer_settlement = Table(
    "transfer_settlement",
    metadata,
    TransferSettlementColumns,
    CheckConstraint("quantity > 0", name="quantity_is_positive"),
    one_of("outcome", SettledAs),
    schema="inventory",
)


class EarmarkColumns(TypedColumns):
    """Units of a transfer's line that are an order line's all the way. asked: at first; units: still to come."""

    transfer_line_id: Named[UUID] = Column(ForeignKey(transfer_line.c.id), primary_key=True)
    line_id: Named[UUID] = Column(Uuid, primary_key=True, index=True)
    transfer_id: Named[UUID] = Column(ForeignKey(transfer.c.id), nullable=False, index=True)
    order_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    asked: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)


earmark = Table(
    "earmark",
    metadata,
    EarmarkColumns,
    CheckConstraint("asked > 0 AND units BETWEEN 0 AND asked", name="no_more_than_asked"),
    schema="inventory",
)
