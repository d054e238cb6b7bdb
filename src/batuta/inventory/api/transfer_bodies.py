"""What requests about transfers say, and what they are answered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.api.sight import Moment
from batuta.inventory.domain import Lot
from batuta.inventory.domain.transfers import (
    TRANSFER_LINES_MAX,
    Note,
    SettledAs,
    TransferKind,
    TransferStatus,
    TransferStep,
)
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class UnitsBody(Body, frozen=True):
    sku_code: Code
    quantity: Quantity


class TransferBody(Body, frozen=True):
    """due_at: by when the units are wanted."""

    source_location_code: Code
    target_location_code: Code
    lines: Annotated[list[UnitsBody], msgspec.Meta(min_length=1, max_length=TRANSFER_LINES_MAX)]
    due_at: Moment | None = None
    note: Note = ""


class StepUnits(Body, frozen=True):
    line_id: UUID
    quantity: QuantityOrNone


Steps = Annotated[list[StepUnits], msgspec.Meta(max_length=TRANSFER_LINES_MAX)]


class ApproveBody(Body, frozen=True):
    """lines: of which less is approved than was asked for."""

    lines: Steps = []


class PickBody(Body, frozen=True):
    """lines: of which less is picked than was approved. allow_partial: what is free, if that is less."""

    lines: Steps = []
    allow_partial: bool = False


class ShipBody(Body, frozen=True):
    """lines: of which less is shipped than was picked. due_at: when they arrive; in two days if nobody says."""

    lines: Steps = []
    due_at: Moment | None = None


class DepartBody(Body, frozen=True):
    carrier: Note = ""
    tracking_number: Note = ""
    due_at: Moment | None = None


class ArrivedBody(Body, frozen=True):
    """Sellable and damaged units that arrived. lot: of which; the first ones that were shipped if nobody says."""

    line_id: UUID
    quantity: QuantityOrNone = 0
    damaged: QuantityOrNone = 0
    lot: Lot | None = None


class ReceiveBody(Body, frozen=True):
    lines: Annotated[list[ArrivedBody], msgspec.Meta(min_length=1, max_length=TRANSFER_LINES_MAX)]


class SettleBody(Body, frozen=True):
    """What became of units that did not arrive: lost, found at the target after all, or sent back to the source."""

    line_id: UUID
    quantity: Quantity
    outcome: SettledAs
    note: Note = ""


class TransferHead(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer without its lines."""

    id: UUID
    source_location_id: UUID
    target_location_id: UUID
    kind: TransferKind
    status: TransferStatus
    due_at: datetime | None
    carrier: str
    tracking_number: str
    note: str
    created_at: datetime


class TransferLineTold(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU. received: as sellable, found ones too. missing: shipped, and nobody knows what became of them."""

    id: UUID
    sku_id: UUID
    sku_code: str
    requested: int
    approved: int
    picked: int
    shipped: int
    received: int
    damaged: int
    lost: int
    sent_back: int
    missing: int


class EarmarkTold(msgspec.Struct, frozen=True, kw_only=True):
    """Units that an order is to be picked up with. asked: at first; units: that are still to come to it."""

    order_id: UUID
    line_id: UUID
    sku_id: UUID
    asked: int
    units: int


class TransferTold(TransferHead, frozen=True, kw_only=True):
    """A transfer: its lines, what became of their units, and who did what when. orders: whose the units are."""

    lines: list[TransferLineTold]
    steps: list[TransferStep]
    orders: list[EarmarkTold]
