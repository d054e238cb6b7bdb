"""What requests about purchasing say, and what they are answered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import RejectionReason, TrackingNumber
from batuta.kernel.quantities import AmountMinor, Code, QuantityOrNone, Text
from batuta.purchasing.domain import (
    PURCHASE_LINES_MAX,
    Invoice,
    InvoiceLine,
    PurchaseLine,
    PurchaseStatus,
    PurchaseStep,
    ShareBp,
    Supplier,
    SupplierCost,
)

COSTS_MAX = 1_000

Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class SupplierBody(Body, frozen=True):
    """commission_bp: what we keep of the customer's net price where no cost is agreed.

    price_tolerance_bp, quantity_tolerance: by how much invoices may ask for more than was agreed.
    """

    commission_bp: ShareBp | None = None
    price_tolerance_bp: ShareBp = 0
    quantity_tolerance: QuantityOrNone = 0
    needs_approval: bool = False


class CostBody(Body, frozen=True):
    sku_code: Code
    cost_minor: AmountMinor


class CostsBody(Body, frozen=True):
    costs: Annotated[list[CostBody], msgspec.Meta(min_length=1, max_length=COSTS_MAX)]


class LineCostBody(Body, frozen=True):
    purchase_line_id: UUID
    unit_cost_minor: AmountMinor


class ApproveBody(Body, frozen=True):
    """costs: of lines without a cost, or with another."""

    costs: Annotated[list[LineCostBody], msgspec.Meta(max_length=PURCHASE_LINES_MAX)] = []


class AcknowledgeBody(Body, frozen=True):
    """due_at: when the goods are sent."""

    due_at: Moment | None = None
    note: Note = ""


class RefuseBody(Body, frozen=True):
    """sku_ids: what cannot be sent; without them everything, which some reasons mean in any case."""

    reason: RejectionReason
    sku_ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=PURCHASE_LINES_MAX)] | None = None
    note: Note = ""


class ShipBody(Body, frozen=True):
    """tracking_number: the one on the supplier's own label; without it the label is ours."""

    tracking_number: TrackingNumber | None = None


class InvoiceBody(Body, frozen=True):
    """number: the supplier's own."""

    number: Code
    currency: Currency
    lines: Annotated[tuple[InvoiceLine, ...], msgspec.Meta(min_length=1, max_length=PURCHASE_LINES_MAX)]


class AcceptBody(Body, frozen=True):
    reason: Text


class Suppliers(msgspec.Struct, frozen=True, kw_only=True):
    suppliers: list[Supplier]


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    costs: list[SupplierCost]


class Invoices(msgspec.Struct, frozen=True, kw_only=True):
    invoices: list[Invoice]


class PurchaseTold(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order. cost_minor: of all that is still asked for, as far as agreed."""

    id: UUID
    fulfillment_order_id: UUID
    order_id: UUID
    order_number: str
    location_id: UUID
    status: PurchaseStatus
    currency: str
    cost_minor: int
    due_at: datetime | None
    created_at: datetime
    lines: list[PurchaseLine]
    steps: list[PurchaseStep]
