"""What purchasing tells; the stream is the customer's order, or the supplier whose terms were set."""

from datetime import datetime
from uuid import UUID

from batuta.kernel.events import Event, Saved
from batuta.purchasing.domain import InvoiceStatus, PurchaseStatus


class PurchaseMoved(Event, frozen=True):
    """A purchase order came to a status. due_at: when the supplier says that it sends it. note: what was said."""

    purchase_id: UUID
    fulfillment_order_id: UUID
    location_id: UUID
    status: PurchaseStatus
    due_at: datetime | None = None
    note: str = ""


class InvoiceJudged(Event, frozen=True):
    """An invoice of a supplier came, or was accepted although it differs."""

    purchase_id: UUID
    invoice_id: UUID
    location_id: UUID
    number: str
    status: InvoiceStatus
    total_minor: int
    currency: str


class SupplierSaved(Saved, frozen=True, kw_only=True):
    """The terms of a supplier are there, or are otherwise; its location is the stream."""
